"""The sha256 of big files, remembered as long as size and modification time stay the same.

Knows nothing of what the files are.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import msgspec


def sha256_of(path: Path) -> str:
    """Read the whole file and return its sha256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remembered_sha256(path: Path, memory: Path) -> str:
    """Return the sha256 of `path`, from the JSON file `memory` where that is up to date.

    A memory that cannot be read or written costs only time.
    """
    place = path.resolve()
    status = place.stat()
    stamp = f"{status.st_size}:{status.st_mtime_ns}"
    try:
        known = msgspec.json.decode(memory.read_bytes(), type=dict[str, tuple[str, str]])
    except (OSError, msgspec.DecodeError):
        known = {}
    if str(place) in known and known[str(place)][0] == stamp:
        return known[str(place)][1]
    digest = sha256_of(place)
    known[str(place)] = (stamp, digest)
    try:
        write_whole(memory, msgspec.json.format(msgspec.json.encode(known)))
    except OSError:
        return digest
    return digest


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file so that nobody ever sees half of it; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o644)  # a models folder may be shared
            file.write(content)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
