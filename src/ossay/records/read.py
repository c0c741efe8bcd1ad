"""A file of results, whatever wrote it, as Records: `read_records`.

The kind is told by what the file holds, its suffix only where that leaves a choice. Knows nothing
of ledgers; the network is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from ossay.core.errors import UsageError, nearest
from ossay.core.results import Records, SourceKind
from ossay.records.columns import SYNONYMS
from ossay.records.rows import open_rows
from ossay.records.source_file import Asked, Progress, SourceFile, check_name, look_at

KINDS: tuple[SourceKind, ...] = tuple(k for k in get_args(SourceKind) if k != "campaign")


def read_records(
    path: Path,
    *,
    name: str = "",
    kind: SourceKind | None = None,
    columns: Mapping[str, str] = {},
    models: Sequence[str] = (),
    model: str = "",
    read_at: float | None = None,
    progress: Progress | None = None,
) -> Records:
    """Read a file of results.

    Args:
        path: CSV, TSV (gzipped or not), Parquet, an Inspect log (.eval, .json), lm-eval's
            samples_*.jsonl, or a table of counts.
        name: What the source is called; by default the file's name without suffix.
        kind: What to read it as; by default told by what it holds.
        columns: Our field -> the column of a table, or several joined by '+' for an item; '' for
            none. Of an Inspect log: 'cluster' -> a key of the samples' metadata.
        models: The columns of a wide table, one a model.
        model: Whose results these are, where the file does not say.
        read_at: Unix seconds, noted in the source.
        progress: Called with (bytes read, bytes in all) now and then.

    Raises:
        UsageError: the file is not what it seems, or does not say enough. The text names the place
            and the next step.
    """
    check_name(name)
    if kind is not None and kind not in KINDS:
        raise UsageError(f"no kind of records {kind!r}{nearest(kind, KINDS)}")
    file = look_at(path)
    asked = Asked(name, dict(columns), tuple(models), model, read_at, progress)
    return _reader(kind or kind_of(file, asked))(file, asked)


def _reader(kind: SourceKind) -> Callable[[SourceFile, Asked], Records]:
    """Import the reader of a kind; a table needs nothing of what a log needs."""
    if kind == "counts":
        from ossay.records.counts import read_counts

        return read_counts
    if kind == "inspect":
        from ossay.records.inspect_log import read_inspect

        return read_inspect
    if kind == "lm_eval":
        from ossay.records.lm_eval import read_lm_eval

        return read_lm_eval
    from ossay.records.table import read_table

    return read_table


def kind_of(file: SourceFile, asked: Asked) -> SourceKind:
    """Tell what a file is by its first bytes, its suffix and, for a table, its header."""
    base = file.base.lower()
    if file.start.startswith(b"PAR1") or base.endswith(".parquet"):
        return "parquet"
    if file.start.startswith(b"PK") or base.endswith((".eval", ".json")):
        return "inspect"
    if base.endswith(".jsonl") or file.start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "lm_eval"
    names = {name.lower() for name in open_rows(file).names}
    counted = "n" in asked.columns or bool(names & {"n", *SYNONYMS["n"]})
    single = {"score", "item", *SYNONYMS["item"]} - {"task", "id"}  # one row is one answer
    scored = "score" in asked.columns or bool(names & single)
    return "counts" if counted and not scored else "csv"
