"""Which items two models share, before anything is compared.

An item counts once; what only one side has is named and never dropped in silence. Knows nothing of
what an item or a value is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec import Struct


class Shared(Struct, frozen=True):
    """The values of the shared items, in the order of A, and the items that one side lacks."""

    items: tuple[str, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]


def align(
    a: Iterable[tuple[str, float]], b: Iterable[tuple[str, float]], *, intersect: bool = False
) -> Shared:
    """Match (item, value) of A and B by item.

    With `intersect` items that one side lacks are left out and listed; without it they are refused,
    since models are often measured on different items for a reason.

    Raises:
        ValueError: an item twice on a side, a value that is NaN, items missing on a side without
            `intersect`, or no item shared.
    """
    first, second = _by_item(a, "A"), _by_item(b, "B")
    only_in_a = tuple(item for item in first if item not in second)
    only_in_b = tuple(item for item in second if item not in first)
    if (only_in_a or only_in_b) and not intersect:
        raise ValueError(
            f"B lacks {len(only_in_a)!r} items of A{_some(only_in_a)} and A lacks "
            f"{len(only_in_b)!r} of B{_some(only_in_b)}: run them, or ask for the intersection"
        )
    items = tuple(item for item in first if item in second)
    if not items:
        raise ValueError(f"{len(first)!r} items of A and {len(second)!r} of B: none is shared")
    return Shared(
        items,
        tuple(first[item] for item in items),
        tuple(second[item] for item in items),
        only_in_a,
        only_in_b,
    )


def _by_item(rows: Iterable[tuple[str, float]], side: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for item, value in rows:
        if item in found:
            raise ValueError(
                f"{side} has item {item!r} twice: average its attempts first, or name one"
            )
        if math.isnan(value):
            raise ValueError(f"{side} has {value!r} for item {item!r}: a missing result is no zero")
        found[item] = float(value)
    return found


def _some(items: tuple[str, ...]) -> str:
    """The first three by name."""
    shown = ", ".join(repr(item) for item in items[:3])
    return f" ({shown}{', …' if len(items) > 3 else ''})" if items else ""
