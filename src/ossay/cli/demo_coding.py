"""Which coding tasks the demo can show on this machine, and what is missing for the others.

Each task's needs are proved in the sandbox, as a campaign does before its runs; there what is
missing would be errors of the machine, which is no welcome. Knows nothing of how tasks are run.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct

from ossay.agent.sandbox.base import Sandbox
from ossay.core.errors import EnvironmentDefect
from ossay.core.task import Suite
from ossay.suites.grading import check_environment

SEED = 1


class CodingHere(Struct, frozen=True):
    """Tasks that can be run; `missing` has a line for each thing that others lack."""

    tasks: tuple[str, ...]
    missing: tuple[str, ...] = ()


def coding_here(suite: Suite, sandbox: Sandbox) -> CodingHere:
    """Prove what each task of `suite` needs inside `sandbox`."""
    found = list[str]()
    lacking: dict[str, list[str]] = {}
    for name, task in suite.tasks.items():
        try:
            asyncio.run(check_environment(task.instance(SEED), sandbox))
        except EnvironmentDefect as error:
            lacking.setdefault(str(error), []).append(name)
        else:
            found.append(name)
    missing = (f"Left out: {', '.join(names)}. {why}" for why, names in lacking.items())
    return CodingHere(tuple(found), tuple(missing))
