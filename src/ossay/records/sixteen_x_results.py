"""Ratings of a 16x Eval export as Records: one result an eval, metric 'rating'.

Prompts and responses stay in the file. Knows nothing of ledgers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from ossay.core.results import RATING, Records, Result
from ossay.records.archive import MAX_MEMBER
from ossay.records.ratings import NOT_RATED
from ossay.records.sixteen_x import Document, Eval, Moment, decode_document
from ossay.records.source_file import Asked, SourceFile

_UNNAMED = "experiment without a name"
_MOST_NAME = 300


def read_sixteen_x(file: SourceFile, asked: Asked) -> Records:
    """Read an export: an item is an experiment, a model its provider and name.

    Raises:
        UsageError: it is no such file, or holds no evals.
    """
    if file.size > MAX_MEMBER:
        raise file.fault(f"{file.size:,} bytes of JSON; export experiments apart")
    try:
        document = decode_document(file.path.read_bytes())
    except ValueError as error:
        raise file.fault(f"no export of 16x Eval: {error}") from error
    source = asked.source(
        file,
        "16x",
        made_at=_latest(document),
        made_with={"harness": "16x Eval"},
        notes=tuple(_notes(document)),
    )
    return Records((source,), file.bounded(_results(document, source.name, asked.model)))


def _results(document: Document, source: str, model: str) -> Iterator[Result]:
    names = {one.id: (one.name or "")[:_MOST_NAME] for one in document.experiments}
    tries: Counter[tuple[str, str]] = Counter()
    for one in sorted(document.evals, key=lambda one: _seconds(one.created_at) or 0.0):
        item = names.get(one.experiment_id or "", "") or str(one.experiment_id or _UNNAMED)
        who = model or _model(one)
        tries[who, item] += 1
        usage = one.usage
        yield Result(
            who,
            item[:_MOST_NAME],
            one.rating,
            RATING,
            tries[who, item],
            missing="" if one.rating is not None else NOT_RATED,
            input_tokens=None if usage is None else _whole(usage.prompt_tokens),
            output_tokens=None if usage is None else _whole(usage.completion_tokens),
            seconds=None if one.duration_ms is None else max(0.0, one.duration_ms) / 1_000,
            source=source,
        )


def _model(one: Eval) -> str:
    name = "/".join(part for part in (one.provider, one.model) if part)
    return name[:_MOST_NAME] or "model without a name"


def _whole(count: int | None) -> int | None:
    return count if count is not None and count >= 0 else None


def _notes(document: Document) -> Iterator[str]:
    unrated = sum(one.rating is None for one in document.evals)
    if unrated:
        yield f"{unrated:,} of {len(document.evals):,} evals are not rated."
    asked: dict[object, set[str]] = {}
    for one in document.evals:
        asked.setdefault(one.experiment_id, set()).add(str(one.full_prompt or one.prompt))
    several = sum(len(prompts) > 1 for prompts in asked.values())
    if several:
        yield f"{several:,} of {len(asked):,} experiments were asked in more than one prompt."
    yield "The file does not say who rated, or by which items of a rubric."


def _latest(document: Document) -> float | None:
    return max((t for one in document.evals if (t := _seconds(one.created_at))), default=None)


def _seconds(moment: Moment) -> float | None:
    """Unix seconds of a moment; None where it is none that can be."""
    if moment is None:
        return None
    try:
        if isinstance(moment, str):
            when = datetime.fromisoformat(moment)
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
        return datetime.fromtimestamp(moment / 1_000, UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
