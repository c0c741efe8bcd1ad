"""Whose ratings some records hold, where a file says so; a judge's never pass for people's.

Our own exports say it: the table in its column `kind`, the JSON of 16x Eval in the notes of each
eval. Of any other file nothing is known, and nothing is assumed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ossay.core.errors import UsageError
from ossay.core.results import RATING

if TYPE_CHECKING:
    from ossay.core.results import Records
    from ossay.records.sixteen_x import Document

# How the notes of an eval begin that a model rated.
BY_A_MODEL = "Rated by a judge model, not by people"
_KEY = "rated by"  # of `Source.made_with`, as ratings of campaigns have it
_MODELS, _BOTH = "models", "people and models"
_NOTES = {
    _MODELS: "These are ratings by a judge model, not by people.",
    _BOTH: "Some of these are ratings by a judge model, the others by people.",
}
_UNTOLD = "The file does not say who rated"  # as the reader of 16x Eval's JSON notes of any
_OURS = ("kind", "rater", "rubric_version", "score")  # columns of our own table


def told(records: Records, path: Path) -> Records:
    """The records of one file, with whose ratings they are where the file names a judge model."""
    from msgspec.structs import replace

    source = records.sources[0]
    if all(row.metric != RATING for row in records.results):
        return records
    kinds = _of_evals(path) if source.kind == "16x" else _of_rows(path, source.kind)
    if "model" not in kinds:
        return records
    whose = _MODELS if kinds == {"model"} else _BOTH
    source = replace(
        source,
        made_with={**source.made_with, _KEY: whose},
        notes=(*(n for n in source.notes if not n.startswith(_UNTOLD)), _NOTES[whose]),
    )
    return replace(records, sources=(source,))


def is_judges(made_with: dict[str, str]) -> bool:
    """Whether a source says that a model rated, and models alone."""
    return made_with.get(_KEY) == _MODELS


def check(records: Records, raters: str | None, metric: str | None) -> None:
    """Refuse records that are of no campaign as ratings that they are not.

    Args:
        records: Of one file or import.
        raters: As --raters says.
        metric: As --metric says; None takes what the records have.

    Raises:
        UsageError: `raters` is asked of what names none, or a judge's ratings would be people's.
    """
    source = records.sources[0]
    whose = source.made_with.get(_KEY, "")
    if raters == "models" and whose == _MODELS:
        return
    if whose == _MODELS and (raters is not None or metric in (None, RATING)):
        raise UsageError(
            f"{source.name!r} holds ratings by a judge model, and those don't stand for people's; "
            "compare, leaderboard and power take them with --raters models"
        )
    if whose == _BOTH and (raters is not None or metric in (None, RATING)):
        raise UsageError(
            f"{source.name!r} holds ratings by people and by a judge model, which are never one; "
            "export them apart: ossay export CAMPAIGN FILE --format csv --raters people"
        )
    if raters is not None:
        raise UsageError(
            f"--raters takes ratings of a campaign, and {source.name!r} is none: it doesn't say "
            "who rated; leave --raters out (--metric rating takes people's ratings of a campaign)"
        )


def marked(document: Document, raters: dict[str, list[str]]) -> Document:
    """The document with a first line in the notes of what models rated; `raters` are by run."""
    from msgspec.structs import replace

    def noted(notes: str | None, who: list[str]) -> str:
        first = f"{BY_A_MODEL}: {', '.join(who)}."
        return f"{first}\n{notes}" if notes else first

    evals = [
        one if one.rating is None else replace(one, notes=noted(one.notes, raters[str(one.id)]))
        for one in document.evals
    ]
    return replace(document, evals=evals)


def _of_evals(path: Path) -> set[str]:
    from ossay.records.sixteen_x import decode_document

    rated = (one for one in decode_document(path.read_bytes()).evals if one.rating is not None)
    return {"model" if (one.notes or "").startswith(BY_A_MODEL) else "human" for one in rated}


def _of_rows(path: Path, kind: str) -> set[str]:
    from ossay.records.rows import open_rows
    from ossay.records.source_file import look_at

    if kind not in ("csv", "parquet"):
        return set()
    rows = open_rows(look_at(path))
    if any(name not in rows.names for name in _OURS):
        return set()
    picked = [rows.names.index(name) for name in ("kind", "score")]
    return {str(kind) for _, (kind, score) in rows.cells(picked) if score not in (None, "")}
