"""A forecaster's record over campaigns: hits with their interval, scores, calibration.

The intervals take predictions as independent; those about one campaign are not quite, so they are
too narrow rather than too wide. Knows nothing of campaigns but their scored predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from ossay.campaign.forecast import Scored
from ossay.stats.calibration import (
    CalibrationError,
    Score,
    brier,
    calibration_error,
    log_score,
)
from ossay.stats.interval import Interval
from ossay.stats.rates import clopper_pearson, wilson

if TYPE_CHECKING:
    import numpy as np

# Calibration is not measured on fewer predictions a bin: its interval was not tried there.
A_BIN = 20
_BINS = 10


class TrackRecord(Struct, frozen=True, omit_defaults=True):
    """How a forecaster did so far.

    Attributes:
        forecaster: Who.
        campaigns: Names of the campaigns that were predicted, the oldest first.
        hits, scored: Predictions that came true, of those that could be told.
        expected: Hits that the stated probabilities add up to.
        open: Predictions that nothing can be said of yet.
        wilson, clopper_pearson: 95 % intervals of hits of scored; None where none is scored.
        brier, log_score: Means over the scored ones; None where none is.
        calibration: None below `A_BIN` scored predictions.
    """

    forecaster: str
    campaigns: tuple[str, ...]
    hits: int
    scored: int
    expected: float
    open: int
    wilson: Interval | None = None
    clopper_pearson: Interval | None = None
    brier: Score | None = None
    log_score: Score | None = None
    calibration: CalibrationError | None = None


def track_record(
    forecaster: str, predictions: Sequence[Scored], rng: np.random.Generator
) -> TrackRecord:
    """Add up what a forecaster predicted; `rng` is for the calibration error's interval."""
    scored = [found for found in predictions if found.hit is not None]
    bare = TrackRecord(
        forecaster,
        tuple(dict.fromkeys(found.campaign for found in predictions)),
        sum(found.hit is True for found in scored),
        len(scored),
        sum(found.prediction.probability for found in scored),
        len(predictions) - len(scored),
    )
    if not scored:
        return bare
    chances = [found.prediction.probability for found in scored]
    outcomes = [float(found.hit is True) for found in scored]
    bins = min(_BINS, len(scored) // A_BIN)
    return TrackRecord(
        bare.forecaster,
        bare.campaigns,
        bare.hits,
        bare.scored,
        bare.expected,
        bare.open,
        wilson(bare.hits, bare.scored),
        clopper_pearson(bare.hits, bare.scored),
        brier(chances, outcomes),
        log_score(chances, outcomes),
        calibration_error(chances, outcomes, rng, bins=bins) if bins else None,
    )
