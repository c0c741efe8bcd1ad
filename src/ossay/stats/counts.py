"""Counts that arrive from outside, checked: passes, trials, pairs.

A count is whole: 2.5 passes are a mistake, and a machine integer of eight bits overflows where a
plain one doesn't. Knows nothing of what is counted.
"""

from __future__ import annotations

from typing import Any


def count(value: Any, name: str, *, at_least: int | None = 0) -> int:
    """Return a whole number as a plain int; 3.0, True and numpy's integers are whole too.

    Raises:
        ValueError: NaN, infinite, a fraction, no number, or below `at_least`.
    """
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}={value!r} is no whole number") from None
    if whole != value:
        raise ValueError(f"{name}={value!r} is no whole number")
    if at_least is not None and whole < at_least:
        below = "negative" if at_least == 0 else f"below {at_least}"
        raise ValueError(f"{name}={whole!r} is {below}")
    return whole


def passes(passed: Any, n: Any, *, side: str = "") -> tuple[int, int]:
    """Return passes and trials as plain ints; `side` is put behind their names in an error.

    Raises:
        ValueError: n < 1, passed outside 0..n, or one that is no whole number.
    """
    trials, found = (
        count(n, f"n{side}", at_least=None),
        count(passed, f"passed{side}", at_least=None),
    )
    if trials < 1:
        raise ValueError(f"n{side}={trials!r}: a rate needs at least one trial")
    if not 0 <= found <= trials:
        raise ValueError(f"passed{side}={found!r} is outside 0..{trials}")
    return found, trials


def discordant(only_a: Any, only_b: Any, n: Any = None) -> tuple[int, int]:
    """Return discordant counts as plain ints; with `n`, they fit into so many items.

    Raises:
        ValueError: a negative count, one that is no whole number, or more than n together.
    """
    first, second = count(only_a, "only_a"), count(only_b, "only_b")
    if n is not None and first + second > n:
        raise ValueError(f"discordant counts {(first, second)!r} don't fit n={n!r} items")
    return first, second
