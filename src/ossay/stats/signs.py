"""The sum of numbers whose signs are tossed: its tails, counted where the numbers share a step.

Counts, ranks and marks in quarters are whole multiples of a step, so that few sums are possible
however many patterns of signs there are. Knows nothing of what is tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats, Whole

CELLS = 200_000_000  # numbers times sums up to which counting is worth its time, about 0.2 s
_PARTS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 25, 30, 40, 50, 60, 100)  # steps of 1/part


def in_steps(values: Floats) -> Whole | None:
    """The sizes of nonzero values in their common step, or None where they share none.

    None too where counting would take over `CELLS` additions.
    """
    import numpy as np

    sizes = np.abs(values)
    if not sizes.size or sizes.max() > CELLS:
        return None
    for parts in _PARTS:
        steps = np.rint(sizes * parts)
        if (np.abs(sizes * parts - steps) <= 1e-9 * np.maximum(1.0, steps)).all():
            break
    else:
        return None
    whole = steps.astype(np.int64)
    whole //= max(1, int(np.gcd.reduce(whole)))
    return whole if whole.min() > 0 and whole.size * int(whole.sum()) <= CELLS else None


def tail(sizes: Whole, reach: int) -> float:
    """The chance that the sum of `sizes` under fair signs is at least `reach` away from 0.

    The distribution of the sum of the positive ones, size by size: no rounding of patterns, no
    draws, and the small chances are sums of positive numbers, so they keep their digits.
    """
    import numpy as np

    total = int(sizes.sum())
    least = (total - abs(int(reach))) // 2  # of the positive ones, on the low side
    if least < 0:
        return 0.0
    ways = np.zeros(total + 1)
    ways[0], top = 1.0, 0
    for size in np.sort(sizes).tolist():
        top += size
        moved = ways[: top - size + 1] / 2.0
        ways[: top + 1] /= 2.0
        ways[size : top + 1] += moved
    return min(1.0, 2.0 * float(ways[: least + 1].sum()))
