"""Every task over 200 seeds: the reference passes, doing nothing and every cheat fail."""

import asyncio

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite

SANDBOX = find_sandbox()
SUITE = open_suite("agentic-core", lambda: SANDBOX)
SEEDS = range(1000, 1200)


@pytest.mark.long
@pytest.mark.parametrize("task", SUITE.tasks)
def test_the_task_holds_over_200_seeds(task):
    seen = []
    upsets = asyncio.run(
        check_suite(SUITE, SEEDS, sandbox=SANDBOX, tasks=[task], jobs=1, on_done=seen.append)
    )
    assert [(u.seed, u.script, u.upset) for u in upsets] == []
    scripts = {done.script for done in seen}
    assert {"reference", "do_nothing"} < scripts
    assert len([name for name in scripts if name.startswith("cheat_")]) >= 1
    assert len({done.seed for done in seen}) == 200
