"""Adaptive campaigns with the real runner: decided early, given up, limited, resumed, shared."""

import asyncio
import threading

import pytest

from ossay.campaign.plan import Limits
from ossay.campaign.stop import Stop
from ossay.campaign.stopping import follow
from ossay.core.errors import ConfigError, UsageError
from ossay.core.types import Message
from ossay.models.sometimes import Sometimes
from ossay.store.ledger import open_ledger

GOOD, POOR = "scripted/sometimes?rate=0.9&seed=1", "scripted/sometimes?rate=0.4&seed=2"


@pytest.fixture
def pair(stage):
    """Two models of which one is better, and tasks that both know."""
    for task in stage.suites["sums"].tasks.values():
        give_scripts(task)
    stage.models = {GOOD: Sometimes(0.9, 1, GOOD), POOR: Sometimes(0.4, 2, POOR)}
    return stage


def give_scripts(task):
    made = type(task).instance

    def instance(seed):
        found = made(task, seed)
        found.scripts["do_nothing"] = (Message("assistant", "?"),)
        return found

    task.instance = instance


def adaptive(stage, **changes):
    return stage.plan(**{"instances": 100, "attempts": 1, "stop": Stop(), **changes})


def decision(stage, name="night"):
    found = follow(stage.ledger.campaign(name))
    return found.reason, found.winner, found.items, found.only_a, found.only_b, found.path


def test_a_clear_difference_ends_the_campaign_early(pair):
    progress = pair.go(adaptive(pair))
    assert progress.stopped == "decided"
    assert progress.finished < 100 < progress.total
    record = pair.ledger.campaign("night")
    assert record.stopped == "decided"
    found = follow(record)
    assert (found.reason, found.winner) == ("decided", "a")
    assert found.runs_saved == progress.total - progress.finished
    assert {run.state for run in record.runs} == {"planned", "finished"}  # none was cut off
    assert {run.tries for run in record.runs if run.state == "finished"} == {1}
    # The path never crossed the bar before its end.
    assert all(look.e_value < 20 for look in found.path[:-1])


def test_progress_shows_the_e_value_and_its_bar(pair):
    pair.go(adaptive(pair))
    evidence = pair.seen[-1].evidence
    assert (evidence.bar, evidence.planned) == (20.0, 200)
    assert evidence.e_value >= 20
    assert evidence.only_a > evidence.only_b


def test_a_decided_campaign_runs_nothing_more(pair):
    pair.go(adaptive(pair))
    before = pair.ledger.campaign("night")
    assert pair.go(adaptive(pair, concurrency=1)).stopped == "decided"
    assert pair.ledger.campaign("night").runs == before.runs
    assert pair.ledger.campaign("night").stopped == "decided"


@pytest.mark.parametrize("concurrency", [2, 8, 40])
def test_the_decision_does_not_depend_on_how_many_run_at_once(pair, concurrency):
    pair.go(adaptive(pair, name="alone", concurrency=1))
    pair.go(adaptive(pair, name="many", concurrency=concurrency))
    assert decision(pair, "many") == decision(pair, "alone")


def test_where_both_do_the_same_it_gives_up(pair):
    pair.models[POOR] = Sometimes(0.9, 1, POOR)
    progress = pair.go(adaptive(pair))
    assert progress.stopped == "undecidable"
    assert progress.finished < progress.total
    found = follow(pair.ledger.campaign("night"))
    assert (found.reason, found.winner, found.only_a, found.only_b) == ("futile", None, 0, 0)
    assert found.chance < 0.05
    assert pair.go(adaptive(pair)).finished == progress.finished


def test_where_both_do_the_same_a_margin_shows_the_tie(pair):
    pair.models[POOR] = Sometimes(0.9, 1, POOR)
    assert pair.go(adaptive(pair, stop=Stop(margin=0.1))).stopped == "decided"
    assert follow(pair.ledger.campaign("night")).verdict.kind == "tied"


def test_without_giving_up_everything_is_run(pair):
    pair.models[POOR] = Sometimes(0.9, 1, POOR)
    progress = pair.go(adaptive(pair, stop=Stop(futility=0.0), instances=20))
    assert (progress.finished, progress.stopped) == (80, "")
    assert follow(pair.ledger.campaign("night")).reason == "used_up"


def test_a_limit_on_tokens_still_holds_and_the_decision_is_the_same_afterwards(pair):
    pair.go(adaptive(pair, name="through"))
    limits = Limits(max_tokens=20)
    progress = pair.go(adaptive(pair, limits=limits, concurrency=1))
    assert progress.stopped == "max_tokens"
    assert follow(pair.ledger.campaign("night")).reason == "open"
    assert pair.go(adaptive(pair)).stopped == "decided"
    assert decision(pair) == decision(pair, "through")


def test_stopped_again_and_again_it_comes_to_the_same_decision(pair):
    pair.go(adaptive(pair, name="through"))

    async def a_little(count):
        stop = asyncio.Event()

        def told(progress):
            if progress.finished >= count:
                stop.set()

        return await pair.run(adaptive(pair, concurrency=3), stop=stop, on_progress=told)

    for count in range(0, 200, 5):
        if asyncio.run(a_little(count)).stopped == "decided":
            break
    pair.go(adaptive(pair))
    assert decision(pair) == decision(pair, "through")


def test_two_processes_worth_of_sessions_come_to_the_same_decision(pair, tmp_path):
    pair.go(adaptive(pair, name="through"))
    done = []

    def start():
        with open_ledger(str(tmp_path / "ledger.sqlite"), create=True) as ledger:
            done.append(pair.go(adaptive(pair), ledger=ledger, on_progress=None))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decision(pair) == decision(pair, "through")
    assert {progress.stopped for progress in done} <= {"decided", ""}  # '' where all were run


def test_failed_calls_tell_nothing(pair):
    """Every third grade of the better model breaks: fewer pairs, the same answer."""
    add = pair.suites["sums"].tasks["add"]
    made = type(add).grade

    def grade(instance, workspace, transcript):
        if instance.seed % 3 == 0:
            raise ZeroDivisionError
        return made(add, instance, workspace, transcript)

    add.grade = grade
    pair.go(adaptive(pair))
    found = follow(pair.ledger.campaign("night"))
    assert found.winner == "a"
    assert found.without_result > 0
    assert found.items == found.pairs + found.without_result


def test_too_few_items_to_decide_are_refused_before_anything_runs(pair):
    with pytest.raises(ConfigError, match=r"4 items can't decide .* there are 11 and more"):
        pair.go(adaptive(pair, instances=2))
    assert pair.ledger.campaigns() == []
    assert pair.go(adaptive(pair, instances=2, stop=Stop(futility=0.0))).finished == 8


def test_a_plan_too_small_for_a_tie_and_for_a_winner_is_refused(pair):
    with pytest.raises(ConfigError, match=r"4 items .* nor show a tie within 0\.1; .* 11 and more"):
        pair.go(adaptive(pair, instances=2, stop=Stop(margin=0.1)))
    pair.models[POOR] = Sometimes(0.9, 1, POOR)
    assert pair.go(adaptive(pair, instances=2, stop=Stop(margin=0.95))).stopped == "decided"


def test_a_bet_that_never_decides_is_refused_and_not_sought_for(pair):
    with pytest.raises(ConfigError, match=r"no plan can: choose a larger alpha or edge"):
        pair.go(adaptive(pair, stop=Stop(edge=0.5000000000001)))


def test_another_stop_is_another_campaign(pair):
    pair.go(adaptive(pair))
    for other in (Stop(alpha=0.2), Stop(margin=0.1), None):
        with pytest.raises(UsageError, match=r"stop: .* before, .* now"):
            pair.go(adaptive(pair, stop=other))
