"""Graded: a query that a cheap and a strong model both answered, and how each did.

What a policy is calibrated on. Unknown stays None. Knows nothing of files or of models.
"""

from __future__ import annotations

from msgspec import Struct


class Charge(Struct, frozen=True, omit_defaults=True):
    """What one answer took: USD and seconds, None where unknown."""

    usd: float | None = None
    seconds: float | None = None


NO_CHARGE = Charge()


class Graded(Struct, frozen=True, omit_defaults=True):
    """One query, drawn from the traffic that a policy is for.

    Attributes:
        query: The text that was asked.
        cheap_right: Whether the cheap model's answer was right.
        strong_right: Whether the strong model's answer was right.
        task: What kind of task it is, '' where nobody said; helps to foresee who is right.
        stratum: The part of the traffic that gets thresholds and a promise of its own.
        approval: The validator's score of the cheap draft, 0 to 1; None where there was none.
        cheap, strong, validator: What each call took.
    """

    query: str
    cheap_right: bool
    strong_right: bool
    task: str = ""
    stratum: str = ""
    approval: float | None = None
    cheap: Charge = NO_CHARGE
    strong: Charge = NO_CHARGE
    validator: Charge = NO_CHARGE
