"""Which suites there are. Other packages add theirs under the entry point group `ossay.suites`."""

from __future__ import annotations

from ossay.core.registry import Registry
from ossay.core.task import Suite

SUITES: Registry[Suite] = Registry(
    "suite",
    {"agentic-core": "ossay.suites.agentic_core:SUITE"},
    group="ossay.suites",
)
