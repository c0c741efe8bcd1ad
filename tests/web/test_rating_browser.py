"""Rating in a real browser, by keyboard alone."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from ossay.core.rating import current

HOSTILE = """\
<script>document.title = 'owned'</script><img src=x onerror="document.title='owned'">
[link](javascript:document.title='owned') <a href="javascript:alert(1)">x</a>
\u202etxt.exe\u2066 \x1b[2J
```html
</code></pre></article><script>document.title = 'owned'</script>
```
"""


def answers(count):
    tasks = ("todo_add_feature", "folder_watcher_fix")
    facts = {"characters": 900, "whole_files": 0}
    return [
        (tasks[n // 2 % 2], f"Answer {n}\n\n```ts\nlet a = {n};\n```", facts) for n in range(count)
    ]


def begin(page, rate, name):
    page.goto(rate.link)
    page.keyboard.type(name)  # the field has the focus
    page.keyboard.press("Enter")
    page.wait_for_url("**/rate/*/r-*")


def rate_one(page, *keys):
    """Press keys and Enter, and wait for what comes next."""
    before = page.url
    for key in keys:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != before)


def test_two_raters_rate_twenty_answers_each_by_keyboard_alone(filled, rating, chromium):
    rate = rating(filled(answers(20)))
    for name in ("ada", "ben"):
        context = chromium.new_context()
        page = context.new_page()
        begin(page, rate, name)
        for number in range(20):
            assert "lab/" not in page.content()
            rate_one(page, *("q" if number % 3 == 0 else ""))
        assert "All rated" in page.content()
        context.close()
    rows = rate.rows()
    assert len(rows) == len(current(rows)) == 40
    assert {(row.rater, row.shown.blind) for row in rows} == {("ada", True), ("ben", True)}
    shown = {
        name: [r.run for r in sorted(rows, key=lambda r: r.shown.order) if r.rater == name]
        for name in ("ada", "ben")
    }
    assert shown["ada"] != shown["ben"]
    assert all(a.at <= b.at for a, b in pairwise(rows))


def test_nothing_is_lost_or_doubled(filled, rating, page):
    rate = rating(filled(answers(6)))
    begin(page, rate, "ada")
    first = page.url
    page.keyboard.press("q")
    page.reload()
    expect(page.locator("input[data-key=q]")).to_be_checked()  # a reload loses nothing
    page.keyboard.press("n")
    page.keyboard.type("odd, but right")
    with page.expect_request_finished(lambda asked: asked.url.endswith("/preview")):
        page.keyboard.press("Escape")
    rate.kill()
    rate.start()  # while the page is open
    rate_one(page)
    assert [row.notes for row in rate.rows()] == ["odd, but right"]
    page.go_back()
    expect(page).to_have_url(first)
    rate_one(page)  # the form as it was: back, and sent once more
    assert len(current(rate.rows())) == 1

    other = page.context.new_page()  # two tabs at the same answer
    here = page.url
    other.goto(here)
    rate_one(page)
    rate_one(other)
    rows = rate.rows()
    assert len(current(rows)) == 2
    assert len({row.run for row in current(rows)}) == 2

    here = page.url
    page.evaluate("form.requestSubmit(); form.requestSubmit()")  # a double click
    page.wait_for_url(lambda url: url != here)
    assert len(current(rate.rows())) == 3
    with page.expect_navigation():
        page.keyboard.press("u")
    assert len(current(rate.rows())) == 2
    assert page.complaints == []


def test_answers_side_by_side(filled, rating, page):
    rate = rating(filled(answers(4)))
    begin(page, rate, "ada")
    page.get_by_text("Side by side").click()
    page.wait_for_url("**/compare/*")
    page.keyboard.press("q")
    page.keyboard.press("]")
    page.keyboard.press("w")
    rate_one(page)
    rows = rate.rows()
    assert len(rows) == 2
    assert [len(row.shown.beside) for row in rows] == [1, 1]
    assert rows[0].chosen != rows[1].chosen


def test_the_score_computes_itself(filled, rating, page):
    rate = rating(filled(answers(2)))
    begin(page, rate, "ada")
    output = page.locator("output")
    expect(output).not_to_have_text("")
    before = output.inner_text()
    bonus = page.locator("input[type=checkbox]").first
    bonus.focus()
    page.keyboard.press("Space")
    expect(output).not_to_have_text(before)
    shown = output.inner_text()
    rate_one(page)
    (row,) = rate.rows()
    assert f"{row.score:g}" == shown


def test_hostile_answers_neither_run_nor_break_the_page(filled, rating, page):
    facts = {"characters": 900, "whole_files": 0}
    rate = rating(filled([("todo_add_feature", HOSTILE * n, facts) for n in (1, 20_000)]))
    begin(page, rate, "ada")
    for _ in range(2):
        assert "owned" not in page.title()
        assert page.locator("article a[href^=javascript], article script, article img").count() == 0
        assert "⟨U+202E⟩txt.exe" in page.locator("article").inner_text()
        assert page.locator(".rubric").is_visible()
        rate_one(page)
    assert len(rate.rows()) == 2
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_stay(filled, rating, chromium, width, scheme):
    rate = rating(filled(answers(4)))
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => {"
        "window.shift += entry.value})).observe({type: 'layout-shift', buffered: true})"
    )
    begin(page, rate, "ada")
    places = [re.sub(r"^.*?//[^/]*", "", page.url), "/", "/rate/ada/queue", "/agreement"]
    places.append(places[0].replace("/ada/", "/ada/compare/"))
    for place in places:
        page.goto(rate.url + place)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
        assert page.evaluate("window.shift") < 0.01, place
    context.close()


def test_a_key_that_is_held_down_rates_one_answer(filled, rating, page):
    rate = rating(filled(answers(6)))
    begin(page, rate, "ada")
    before = page.url
    page.keyboard.down("Enter")
    page.wait_for_url(lambda url: url != before)
    for _ in range(5):
        page.keyboard.down("Enter")  # as a keyboard repeats it
    page.keyboard.up("Enter")
    page.wait_for_load_state("networkidle")
    assert len(rate.rows()) == 1


def test_everything_works_without_scripts(filled, rating, chromium):
    rate = rating(filled(answers(4)))
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    begin(page, rate, "ada")
    box = page.locator("input[type=checkbox]").first
    while not box.evaluate("e => e === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    before = page.url
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url != before)
    (row,) = rate.rows()
    assert len(row.chosen) == 1
    page.get_by_role("button", name="Undo").click()
    assert current(rate.rows()) == []
    context.close()


def test_tab_goes_through_the_page_as_it_reads(filled, rating, page):
    rate = rating(filled(answers(4)))
    begin(page, rate, "ada")
    page.goto(page.url)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "[document.activeElement.tagName, document.activeElement.textContent.trim(),"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
        if reached[-1][0] == "BODY":
            break
    names = [name for tag, name, _ in reached if tag in ("A", "BUTTON", "SUMMARY")]
    wanted = ["Skip to the content", "Queue", "What was asked", "all of it as a file", "Rate Enter"]
    places = [names.index(name) for name in wanted]
    assert places == sorted(places)
    assert all(outline != "none" for tag, _, outline in reached if tag != "BODY")


def test_hostile_names_notes_and_facts_are_text(filled, rating, page):
    bad = "<img src=x onerror=\"document.title='owned'\">\u202e"
    facts = {"characters": 900, "whole_files": 0, bad: bad}
    models = (f"lab/{bad}", "lab/two")
    rate = rating(filled([(*answers(1)[0][:2], facts)] * 2, models=models), "--open")
    begin(page, rate, "ada")
    page.keyboard.press("n")
    page.keyboard.insert_text(f"</textarea>{bad[:-1]}\x07")
    page.keyboard.press("Escape")
    rate_one(page)
    for place in (
        "/rate/ada/r-00000",
        "/rate/ada/compare/r-00000",
        "/rate/ada/queue",
        "/agreement",
    ):
        page.goto(rate.url + place)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.locator("main img").count() == 0, place
        assert "owned" not in page.title()
        assert "\u202e" not in page.locator("main").inner_text(), place
    assert page.complaints == []


def test_five_megabytes_are_cut_and_can_be_fetched(filled, rating, page):
    facts = {"characters": 5_000_000, "whole_files": 0}
    rate = rating(
        filled([("todo_add_feature", "```ts\n" + "<b>x\u202e\x1b[2Jy" * 500_000, facts)] * 2)
    )
    begin(page, rate, "ada")
    assert page.evaluate("document.body.innerText.length") < 700_000
    assert "5,000,006 characters, cut" in page.locator("article").inner_text()
    rate_one(page)
    assert len(rate.rows()) == 1
    with page.expect_download() as fetched:
        page.get_by_role("link", name="all of it as a file").click()
    assert fetched.value.path().stat().st_size > 5_000_000
    assert page.complaints == []
