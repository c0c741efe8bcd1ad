"""Schemas that would take long to compile, refused before they are.

llguidance bounds what patterns and sizes may cost. `multipleOf` it turns into an automaton with as
many states as the number is large: 0.4 s for 100,000, 6 s for 1,000,000, and so on without bound.
Knows nothing of grammars.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import msgspec

LARGEST = 1 << 20  # characters of a schema; half a second at most
LARGEST_MULTIPLE = 100_000  # where several must hold at once, their least common multiple


def too_costly(schema: str) -> str:
    """Say why a schema, given as JSON, is refused; '' where it is not."""
    if len(schema) > LARGEST:
        return f"it is {len(schema)} characters long, and {LARGEST} is the most"
    try:
        steps = _multiples(msgspec.json.decode(schema))
    except (msgspec.DecodeError, RecursionError):
        return ""  # the compiler has its own words for these
    if math.lcm(*steps) > LARGEST_MULTIPLE:
        return f"multipleOf {max(steps)} costs too much, {LARGEST_MULTIPLE} is the most"
    return ""


def _multiples(schema: Any) -> list[int]:
    """Return every `multipleOf`, as the whole number of steps that an automaton counts."""
    found: list[int] = []
    left = [schema]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += value.values()
            step = value.get("multipleOf")
            if isinstance(step, int | float) and math.isfinite(step) and step > 0:
                _, digits, exponent = Decimal(str(step)).as_tuple()
                whole = int("".join(map(str, digits)))
                found.append(whole * 10 ** min(abs(int(exponent)), 20))
    return found
