"""The files of one commit on the Hugging Face hub: listed, fetched, checked.

huggingface_hub's own snapshot begins a file anew after its process has ended; with files of 5 GB
that costs an evening. Here a part of a file is kept by the hash of its whole, and goes on where it
broke. Knows nothing of models.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct

from ossay.core.errors import UsageError
from ossay.models.digest import sha256_of

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # it becomes part of a file's name
_PARTS = ".cache"  # folder of broken downloads, inside the model's


class Listed(Struct, frozen=True):
    """A file as the hub lists it.

    Attributes:
        path: Relative to the repository.
        size: In bytes.
        sha256: Of a large file; '' for one that git keeps itself.
        blob: Git's id of the file, or of the pointer to a large one.
    """

    path: str
    size: int
    sha256: str
    blob: str


def listing(
    repository: str, leave_out: Sequence[str], *, endpoint: str | None = None
) -> tuple[str, list[Listed]]:
    """Return the newest commit and its files, without those that match a pattern of `leave_out`."""
    from huggingface_hub import HfApi, RepoFile
    from huggingface_hub.utils import filter_repo_objects

    hub = HfApi(endpoint=endpoint)
    commit = str(hub.model_info(repository, timeout=20).sha)
    files = [
        Listed(file.path, file.size, file.lfs.sha256 if file.lfs else "", file.blob_id)
        for file in hub.list_repo_tree(repository, recursive=True, revision=commit)
        if isinstance(file, RepoFile)
    ]
    for file in files:
        if PurePosixPath(file.path).is_absolute() or ".." in PurePosixPath(file.path).parts:
            raise UsageError(
                f"{repository!r} lists the file {file.path!r}, which leaves the folder"
            )
        if not _HASH.fullmatch(file.sha256 or file.blob):
            raise UsageError(f"{repository!r} lists {file.path!r} with a hash that is none")
    kept = filter_repo_objects(files, ignore_patterns=list(leave_out), key=lambda file: file.path)
    return commit, sorted(kept, key=lambda file: file.path)


def fetch(
    repository: str,
    commit: str,
    files: Sequence[Listed],
    place: Path,
    *,
    endpoint: str | None = None,
) -> None:
    """Fetch the files that `place` lacks. Interrupted, it keeps what has come of the last one."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    parts = place / _PARTS
    parts.mkdir(parents=True, exist_ok=True)
    for file in files:
        there = place / file.path
        if there.is_file() and there.stat().st_size == file.size:
            continue
        url = hf_hub_url(repository, file.path, revision=commit, endpoint=endpoint)
        part = parts / f"{file.sha256 or file.blob}.partial"
        if part.exists() and part.stat().st_size > file.size:
            part.unlink()
        with part.open("ab") as out:
            http_get(
                url,
                out,
                resume_size=out.tell(),
                headers=build_hf_headers(),
                expected_size=file.size,
                displayed_filename=file.path,
            )
        there.parent.mkdir(parents=True, exist_ok=True)
        part.replace(there)


def check(
    name: str, place: Path, files: Sequence[Listed], report: Callable[[str], None]
) -> dict[str, int]:
    """Hold the files in `place` against the hub's sizes and hashes; return sizes by path.

    A file that is wrong is removed, so that the next pull fetches it and nothing else.
    """
    total = sum(file.size for file in files)
    report(f"checking the hashes of {len(files)} files, {total / 1e9:.1f} GB")
    for file in files:
        there = place / file.path
        size = there.stat().st_size if there.is_file() else None
        if size == file.size and _is_right(there, file):
            continue
        there.unlink(missing_ok=True)
        found = "its hash is another" if size == file.size else f"{size} bytes, not {file.size}"
        raise UsageError(
            f"{file.path!r} of {name!r} is not what the hub lists "
            f"({'it is missing' if size is None else found}); it was removed. "
            f"Repeat `ossay pull {name}` to fetch it again."
        )
    return {file.path: file.size for file in files}


def _is_right(path: Path, file: Listed) -> bool:
    if file.sha256:
        return sha256_of(path) == file.sha256
    content = path.read_bytes()  # git keeps small files only
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == file.blob
