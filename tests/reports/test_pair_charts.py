"""The drawings of comparisons: marks and numbers alone, and small whatever they show."""

import math
import re

import msgspec
import pytest

from ossay.campaign.stop import Stop
from ossay.campaign.watch import Look
from ossay.reports.figures import e_value
from ossay.reports.pair_charts import evidence_path, forest, interval_shown, ranks
from ossay.reports.summary import summarize
from ossay.stats.sequential_verdict import Race

A, B, C = "x/a", "x/b", "x/c"


@pytest.fixture(scope="module")
def watched(make_contest):
    results = {A: "1" * 40, B: "0" * 20 + "1" * 20, C: "01" * 20}
    return summarize(make_contest(results, stop=Stop(compare=(A, B), margin=0.1)))


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_line_a_pair_named_by_marks(watched):
    svg = forest(watched.findings, {A: "A", B: "B", C: "C"}, watched.followed)
    assert {"A − B", "A − C", "B − C", "points"} <= set(texts(svg))
    assert "x/" not in svg
    assert forest((), {}, None) == ""


def test_the_watched_pair_has_its_confidence_sequence(watched):
    one, other = watched.findings[0], watched.findings[1]
    found = watched.followed
    race = Race(A, B, found.only_a, found.only_b, found.pairs, found.alpha)
    assert interval_shown(one, found) == race.interval
    assert interval_shown(other, found) == other.comparison.interval


def test_ranks_of_one_model_are_not_drawn(watched):
    standings = watched.board.standings
    index = {A: 0, B: 1, C: 2}
    svg = ranks(standings, {A: "A", B: "B", C: "C"}, index)
    assert {"A", "B", "C", "1", "2", "3", "rank"} == set(texts(svg))
    assert ranks(standings[:1], {A: "A"}, index) == ""


def test_a_path_of_many_looks_up_to_infinity_is_a_small_drawing(watched):
    looks = tuple(Look(n, n, 0, 1.01**n if n < 50_000 else math.inf) for n in range(1, 60_001))
    long = msgspec.structs.replace(watched.followed, path=looks, items=60_000, e_value=math.inf)
    svg = evidence_path(long)
    assert len(svg) < 40_000
    assert not re.search(r"NaN|Infinity|undefined", svg)
    assert evidence_path(msgspec.structs.replace(long, path=())) == ""


def test_an_e_value_is_written_with_three_digits():
    assert [e_value(x) for x in (0.0123456, 23.44, math.inf)] == [
        "0.0123", "23.4", "above 1,000,000"
    ]  # fmt: skip
