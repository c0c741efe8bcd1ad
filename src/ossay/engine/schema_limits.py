"""What it costs to compile a schema, and which are refused before they are.

llguidance bounds what patterns and sizes may cost. `multipleOf` it turns into an automaton with as
many states as the number is large: 50 ms and 2 MiB for 10,000, 0.9 s and 47 MiB for 100,000, and so
on without bound. Properties cost some 60 us and 8 KiB each where an object has hundreds. Knows
nothing of grammars.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

# Of one schema, in characters: one costs about a microsecond and 100 bytes, rather less than more.
LARGEST = 500_000
LARGEST_MULTIPLE = 10_000  # where several may hold at once, their least common multiple

_LEAST = 1000  # that any grammar costs
_KEY = 30  # that a key costs, beside its characters
_STEP = 4  # that a step of a multiple costs
_TOGETHER = frozenset(("allOf", "anyOf", "oneOf", "$ref"))  # what makes several schemas hold


def cost_of(schema: str) -> int:
    """Return what a schema, given as JSON, costs to compile and to keep, in characters."""
    keys, steps, _ = _weighed(schema)
    return _LEAST + len(schema) + _KEY * keys + _STEP * sum(steps)


def too_costly(schema: str) -> str:
    """Say why a schema, given as JSON, is refused; '' where it is not."""
    if len(schema) > LARGEST:
        return f"it is {len(schema)} characters long, and {LARGEST} is the most"
    keys, steps, together = _weighed(schema)
    if (math.lcm(*steps) if together else max(steps, default=0)) > LARGEST_MULTIPLE:
        return f"multipleOf {max(steps)} costs too much, {LARGEST_MULTIPLE} is the most"
    if len(schema) + _KEY * keys + _STEP * sum(steps) > LARGEST:
        return f"its {keys} keys and {len(steps)} multipleOf together cost too much"
    return ""


def _weighed(schema: str) -> tuple[int, list[int], bool]:
    """Count keys; find each `multipleOf`, in steps, and whether several may hold at once."""
    keys, together = 0, False
    steps: list[int] = []
    try:
        whole = msgspec.json.decode(schema)
    except (msgspec.DecodeError, RecursionError):
        return 0, [], False  # the compiler has its own words for these
    for part in _objects(whole):
        keys += len(part)
        together = together or not _TOGETHER.isdisjoint(part)
        step = part.get("multipleOf")
        if isinstance(step, int | float) and math.isfinite(step) and step > 0:
            # As the whole number of steps that an automaton counts.
            _, digits, exponent = Decimal(str(step)).as_tuple()
            digit_steps = int("".join(map(str, digits)))
            steps.append(digit_steps * 10 ** min(abs(int(exponent)), 20))
    return keys, steps, together


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, list):
            left += value
        elif isinstance(value, dict):
            left += value.values()
            yield value
