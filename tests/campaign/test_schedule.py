from collections import Counter

import pytest

from ossay.campaign.plan import Plan
from ossay.campaign.schedule import enumerate_runs, run_id
from ossay.core.errors import ConfigError, UnknownName
from ossay.core.records import RunKey


def plan(**changes):
    return Plan(
        **{"name": "night", "models": ("a/x", "b/y", "c/z"), "suites": ("sums",), **changes}
    )


def test_every_run_is_there_once(stage):
    keys = enumerate_runs(plan(instances=2, attempts=3), stage.suites)
    assert len(keys) == len(set(keys)) == 3 * 2 * 2 * 3


def test_every_model_gets_the_same_seeds(stage):
    keys = enumerate_runs(plan(instances=4, seed=10), stage.suites)
    seeds = {model: {k.seed for k in keys if k.model == model} for model in plan().models}
    assert set(map(tuple, map(sorted, seeds.values()))) == {(10, 11, 12, 13)}


def test_models_take_turns_and_each_goes_first_equally_often(stage):
    keys = enumerate_runs(plan(instances=3), stage.suites)
    blocks = [keys[i : i + 3] for i in range(0, len(keys), 3)]
    for block in blocks:
        assert {key.model for key in block} == {"a/x", "b/y", "c/z"}
        assert len({(key.task, key.seed, key.attempt) for key in block}) == 1
    assert set(Counter(block[0].model for block in blocks).values()) == {len(blocks) // 3}


def test_models_that_share_a_machine_go_one_after_the_other(stage):
    keys = enumerate_runs(plan(instances=3, order="model_by_model"), stage.suites)
    assert set(keys) == set(enumerate_runs(plan(instances=3), stage.suites))
    assert [key.model for key in keys] == sorted(key.model for key in keys)


def test_a_campaign_that_stops_early_has_seen_every_task(stage):
    keys = enumerate_runs(plan(attempts=5), stage.suites)
    assert {key.attempt for key in keys[:6]} == {1}
    assert {key.task for key in keys[:6]} == {"add", "plus"}


def test_only_the_tasks_that_were_named(stage):
    keys = enumerate_runs(plan(tasks=("plus",)), stage.suites)
    assert {key.task for key in keys} == {"plus"}


def test_unknown_names_are_told_the_nearest(stage):
    with pytest.raises(UnknownName, match="no task 'ad'; did you mean 'add'"):
        enumerate_runs(plan(tasks=("ad",)), stage.suites)
    with pytest.raises(UnknownName, match="no suite 'sum'; did you mean 'sums'"):
        enumerate_runs(plan(suites=("sum",)), stage.suites)


def test_more_runs_than_a_ledger_should_hold(stage):
    with pytest.raises(ConfigError, match="split the campaign"):
        enumerate_runs(plan(instances=1_000, attempts=1_000), stage.suites)


def test_a_run_id_is_the_same_everywhere_and_nowhere_twice():
    key = RunKey("a/x", "sums", "add", 1, 1)
    assert run_id("night", key) == "b330816b69474955b0f8"
    others = [
        run_id("nigh", key),
        run_id("night", RunKey("a/x", "sums", "add", 1, 2)),
        run_id("night", RunKey("a/x", "sums", "add", 11, 1)),
        run_id("night", RunKey("a/xs", "ums", "add", 1, 1)),
    ]
    assert len({run_id("night", key), *others}) == 5
