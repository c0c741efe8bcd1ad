"""Small projects in which a number comes a long way, each by another mechanism."""

from __future__ import annotations

import random
from collections.abc import Callable

from ossay.suites.agentic_core.traces import calls, configured, imports, objects, profiles
from ossay.suites.agentic_core.traces.sketch import Sketch

# What a seed draws from; the order is part of what an instance is.
MECHANISMS: tuple[Callable[[random.Random], Sketch], ...] = (
    imports.reexport,
    imports.patched,
    objects.inherited,
    objects.registered,
    calls.passed,
    configured.layered,
    configured.started,
    profiles.profiled,
)
