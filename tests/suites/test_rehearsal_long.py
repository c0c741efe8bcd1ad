"""Every task over many seeds: the reference passes, doing nothing and every cheat fail."""

import asyncio
import os
from pathlib import Path

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.settings import settings_from
from ossay.suites.chromium import find_chromium
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite
from ossay.suites.toolchain import typescript_is_there

SANDBOX = find_sandbox()
SUITE = open_suite("agentic-core", lambda: SANDBOX)
SEEDS = range(1000, 1200)
CODING = open_suite("coding", lambda: SANDBOX)


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


HOME = settings_from(os.environ, Path.cwd()).home
THERE = {"typescript": typescript_is_there(HOME), "chromium": bool(find_chromium()), "node": True}
REQUIRED = {"typescript": "typescript", "chromium": "browser"}


@pytest.mark.long
@pytest.mark.parametrize("first", [2000, 2050])  # halves, for two workers: a chart takes seconds
@pytest.mark.parametrize("task", CODING.tasks)
def test_the_coding_task_holds_over_100_seeds(task, first):
    for need in CODING.tasks[task].instance(2000).needs:
        required = REQUIRED.get(need, need) in os.environ.get("OSSAY_REQUIRE", "").split(",")
        if not THERE[need] and not required:
            pytest.skip(f"no {need} here: ossay doctor --install")
    seen = []
    seeds = range(first, first + 50)
    upsets = asyncio.run(
        check_suite(CODING, seeds, sandbox=SANDBOX, tasks=[task], jobs=1, on_done=seen.append)
    )
    assert [(u.seed, u.script, u.upset) for u in upsets] == []
    scripts = {done.script for done in seen}
    assert {"reference", "do_nothing"} < scripts
    assert len([name for name in scripts if name.startswith("cheat_")]) >= 6
    assert len({done.seed for done in seen}) == 50
