"""The page in a real Chromium, from a gateway on a real socket, at every width and in any light."""

import asyncio
import importlib.util
import os
import random
import shutil
import threading
from pathlib import Path

import pytest

from ossay.core.decision import Audit, Called, Decision
from ossay.core.types import Usage
from ossay.models.scripted_review import Drafter
from ossay.router.planner import ByTable
from ossay.router.route import Route

pytestmark = pytest.mark.browser

HOSTILE = "<script>document.title='owned'</script>\u202egnp"


def browser_tests():
    """The module that drives Chromium for the report."""
    path = Path(__file__).parents[1] / "reports" / "test_browser.py"
    spec = importlib.util.spec_from_file_location("browser_of_reports", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    driver = browser_tests()
    program = next(filter(None, map(shutil.which, driver.NAMES)), None)
    if program is None:
        missing = "no Chromium on this machine; Debian: apt-get install chromium"
        if "browser" in os.environ.get("OSSAY_REQUIRE", ""):
            pytest.fail(missing)
        pytest.skip(missing)

    class Visitor(driver.Chromium):
        def visit(self, url, *, width=1280, scheme="light"):
            self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                      deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
            feature = {"name": "prefers-color-scheme", "value": scheme}
            self.call("Emulation.setEmulatedMedia", features=[feature])
            self.call("Page.navigate", url="about:blank")
            self.wait_for("location.href === 'about:blank' && document.readyState === 'complete'")
            self.events.clear()
            self.call("Page.navigate", url=url)
            self.wait_for("document.readyState === 'complete' && location.protocol === 'http:'")

        def outside(self, url):
            """What the console says, and what was asked for besides the page."""
            found = [one for one in self.complaints() if not str(one).startswith("data:,")]
            return [one for one in found if one != url]

    chromium = Visitor(program, tmp_path_factory.mktemp("profile"))
    try:
        chromium.start()
        yield chromium
    finally:
        chromium.close()


class Background:
    """A gateway in a thread of its own, with two hundred decisions behind it."""

    def __init__(self, house):
        self._house = house
        self._up = threading.Event()
        self._loop = None
        self._over = None
        self.url = ""
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._up.wait(30.0)

    async def _serve(self):
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        planner = ByTable()
        planner.trip("legal/low", "about 7.1% of 1,240 requests escaped, 5.0% were promised")
        drafter = Drafter(0.3, 0.3, 1, name="a-drafter-with-a-very-long-name?wrong=0.33&slip=0.33")
        support = self._house.lane(cheap=drafter)
        hostile = self._house.lane(Route(HOSTILE), planner=planner)
        for _ in range(5):
            hostile.router.parts.strong[0].breaker.enter().end("failed")
        # A browser opens connections to spare, which only a drain closes.
        async with self._house.gateway(support, hostile, drain_s=5.0) as client:
            for level in ("low", "medium", "high"):
                for number in range(8):
                    await client.chat(f"{level} {number}",
                                      headers={"x-ossay-criticality": level})  # fmt: skip
            for entry in self._older():
                await client.app.house.seen.log.append(entry, {}, durable=False)
            self.url = f"http://127.0.0.1:{client.port}/"
            self._up.set()
            await self._over.wait()

    @staticmethod
    def _older():
        rng = random.Random(2)
        for number in range(150):
            strong = Called("strong", "scripted/strong", "answered", cost_usd=1e-2, seconds=2.0,
                            usage=Usage(100, None, 200))  # fmt: skip
            draft = Called("draft", "scripted/cheap", "answered", cost_usd=1e-4, seconds=0.4,
                           usage=Usage(100, None, 200))  # fmt: skip
            redone = number % 4 == 0
            yield Decision(
                id=f"{number:032x}", at=1.7e9 + number, route=HOSTILE, key=HOSTILE,
                criticality="low", declared="low", declared_by="key", plan="cheap",
                plan_why="low criticality", ending="strong" if redone else "draft",
                request_hash="h", calls=(draft, strong) if redone else (draft,),
                cost_usd=1e-4, seconds=rng.random(), audit_chance=0.5, audited=True,
            )  # fmt: skip
            if not redone:
                yield Audit(f"a{number}", f"{number:032x}", 1.7e9, 0.5, number == 5, "h")

    def close(self):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30.0)


@pytest.fixture(scope="module")
def url(house):
    served = Background(house)
    yield served.url
    served.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_wider_than_the_screen_and_nothing_is_asked_for(browser, url, width, scheme):
    browser.visit(url, width=width, scheme=scheme)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    outside = """[...document.querySelectorAll('main *')].filter(e => {
        const box = e.getBoundingClientRect();
        return box.right > innerWidth + 1 && box.width && !e.closest('svg, thead');
    }).map(e => e.outerHTML.slice(0, 80))"""
    assert browser.evaluate(outside) == []
    assert browser.outside(url) == []


# WCAG 2.2: 1.4.3 (text, 4.5 to 1, with the first opaque background behind it) and 1.4.11 (what a
# chart is drawn with, 3 to 1).
CONTRASTS = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const colour = rgba(getComputedStyle(node).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255];
    };
    const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
        if (node.closest('title')) continue;
        const style = getComputedStyle(node);
        const text = light(rgba(node.closest('svg') ? style.fill : style.color));
        const circle = node.matches('.own .mark') && node.parentElement.querySelector('circle');
        const back = circle ? rgba(getComputedStyle(circle).fill)
            : behind(node.closest('svg')?.parentElement ?? node);
        if (ratio(text, light(back)) < 4.5) found.push(walker.currentNode.data.trim());
    }
    for (const rect of document.querySelectorAll('.bar rect, .key rect')) {
        const back = light(behind(rect.closest('svg').parentElement));
        if (ratio(light(rgba(getComputedStyle(rect).fill)), back) < 3) found.push(rect.outerHTML);
    }
    return found;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_light_and_in_dark(browser, url, scheme):
    browser.visit(url, scheme=scheme)
    assert browser.evaluate(CONTRASTS) == []
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, dark[4:-1].split(","))) < 200) is (scheme == "dark")


def test_names_from_files_and_clients_stay_text(browser, url):
    browser.visit(url)
    assert browser.evaluate("document.title").startswith("ossay gateway: support, <script>")
    assert browser.evaluate("document.querySelectorAll('script').length") == 0
    text = browser.evaluate("document.getElementById('recent').innerText")
    assert "<script>document.title='owned'</script>⟨U+202E⟩gnp" in text


def test_the_policy_is_in_force(browser, url):
    browser.visit(url)
    browser.evaluate("""{
        const image = document.createElement('img');
        image.src = 'http://example.com/x.png';
        const style = document.createElement('style');
        style.textContent = 'h1 { display: none }';
        document.body.append(image, style);
    }""")
    said = "getComputedStyle(document.querySelector('h1')).display"
    assert browser.evaluate(said) == "block"
    blocked = [str(one) for one in browser.outside(url)]
    assert any("Content Security Policy" in one for one in blocked)


def test_no_name_on_the_map_is_cut_off_and_it_can_be_read_on_a_phone(browser, url):
    browser.visit(url, width=390)
    cut = """[...document.querySelectorAll('.map text')].filter(text => {
        const box = text.getBoundingClientRect();
        const frame = text.ownerSVGElement.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
    }).map(text => text.textContent)"""
    assert browser.evaluate(cut) == []
    small = """Math.min(...[...document.querySelectorAll('.map text')]
        .map(text => text.getBoundingClientRect().height))"""
    assert browser.evaluate(small) >= 10
    assert browser.evaluate("document.querySelectorAll('.map .published').length") >= 2


def test_every_section_is_reached_with_the_keyboard(browser, url):
    browser.visit(url)
    reached = []
    for _ in range(14):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.evaluate("document.activeElement.getAttribute('href')"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert browser.evaluate(outline) != "none"
        if reached[-1] == "#recent":
            break
    sections = browser.evaluate("[...document.querySelectorAll('section')].map(s => '#' + s.id)")
    assert reached[0] == "#traffic"
    assert set(sections) <= set(reached)


def test_headings_tables_and_pictures_have_their_roles(browser, url):
    browser.visit(url)
    assert browser.evaluate("document.documentElement.lang") == "en"
    assert browser.evaluate("document.querySelectorAll('h1').length") == 1
    unnamed = """[...document.querySelectorAll('section')]
        .filter(s => !document.getElementById(s.getAttribute('aria-labelledby'))).length"""
    assert browser.evaluate(unnamed) == 0
    loose = """document.querySelectorAll('thead th:not([scope=col]), tbody th:not([scope=row])')
        .length"""
    assert browser.evaluate(loose) == 0
    pictures = """[...document.querySelectorAll('svg')]
        .filter(s => !(s.getAttribute('aria-hidden') || s.getAttribute('role') === 'img')).length"""
    assert browser.evaluate(pictures) == 0
