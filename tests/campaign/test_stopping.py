"""Following a campaign from its rows alone: any order of runs gives the same decision."""

import random

import msgspec
import pytest

from ossay.campaign.order import item_of, shuffled
from ossay.campaign.plan import Plan, plan_to_toml
from ossay.campaign.schedule import enumerate_runs
from ossay.campaign.stop import Stop
from ossay.campaign.stopping import follow
from ossay.core.outcome import Outcome
from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.types import ModelCard

A, B = "lab/a", "lab/b"
PASSED, WRONG, BROKEN = Outcome.PASSED, Outcome.WRONG_ANSWER, Outcome.INFRASTRUCTURE_ERROR


def record_of(outcomes, models=(A, B), items=60, **stop):
    """A campaign of one task; `outcomes` is called with model and seed, None: not finished."""
    plan = Plan("x", models, ("s",), instances=items, attempts=1, stop=Stop(**stop))
    runs = []
    for seed in range(1, items + 1):
        for model in models:
            key, outcome = RunKey(model, "s", "t", seed, 1), outcomes(model, seed)
            state = "planned" if outcome is None else "finished"
            runs.append(RunRecord(f"{model}{seed}", key, state, outcome))
    cards = tuple(ModelCard(model) for model in models)
    return CampaignRecord("x", 0.0, "ossay run", plan_to_toml(plan), cards, {}, {}, tuple(runs))


def a_alone(model, seed):
    return PASSED if model == A else WRONG


def test_a_campaign_without_stop_is_not_followed():
    record = record_of(a_alone)
    plan = Plan("x", (A, B), ("s",))
    assert follow(msgspec.structs.replace(record, plan_toml=plan_to_toml(plan))) is None


def test_the_better_model_is_named_with_what_it_took():
    found = follow(record_of(a_alone))
    assert (found.a, found.b, found.reason, found.winner) == (A, B, "decided", "a")
    assert (found.decided_at, found.items, found.planned, found.only_a) == (11, 11, 60, 11)
    assert found.e_value >= 20
    assert found.path[-1].items == 11
    assert found.verdict.kind == "a_better"
    assert found.runs_saved == 0  # all of them were run


def test_it_counts_the_runs_that_were_not_needed():
    order = shuffled({("s", "t", seed, 1) for seed in range(1, 61)}, 1)
    first = {item[2] for item in order[:12]}
    found = follow(record_of(lambda m, seed: a_alone(m, seed) if seed in first else None))
    assert (found.decided_at, found.runs_saved) == (11, 120 - 24)


def test_any_order_of_the_rows_gives_the_same():
    rng = random.Random(1)
    sides = {(m, seed): rng.choice([PASSED, WRONG]) for m in (A, B) for seed in range(1, 301)}
    record = record_of(lambda m, seed: sides[m, seed], items=300)
    mixed = list(record.runs)
    rng.shuffle(mixed)
    assert follow(msgspec.structs.replace(record, runs=tuple(mixed))) == follow(record)


def test_results_beyond_a_gap_do_not_count():
    """The fifth item is not finished, whatever was finished after it."""
    order = shuffled({("s", "t", seed, 1) for seed in range(1, 61)}, 1)
    gap = order[4][2]
    found = follow(record_of(lambda m, seed: None if (m, seed) == (B, gap) else a_alone(m, seed)))
    assert (found.reason, found.items, found.decided_at) == ("open", 4, None)
    assert found.verdict.kind == "not_enough_data"


def test_infrastructure_errors_are_items_without_a_pair():
    found = follow(
        record_of(lambda m, seed: BROKEN if (m, seed % 2) == (B, 0) else a_alone(m, seed))
    )
    assert found.only_a == found.pairs == 11
    assert found.without_result == found.items - 11 > 0


def test_a_third_model_runs_along_and_decides_nothing():
    third = record_of(lambda m, seed: WRONG if m == "lab/c" else a_alone(m, seed),
                      models=(A, "lab/c", B), compare=(B, A))  # fmt: skip
    found = follow(third)
    assert (found.a, found.b, found.winner, found.decided_at) == (B, A, "b", 11)


def test_alike_models_end_in_giving_up_or_a_tie():
    futile = follow(record_of(lambda m, seed: PASSED))
    assert (futile.reason, futile.winner, futile.decided_at) == ("futile", None, None)
    assert futile.chance < 0.05
    assert "given up" in futile.verdict.sentence
    tied = follow(record_of(lambda m, seed: PASSED, items=300, margin=0.1))
    assert (tied.reason, tied.verdict.kind, tied.winner) == ("tied", "tied", None)
    assert tied.decided_at == tied.items
    used_up = follow(record_of(lambda m, seed: PASSED, futility=0.0))
    assert (used_up.reason, used_up.items) == ("used_up", 60)


def test_the_order_follows_the_seed_and_nothing_else():
    items = [("s", task, seed, 1) for task in ("t", "u") for seed in range(50)]
    assert set(shuffled(items, 1)) == set(items)
    assert shuffled(items, 1) == shuffled(reversed(items), 1)
    assert shuffled(items, 1) != shuffled(items, 2)
    fewer = shuffled(items[:60], 1)
    assert fewer == tuple(item for item in shuffled(items, 1) if item in items[:60])


def test_both_models_of_an_item_come_together_and_take_turns_at_going_first(stage):
    plan = Plan("x", (A, B), ("sums",), instances=30, attempts=1, stop=Stop())
    keys = enumerate_runs(plan, stage.suites)
    assert len(keys) == len(set(keys)) == 120
    pairs = [keys[at : at + 2] for at in range(0, 120, 2)]
    assert all(item_of(first) == item_of(second) for first, second in pairs)
    assert [first.model for first, _ in pairs] == [A, B] * 30
    assert tuple(item_of(first) for first, _ in pairs) == shuffled(map(item_of, keys[::2]), 1)


@pytest.mark.parametrize("model", [A, B])
def test_unfinished_runs_are_not_taken(model):
    found = follow(record_of(lambda m, seed: None if m == model else PASSED))
    assert (found.items, found.path, found.reason) == (0, (), "open")
    assert "no item has a result of both" in found.verdict.sentence
