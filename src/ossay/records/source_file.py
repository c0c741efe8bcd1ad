"""The file that records are read from: what it is called, how big it is, what it hashes to.

Any file may come from anyone, so it is opened once, as bytes, and never by a name found in it.
Knows nothing of formats.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path

from msgspec import Struct

from ossay.core.errors import UsageError
from ossay.core.names import CAMPAIGN_NAME, is_campaign_name
from ossay.core.results import Result, Source, SourceKind

# (bytes read, bytes in all), called now and then.
Progress = Callable[[int, int], None]

# A file of records is read into memory as rows; these are far above any that we know of.
MAX_BYTES = 4 << 30
MAX_RESULTS = 2_000_000

_SUFFIXES = re.compile(r"(\.(csv|tsv|parquet|eval|jsonl?|gz))+$", re.IGNORECASE)


class SourceFile(Struct, frozen=True):
    """A file that was looked at. `base` is its name without folders, `sha256` of its bytes."""

    path: Path
    base: str
    size: int
    sha256: str
    start: bytes  # the first bytes, which tell many formats

    def fault(self, text: str) -> UsageError:
        """Build the error that says what is wrong with this file."""
        return UsageError(f"{self.base!r}: {text}")

    def bounded(self, results: Iterable[Result]) -> tuple[Result, ...]:
        """Collect results; raises where they are more than memory should hold."""
        found = tuple(islice(results, MAX_RESULTS + 1))
        self.check_results(len(found))
        return found

    def check_results(self, count: int) -> None:
        """Raise where a file has more results than memory should hold."""
        if count > MAX_RESULTS:
            raise self.fault(f"more than {MAX_RESULTS:,} results; split it")


class Asked(Struct, frozen=True):
    """What the caller says of a file that the file does not say itself; see `read.read_records`."""

    name: str = ""
    columns: Mapping[str, str] = {}
    models: tuple[str, ...] = ()
    model: str = ""
    read_at: float | None = None
    progress: Progress | None = None

    def source(
        self,
        file: SourceFile,
        kind: SourceKind,
        *,
        made_at: float | None = None,
        made_with: dict[str, str] | None = None,
        columns: dict[str, str] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Source:
        """Build the provenance of what was read."""
        return Source(
            name=self.name or name_of(file.base),
            kind=kind,
            file=file.base,
            sha256=file.sha256,
            read_at=self.read_at,
            made_at=made_at,
            made_with=made_with or {},
            columns=columns or {},
            notes=notes,
        )


def look_at(path: Path) -> SourceFile:
    """Read the file once for its hash; raises `UsageError` where it is none or far too big."""
    shown = str(path)
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # to open a pipe would wait for a writer
            raise UsageError(f"{shown!r} is not a file; save what it holds as one")
        with path.open("rb") as stream:
            if state.st_size > MAX_BYTES:
                raise UsageError(
                    f"{shown!r} has {state.st_size:,} bytes; at most {MAX_BYTES:,} are read. "
                    "Split it, or keep only the columns that are needed"
                )
            if state.st_size == 0:
                raise UsageError(f"{shown!r} is empty")
            start = stream.read(64)
            stream.seek(0)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"cannot read {shown!r}: {why}") from error
    return SourceFile(path, path.name, state.st_size, digest, start)


def name_of(base: str) -> str:
    """Return what a source is called if nobody says: the file's name, made fit for a command."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", _SUFFIXES.sub("", base)).strip("._-")
    return plain[:100] or "records"


def check_name(name: str) -> None:
    """Raise `UsageError` where `name` cannot name a source; '' is let through."""
    if name and not is_campaign_name(name):
        raise UsageError(f"{name!r} cannot name records: it takes {CAMPAIGN_NAME}")
