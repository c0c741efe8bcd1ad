"""`[stop]`, `[[predict]]` and `[families]` of a plan: read, written, and refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.campaign.families import families_of
from ossay.campaign.plan import Plan, differences, parse_plan, plan_to_toml
from ossay.campaign.stop import Stop
from ossay.core.errors import ConfigError
from ossay.core.predictions import Prediction
from ossay.stats.many import Family

PLAN = """
name = "night"
models = ["lab/a", "lab/b", "lab/c"]
suites = ["agentic-core"]
tasks = ["minimal_fix"]
attempts = 1
"""
STOP = '[stop]\ncompare = ["lab/a", "lab/b"]\n'
WHO = 'forecaster = "ada"\n'
BOLD = """
[[predict]]
statement = "a passes most"
type = "boolean"
probability = 0.8
model = "lab/a"
low = 0.5
"""
EVERYTHING = f"""{PLAN}{WHO}
{STOP}alpha = 0.01
futility = 0.0
margin = 0.05
spread = 10.0
{BOLD}
[[predict]]
statement = "and beats b"
type = "comparison"
probability = 0.6
model = "lab/a"
over = "lab/b"
metric = "usd_per_pass"
task = "minimal_fix"
by = 0.1
[families]
main = [["lab/a", "lab/b"], ["lab/a", "lab/c"]]
"odd name" = [["lab/b", "lab/c"]]
"""


def test_everything_is_read_and_written_and_read_back():
    plan = parse_plan(EVERYTHING, source="night.toml")
    assert plan.stop == Stop(("lab/a", "lab/b"), 0.01, 0.0, 0.05, None, 10.0)
    assert [found.type for found in plan.predict] == ["boolean", "comparison"]
    assert plan.families["odd name"] == (("lab/b", "lab/c"),)
    written = plan_to_toml(plan)
    assert parse_plan(written, source="x") == plan
    assert plan_to_toml(parse_plan(written, source="x")) == written


def test_a_plan_from_before_these_keys_still_reads_and_is_written_as_before():
    plan = parse_plan(PLAN, source="x")
    assert (plan.stop, plan.forecaster, plan.predict, plan.families) == (None, "", (), {})
    assert "stop" not in plan_to_toml(plan)


def test_the_plan_s_two_models_are_compared_where_none_are_named():
    plan = parse_plan(PLAN.replace(', "lab/c"', "") + "[stop]", source="x")
    assert plan.stop.pair(plan.models) == ("lab/a", "lab/b")


def test_families_as_the_statistics_take_them():
    plan = parse_plan(EVERYTHING, source="x")
    assert families_of(plan.families)[0] == Family("main", ("lab/a vs lab/b", "lab/a vs lab/c"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[stop]", r"\[stop\] in a plan of 3 models: name the two"),
        ('[stop]\ncompare = ["lab/a"]', "stop.compare = .'lab/a'.: name two models"),
        ('[stop]\ncompare = ["lab/a", "lab/a"]', "name two models"),
        ('[stop]\ncompare = ["lab/a", "lab/x"]', "'lab/x' is no model of the plan; did you mean"),
        (STOP + "alpha = 5", r"stop.alpha = 5.0: must be above 0 and below 0.5; 0.05 means 5 %"),
        (STOP + "alpha = nan", "stop.alpha = nan"),
        (STOP + "margin = 0", "stop.margin = 0.0"),
        (STOP + "margin = 5", "stop.margin = 5.0: .*0.05 means 5 points"),
        (STOP + "futility = 1", "stop.futility = 1.0"),
        (STOP + "futility = nan", "stop.futility = nan"),
        (STOP + "edge = 0.5", "stop.edge = 0.5: must be above 0.5 and below 1"),
        (STOP + "edge = 0.7\nspread = 2.0", "beside stop.edge"),
        (STOP + "spread = 0", "stop.spread = 0.0"),
        (STOP + "aplha = 0.1", r"unknown key 'aplha' in \[stop\]; did you mean 'alpha'"),
        ('[families]\nmain = []', "families.main is empty"),
        ('[families]\nmain = [["lab/a", "lab/x"]]', "families.main: 'lab/x' is no model"),
        ('[families]\nmain = [["lab/a", "lab/a"]]', "'lab/a' is compared with itself"),
        ('[families]\nmain = [["lab/a", "lab/b"], ["lab/b", "lab/a"]]', "declared twice"),
        ('[families]\nmain = [["lab/a"]]', "families"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(text, told):
    with pytest.raises(ConfigError, match=f"^night.toml: .*{told}"):
        parse_plan(PLAN + text, source="night.toml")


def test_attempts_are_no_new_items():
    with pytest.raises(ConfigError, match=r"attempts = 3 with \[stop\]: .*write attempts = 1"):
        parse_plan(PLAN.replace("attempts = 1", "") + STOP, source="x")


def test_a_pair_cannot_wait_for_the_other_model_to_end():
    text = PLAN + 'order = "model_by_model"\n' + STOP
    with pytest.raises(ConfigError, match=r"order = 'model_by_model' with \[stop\]"):
        parse_plan(text, source="x")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("probability = 0.8", "probability = 1.0", "probability = 1.0: must be above 0"),
        ("probability = 0.8", "probability = 0.0", "probability = 0.0"),
        ("probability = 0.8", "probability = 80", "0.8 means 80 %"),
        ("probability = 0.8", "probability = nan", "probability = nan"),
        ("lab/a", "lab/x", "model = 'lab/x' is no model of the plan"),
        ("low = 0.5", "low = 76", "low = 76.0: must be from 0 to 1; .*0.75 means 75 %"),
        ("low = 0.5", "low = inf", "low = inf"),
        ("low = 0.5", "", "needs low or high alone"),
        ("low = 0.5", "low = 0.5\nhigh = 0.6", "needs low or high alone"),
        ("low = 0.5", "low = 0.5\nwithin = 0.0", "takes no within .it takes: low, high"),
        ("low = 0.5", 'low = 0.5\nover = "lab/b"', "takes no over"),
        ("low = 0.5", "low = 0.5\nby = 0.1", "takes no by"),
        ("low = 0.5", 'low = 0.5\ntask = "minimal_fx"', "no task of the plan; did you mean"),
        ('"boolean"', '"range"', "type = 'range' needs high"),
        ('"boolean"', '"point"', "type = 'point' needs value"),
        ('"boolean"', '"comparison"', "type = 'comparison' needs over"),
        ('"boolean"\n', '"range"\nhigh = 0.4\n', "low = 0.5 is above high = 0.4; swap them"),
        ('"boolean"', '"hunch"', "Invalid enum value 'hunch'"),
        ("low = 0.5", 'low = 0.5\nmetric = "tokens"', "Invalid enum value 'tokens'"),
        ("low = 0.5", "low = 0.5\nprobabilty = 0.5", r"unknown key 'probabilty' in \[predict\]"),
        ("a passes most", " ", "statement is empty"),
        ("a passes most", "a" * 1_001, r"'a{40}'… has 1,001 characters: write up to 1,000"),
    ],
)  # fmt: skip
def test_a_prediction_that_cannot_be_scored_is_refused(old, new, told):
    text = PLAN + WHO + BOLD.replace(old, new)
    with pytest.raises(ConfigError, match=f"^night.toml: .*{told}"):
        parse_plan(text, source="night.toml")


def test_a_prediction_is_somebody_s_and_made_once():
    with pytest.raises(ConfigError, match=r"without a forecaster: .* forecaster = \"NAME\""):
        parse_plan(PLAN + BOLD, source="x")
    with pytest.raises(ConfigError, match="predict 2: 'a passes most' is predicted twice"):
        parse_plan(PLAN + WHO + BOLD + BOLD.replace("0.5", "0.9"), source="x")
    with pytest.raises(ConfigError, match="forecaster = "):
        parse_plan(PLAN + 'forecaster = "a\\u202eda"\n' + BOLD, source="x")
    against = 'type = "comparison"\nover = "lab/a"'
    text = BOLD.replace('type = "boolean"', against).replace("low = 0.5", "")
    with pytest.raises(ConfigError, match="over = 'lab/a' is the model itself"):
        parse_plan(PLAN + WHO + text, source="x")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("alpha = 0.01", "alpha = 0.05", "stop: "),
        ("probability = 0.8", "probability = 0.9", "predict: "),
        ('forecaster = "ada"', 'forecaster = "bob"', "forecaster: 'ada' before, 'bob' now"),
        ('main = [["lab/a", "lab/b"], ', "main = [", "families: "),
    ],
)  # fmt: skip
def test_any_other_declaration_is_another_campaign(old, new, told):
    before = parse_plan(EVERYTHING, source="x")
    (line,) = differences(before, parse_plan(EVERYTHING.replace(old, new), source="x"))
    assert line.startswith(told)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)
shares = st.floats(0.01, 0.99)
predictions = st.builds(
    Prediction,
    statement=texts.filter(str.strip),
    type=st.just("range"),
    probability=shares,
    model=st.just("lab/a"),
    low=st.floats(0.0, 0.5),
    high=st.floats(0.5, 1.0),
)
stops = st.none() | st.builds(
    Stop, alpha=st.floats(0.001, 0.4), futility=shares, margin=st.none() | shares
)


@given(stops, st.lists(predictions, max_size=3, unique_by=lambda found: found.statement))
def test_any_such_plan_survives_its_own_text(stop, predict):
    plan = Plan("n", ("lab/a", "lab/b"), ("s",), attempts=1, stop=stop, forecaster="ada",
                predict=tuple(predict))  # fmt: skip
    assert parse_plan(plan_to_toml(plan), source="x") == plan
