"""Families of modules that hold the same block of code."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from ossay.suites.agentic_core.duplicated import (
    options,
    paragraphs,
    recipients,
    rooms,
    takings,
    weather,
)
from ossay.suites.agentic_core.duplicated.family import Family


class Drawable(NamedTuple):
    """A family and the calls that show what its public functions do, by function."""

    family: Family
    probes: Callable[[random.Random], dict[str, list[str]]]


# What a seed draws from; the order is part of what an instance is.
FAMILIES: tuple[Drawable, ...] = tuple(
    Drawable(module.FAMILY, module.probes)
    for module in (options, paragraphs, recipients, rooms, takings, weather)
)
