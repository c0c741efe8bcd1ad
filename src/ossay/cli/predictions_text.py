"""Predictions and forecasters in words, for the terminal.

Knows nothing of ledgers; names and statements are shown as text, whatever they hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossay.core.display import visible

if TYPE_CHECKING:
    from ossay.campaign.forecast import Scored
    from ossay.campaign.forecaster import TrackRecord
    from ossay.core.predictions import Committed
    from ossay.stats.calibration import Score
    from ossay.stats.interval import Interval


def committed_lines(committed: Committed) -> list[str]:
    """Say whose predictions were committed when, and by which digest."""
    from datetime import UTC, datetime

    count = len(committed.predictions)
    when = datetime.fromtimestamp(committed.committed_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return [
        f"{count} prediction{'s' * (count != 1)} of {visible(committed.forecaster)}, committed "
        f"{when} UTC, before the first run",
        f"SHA-256 {committed.digest}",
    ]


def scored_lines(scored: Sequence[Scored]) -> list[str]:
    """Say how each prediction came out, and how many did."""
    lines = [""]
    for found in scored:
        word = {True: "hit ", False: "miss", None: "open"}[found.hit]
        said = " ".join(found.prediction.statement.split())  # on one line, whatever it holds
        lines.append(f"  {word}  {visible(said)}")
        lines.append(f"        {_asked(found)}; {_came(found)}")
    told = [found for found in scored if found.hit is not None]
    hits = sum(found.hit is True for found in told)
    expected = sum(found.prediction.probability for found in told)
    waiting = len(scored) - len(told)
    lines.append("")
    lines.append(
        f"{hits}/{len(told)} came true, {expected:.1f} were expected by their probabilities"
        + (f"; {waiting} open" if waiting else "")
    )
    return lines


def record_lines(record: TrackRecord) -> list[str]:
    """Say how a forecaster did, in a few lines."""
    from ossay.campaign.forecaster import A_BIN

    campaigns = len(record.campaigns)
    lines = [
        f"{visible(record.forecaster)}: {record.hits}/{record.scored} came true in {campaigns} "
        f"campaign{'s' * (campaigns != 1)}, {record.expected:.1f} were expected; {record.open} open"
    ]
    if record.wilson is None or record.clopper_pearson is None:
        return lines
    lines.append(
        f"  share of hits {100 * record.hits / record.scored:.1f} %, 95 % interval: Wilson "
        f"{_percents(record.wilson)}, Clopper-Pearson {_percents(record.clopper_pearson)}"
    )
    lines.append(_score("Brier score", record.brier, "0.25"))
    lines.append(_score("log score", record.log_score, "0.693 nats"))
    found = record.calibration
    if found is None:
        lines.append(f"  calibration: too few to tell, {record.scored} of at least {A_BIN}")
    else:
        lines.append(
            f"  calibration error {found.value:.3f} (95 % {found.interval.low:.3f} to "
            f"{found.interval.high:.3f}), of which chance alone gives {found.noise:.3f}"
        )
    lines.append("  The intervals take predictions as independent; those of one campaign are not.")
    return lines


def _percents(found: Interval) -> str:
    return f"{100 * found.low:.1f} to {100 * found.high:.1f} %"


def _score(name: str, score: Score | None, guess: str) -> str:
    if score is None:
        return f"  {name} unknown"
    ends = score.interval
    within = "" if ends is None else f" (95 % {ends.low:.3f} to {ends.high:.3f})"
    return f"  {name} {score.mean:.3f}{within}; always saying 1/2 gives {guess}"


def _asked(found: Scored) -> str:
    one = found.prediction
    metric = f"{one.metric} of {one.model}" + (f" at {one.task}" if one.task else "")
    if one.type == "comparison":
        said = f"{metric} above {one.over}" + (f" by at least {one.by:g}" if one.by else "")
    elif one.type == "point":
        said = f"{metric} {one.value:g} ± {one.within:g}"
    elif one.low is not None and one.high is not None:
        said = f"{metric} {one.low:g} to {one.high:g}"
    elif one.low is not None:
        said = f"{metric} at least {one.low:g}"
    else:
        said = f"{metric} at most {one.high:g}"
    return f"{visible(said)}, probability {one.probability:g}"


def _came(found: Scored) -> str:
    if found.observed is None or found.brier is None or found.log_score is None:
        return visible(found.why_open)
    seen = f"{found.observed:.4g}"
    return f"came out {seen} (Brier {found.brier:.3f}, log score {found.log_score:.3f})"
