"""Ratings of a 16x Eval export as Records: one result an eval, metric 'rating'.

An item is an experiment. Which of them are of one task is told by the names that our own export
gives, and by nothing else. Prompts and responses stay in the file. Knows nothing of ledgers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from ossay.core.results import RATING, Records, Result
from ossay.records.archive import MAX_MEMBER
from ossay.records.campaign import Instance, clusters_of
from ossay.records.ratings import NOT_RATED
from ossay.records.sixteen_x import Document, Eval, Id, Moment, decode_document
from ossay.records.source_file import Asked, SourceFile

_UNNAMED = "experiment without a name"
_MOST_NAME = 300
_MOST_ID = 60
_MOST_DIGITS = 18  # of a seed


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
    names = _names(document)
    items = _items(names)
    instances = {id_: _instance(name) or ("", name, 0) for id_, name in names.items()}
    clusters = clusters_of(instances.values())
    tries: Counter[tuple[str, str]] = Counter()
    for one in sorted(document.evals, key=lambda one: _seconds(one.created_at) or 0.0):
        item = items[one.experiment_id]
        who = model or _model(one)
        tries[who, item] += 1
        usage = one.usage
        yield Result(
            who,
            item,
            one.rating,
            RATING,
            tries[who, item],
            clusters.get(instances[one.experiment_id]),
            missing="" if one.rating is not None else NOT_RATED,
            input_tokens=None if usage is None else _whole(usage.prompt_tokens),
            output_tokens=None if usage is None else _whole(usage.completion_tokens),
            seconds=None if one.duration_ms is None else max(0.0, one.duration_ms) / 1_000,
            source=source,
        )


def _names(document: Document) -> dict[Id | None, str]:
    """What the experiments that have evals are called, by id; their ids where they have no name."""
    given = {one.id: one.name for one in document.experiments}
    asked = dict.fromkeys(one.experiment_id for one in document.evals)
    return {id_: (_named(id_, given) or _UNNAMED)[:_MOST_NAME] for id_ in asked}


def _named(id_: Id | None, given: Mapping[Id, str | None]) -> str:
    return "" if id_ is None else given.get(id_) or str(id_)


def _items(names: Mapping[Id | None, str]) -> dict[Id | None, str]:
    """Names of which each is its experiment's alone: those that several bear get their ids."""
    bearers = Counter(names.values())
    return {id_: name if bearers[name] == 1 else _with_id(name, id_) for id_, name in names.items()}


def _with_id(name: str, id_: Id | None) -> str:
    end = f" ({str(id_)[:_MOST_ID]})"
    return name[: _MOST_NAME - len(end)] + end


def _instance(name: str) -> Instance | None:
    """The instance that an experiment of our own export is: 'suite/task/seed'; else None."""
    suite, task, seed = name.rsplit("/", 2) if name.count("/") > 1 else ("", "", "")
    number = seed.isdecimal() and seed.isascii() and len(seed) <= _MOST_DIGITS
    ours = bool(suite and task) and number and not any(map(str.isspace, name))
    return (suite, task, int(seed)) if ours else None


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
    names = list(_names(document).values())
    alike = sum(count for count in Counter(names).values() if count > 1)
    if alike:
        yield f"{alike:,} experiments bear a name that another has; their ids tell them apart."
    alone = sum(_instance(name) is None for name in names)
    if alone and len(names) > 1:
        yield (
            f"It does not say of {alone:,} of {len(names):,} experiments which task they are of: "
            "each counts alone."
        )
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
