"""Meeting: two models compared for a claim, in numbers and in words.

Knows nothing of what the claim says of the two.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.stats.comparison import Comparison
from ossay.stats.verdict import Verdict

_DECIDED = {"a_better": 1.0, "b_better": -1.0}


class Meeting(Struct, frozen=True):
    """A comparison in numbers and words; `notes` say what is odd about the records behind it.

    `found` is as for a number of items fixed before, `judged` decides, and has the p that does.
    """

    found: Comparison
    judged: Verdict
    steps: tuple[str, ...]
    numbers: dict[str, float | None]
    notes: tuple[str, ...] = ()

    @property
    def ahead(self) -> float:
        """Above 0 where the first is the better one: by the verdict, else by the figures."""
        return _DECIDED.get(self.judged.kind, self.found.ahead)


def numbers_of(found: Comparison, judged: Verdict) -> dict[str, float | None]:
    """What both come to, by name, for programs."""
    return {
        "difference": found.difference,
        "low": found.interval.low,
        "high": found.interval.high,
        "p": judged.p,
        "fisher": found.p_exact if found.design == "counts" else None,
        "barnard": found.p_barnard,
        "more": judged.more,
    }
