import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.campaign.plan import (
    BudgetChange,
    Limits,
    Plan,
    check_plan,
    differences,
    parse_plan,
    plan_to_toml,
    read_plan,
)
from ossay.campaign.toml import to_toml
from ossay.core.errors import ConfigError
from ossay.core.task import Budget
from ossay.core.types import Sampling

SHORT = """
name = "night"
models = ["groq/openai/gpt-oss-120b", "local/small"]
suites = ["agentic-core"]
"""

LONG = """
name = "night"
models = ["groq/openai/gpt-oss-120b"]
suites = ["agentic-core"]
tasks = ["minimal_fix"]
instances = 5
attempts = 4
seed = 100
concurrency = 8

[sampling]
temperature = 0.5
stop = ["END"]

[budget]
turns = 10

[limits]
max_usd = 2.5
max_minutes = 30
"""


def test_a_short_plan_has_sensible_defaults():
    plan = parse_plan(SHORT, source="night.toml")
    assert (plan.instances, plan.attempts, plan.seed, plan.concurrency) == (1, 3, 1, 4)
    assert plan.limits == Limits()
    assert plan.sampling == Sampling()


def test_a_long_plan_says_it_all(tmp_path):
    path = tmp_path / "night.toml"
    path.write_text(LONG)
    plan = read_plan(path)
    assert plan.budget.applied_to(Budget()) == Budget(turns=10)
    assert plan.limits == Limits(max_usd=2.5, max_minutes=30)
    assert plan.sampling == Sampling(temperature=0.5, stop=("END",))


def test_a_plan_written_and_read_is_the_same_plan():
    for text in (SHORT, LONG):
        plan = parse_plan(text, source="x")
        written = plan_to_toml(plan)
        assert parse_plan(written, source="y") == plan
        assert plan_to_toml(parse_plan(written, source="y")) == written


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("attempt = 3", "unknown key 'attempt'; did you mean 'attempts'?"),
        ("[limits]\nmax_dollars = 1", r"unknown key 'max_dollars' in \[limits\]"),
        ("attempts = 0", "attempts = 0: must be from 1 to"),
        ("instances = -1", "instances = -1: must be from 1"),
        ("concurrency = 0", "concurrency = 0: must be from 1 to 1,024"),
        ("seed = -1", "seed = -1"),
        ('attempts = "three"', "Expected `int`"),
        ("[limits]\nmax_usd = 0", "limits.max_usd = 0.0: must be above 0"),
        ("[limits]\nmax_usd = inf", "limits.max_usd = inf"),
        ("[limits]\nmax_minutes = nan", "limits.max_minutes = nan"),
        ("[budget]\nturns = 0", "budget.turns = 0: must be from 1"),
        ("[sampling]\ntop_p = 1.5", "sampling.top_p = 1.5"),
        ("instances = 1_000_000\nattempts = 1_000", "split the campaign"),
        ("tasks = ['x', 'x']", "'x' is named twice"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(change, told):
    with pytest.raises(ConfigError, match=f"^night.toml: .*{told}"):
        parse_plan(SHORT + change, source="night.toml")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-rf", "x" * 101, "a b", "a\n"])
def test_a_name_is_fit_for_files_and_commands(name):
    with pytest.raises(ConfigError, match="name = "):
        check_plan(Plan(name, ("a/b",), ("s",)))


def test_models_and_suites_must_be_named():
    with pytest.raises(ConfigError, match="models is empty"):
        check_plan(Plan("x", (), ("s",)))
    with pytest.raises(ConfigError, match="suites is empty"):
        check_plan(Plan("x", ("a/b",), ()))


def test_a_plan_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        read_plan(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("name = ")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_plan(tmp_path / "broken.toml")


def test_limits_and_concurrency_make_no_other_plan():
    plan = parse_plan(LONG, source="x")
    more = parse_plan(LONG.replace("2.5", "9").replace("concurrency = 8", ""), source="x")
    assert differences(plan, more) == []
    other = parse_plan(LONG.replace("attempts = 4", "attempts = 5"), source="x")
    assert differences(plan, other) == ["attempts: 4 before, 5 now"]
    assert "0.5" in differences(plan, Plan("night", plan.models, plan.suites))[-2]


plain = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
tables = st.recursive(
    st.dictionaries(st.text("aé .\"'\x7f\n", max_size=4), plain | st.lists(plain), max_size=4),
    lambda inner: st.dictionaries(st.text("abc-_ .", max_size=4), inner | plain, max_size=3),
    max_leaves=8,
)


@given(tables)
def test_what_is_written_as_toml_reads_back(table):
    assert tomllib.loads(to_toml(table)) == table


@given(st.builds(Plan, st.just("n"), st.just(("a/b",)), st.just(("s",)),
                 budget=st.builds(BudgetChange, st.none() | st.integers(1, 99))))  # fmt: skip
def test_any_plan_survives_its_own_text(plan):
    assert parse_plan(plan_to_toml(plan), source="x") == plan
