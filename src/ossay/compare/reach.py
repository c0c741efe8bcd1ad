"""Whether so few shared items can show any difference at all, and how many could.

A test by signs, of items or whole clusters, has a least p: that of all going one way. Knows nothing
of scores.
"""

from __future__ import annotations

import math


def out_of_reach(n: int, alpha: float, *, noun: str = "item", family: int = 1) -> str:
    """One sentence where no scores on `n` items can be significant, '' where some can.

    Args:
        n: Items, or clusters, whose signs may flip.
        alpha: Two-sided level.
        noun: What n counts.
        family: Comparisons that are corrected together; the first is held to alpha / family.
    """
    least, level = 2.0 ** (1 - n), alpha / family
    if n < 1 or least <= level:
        return ""
    enough = math.ceil(1.0 - math.log2(level))
    together = f" for the first of {family} pairs together" if family > 1 else ""
    return (
        f"{n} shared {noun}{'s' * (n != 1)} can give no p below {least:.3g}, whatever the scores: "
        f"nothing can be shown at {100 * alpha:g} %{together}. {enough} could, if all of them went "
        "one way."
    )
