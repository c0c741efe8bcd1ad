"""Small projects, each with places where a bug can be put."""

from __future__ import annotations

import random
from collections.abc import Callable

from ossay.suites.agentic_core.broken import (
    access,
    deadlines,
    durations,
    invoices,
    limiter,
    scores,
    sensors,
    settings,
    shelf,
    stock,
    targets,
)
from ossay.suites.agentic_core.project import Project

# What a seed draws from; the order is part of what an instance is.
PROJECTS: tuple[Callable[[random.Random], Project], ...] = (
    access.build,
    deadlines.build,
    durations.build,
    invoices.build,
    limiter.build,
    scores.build,
    sensors.build,
    settings.build,
    shelf.build,
    stock.build,
    targets.build,
)
