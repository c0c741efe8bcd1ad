"""A file's rows as mappings, column to cell: CSV, TSV or JSON lines, gzipped or not.

Read whole, within bounds, once: what is hashed is what was read. Knows nothing of what a column
means.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.errors import UsageError

_MOST_BYTES = 1 << 30  # packed or unpacked
_CELL = 1 << 24

Cells = Mapping[str, Any]


class Lines(Struct, frozen=True):
    """The SHA-256 of the file's bytes, and its rows with their line numbers, to be read once."""

    sha256: str
    rows: Iterator[tuple[int, Cells]]


def open_lines(path: Path) -> Lines:
    """Read a file; its name says whether it holds JSON lines.

    Raises `UsageError` here or while rows are taken: unreadable, too large, damaged, not UTF-8, a
    row that doesn't fit its header.
    """
    packed = _bytes(path)
    data = _unpacked(path, packed)
    rows = _json_lines(path, data) if _is_json(path) else _csv_lines(path, data)
    return Lines(hashlib.sha256(packed).hexdigest(), rows)


def fault(path: Path, text: str) -> UsageError:
    """Build the error that says what is wrong with a file."""
    return UsageError(f"{path.name!r}: {text}")


def _csv_lines(path: Path, data: bytes) -> Iterator[tuple[int, Cells]]:
    csv.field_size_limit(_CELL)
    text = io.StringIO(_text(path, data), newline="")
    reader = csv.reader(text, delimiter="\t" if ".tsv" in path.name.lower() else ",", strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(set(header)) < len(header):
            raise fault(path, "two columns have one name; rename one")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise fault(
                    path,
                    f"line {reader.line_num} has {len(cells)} cells, the header {len(header)}; "
                    "mend that line",
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise fault(path, f"line {reader.line_num}: {error}; mend it") from error


def _json_lines(path: Path, data: bytes) -> Iterator[tuple[int, Cells]]:
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise fault(path, f"line {number}: not a JSON object: {error}") from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    if len(data) > _MOST_BYTES:
        raise fault(path, f"more than {_MOST_BYTES:,} bytes; take a random part of its rows")
    return data


def _unpacked(path: Path, data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise fault(path, f"damaged: {error}; fetch it again") from error
    if len(plain) > _MOST_BYTES:
        raise fault(path, f"unpacks to more than {_MOST_BYTES:,} bytes; take a random part of it")
    return plain


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fault(path, "not UTF-8; save it as UTF-8") from error


def _is_json(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))
