"""Raters held against each other: items, scores, leans and drifts."""

import msgspec
import numpy as np
import pytest

from ossay.core.rating import Form, undo
from ossay.core.score import rated
from ossay.records.agreement import TIER, agreement_of
from ossay.stats.agreement import krippendorff_alpha
from ossay.stats.icc import icc
from ossay.suites.rubrics import rubric_of

VIZ, TODO = rubric_of("benchmark_visualization"), rubric_of("todo_add_feature")
RUBRICS = {VIZ.digest: VIZ, TODO.digest: TODO}
DRAWN = {"runs": True, "labels_right": False}


def rating(run, rater, *chosen, rubric=VIZ, facts=DRAWN, at=0.0):
    token = f"{run}-{rater}"
    form = Form("night", run, rater, "human", chosen, at, token)
    return rated(rubric, form, facts, id_=token)


def found(*rows, **more):
    return agreement_of(rows, RUBRICS, **more)


def test_each_item_and_the_tier_have_their_alpha():
    tiers = ("baseline", "side_by_side", "baseline", "bars_do_not_fit")
    rows = [rating(f"r{n}", "anna", tier, "pleasing") for n, tier in enumerate(tiers)]
    rows += [rating(f"r{n}", "ben", tier) for n, tier in enumerate(tiers)]
    (one,) = found(*rows).rubrics
    items = {item.item: item for item in one.items}
    assert items[TIER].agreement.value == 1.0
    assert items["pleasing"].agreement.value < 0  # always of another mind
    assert items["pleasing"].share == 0.5
    assert items["poor_colour"].agreement.value is None  # nobody ever chose it
    assert "side_by_side" not in items
    assert "clear_labels" not in items  # the machine's
    assert (one.answers, one.twice, one.raters) == (4, 4, ("anna", "ben"))
    scores = [[row.score for row in rows[:4]], [row.score for row in rows[4:]]]
    assert one.score == krippendorff_alpha(scores, "interval")
    assert one.icc == icc(np.array(scores).T)


def test_what_only_one_rated_tells_of_no_agreement():
    (one,) = found(rating("r1", "anna", "baseline"), rating("r2", "ben", "baseline")).rubrics
    assert (one.answers, one.twice) == (2, 0)
    assert one.items == ()
    assert (one.score, one.icc, one.icc_raters) == (None, None, ())


def test_the_icc_is_of_those_who_rated_the_same():
    rows = [rating(f"r{n}", who, "baseline") for n in range(5) for who in ("anna", "ben")]
    rows += [rating("r0", "carl", "baseline"), rating("r1", "carl", "side_by_side")]
    (one,) = found(*rows).rubrics
    assert one.icc_raters == ("anna", "ben")
    assert one.icc.targets == 5


def test_each_rubric_stands_alone_and_undone_ratings_are_gone():
    working = {"passed": True, "characters": 1600, "whole_files": 0}
    first = rating("r1", "anna", rubric=TODO, facts=working)
    second = rating("r2", "anna", "baseline")
    third = rating("r3", "anna", "baseline")
    back = undo(third, id_="u", at=1.0, token="u")
    names = [(one.rubric, one.answers) for one in found(first, second, third, back).rubrics]
    assert names == [("todo_add_feature", 1), ("benchmark_visualization", 1)]


def test_a_machines_tier_is_nobodys_agreement():
    rows = [rating("r1", who, facts={"runs": False}) for who in ("anna", "ben")]
    assert rows[0].asked == ()
    assert found(*rows).rubrics == ()  # nobody could have said anything else
    assert found(*rows, rating("r2", "anna", "baseline")).rubrics[0].answers == 1


def test_a_tier_is_the_same_whatever_its_place_in_a_later_version():
    tiers = (VIZ.tiers[-1], *VIZ.tiers[:-1])
    later = msgspec.structs.replace(VIZ, version="2", tiers=tiers)
    rows = [rating("r1", "anna", "baseline"), rating("r1", "ben", "baseline", rubric=later)]
    rows += [rating("r2", who, "side_by_side") for who in ("anna", "ben")]
    (one,) = agreement_of(rows, {**RUBRICS, later.digest: later}).rubrics
    assert one.items[0].item == TIER
    assert one.items[0].agreement.value == 1.0


def test_how_a_rater_leans():
    rows = [rating(f"r{n}", "anna", "side_by_side") for n in range(6)]
    rows += [rating(f"r{n}", "ben", "baseline") for n in range(4)]
    anna, ben = found(*rows).raters
    assert (anna.ratings, anna.shared, anna.lean, anna.mean) == (6, 4, 0.5, 8.5)
    assert (ben.lean, ben.lean_interval.low, ben.lean_interval.high) == (-0.5, -0.5, -0.5)
    assert ben.drift.gap.difference == 0.0


def test_who_grows_stricter_drifts():
    strict = ["side_by_side"] * 10 + ["baseline", "bars_do_not_fit"] * 5
    rows = [rating(f"r{n}", "anna", tier, at=float(n)) for n, tier in enumerate(strict)]
    rows += [rating(f"r{n}", "ben", "baseline", at=float(n)) for n in range(20)]
    anna, ben = found(*reversed(rows)).raters[::-1]
    assert anna.rater == "anna"
    assert anna.drift.gap.difference == pytest.approx(-0.75)
    assert anna.drift.gap.interval.high < 0
    assert ben.drift.gap.difference == pytest.approx(0.75)  # beside her: who moved isn't known


def test_a_lean_is_no_drift_where_the_others_stop_rating():
    rows = [rating(f"r{n}", "anna", "side_by_side", at=float(n)) for n in range(20)]
    rows += [rating(f"r{n}", "ben", "baseline", at=float(n)) for n in range(10)]
    assert found(*rows).raters[0].drift.gap.difference == 0.0


def test_intervals_where_a_generator_is_given():
    rows = [
        rating(f"r{n}", who, "baseline", *(["pleasing"] * (n % 2)))
        for n in range(8)
        for who in "ab"
    ]
    (one,) = found(*rows, rng=np.random.Generator(np.random.PCG64(1)), resamples=200).rubrics
    assert one.score.value == 1.0
    assert one.score.interval.low < 1.0


def test_nobody_rated_anything():
    nothing = found()
    assert (nothing.rubrics, nothing.raters) == ((), ())
