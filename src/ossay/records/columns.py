"""Which column of a table is which field: by the user's word, else by its own name, else by custom.

The customs are few and written down below; what was taken for what is recorded in `Source.columns`.
Two columns that could both be meant are an error, not a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ossay.core.errors import nearest
from ossay.records.source_file import Asked, SourceFile

# Field -> other names that tables give it. A unit that a name doesn't say (`duration`, `latency`)
# is not guessed, nor whether `subject` or `category` is what items cluster by.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "item": (
        *("item_id", "instance_id", "sample_id", "question_id", "query_id", "problem_id"),
        *("task_id", "doc_id", "example_id", "global_index", "instance", "question", "query"),
        *("task", "id"),
    ),
    "model": ("model_name", "model_id", "system", "llm", "name"),
    "score": (
        *("resolved", "correct", "is_correct", "passed", "pass", "success", "solved"),
        *("accuracy", "acc", "rating", "reward"),
    ),
    "attempt": ("epoch", "trial", "repeat", "repetition"),
    "cost": ("cost_usd", "inference_cost_usd", "total_cost_usd", "total_usd", "usd"),
    "input_tokens": ("prompt_tokens", "tokens_in"),
    "output_tokens": ("completion_tokens", "tokens_out"),
    "tokens": ("total_tokens",),
    "seconds": ("duration_s", "latency_s", "time_s", "total_s", "elapsed_s", "duration_seconds"),
    "cluster": ("cluster_id",),
    "metric": ("metric_name",),
    "missing": ("missing_reason",),
    "passed": ("passes", "k", "successes", "resolved"),
    "value": ("score", "accuracy", "acc", "resolved", "mean", "rate"),
    "n": ("runs", "of", "n_per_run", "trials", "total"),
}

# Names may be put together from several columns: --column item=question_id+turn.
_COMPOSED = frozenset({"item", "model", "cluster", "metric"})


class Columns(Struct, frozen=True):
    """`at` maps a field to the positions of its columns; `names` to the text that says so."""

    at: dict[str, tuple[int, ...]]
    names: dict[str, str]
    unused: tuple[str, ...]

    def has(self, field: str) -> bool:
        """Whether the table has that field."""
        return field in self.at


def find_columns(
    file: SourceFile, header: Sequence[str], fields: Iterable[str], asked: Asked
) -> Columns:
    """Find the columns of `fields` in `header`; one that isn't there is left out.

    Raises `UsageError`: an unknown field or column, or two columns that could be one field.
    """
    fields = tuple(fields)
    for field in asked.columns:
        if field not in fields:
            raise file.fault(f"no field {field!r}{nearest(field, fields)}")
    if len(set(asked.models)) < len(asked.models):
        raise file.fault("--models names a column twice")
    at: dict[str, tuple[int, ...]] = {}
    names: dict[str, str] = {}
    taken = {_only(file, header, name) for name in asked.models}
    for field in fields:
        said = asked.columns.get(field)
        found = _by_custom(file, header, field, taken) if said is None else said
        if found:
            at[field] = _positions(file, header, field, found)
            names[field] = found
    used = taken.union(*at.values())
    unused = tuple(name for index, name in enumerate(header) if index not in used)
    return Columns(at, names, unused)


def _positions(file: SourceFile, header: Sequence[str], field: str, column: str) -> tuple[int, ...]:
    if column in header or "+" not in column:
        return (_only(file, header, column),)
    if field not in _COMPOSED:
        raise file.fault(f"{field} cannot be put together from several columns ({column!r})")
    return tuple(_only(file, header, part) for part in column.split("+"))


def _only(file: SourceFile, header: Sequence[str], column: str) -> int:
    count = header.count(column)
    if count == 0:
        raise file.fault(f"no column {column!r}{nearest(column, header)}")
    if count > 1:
        raise file.fault(f"{count} columns are called {column!r}; rename all but one")
    return header.index(column)


def _by_custom(file: SourceFile, header: Sequence[str], field: str, taken: set[int]) -> str:
    """Return the column of that name; else the only one of another name for it; else ''."""
    plain = [_plain(name) for name in header]
    for wanted in ((field,), SYNONYMS[field]):
        found = [name for i, name in enumerate(header) if plain[i] in wanted and i not in taken]
        if len(found) == 1:
            return found[0]
        if len(found) > 1:
            choice = " or ".join(f"--column {field}={name}" for name in found[:4])
            both = f", or both: --column {field}={found[0]}+{found[1]}"
            raise file.fault(
                f"{', '.join(map(repr, found))} could each be the {field}; say {choice}"
                + (both if field in _COMPOSED else "")
            )
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())
