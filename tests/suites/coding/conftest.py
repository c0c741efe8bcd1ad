"""What tests of the coding tasks share: a reply as a transcript, and the programs they need."""

import os
from pathlib import Path

import pytest

from ossay.core.task import Step, Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.suites.chromium import find_chromium


@pytest.fixture(scope="session")
def graded():
    """(task, instance, reply) -> the grade."""

    def judge(task, instance, reply):
        steps = (Step(Reply(Message("assistant", reply), Usage(), Timing(0.0, 0.0))),)
        asked = (instance.task, instance.seed, "", instance.prompt, "answered")
        return task.grade(instance, Path("nowhere"), Transcript(*asked, steps=steps))

    return judge


@pytest.fixture(scope="session")
def chromium():
    """Where Chromium is; skips where it is not."""
    found = find_chromium()
    if not found and "browser" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
        pytest.skip("no Chromium here: ossay doctor --install")
    return found
