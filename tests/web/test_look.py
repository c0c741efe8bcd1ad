"""What pages look like in a real browser: contrast, room, focus; and code's colours by sums."""

import re
from importlib.resources import files

import pytest
from pygments.formatters import HtmlFormatter

CODE = """Words.

```ts
// a comment, never closed: {
export const a: string | null = `${1 + 0x2f} 'text'` as string; @decorated class B<T> {}
```

```html
<!doctype html><p class="x">&amp;</p><!-- a comment --><script>let b = /x/;</script>
```

```diff
- gone
+ come
@@ -1 +1 @@
```
"""

# WCAG 2.2, 1.4.3: contrast of every text with the first opaque background behind it.
CONTRASTS = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = colour => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const colour = rgba(getComputedStyle(node).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return rgba('canvas');
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
        const text = light(rgba(getComputedStyle(node).color)), back = light(behind(node));
        const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
        window.looked = (window.looked ?? 0) + 1;
        if (ratio < 4.5) found.push([ratio, walker.currentNode.data.trim()]);
    }
    return found;
})()"""

UNNAMED = """[...document.querySelectorAll('input, textarea, button, a[href], progress')]
    .filter(e => e.type !== 'hidden' && !(e.labels?.length || e.textContent.trim()))
    .map(e => e.outerHTML)"""


@pytest.fixture(scope="module")
def rated(filled, rating, chromium, tmp_path_factory):
    """A study in which two have rated, by a rubric that changed then."""
    facts = {"characters": 900, "whole_files": 0}
    drawn = {"runs": True, "labels_right": True}
    answers = [("todo_add_feature", CODE, facts), ("benchmark_visualization", CODE, drawn)] * 4
    path = filled(answers)
    rate = rating(path)
    for name in ("ada", "ben"):
        context = chromium.new_context()
        page = context.new_page()
        page.goto(rate.link)
        page.goto(f"{rate.url}/rate/{name}")
        for _ in range(7):
            before = page.url
            for key in ("2", "q", "Enter"):
                page.keyboard.press(key)
            page.wait_for_url(lambda url, before=before: url != before)
        context.close()
    rate.stop()
    return rating(path, "--rubrics", str(newer(tmp_path_factory.mktemp("rubrics"))))


def newer(folder):
    """A later version of a shipped rubric: one tier is worth more."""
    shipped = files("ossay.suites.coding") / "rubrics" / "benchmark_visualization.toml"
    text = shipped.read_text(encoding="utf-8")
    text = text.replace('version = "1"', 'version = "2"').replace("points = 7.5", "points = 7")
    assert "points = 7\n" in text
    (folder / "newer.toml").write_text(text)
    return folder


PLACES = ("/", "/rate/ada/queue", "/agreement", "/rate/ada/r-00000", "/rate/ada/r-00001",
          "/rate/ada/r-00003", "/rate/ada/compare/r-00002", "/rate/ada/nothing")  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_all_text_can_be_read(rated, chromium, scheme, width):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(rated.link)
    for place in PLACES:
        page.goto(rated.url + place)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.evaluate(CONTRASTS) == [], place
        assert page.evaluate("window.looked") > 3
        assert page.evaluate(UNNAMED) == [], place
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        assert page.evaluate("document.querySelectorAll('h1').length") == 1
    context.close()


@pytest.mark.parametrize(
    ("style", "behind"), [("default", "f8f8f6"), ("github-dark", "15181b")]
)  # --code in rate.css
def test_every_colour_of_code_has_contrast(style, behind):
    css = HtmlFormatter(style=style).get_style_defs("pre code")
    colours = re.findall(r"pre code (\.\w+) \{[^}]*(?<!-)color: #([0-9A-Fa-f]{6})", css)
    assert len(colours) > 20
    assert [one for one in colours if one[0] != ".w" and contrast(one[1], behind) < 4.5] == []


def contrast(one, other):
    high, low = sorted(map(luminance, (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(c * share for c, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def test_an_older_version_is_said_where_it_counts(rated, chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(rated.link)
    page.goto(f"{rated.url}/rate/ada/queue")
    said = page.locator(".note").all_inner_texts()
    assert "rated 8.5 by version 1; 8 under version 2" in said
    page.goto(f"{rated.url}/agreement")
    assert "scored by the latest" in page.locator(".warning").inner_text()
    context.close()


def test_the_send_button_stays_in_sight_beside_a_long_answer(filled, rating, chromium):
    rate = rating(filled([("todo_add_feature", "word\n\n" * 5_000, {"characters": 30_000})]))
    context = chromium.new_context(viewport={"width": 1280, "height": 700})
    page = context.new_page()
    page.goto(rate.link)
    page.goto(f"{rate.url}/rate/ada/r-00000")
    for at in (0, 5_000):
        page.evaluate(f"scrollTo(0, {at})")
        page.wait_for_timeout(50)
        box = page.get_by_role("button", name="Rate").bounding_box()
        assert 0 <= box["y"] <= 700 - box["height"]
    context.close()
