"""A rubric is read strictly, and says what is wrong with it."""

import pytest

from ossay.core.errors import ConfigError
from ossay.core.rubric import Condition, decode_rubric

HEAD = """
name = "sums"
version = "1"
date = 2026-11-21
task = "add"
title = "Sums"
scale = [0, 10]
"""
TIER = '[[tier]]\nid = "right"\ntext = "It is right."\npoints = 9\n'


def decoded(text, head=HEAD):
    return decode_rubric(head + text, source="sums.toml")


def test_a_rubric_as_its_file_has_it():
    rubric = decoded(
        TIER
        + '[[bonus]]\nid = "short"\ntext = "Short."\npoints = 0.25\nby = "machine"\n'
        + 'when = [{ fact = "characters", at_most = 1000 }]\nneeds = ["right"]\n'
        + '[[penalty]]\nid = "wordy"\ntext = "Wordy."\npoints = -0.5\n'
        + '[[cap]]\nat = 9.25\nhaving = ["wordy"]\n'
    )
    assert [item.id for item in rubric.items] == ["right", "short", "wordy"]
    assert [item.kind for item in rubric.items] == ["tier", "bonus", "penalty"]
    assert rubric.item("short").when == (Condition("characters", at_most=1000.0),)
    assert rubric.item("no such") is None
    assert rubric.caps[0].having == ("wordy",)


def test_the_digest_changes_with_anything_that_it_says():
    assert decoded(TIER).digest == decoded("\n" + TIER).digest
    assert decoded(TIER).digest != decoded(TIER.replace("9", "8")).digest
    assert decoded(TIER).digest != decoded(TIER.replace("It is", "It's")).digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "missing required field `tier`"),
        (TIER.replace("points", "point"), "unknown key 'point' in .tier.; did you mean 'points'"),
        (TIER + TIER, "two items are called 'right'"),
        (TIER.replace('"right"', '"Right!"'), "needs another id"),
        (TIER.replace("9", "11"), "outside the scale"),
        (TIER.replace("9", "nan"), "has nan points"),
        (TIER + TIER.replace("tier", "bonus").replace("right", "b").replace("9", "-1"), "a bonus"),
        (TIER + TIER.replace("tier", "penalty").replace("right", "p"), "a penalty of 9.0"),
        (TIER + 'by = "machine"\n', "has no `when`"),
        (TIER + 'by = "nobody"\n', "Invalid enum value 'nobody'"),
        (TIER + 'when = [{ fact = "x" }]\n', "has 0 tests of fact 'x'"),
        (TIER + 'when = [{ fact = "x", at_most = 1, above = 0 }]\n', "has 2 tests"),
        (TIER + 'when = [{ fact = "x", atmost = 1 }]\n', "unknown key 'atmost'"),
        (TIER + 'excludes = ["rihgt"]\n', "names 'rihgt'; did you mean 'right'"),
        (TIER + "[[cap]]\nat = 12\n", "lies outside the scale"),
        (TIER + '[[cap]]\nat = 9\nhaving = ["wrong"]\n', "the cap at 9.0 names 'wrong'"),
    ],
)
def test_what_is_wrong_is_said(text, says):
    with pytest.raises(ConfigError, match=says):
        decoded(text)


@pytest.mark.parametrize("scale", ["[10, 0]", "[0, inf]", "[0]", "[0, 5, 10]"])
def test_a_scale_that_is_none(scale):
    with pytest.raises(ConfigError):
        decoded(TIER, HEAD.replace("[0, 10]", scale))


@pytest.mark.parametrize(
    ("condition", "fact", "holds"),
    [
        (Condition("x", is_=True), True, True),
        (Condition("x", is_=True), 1, False),  # a number is no yes
        (Condition("x", is_=1), 1.0, True),
        (Condition("x", is_="exact"), "exact", True),
        (Condition("x", is_=False), True, False),
        (Condition("x", one_of=("a", "b")), "b", True),
        (Condition("x", one_of=("a", "b")), "c", False),
        (Condition("x", at_least=2), 2, True),
        (Condition("x", above=2), 2, False),
        (Condition("x", at_most=2), 2.5, False),
        (Condition("x", below=2), 1, True),
        (Condition("x", at_most=2), "1", None),  # no number
        (Condition("x", at_most=2), True, None),
        (Condition("x", at_most=2), float("nan"), None),
        (Condition("y", at_most=2), 1, None),  # not known
    ],
)
def test_a_condition_of_a_fact(condition, fact, holds):
    assert condition.holds({"x": fact}) is holds
