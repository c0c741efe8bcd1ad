"""Choices that were not sent yet, in a real browser: they come back at their own answer or not."""

import pytest
from playwright.sync_api import expect

from ossay.core.rating import current
from ossay.suites.rubrics import rubric_of
from ossay.web.order import beside

VIZ = rubric_of("benchmark_visualization")
ANSWER = (VIZ.task, "```html\n<p>1</p>\n```", {"runs": True, "characters": 900})
RUNS = ("r-00000", "r-00001")


@pytest.fixture
def page(page):
    yield page
    assert page.complaints == []


def order(seed):
    return beside(RUNS, RUNS[0], rater="ada", seed=seed, most=4)


def box(run, key):
    return f'.rubric:has(input[value="{run}"]) input[data-key="{key}"]'


def chosen(page):
    """What is ticked and noted on the page: run -> keys and notes."""
    return page.evaluate(
        "Object.fromEntries(rubrics.map(one => [one.querySelector('input[name$=\".run\"]').value,"
        " [...one.querySelectorAll('input[data-key]:checked')].map(box => box.dataset.key).join('')"
        " + one.querySelector('textarea').value]))"
    )


def test_choices_come_back_at_their_answer_in_whatever_order_answers_stand(filled, rating, page):
    rate = rating(filled([ANSWER] * 2), "--seed", "1")
    turned = next(seed for seed in range(2, 99) if order(seed) != order(1))
    page.goto(rate.link)
    page.goto(f"{rate.url}/rate/ada/compare/{RUNS[0]}")
    for key in ("3", "q", "]", "4", "w", "n", *"odd"):
        page.keyboard.press(key)
    page.evaluate("preview()")  # comes back when nothing of the page is under way
    before = chosen(page)
    assert list(before) == order(1)
    assert list(before.values()) == ["3q", "4wodd"]
    rate.kill()
    rate.start("--seed", str(turned))
    page.reload()
    assert list(chosen(page)) == order(turned)
    assert chosen(page) == before
    assert "lab/" not in page.content()


def test_a_draft_gives_way_to_a_rating_that_was_made_beside_another(filled, rating, page):
    rate = rating(filled([ANSWER] * 2))
    page.goto(rate.link)
    alone = f"{rate.url}/rate/ada/{RUNS[0]}"
    page.goto(alone)
    page.keyboard.press("3")
    page.reload()
    expect(page.locator("input[data-key='3']")).to_be_checked()
    page.goto(f"{rate.url}/rate/ada/compare/{RUNS[0]}")
    for run in RUNS:
        page.locator(box(run, "4")).check()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    (held,) = (row for row in current(rate.rows()) if row.run == RUNS[0])
    page.goto(alone)
    assert chosen(page) == {RUNS[0]: "4"}
    with page.expect_navigation():
        page.keyboard.press("Enter")
    (now,) = (row for row in current(rate.rows()) if row.run == RUNS[0])
    assert now.chosen == held.chosen


def test_only_the_answer_that_was_rated_meanwhile_loses_its_draft(filled, rating, page):
    rate = rating(filled([ANSWER] * 2))
    page.goto(rate.link)
    page.goto(f"{rate.url}/rate/ada/compare/{RUNS[0]}")
    for run in RUNS:
        page.locator(box(run, "3")).check()
    other = page.context.new_page()
    other.goto(f"{rate.url}/rate/ada/{RUNS[0]}")
    other.keyboard.press("4")
    with other.expect_navigation():
        other.keyboard.press("Enter")
    page.reload()
    assert chosen(page) == {RUNS[0]: "4", RUNS[1]: "3"}
    page.reload()
    assert chosen(page) == {RUNS[0]: "4", RUNS[1]: "3"}
