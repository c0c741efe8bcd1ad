"""`[[predict]]` of a plan, checked: each prediction can come true, and can fail.

Knows nothing of what came true; `campaign.forecast` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from ossay.core.errors import nearest
from ossay.core.predictions import Prediction, PredictionType

# Type -> the bounds that it needs, and those it takes besides.
_BOUNDS: dict[PredictionType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "range": (("low", "high"), ()),
    "point": (("value", "within"), ()),
    "boolean": ((), ("low", "high")),
    "comparison": (("over",), ("by",)),
}
_NUMBERS = ("low", "high", "value", "within", "by")
_ALL = ("low", "high", "value", "within", "over", "by")
_LONGEST = 100  # characters of a forecaster's name
_LONGEST_STATEMENT = 1_000  # it is repeated in every report

PRICED = ("cost_usd", "usd_per_pass")  # metrics that a price is needed for


def prediction_problems(
    predictions: Sequence[Prediction],
    forecaster: str,
    models: Sequence[str],
    tasks: Sequence[str],
) -> Iterable[str]:
    """Say what makes no sense in a plan of these models and (where not all) tasks."""
    if predictions and not forecaster:
        yield '[[predict]] without a forecaster: say whose they are, forecaster = "NAME"'
    if forecaster and not _is_name(forecaster):
        yield f"forecaster = {forecaster!r}: up to {_LONGEST} printable characters"
    seen: set[str] = set()
    for number, prediction in enumerate(predictions, 1):
        where = f"predict {number}"
        if not prediction.statement.strip():
            yield f"{where}: statement is empty; say in words what is expected"
        if len(prediction.statement) > _LONGEST_STATEMENT:
            yield (
                f"{where}: statement = {prediction.statement[:40]!r}… has "
                f"{len(prediction.statement):,} characters: write up to {_LONGEST_STATEMENT:,}"
            )
        if prediction.statement in seen:
            yield f"{where}: {prediction.statement!r} is predicted twice; leave one out"
        seen.add(prediction.statement)
        for problem in _problems(prediction, models, tasks):
            yield f"{where} ({prediction.statement!r}): {problem}"


def _problems(found: Prediction, models: Sequence[str], tasks: Sequence[str]) -> Iterable[str]:
    if not 0.0 < found.probability < 1.0:
        yield (
            f"probability = {found.probability!r}: must be above 0 and below 1 (0.8 means 80 %); "
            "nothing is certain before it ran"
        )
    named = [("model", found.model)] + ([("over", found.over)] if found.over else [])
    for key, model in named:
        if model not in models:
            yield f"{key} = {model!r} is no model of the plan{nearest(model, models)}"
    if found.task and tasks and found.task not in tasks:
        yield f"task = {found.task!r} is no task of the plan{nearest(found.task, tasks)}"
    yield from _bound_problems(found)
    yield from _number_problems(found)


def _bound_problems(found: Prediction) -> Iterable[str]:
    needs, takes = _BOUNDS[found.type]
    given = [key for key in _ALL if getattr(found, key) not in (None, "", 0.0) or _zero(found, key)]
    for key in needs:
        if key not in given:
            yield f"type = {found.type!r} needs {key}"
    for key in given:
        if key not in needs + takes:
            allowed = ", ".join(needs + takes)
            yield f"type = {found.type!r} takes no {key} (it takes: {allowed}); leave it out"
    if found.type == "boolean" and (found.low is None) == (found.high is None):
        yield "type = 'boolean' needs low or high alone: at least, or at most"
    if found.type == "comparison" and found.over == found.model:
        yield f"over = {found.over!r} is the model itself; name another"


def _zero(found: Prediction, key: str) -> bool:
    """Whether a bound that may be 0 was given as 0; `by` is 0 where it was left out."""
    return key != "by" and getattr(found, key) == 0.0


def _number_problems(found: Prediction) -> Iterable[str]:
    most = 1.0 if found.metric == "score" else 1e15
    means = "; a score is a share, 0.75 means 75 %" if found.metric == "score" else ""
    for key in _NUMBERS:
        value = getattr(found, key)
        if value is not None and not (isfinite(value) and 0.0 <= value <= most):
            yield f"{key} = {value!r}: must be from 0 to {most:,.12g}{means}"
    if found.low is not None and found.high is not None and found.low > found.high:
        yield f"low = {found.low!r} is above high = {found.high!r}; swap them"


def _is_name(text: str) -> bool:
    return text.isprintable() and text.strip() == text and len(text) <= _LONGEST
