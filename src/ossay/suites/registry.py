"""Which suites there are. Other packages add theirs under the entry point group `ossay.suites`.

An entry is a callable that takes a way to find the sandbox (graders run what models wrote in it)
and returns the Suite. Knows nothing of the suites themselves.
"""

from __future__ import annotations

from collections.abc import Callable

from ossay.agent.sandbox.base import Sandbox
from ossay.core.registry import Registry
from ossay.core.task import Suite

SuiteFactory = Callable[[Callable[[], Sandbox]], Suite]

SUITES: Registry[SuiteFactory] = Registry(
    "suite",
    {
        "agentic-core": "ossay.suites.agentic_core:AgenticCore",
        "coding": "ossay.suites.coding:Coding",
        "coding-changes": "ossay.suites.coding:changes",
        "coding-concise": "ossay.suites.coding:concise",
    },
    group="ossay.suites",
)


def open_suite(name: str, sandbox: Callable[[], Sandbox]) -> Suite:
    """Return the suite of that name; raises `UnknownName` with the nearest known one."""
    return SUITES.get(name)(sandbox)
