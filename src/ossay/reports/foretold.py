"""What a prediction asks and how it came out, in words.

Knows nothing of how a prediction is scored, or of where the words stand.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isinf

from ossay.campaign.forecast import Scored
from ossay.campaign.forecaster import TrackRecord
from ossay.core.predictions import PredictedMetric, Prediction
from ossay.reports import figures

METRICS: dict[PredictedMetric, str] = {
    "score": "score",
    "passes": "passing runs",
    "cost_usd": "cost of all runs",
    "usd_per_pass": "cost of a passing run",
    "seconds": "seconds of a run",
    "output_tokens": "output tokens of a run",
}

RESULTS = {True: "hit", False: "miss", None: "open"}


def asked(found: Prediction) -> str:
    """'score of a/model at sql: 60% to 80%', 'score of a/model above b/model by 5 points'."""
    of = f"{METRICS[found.metric]} of {found.model}{f' at {found.task}' if found.task else ''}"
    write = _writer(found)
    if found.type == "comparison":
        by = f" by at least {write(found.by)}" if found.by else ""
        return f"{of} above that of {found.over}{by}"
    if found.type == "point":
        return f"{of}: {write(found.value or 0.0)} ± {_gap(found)(found.within or 0.0)}"
    if found.low is not None and found.high is not None:
        return f"{of}: {write(found.low)} to {write(found.high)}"
    if found.low is not None:
        return f"{of}: at least {write(found.low)}"
    return f"{of}: at most {write(found.high or 0.0)}"


def observed(one: Scored) -> str:
    """The value that the prediction was held against, or why there is none yet."""
    if one.observed is None:
        return one.why_open
    if isinf(one.observed):
        return "no end: nothing passed"
    text = _writer(one.prediction)(abs(one.observed))
    return f"−{text}" if one.observed < 0 else text


def totals(forecast: TrackRecord | None) -> list[str]:
    """Hits of scored predictions with their interval, and the mean scores; nothing of none."""
    if forecast is None:
        return []
    waiting = f", {forecast.open} open" if forecast.open else ""
    said = [
        f"{forecast.hits}/{forecast.scored} predictions came true, {forecast.expected:.1f} were "
        f"expected by their probabilities{waiting}."
    ]
    if forecast.wilson is not None and forecast.brier and forecast.log_score:
        said.append(
            f"Share of hits, {figures.percent(forecast.wilson.level)} interval: "
            f"{figures.span(forecast.wilson)}. Brier score {forecast.brier.mean:.3f}, log score "
            f"{forecast.log_score.mean:.3f}; always saying 50% gives 0.250 and 0.693."
        )
    return said


def _writer(found: Prediction) -> Callable[[float], str]:
    """How a value of the metric is written; of a comparison, a difference."""
    if found.type == "comparison":
        return _gap(found)
    if found.metric == "score":
        return figures.percent
    return _gap(found)


def _gap(found: Prediction) -> Callable[[float], str]:
    if found.metric == "score":
        return _points
    if found.metric in ("cost_usd", "usd_per_pass"):
        return figures.usd
    return figures.seconds if found.metric == "seconds" else _number


def _points(share: float) -> str:
    return f"{100 * share:.3g} points"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
