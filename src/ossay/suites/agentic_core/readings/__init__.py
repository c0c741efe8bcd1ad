"""Vague requests, each with the ways in which it can be taken."""

from __future__ import annotations

import random
from collections.abc import Callable

from ossay.suites.agentic_core.readings import averages, dates, numbers, ordering, texts
from ossay.suites.agentic_core.readings.request import Request

# What a seed draws from; the order is part of what an instance is.
REQUESTS: tuple[Callable[[random.Random], Request], ...] = (
    texts.case,
    texts.merge,
    texts.latest,
    numbers.between,
    numbers.rounding,
    averages.empty,
    ordering.ranking,
    ordering.middle,
    dates.last_days,
    dates.week,
    dates.month,
)
