"""What somebody expected before a campaign ran: Prediction, and Committed as the ledger keeps it.

Knows nothing of plans, of what came true, or of how a forecaster is scored.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
from msgspec import Struct

PredictionType = Literal["range", "point", "boolean", "comparison"]
PredictedMetric = Literal[
    "score",  # passed of counted runs, 0 to 1
    "passes",  # how many runs passed
    "cost_usd",  # of all runs
    "usd_per_pass",
    "seconds",  # mean of a run
    "output_tokens",  # mean of a run
]


class Prediction(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One `[[predict]]` of a plan.

    Attributes:
        statement: In words; what a reader sees.
        type: 'range': the metric lies in low..high, ends included; 'point': within `within` of
            `value`; 'boolean': `low` or `high` alone, at least or at most; 'comparison': `model`
            above `over` by at least `by`.
        probability: That it comes true, above 0 and below 1.
        model: Model reference that it is about.
        metric: What is measured.
        task: Only this task; '' for all of them.
    """

    statement: str
    type: PredictionType
    probability: float
    model: str
    metric: PredictedMetric = "score"
    task: str = ""
    low: float | None = None
    high: float | None = None
    value: float | None = None
    within: float | None = None
    over: str = ""
    by: float = 0.0


class Committed(Struct, frozen=True, omit_defaults=True):
    """A campaign's predictions as they were entered, before its first run started.

    `digest` is `digest_of` the rest: whoever published it can show that nothing was changed.
    """

    campaign: str
    forecaster: str
    committed_at: float  # Unix seconds
    predictions: tuple[Prediction, ...]
    digest: str = ""


def digest_of(committed: Committed) -> str:
    """Return the SHA-256, in hexadecimal, of the commitment's canonical JSON without `digest`.

    Keys are sorted, defaults left out, and numbers written as what they are read back as.
    """
    plain = msgspec.to_builtins(msgspec.structs.replace(committed, digest=""))
    bare = msgspec.convert(plain, Committed)  # 1 given for a float is 1.0
    return hashlib.sha256(msgspec.json.encode(bare, order="sorted")).hexdigest()
