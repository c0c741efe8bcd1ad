"""Claims about results of a file or a campaign: as `ossay compare` has them, no other way."""

import numpy as np
import pytest

from ossay.campaign.order import shuffled
from ossay.campaign.plan import Plan, plan_to_toml
from ossay.campaign.stop import Stop
from ossay.claims.check import check_claims
from ossay.claims.file import parse_claims
from ossay.claims.tables import Place
from ossay.claims.watched import judged_as_watched
from ossay.compare.pair import compare_models
from ossay.core.errors import UsageError
from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.results import Count, Records, Result, Source
from ossay.core.types import ModelCard
from ossay.records.campaign import records_of

HEAD = """
title = "t"
[[source]]
id = "s"
name = "n"
citation = "c"
[table.t]
source = "s"
campaign = "c"
[[claim]]
id = "x"
says = "it is so"
source = "s"
table = "t"
"""
BETTER = 'kind="better"\na="a"\nb="b"\n'


def fresh_rng():
    return np.random.default_rng(1)


def check(body, records, campaign=None):
    """The one claim of `body` about these, checked."""
    place = Place(None, ledgered=lambda name: (records, campaign))
    file = parse_claims(HEAD + body, source="f", place=place)
    return check_claims(file, fresh_rng)[0].answer


def rows(scores):
    found = [
        Result(model, f"q{item}", float(score), source="c")
        for model, values in scores.items()
        for item, score in enumerate(values)
    ]
    return Records((Source("c", "csv"),), tuple(found))


def watched(stop, models=("a", "b"), items=40):
    """a passes all but the first item; b fails the nine after it; c fails all."""
    plan = Plan("c", models, ("s",), tasks=("t",), instances=items, attempts=1, stop=stop)
    seeds = range(plan.seed, plan.seed + items)
    order = shuffled([("s", "t", seed, 1) for seed in seeds], plan.seed)
    runs = []
    for place, (suite, task, seed, attempt) in enumerate(order):
        passed = {"a": place > 0, "b": not 1 <= place < 9, "c": False}
        for model in models:
            key = RunKey(model, suite, task, seed, attempt)
            outcome = Outcome.PASSED if passed[model] else Outcome.WRONG_ANSWER
            runs.append(RunRecord(f"{model}-{seed}", key, "finished", outcome))
    cards = tuple(map(ModelCard, models))
    return CampaignRecord("c", 1.0, "", plan_to_toml(plan), cards, {"s": "1"}, {}, tuple(runs))


OPEN = Stop(("a", "b"), futility=0.0)


def test_fewer_mistakes_are_better_where_the_claim_says_so():
    mistakes = rows({"a": [1, 2, 5, 3] * 5, "b": [6, 9, 12, 8] * 5})
    assert check(BETTER + "less=true", mistakes).verdict == "supported"
    assert check(BETTER, mistakes).verdict == "contradicted"
    turned = 'kind="better"\na="b"\nb="a"\nless=true'
    assert check(turned, mistakes).verdict == "contradicted"


def test_a_watched_campaign_is_judged_by_its_e_value():
    """8 against 1: McNemar's p is 0.039, the e-value 3.3 where 20 decides."""
    record = watched(OPEN)
    records = records_of(record)
    finding = compare_models(records, "a", "b", rng=fresh_rng())
    said = judged_as_watched(finding, [record], alpha=None, margin=None).verdict
    answer = check(BETTER, records, record)
    assert check(BETTER, records).verdict == "supported"  # of a number of items fixed before
    assert answer.verdict == "not_distinguishable"
    assert said.sentence in answer.steps
    assert "its e-value decides" in answer.steps[0]
    assert answer.numbers["p"] == said.p == pytest.approx(1 / 3.28, rel=1e-2)


def test_the_plan_s_alpha_and_margin_are_not_to_be_chosen_afterwards():
    record = watched(OPEN)
    records = records_of(record)
    for key, value in (("alpha", "0.01"), ("margin", "0.1")):
        with pytest.raises(UsageError, match=rf"claim 'x': {key} {value}: the plan of 'c'"):
            check(f"{BETTER}{key}={value}", records, record)
    with pytest.raises(UsageError, match="which passes more; leave out less"):
        check(BETTER + "less=true", records, record)


def test_a_family_takes_the_watched_pair_by_its_e_value():
    record = watched(OPEN, ("a", "b", "c"))
    records = records_of(record)
    claim = 'kind="family"\npairs=[["a","b"],["a","c"]]'
    assert check(claim, records).verdict == "supported"
    answer = check(claim, records, record)
    assert answer.verdict == "not_distinguishable"
    assert "not a > b" in answer.because
    assert any(step.startswith("a > b: p = 0.305") for step in answer.steps)


def test_a_table_of_tasks_beside_their_total_counts_once():
    counts = (
        Count("a", 20, 30, source="c"),
        Count("a", 10, 10, "t1", source="c"),
        Count("a", 10, 20, "t2", source="c"),
        Count("b", 12, 30, source="c"),
    )
    records = Records((Source("c", "counts"),), (), counts)
    whole = 'kind="sum"\nof=[{table="t",row="%s",column="n"}]\nstates=30'
    for model in ("a", "b"):
        assert check(whole % model, records).verdict == "reproduced"
    answer = check('kind="rate"\nof="a"\nstates=66.7\nunit="%"', records)
    assert (answer.verdict, answer.numbers["k"], answer.numbers["n"]) == ("reproduced", 20, 30)
