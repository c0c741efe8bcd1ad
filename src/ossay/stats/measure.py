"""Measure: what scores are in, and whether less of it is better. Knows nothing of any score."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Measure(Struct, frozen=True):
    """What scores are in.

    Attributes:
        unit: '$' is written before a number, any other unit behind it; '' has none.
        less: The lower score is the better one.
        better: What the better model is called.
    """

    unit: Literal["", "$", "s", "tokens"] = ""
    less: bool = False
    better: Literal["better", "cheaper", "faster", "shorter"] = "better"


PLAIN = Measure()
