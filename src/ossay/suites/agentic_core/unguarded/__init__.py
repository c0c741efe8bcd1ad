"""Small modules, each with a function that lacks a guard, and the ticket that asks for it."""

from __future__ import annotations

import random
from collections.abc import Callable

from ossay.suites.agentic_core.unguarded import amounts, lists, people, records, signals
from ossay.suites.agentic_core.unguarded.ticket import Ticket

# What a seed draws from; the order is part of what an instance is.
TICKETS: tuple[Callable[[random.Random], Ticket], ...] = (
    amounts.change,
    amounts.prices,
    lists.ratings,
    signals.readings,
    lists.runs,
    people.address,
    records.lookup,
    people.names,
    records.orders,
    signals.tags,
)
