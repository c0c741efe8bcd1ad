"""A score follows from a rubric, a rater's choices and a grade's facts; nobody types it in."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.core.rating import Form, Shown, current, undo
from ossay.core.rubric import decode_rubric
from ossay.core.score import NotComparable, open_items, rated, rescore, score

TEXT = """
name = "sums"
version = "1"
date = 2026-11-21
task = "add"
title = "Sums"
scale = [0, 10]

[[tier]]
id = "wrong"
text = "Wrong."
points = 1
by = "machine"
when = [{ fact = "passed", is = false }]

[[tier]]
id = "plain"
text = "Right, and plain."
points = 8

[[tier]]
id = "fine"
text = "Right, and well made."
points = 9

[[bonus]]
id = "very_short"
text = "Very short."
points = 0.5
by = "machine"
when = [{ fact = "characters", at_most = 100 }, { fact = "passed", is = true }]

[[bonus]]
id = "short"
text = "Short."
points = 0.25
by = "machine"
when = [{ fact = "characters", at_most = 200 }, { fact = "passed", is = true }]
excludes = ["very_short"]

[[bonus]]
id = "helpful"
text = "It does more."
points = 1
needs = ["fine"]

[[penalty]]
id = "rude"
text = "Rude."
points = -0.5
excludes = ["helpful"]

[[penalty]]
id = "later"
text = "Only asked of several."
points = -1
when = [{ fact = "several", is = true }]

[[cap]]
at = 9.5

[[cap]]
at = 7
having = ["rude"]
"""
RUBRIC = decode_rubric(TEXT, source="sums.toml")
RIGHT = {"passed": True, "characters": 150, "several": False}


def value(chosen, facts=RIGHT):
    return score(RUBRIC, chosen, facts).value


def test_tier_bonus_and_penalty_add_up_under_the_caps():
    assert value(["plain"]) == 8.25  # short
    assert value(["fine"]) == 9.25
    assert value(["fine", "helpful"]) == 9.5  # 10.25, capped
    assert value(["plain", "rude"]) == 7  # 7.75, capped by what holds
    assert score(RUBRIC, ["fine", "helpful"], RIGHT).capped_from == 10.25
    assert score(RUBRIC, ["fine"], RIGHT).capped_from is None


def test_of_two_of_the_machines_that_exclude_each_other_the_first_holds():
    found = score(RUBRIC, ["plain"], {**RIGHT, "characters": 50})
    assert found.value == 8.5
    assert found.filled == ("very_short",)


def test_where_the_machine_finds_the_tier_none_is_asked_for():
    facts = {"passed": False, "characters": 50, "several": True}
    assert [item.id for item in open_items(RUBRIC, facts)] == ["helpful", "rude", "later"]
    assert value([], facts) == 1
    assert value(["rude", "later"], facts) == 0  # never below the scale
    with pytest.raises(UsageError, match="'fine' is answered by the machine"):
        score(RUBRIC, ["fine"], facts)


def test_without_a_tier_there_is_no_score_yet():
    found = score(RUBRIC, ["rude"], RIGHT)
    assert found.value is None
    assert [part.id for part in found.parts] == ["short", "rude"]


def test_what_the_machine_does_not_know_a_rater_may_say():
    asked = [item.id for item in open_items(RUBRIC, {})]
    assert asked == [item.id for item in RUBRIC.items]
    found = score(RUBRIC, ["plain", "very_short"], {})
    assert found.value == 8.5
    assert found.unanswered == ("wrong", "very_short", "short")
    assert found.filled == ()


def test_a_tier_is_not_the_machines_while_an_earlier_one_is_unknown():
    text = TEXT.replace(
        "points = 8\n", 'points = 8\nby = "machine"\nwhen = [{ fact = "a", is = 1 }]\n'
    )
    text = text.replace('"passed", is = false', '"b", is = 1')
    rubric = decode_rubric(text, source="x")
    assert score(rubric, [], {"a": 1, "b": 2}).value == 8
    assert score(rubric, [], {"a": 1}).value is None
    assert {"wrong", "plain", "fine"} <= {item.id for item in open_items(rubric, {"a": 1})}


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (["plain", "fine"], "'plain' and 'fine' are both tiers"),
        (["plian"], "no item 'plian'; did you mean 'plain'"),
        (["plain", "helpful"], "'helpful' counts only with 'fine'"),
        (["fine", "helpful", "rude"], "'rude' and 'helpful' exclude each other"),
        (["fine", "short"], "'short' is answered by the machine"),
        (["fine", "later"], "'later' is answered by the machine"),
    ],
)
def test_choices_that_cannot_be(chosen, says):
    with pytest.raises(UsageError, match=says):
        value(chosen)


@given(
    st.sets(st.sampled_from([item.id for item in RUBRIC.items])),
    st.dictionaries(
        st.sampled_from(["passed", "characters", "several"]),
        st.booleans() | st.integers(-5, 500) | st.floats() | st.text(max_size=5),
    ),
)
def test_whatever_is_chosen_a_score_lies_on_the_scale_or_is_refused(chosen, facts):
    try:
        found = score(RUBRIC, chosen, facts)
    except UsageError:
        return
    assert found.value is None or 0 <= found.value <= 9.5
    assert sum(part.id in ("wrong", "plain", "fine") for part in found.parts) <= 1
    assert (found.value is None) == (
        not any(part.id in ("wrong", "plain", "fine") for part in found.parts)
    )


def form(*chosen, token="t", **more):
    return Form("night", "run-1", "anna", "human", chosen, 5.0, token, **more)


def test_a_rating_says_by_what_it_was_made():
    rating = rated(RUBRIC, form("fine", notes="good"), RIGHT, id_="r1")
    assert (rating.score, rating.chosen, rating.filled) == (9.25, ("fine",), ("short",))
    assert rating.asked == ("plain", "fine", "helpful", "rude")
    assert (rating.rubric, rating.rubric_version) == ("sums", "1")
    assert rating.rubric_digest == RUBRIC.digest
    assert rating.notes == "good"


def test_nothing_is_rated_without_a_base():
    with pytest.raises(UsageError, match="choose one of 'wrong', 'plain', 'fine'"):
        rated(RUBRIC, form("rude"), RIGHT, id_="r1")


def test_an_edit_and_an_undo_are_rows_and_what_was_before_holds_again():
    first = rated(RUBRIC, form("plain", token="a"), RIGHT, id_="1")
    second = rated(RUBRIC, form("fine", token="b", supersedes="1"), RIGHT, id_="2")
    back = undo(second, id_="3", at=9.0, token="c")
    again = undo(second, id_="4", at=9.0, token="d")  # from another tab
    assert current([first, second]) == [second]
    assert current([first, second, back]) == [first]
    assert current([first, second, back, again]) == [first]
    gone = undo(first, id_="5", at=9.0, token="e")
    assert current([first, second, back, gone]) == []
    anew = rated(RUBRIC, form("fine", token="f"), RIGHT, id_="6")
    assert current([first, second, back, gone, anew]) == [anew]


def test_each_rater_and_each_showing_to_a_judge_stands_alone():
    anna = rated(RUBRIC, form("plain", token="a"), RIGHT, id_="1")
    ben = msgspec.structs.replace(anna, id="2", rater="ben")
    judge = msgspec.structs.replace(
        anna, id="3", rater="m", kind="model", shown=Shown(0, beside=("x",))
    )
    other = msgspec.structs.replace(judge, id="4", shown=Shown(1, beside=("x",)))
    assert current([anna, ben, judge, other]) == [anna, ben, judge, other]
    seen_again = msgspec.structs.replace(anna, id="5", shown=Shown(7))
    assert current([anna, ben, seen_again]) == [ben, seen_again]


def changed(*pairs, version="2"):
    text = TEXT.replace('version = "1"', f'version = "{version}"')
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return decode_rubric(text, source="new.toml")


def test_new_points_score_old_choices_anew():
    rating = rated(RUBRIC, form("fine", "rude"), RIGHT, id_="1")
    assert rescore(RUBRIC, rating, RIGHT).value == rating.score == 7
    assert rescore(changed(("at = 7", "at = 8")), rating, RIGHT).value == 8
    assert rescore(changed(("points = -0.5", "points = 0")), rating, RIGHT).value == 7


def test_an_item_that_is_gone_no_longer_counts():
    rude = TEXT[TEXT.index('[[penalty]]\nid = "rude"') : TEXT.index('[[penalty]]\nid = "later"')]
    capped = TEXT[TEXT.index("[[cap]]\nat = 7") :]
    rating = rated(RUBRIC, form("fine", "rude"), RIGHT, id_="1")
    assert rescore(changed((rude, ""), (capped, "")), rating, RIGHT).value == 9.25


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([('"rude"', '"impolite"')], "'impolite' was not asked"),
        ([('"fine"', '"great"')], "'great' was not asked"),
        ([('name = "sums"', 'name = "products"')], "made by the rubric 'sums'"),
        ([('[{ fact = "several", is = true }]', "[]")], "'later' was not asked"),
    ],
)
def test_where_something_was_not_asked_nothing_can_be_said(pairs, says):
    rating = rated(RUBRIC, form("fine", "rude"), RIGHT, id_="1")
    found = rescore(changed(*pairs), rating, RIGHT)
    assert isinstance(found, NotComparable)
    assert says in found.reason


def test_a_tier_that_is_gone_leaves_no_score():
    fine = TEXT[TEXT.index('[[tier]]\nid = "fine"') : TEXT.index('[[bonus]]\nid = "very_short"')]
    rating = rated(RUBRIC, form("fine"), RIGHT, id_="1")
    found = rescore(changed((fine, ""), ('needs = ["fine"]', "needs = []")), rating, RIGHT)
    assert found == NotComparable("its tier is gone: fine")


def test_what_the_machine_answers_now_gives_way_to_it():
    rating = rated(RUBRIC, form("plain", "rude"), RIGHT, id_="1")
    pair = (
        'text = "Rude."\npoints = -0.5\n',
        'text = "Rude."\npoints = -0.5\nby = "machine"\nwhen = [{ fact = "rude", is = true }]\n',
    )
    assert rescore(changed(pair), rating, {**RIGHT, "rude": False}).value == 8.25
    assert rescore(changed(pair), rating, {**RIGHT, "rude": True}).value == 7
    assert rescore(changed(pair), rating, RIGHT).value == 7  # not known: the rater's word


def more(*items):
    return decode_rubric(TEXT + "".join(f"\n[[bonus]]\n{item}\n" for item in items), source="x")


def test_what_adds_up_to_one_number_is_one_score():
    small = [f'id = "b{n}"\ntext = "."\npoints = 0.{n}' for n in (1, 2, 3)]
    rubric = more(*small)
    facts = {**RIGHT, "characters": 900}
    one, two = score(rubric, ["plain", "b3"], facts), score(rubric, ["plain", "b1", "b2"], facts)
    assert one.value == two.value == 8.3  # 8 + 0.1 + 0.2 is 8.299999999999999
    assert one.capped_from is two.capped_from is None


RUNS = (
    'id = "runs"\ntext = "."\npoints = 0.5\nby = "machine"\nwhen = [{ fact = "runs", is = true }]'
)
NICE = 'id = "nice"\ntext = "."\npoints = 0.25\nneeds = ["runs"]'
EARLY = RUNS.replace('"runs"', '"early"', 1).replace("0.5", "1") + '\nneeds = ["runs"]'


def test_a_raters_item_may_need_one_of_the_machines():
    facts = {**RIGHT, "characters": 900, "runs": True}
    for rubric in (more(NICE, RUNS), more(RUNS, NICE)):
        found = score(rubric, ["plain", "nice"], facts)
        assert (found.value, found.filled) == (8.75, ("runs",))
        with pytest.raises(UsageError, match="'nice' counts only with 'runs', which does not hold"):
            score(rubric, ["plain", "nice"], {**facts, "runs": False})
        with pytest.raises(UsageError, match="'nice' counts only with 'runs'; choose both"):
            score(rubric, ["plain", "nice"], RIGHT)  # not known: the rater's to say
        assert score(rubric, ["plain", "nice", "runs"], {"passed": True}).value == 8.75


def test_a_machines_item_may_need_a_later_one():
    facts = {**RIGHT, "characters": 900, "runs": True}
    assert score(more(EARLY, RUNS), ["plain"], facts).value == 9.5
    assert score(more(EARLY, RUNS), ["plain"], {**facts, "runs": False}).value == 8
    circle = more(EARLY, RUNS + '\nneeds = ["early"]')
    assert score(circle, ["plain"], facts).value == 9.5
    # What it needs is shut out by what the rater chose: neither holds.
    shut = RUNS + '\nexcludes = ["rude"]'
    assert score(more(EARLY, shut), ["fine", "rude"], facts).filled == ()
