"""Small modules, each with a function that lacks a guard, and the ticket that asks for it."""

from __future__ import annotations

import random
from collections.abc import Callable

from ossay.suites.agentic_core.unguarded import figures, texts
from ossay.suites.agentic_core.unguarded.ticket import Ticket

# What a seed draws from; the order is part of what an instance is.
TICKETS: tuple[Callable[[random.Random], Ticket], ...] = (
    figures.change,
    figures.prices,
    figures.ratings,
    figures.readings,
    figures.runs,
    texts.address,
    texts.lookup,
    texts.names,
    texts.orders,
    texts.tags,
)
