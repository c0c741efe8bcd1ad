"""Ratings by an older version of a rubric, under the one of today."""

import msgspec

from ossay.core.answer import Answer
from ossay.core.outcome import Outcome
from ossay.core.rating import Form, undo
from ossay.core.records import RunKey
from ossay.core.rubric import Item
from ossay.core.score import rated
from ossay.records.rescored import latest, rescored, stands
from ossay.suites.rubrics import rubric_of

OLD = rubric_of("benchmark_visualization")
FACTS = {"runs": True, "labels_right": False}
DEARER = [msgspec.structs.replace(one, points=one.points - 1) for one in OLD.tiers]
CHEAP = msgspec.structs.replace(OLD, version="2", tiers=tuple(DEARER))
LOUD = Item("loud", "Loud.", "penalty", -1.0)
ASKS = msgspec.structs.replace(OLD, version="3", penalties=(*OLD.penalties, LOUD))


def answer(run):
    key = RunKey("lab/one", "coding", OLD.task, int(run[1:]), 1)
    return Answer(run, 0, key, Outcome.PASSED, facts=FACTS)


ANSWERS = {run: answer(run) for run in ("r1", "r2", "r3")}


def rating(run, *chosen, rubric=OLD, rater="anna"):
    token = f"{run}{rater}{rubric.version}"
    form = Form("night", run, rater, "human", chosen, 1.0, token)
    return rated(rubric, form, FACTS, id_=token)


def test_a_rating_by_this_version_stands_as_it_is():
    row = rating("r1", "baseline")
    assert stands(row, OLD, FACTS).score == row.score
    assert not stands(row, OLD, FACTS).older


def test_an_older_one_gets_the_points_of_today():
    row = rating("r1", "baseline")
    (now,) = rescored([row], {OLD.task: CHEAP}, ANSWERS).ratings
    assert now == msgspec.structs.replace(row, score=row.score - 1)


def test_what_says_nothing_today_is_left_out_and_counted():
    rows = [
        rating("r1", "baseline"),
        rating("r2", "baseline"),
        rating("r3", "baseline", rubric=ASKS),
    ]
    found = rescored(rows, {OLD.task: ASKS}, ANSWERS)
    assert [row.run for row in found.ratings] == ["r3"]
    assert [one.rating.run for one in found.left_out] == ["r1", "r2"]
    assert list(found.notes) == [
        "2 ratings were made by an older version, left out: 'loud' was not asked then."
    ]


def test_one_alone_is_said_in_the_singular():
    (note,) = rescored([rating("r1", "baseline")], {OLD.task: CHEAP}, ANSWERS).notes
    assert note == "1 rating was made by an older version of a rubric, scored by the latest."


def test_undone_rows_do_not_come_back():
    row = rating("r1", "baseline")
    rows = [row, undo(row, id_="u", at=2.0, token="u")]
    assert rescored(rows, {OLD.task: CHEAP}, ANSWERS).ratings == ()


def test_what_no_rubric_is_there_for_stays():
    row = rating("r1", "baseline")
    assert rescored([row], {}, ANSWERS).ratings == (row,)


def test_what_a_rubric_of_another_name_scored_is_left_out_and_counted():
    mine = msgspec.structs.replace(CHEAP, name="mine")
    rows = [
        rating("r1", "baseline"),
        rating("r2", "baseline"),
        rating("r1", "baseline", rubric=mine),
    ]
    found = rescored(rows, latest(rows, {one.digest: one for one in (OLD, mine)}, ANSWERS), ANSWERS)
    assert found.ratings == (rows[2],)
    assert found.moved == 0
    assert list(found.notes) == [
        f"2 ratings were made by another rubric, left out: {OLD.name!r}, and it is 'mine' now."
    ]


def test_older_ones_are_counted_without_those_by_another_rubric():
    mine = msgspec.structs.replace(OLD, name="mine")
    rows = [rating("r1", "baseline", rubric=mine), rating("r2", "baseline")]
    assert list(rescored(rows, {OLD.task: CHEAP}, ANSWERS).notes) == [
        "1 rating was made by an older version of a rubric, scored by the latest.",
        f"1 rating was made by another rubric, left out: 'mine', and it is {OLD.name!r} now.",
    ]


def test_the_latest_is_what_the_last_rating_that_holds_was_made_by():
    made_by = {one.digest: one for one in (OLD, CHEAP)}
    first, then = rating("r1", "baseline"), rating("r2", "baseline", rubric=CHEAP)
    assert latest([first, then], made_by, ANSWERS) == {OLD.task: CHEAP}
    back = undo(then, id_="u", at=2.0, token="u")
    assert latest([first, then, back], made_by, ANSWERS) == {OLD.task: OLD}
