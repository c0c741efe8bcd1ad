"""Price, speed and quality of each model side by side: Tradeoff.

Quality is what people rated where all models that could be rated were; else the pass rate. Knows
nothing of how it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ossay.core.types import Price
from ossay.reports.cost import Unknown
from ossay.stats.interval import Interval

if TYPE_CHECKING:
    from ossay.reports.model_summary import ModelSummary
    from ossay.reports.rated import Rated


class Tradeoff(Struct, frozen=True):
    """One model.

    Attributes:
        usd: Mean cost of a run; 'unknown' where any run's is, None without runs.
        price: What that rests on, with its date and source.
        tokens_per_s: Output tokens over the whole request; None where unknown.
        quality, interval: In what `by` says; None where there is none.
        by: 'rating': points of the raters' scale; 'score': the share of runs that passed.
        scale: The ends of `quality`.
    """

    model: str
    usd: float | Unknown | None
    price: Price | None
    tokens_per_s: float | None
    quality: float | None
    interval: Interval | None
    by: Literal["rating", "score"]
    scale: tuple[float, float]


def tradeoffs(models: Sequence[ModelSummary], rated: Rated | None) -> tuple[Tradeoff, ...]:
    """Each model in the order of the plan; `rated` are people's ratings."""
    means = {one.model: one for one in rated.averages} if rated else {}
    every = all(model.reference in means for model in models if model.score.n)
    if rated is not None and every and any(one.value is not None for one in means.values()):
        return tuple(
            _tradeoff(
                model,
                (one.value, one.interval) if (one := means.get(model.reference)) else (None, None),
                "rating",
                rated.scale,
            )
            for model in models
        )
    return tuple(
        _tradeoff(model, (model.score.rate, model.score.wilson), "score", (0.0, 1.0))
        for model in models
    )


def _tradeoff(
    model: ModelSummary,
    quality: tuple[float | None, Interval | None],
    by: Literal["rating", "score"],
    scale: tuple[float, float],
) -> Tradeoff:
    return Tradeoff(
        model.reference,
        model.cost.per_run_usd,
        model.price,
        model.speed.request.overall,
        *quality,
        by,
        scale,
    )
