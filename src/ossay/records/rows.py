"""A table as rows of cells, one after the other: CSV, TSV, gzipped or not, and Parquet.

Rows are read as they are asked for, so a file need not fit into memory. Knows nothing of what a
column means.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

from ossay.core.errors import UsageError
from ossay.records.cell import Cell
from ossay.records.source_file import MAX_RESULTS, Progress, SourceFile

# Of one cell; prompts and transcripts are that long, a broken quote makes one longer.
_CELL_CHARS = 1 << 24
# A gzipped file may unpack to this, which a table of MAX_RESULTS rows stays below.
_UNPACKED = 8 << 30
_COLUMNS = 10_000
_BATCH_BYTES = 1 << 30  # of _BETWEEN rows of a Parquet file
_BETWEEN = 4_096  # rows between two calls of progress


class Rows(ABC):
    """The rows of a table. `names` are its columns; `unit` is what a row's number counts."""

    names: tuple[str, ...]
    unit: str = "line"

    @abstractmethod
    def cells(self, picked: Sequence[int]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """Give each row's number and its cells of the columns `picked`, by position."""


class CsvRows(Rows):
    """Rows of a CSV or TSV file in UTF-8. Numbers are lines of the file, from 1."""

    def __init__(self, file: SourceFile, progress: Progress | None = None) -> None:
        self._file = file
        self._progress = progress
        if file.start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise file.fault("it is UTF-16; save it as UTF-8")
        self._delimiter = "\t" if ".tsv" in file.base.lower() else ","
        names = self._header()
        if len(names) == 1 and ";" in names[0]:
            self._delimiter = ";"
            names = self._header()
        if len(names) > _COLUMNS:
            raise file.fault(f"{len(names):,} columns; at most {_COLUMNS:,} are read")
        self.names = tuple(name.strip() for name in names)

    def cells(self, picked: Sequence[int]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """Give each row; one that is shorter or longer than the header is an error."""
        width = len(self.names)
        rows = self._lines()
        next(rows)
        for count, (line, row) in enumerate(rows):
            if count >= MAX_RESULTS:
                raise self._file.fault(f"more than {MAX_RESULTS:,} rows; split it")
            if len(row) != width:
                raise self._file.fault(
                    f"line {line} has {len(row)} cells, the header {width}; mend that line"
                )
            yield line, tuple(row[index] for index in picked)

    def _header(self) -> list[str]:
        for _, row in self._lines():
            return row
        raise self._file.fault("no header line")

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        """Give each line that is not blank, cut into cells; all that can go wrong is said."""
        csv.field_size_limit(_CELL_CHARS)  # of the whole process; the module knows no other
        line = 0
        try:
            with self._file.path.open("rb") as raw:
                packed = self._file.start.startswith(b"\x1f\x8b")
                unpacked: Any = gzip.GzipFile(fileobj=raw) if packed else raw
                bounded = io.BufferedReader(_Bounded(unpacked, self._file))
                text = io.TextIOWrapper(bounded, encoding="utf-8-sig", newline="")
                reader = csv.reader(text, delimiter=self._delimiter, strict=True)
                for count, row in enumerate(reader):
                    line = reader.line_num
                    if self._progress is not None and count % _BETWEEN == 0:
                        self._progress(raw.tell(), self._file.size)
                    if row:
                        yield line, row
        except UnicodeDecodeError as error:
            raise self._file.fault(f"not UTF-8 after line {line}; save it as UTF-8") from error
        except csv.Error as error:
            raise self._file.fault(f"after line {line}: {error}; mend it") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._file.fault(f"damaged: {error}; fetch it again") from error
        except OSError as error:
            raise self._file.fault(f"cannot be read: {error.strerror or error}") from error


class _Bounded(io.RawIOBase):
    """Bytes of a stream, up to a limit, and no NUL among them."""

    def __init__(self, stream: IO[bytes], file: SourceFile) -> None:
        self._stream = stream
        self._file = file
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._done += len(data)
        if self._done > _UNPACKED:
            raise self._file.fault(f"unpacks to more than {_UNPACKED:,} bytes; split it")
        if b"\0" in data:
            raise self._file.fault("holds NUL bytes; it is no text")
        buffer[: len(data)] = data
        return len(data)


class ParquetRows(Rows):
    """Rows of a Parquet file. Numbers are rows, from 1."""

    unit = "row"

    def __init__(self, file: SourceFile, progress: Progress | None = None) -> None:
        self._file = file
        self._progress = progress
        self._table = self._guarded(lambda: _parquet().ParquetFile(file.path))
        schema = self._table.schema_arrow
        self.names = tuple(schema.names)
        rows = self._table.metadata.num_rows
        if rows > MAX_RESULTS or len(self.names) > _COLUMNS:
            raise file.fault(f"{rows:,} rows; at most {MAX_RESULTS:,} are read, so split it")

    def cells(self, picked: Sequence[int]) -> Iterator[tuple[int, tuple[Cell, ...]]]:
        """Give each row; only the columns that are picked are read."""
        total = max(self._table.metadata.num_rows, 1)
        names = [self.names[index] for index in dict.fromkeys(picked)]
        batches = self._table.iter_batches(batch_size=_BETWEEN, columns=names)
        number = 0
        while (batch := self._guarded(lambda: next(batches, None))) is not None:
            if batch.nbytes > _BATCH_BYTES:
                raise self._file.fault(f"more than {_BATCH_BYTES:,} bytes in {_BETWEEN:,} rows")
            columns = [self._column(batch, index) for index in picked]
            for cells in zip(*columns, strict=True):
                number += 1
                yield number, cells
            if self._progress is not None:
                self._progress(self._file.size * number // total, self._file.size)

    def _column(self, batch: Any, index: int) -> list[Cell]:
        values = self._guarded(lambda: batch.column(self.names[index]).to_pylist())
        return [self._cell(value, index) for value in values]

    def _cell(self, value: object, index: int) -> Cell:
        if value is None or isinstance(value, str | int | float):
            if isinstance(value, str) and "\0" in value:
                raise self._file.fault(f"column {self.names[index]!r} holds NUL characters")
            return value
        if isinstance(value, Decimal):
            return float(value)
        raise self._file.fault(
            f"column {self.names[index]!r} holds {type(value).__name__}, neither text nor numbers; "
            "name another: --column FIELD=COLUMN"
        )

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """Whatever a hostile file makes of the library becomes one plain error."""
        try:
            return call()
        except UsageError:
            raise
        except MemoryError as error:
            raise self._file.fault("it does not fit into memory") from error
        except Exception as error:
            text = (str(error).splitlines() or [type(error).__name__])[0]
            raise self._file.fault(f"not readable as Parquet: {text}") from error


def open_rows(file: SourceFile, progress: Progress | None = None) -> Rows:
    """Open a table; Parquet is known by its first bytes."""
    if file.start.startswith(b"PAR1"):
        return ParquetRows(file, progress)
    return CsvRows(file, progress)


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed: pip install 'ossay[parquet]'"
        ) from error
    return parquet
