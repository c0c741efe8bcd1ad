"""The comparisons of a file taken together: which of those supported survive a correction.

A file that tests twenty pairs one by one at 5 % finds one where there is none. Knows nothing of how
they were picked.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ossay.claims.claim import Checked
from ossay.stats.many import holm


class Together(Struct, frozen=True):
    """How many claims of kind 'better' have a p, which are supported alone, which under Holm."""

    comparisons: int
    alone: tuple[str, ...]
    corrected: tuple[str, ...]
    alpha: float

    def __str__(self) -> str:
        kept = f"{len(self.corrected)} of them" if self.corrected else "none of them"
        return (
            f"{self.comparisons} comparisons, each tested alone: {len(self.alone)} supported; "
            f"{kept} if all are corrected together (Holm)"
        )


def together(checked: Sequence[Checked]) -> Together | None:
    """Correct all comparisons that were checked; None where fewer than two were, or none held.

    At the strictest alpha that any of them names.
    """
    found = [
        (one, p)
        for one in checked
        if one.claim.kind == "better" and (p := one.answer.numbers.get("p")) is not None
    ]
    alone = tuple(one.claim.id for one, _ in found if one.answer.verdict == "supported")
    if len(found) < 2 or not alone:
        return None
    alpha = min(float(getattr(one.claim, "alpha", 0.05)) for one, _ in found)
    adjusted = holm([p for _, p in found])
    corrected = tuple(
        one.claim.id
        for (one, _), p in zip(found, adjusted, strict=True)
        if p <= alpha and one.claim.id in alone
    )
    return Together(len(found), alone, corrected, alpha)
