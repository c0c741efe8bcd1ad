"""Whether values move while they are made: the first half beside the last.

Knows nothing of what the values are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.stats.arrays import numbers
from ossay.stats.clustered import clustered_mean
from ossay.stats.gap import Gap, gap_of

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats


class Drift(Struct, frozen=True):
    """Means of the first and the last half, and the last less the first, in the values' unit."""

    first: float
    last: float
    gap: Gap
    n: int


def drift(values: Sequence[float] | Floats, level: float = 0.95) -> Drift:
    """Compare the halves of values in the order in which they were made, shape [n].

    The middle one of an odd number is left out. The gap is Welch's, as `gap_of` says.

    Where it fails: it takes values to be independent; a move that comes back is not seen.

    Raises:
        ValueError: fewer than four values, NaN, or level outside (0, 1).
    """
    vector = numbers(values, "values", at_least=4)
    half = vector.size // 2
    first, last = (clustered_mean(part, range(half)) for part in (vector[:half], vector[-half:]))
    return Drift(first.mean, last.mean, gap_of(last, first, level), vector.size)
