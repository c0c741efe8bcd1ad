"""`compare.apart`: one model in two sources, told apart by 'model@source'."""

import pytest
from msgspec.structs import replace

from ossay.compare.apart import sources_of, tell_apart
from ossay.compare.pair import compare_models
from ossay.compare.selection import models_in, only
from ossay.core.errors import UnknownName, UsageError
from ossay.core.results import Records, Stated


@pytest.fixture
def two(rows):
    """m on twelve items in 'low' and in 'high', and another model beside it in 'high'."""
    low = rows({"org/m": [0] * 8 + [1] * 4}, source="low")
    high = rows({"org/m": [1] * 11 + [0], "n": [1] * 12}, source="high")
    return Records(low.sources + high.sources, low.results + high.results)


def test_a_model_against_itself(two, rng):
    records, names = tell_apart(two, ("m@low", "org/m@high"))
    assert names == ("org/m@low", "org/m@high")
    found = compare_models(records, *names, rng=rng)
    assert (found.comparison.only_a, found.comparison.only_b) == (1, 8)
    assert found.verdict.kind == "b_better"
    assert models_in(records) == ("org/m@low", "org/m@high", "n")
    assert len(two.results) == len(records.results)


def test_what_is_not_asked_for_stays(two):
    records, names = tell_apart(two, ("m", "m@high"))
    assert names == ("org/m", "org/m@high")  # a part is looked up before anything moves
    assert sources_of(records, "org/m") == ("low",)
    assert tell_apart(two, ("m", "n")) == (two, ("m", "n"))


def test_a_name_that_reads_so_is_a_name(rows):
    records = rows({"m@s": [1, 0], "other": [0, 0]}, source="s")
    assert tell_apart(records, ("m@s", "other")) == (records, ("m@s", "other"))


def test_a_summary_goes_with_its_source(two):
    stated = Stated("org/m", 1 / 3, source="low")
    records, names = tell_apart(replace(two, stated=(stated,)), ("m@low",))
    assert only(records, names).stated[0].model == "org/m@low"


@pytest.mark.parametrize(
    ("name", "says"),
    [("m@lo", "no source 'lo'; did you mean 'low'?"), ("n@low", "no model 'n'; known: org/m")],
)
def test_what_is_not_there(two, name, says):
    with pytest.raises(UnknownName, match=says):
        tell_apart(two, (name, "m@high"))


def test_the_next_step_is_named(two, rng):
    with pytest.raises(UsageError, match="name two models, or 'org/m@low' and 'org/m@high'"):
        compare_models(two, "m", "m", rng=rng)
    with pytest.raises(UsageError, match="or name one as 'org/m@low'"):
        compare_models(two, "m", "n", rng=rng)
