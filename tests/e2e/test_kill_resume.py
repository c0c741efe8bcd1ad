"""Campaigns that are killed with -9 at random points, and resumed: the books stay right.

The campaign is a real process, the model a real endpoint (the mock upstream, which counts what it
served), the ledger a file.
"""

import asyncio
import contextlib
import random
import sys
from math import isclose
from pathlib import Path

import pytest

from ossay.core.outcome import Outcome
from ossay.models.mock_upstream import MockUpstream
from ossay.store.ledger import open_ledger
from ossay.suites.scripting import call, say

CHILD = Path(__file__).with_name("campaign_child.py")
RUNS = 60
# Three calls a run. Whoever found the marker in a fresh workspace was not in a fresh one.
SCRIPT = (call("fs_read", path="marker.txt"), call("fs_write", path="marker.txt", content="x"))
SCRIPT = (*SCRIPT, say("2"))
CALLS = RUNS * len(SCRIPT)

PROVIDER = """
[providers.mock]
base_url = "{url}"
[providers.mock.prices]
small = {{ input = 1.0, output = 2.0, date = "2026-11-21", source = "the test" }}
"""


@contextlib.asynccontextmanager
async def upstream_for(place):
    async with MockUpstream(["instant"], SCRIPT, delay_s=0.01) as upstream:
        (place / "ossay.toml").write_text(PROVIDER.format(url=upstream.base_url))
        yield upstream


async def start(place, suite):
    return await asyncio.create_subprocess_exec(
        sys.executable, CHILD, place, suite, stderr=asyncio.subprocess.PIPE
    )


async def finish(process):
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2000:]


async def kill_after(process, upstream, calls, rng):
    """Kill once so many more calls came, a few random milliseconds later."""
    goal = upstream.seen + calls
    while upstream.seen < goal and process.returncode is None:
        await asyncio.sleep(0.002)
    await asyncio.sleep(rng.uniform(0, 0.02))
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


def read(place):
    with open_ledger(str(place / "ledger.sqlite"), create=False) as ledger:
        return ledger.campaign("night")


def finished(place):
    if not (place / "ledger.sqlite").exists():
        return {}  # killed before it was there
    with open_ledger(str(place / "ledger.sqlite"), create=True) as ledger:
        names = [row.name for row in ledger.campaigns()]
        runs = ledger.campaign("night").runs if names else ()
    return {run.id: run for run in runs if run.state == "finished"}


def audit(place, upstream, earlier):
    """Check the books of a complete campaign against the upstream's and against themselves."""
    record = read(place)
    runs = {run.id: run for run in record.runs}
    assert len(runs) == len({run.key for run in record.runs}) == RUNS
    assert {run.state for run in record.runs} == {"finished"}
    assert record.stopped == ""
    for snapshot in earlier:
        for run_id, run in snapshot.items():
            assert runs[run_id] == run, "a finished run was touched again"

    for run in record.runs:
        assert run.outcome is not Outcome.INFRASTRUCTURE_ERROR, run.error
        calls = [c for c in record.calls if c.run_id == run.id]
        last = [c for c in calls if c.try_ == run.tries]
        assert [c.turn for c in last] == [1, 2, 3]
        assert {c.state for c in last} == {"done"}
        cut_off = [c for c in calls if c.try_ < run.tries]
        assert isclose(run.cost_usd, sum(c.cost_usd for c in last))
        assert isclose(run.lost_cost_usd, sum(c.cost_usd or 0.0 for c in cut_off))
        assert run.lost_calls_unpriced == sum(c.state == "lost" for c in cut_off)
        assert not any(c.state == "failed" for c in calls)

    states = [c.state for c in record.calls]
    done, lost = states.count("done"), states.count("lost")
    assert done + lost == len(states), "a call was left open"
    assert done <= len(upstream.completed) <= done + lost
    assert upstream.seen <= done + lost
    assert list((place / "scratch").iterdir()) == []
    return record


async def killed_once(place, rng):
    async with upstream_for(place) as upstream:
        process = await start(place, "sums")
        await kill_after(process, upstream, rng.randrange(CALLS - 12), rng)
        earlier = [finished(place)]
        await finish(await start(place, "sums"))
        audit(place, upstream, earlier)


def points(normal, long):
    return [p if p < normal else pytest.param(p, marks=pytest.mark.long) for p in range(long)]


@pytest.mark.parametrize("point", points(4, 20))
def test_killed_at_a_random_point_and_resumed(tmp_path, point):
    asyncio.run(killed_once(tmp_path, random.Random(point)))


async def killed_again_and_again(place, rng, kills, suite):
    async with upstream_for(place) as upstream:
        earlier = []
        for _ in range(kills):
            process = await start(place, suite)
            await kill_after(process, upstream, rng.randrange(2 * CALLS // kills), rng)
            earlier.append(finished(place))
        await finish(await start(place, suite))
        return audit(place, upstream, earlier)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.long)])
def test_killed_again_and_again_with_workspaces_and_graders(tmp_path, kills):
    rng = random.Random(kills)
    record = asyncio.run(killed_again_and_again(tmp_path, rng, kills, "agentic-core"))
    assert any(run.tries > 1 for run in record.runs)
    with open_ledger(str(tmp_path / "ledger.sqlite"), create=False) as ledger:
        for run in record.runs:
            first, second = ledger.transcript(run.id).results
            assert first.problem == "failed", "a cut-off run did not start in a fresh workspace"
            assert second.problem == ""


async def two_at_once(place, rng, kills):
    """Two processes work on one campaign; one or the other is killed and replaced."""
    async with upstream_for(place) as upstream:
        pair = [await start(place, "sums"), await start(place, "sums")]
        earlier = []
        for _ in range(kills):
            victim = rng.randrange(2)
            await kill_after(pair[victim], upstream, rng.randrange(CALLS // kills), rng)
            earlier.append(finished(place))
            pair[victim] = await start(place, "sums")
        for process in pair:
            await finish(process)
        audit(place, upstream, earlier)


@pytest.mark.parametrize("point", points(1, 10))
def test_two_processes_resume_at_once_while_one_or_the_other_is_killed(tmp_path, point):
    asyncio.run(two_at_once(tmp_path, random.Random(100 + point), kills=3))
