"""Which pairs and items a reader is shown: all of few, the decided and the nearest of many."""

import msgspec
import pytest

from ossay.compare.finding import Differing
from ossay.reports.shortlist import (
    ALL,
    DRAWN,
    NEAREST,
    PAGE_ROWS,
    ROWS,
    is_decided,
    sample_of,
    shortlist_of,
)
from ossay.reports.summary import summarize

replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def finding(make_contest):
    """A function that makes a finding with some p, verdict and differing items."""
    (one,) = summarize(make_contest({"a": "1101", "b": "1011"})).findings

    def made(p, kind="not_enough_data", ahead=0, behind=0):
        items = [Differing(f"i{n}", 1, None, 1.0, 0.0) for n in range(ahead)]
        items += [Differing(f"j{n}", 1, None, 0.0, 1.0) for n in range(behind)]
        verdict = replace(one.verdict, p=p, kind=kind)
        return replace(one, verdict=verdict, differing=tuple(items))

    return made


def test_all_pairs_of_a_few_models_are_shown(finding):
    findings = [finding(0.9) for _ in range(ALL)]
    chosen = shortlist_of(findings)
    assert (chosen.shown, chosen.drawn, chosen.left_out) == (tuple(findings), tuple(findings), 0)


def test_of_many_pairs_the_decided_and_the_ten_nearest_are_shown_in_their_order(finding):
    undecided = [finding(0.1 + n / 1000) for n in reversed(range(300))]
    decided = [finding(0.01, "a_better"), finding(0.2, "tied")]
    chosen = shortlist_of([decided[0], *undecided, decided[1]])
    assert chosen.left_out == 300 - NEAREST
    assert chosen.shown == (decided[0], *undecided[-NEAREST:], decided[1])


def test_the_plot_holds_the_pairs_closest_to_the_line(finding):
    decided = [finding(n / 10_000, "b_better") for n in range(100)]
    chosen = shortlist_of([finding(0.06), *decided])
    assert len(chosen.drawn) == DRAWN
    assert [one.verdict.p for one in chosen.drawn] == [0.06] + [n / 10_000 for n in range(61, 100)]


def test_half_of_the_items_are_for_each_side_and_what_one_does_not_need_for_the_other(finding):
    def sizes(ahead, behind):
        found = sample_of(finding(0.5, ahead=ahead, behind=behind))
        return len(found.a_ahead), len(found.b_ahead), found.left_out

    assert sizes(100, 100) == (ROWS // 2, ROWS // 2, 200 - ROWS)
    assert sizes(100, 3) == (ROWS - 3, 3, 103 - ROWS)
    assert sizes(3, 100) == (3, ROWS - 3, 103 - ROWS)
    assert sizes(3, 4) == (3, 4, 0)


def test_the_page_has_so_many_items_and_the_nearest_pairs_have_them_first(finding):
    findings = [finding(0.01, "a_better", ahead=200) for _ in range(30)]
    nearest = finding(0.06, ahead=30, behind=30)
    chosen = shortlist_of([*findings, nearest])
    sizes = [len(sample.a_ahead) + len(sample.b_ahead) for sample in chosen.samples]
    assert sum(sizes) == PAGE_ROWS
    assert sizes[-1] == ROWS
    assert all(
        sample.left_out + size == len(one.differing)
        for sample, size, one in zip(chosen.samples, sizes, chosen.shown, strict=True)
    )


def test_a_tie_is_a_decision(finding):
    assert [is_decided(finding(0.5, kind)) for kind in ("tied", "b_better", "not_enough_data")] == [
        True, True, False
    ]  # fmt: skip
