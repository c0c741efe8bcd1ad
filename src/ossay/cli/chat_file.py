"""A conversation in a file: what `/save` writes and `/load` reads.

JSON that holds what was said with the model, the system message and how it sampled. Knows nothing
of the terminal.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

from ossay.core.errors import UsageError
from ossay.core.types import Message, Sampling


class Saved(Struct, frozen=True, forbid_unknown_fields=True):
    """A conversation as it lies in a file.

    Attributes:
        model: The reference of the model that answered.
        date: When it was saved, ISO 8601 with its zone.
        messages: What was said, without the system message.
        system: The system message, '' for none.
        sampling: How the model sampled at the end; the effort is in it.
        tools: Names of the tools that were offered.
        format: The version of this form.
    """

    model: str
    date: str
    messages: tuple[Message, ...]
    system: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    tools: tuple[str, ...] = ()
    format: Literal[1] = 1


def write(saved: Saved, path: Path, *, overwrite: bool) -> None:
    """Write the whole file or nothing. Raises `UsageError`; a file is replaced only if told to."""
    body = as_json(saved)
    try:
        # ValueError where the path is a folder without a name: "." or "/".
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with part.open("xb") as file:
                file.write(body)
            if overwrite:
                part.replace(path)
            else:
                _give_name(part, path)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise UsageError(
            f"{str(path)!r} exists; replace it with /save! {path}, or give another name"
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {str(path)!r}: {_why(error)}; give another name") from error


def read(path: Path) -> Saved:
    """Read what `write` wrote. Raises `UsageError` for anything else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Saved)
    except (OSError, ValueError, RecursionError) as error:  # DecodeError is a ValueError
        raise UsageError(
            f"cannot load {str(path)!r}: {_why(error)}; /load takes what /save wrote"
        ) from error


def as_json(value: object) -> bytes:
    """Return indented JSON. Unpaired surrogates, which no file can hold, become question marks."""
    try:
        body = msgspec.json.encode(value)
    except UnicodeEncodeError:
        plain = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
        body = plain.encode("utf-8", "replace")
    return msgspec.json.format(body) + b"\n"


def _give_name(part: Path, path: Path) -> None:
    """Let `path` be the file `part`. Raises `FileExistsError` where there is such a file."""
    try:
        path.hardlink_to(part)  # a rename would replace
    except FileExistsError:
        raise
    except OSError:  # a file system without links, as FAT: an empty file keeps the name free
        path.open("xb").close()
        part.replace(path)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
