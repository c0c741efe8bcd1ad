"""A campaign as a directory that others can check: write_pack, read_pack.

The manifest holds the SHA-256 of every file; reading checks them all and names what was changed.
A pack may come from anyone, so nothing outside its directory is read. Knows nothing of ledgers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from ossay.core.errors import UsageError
from ossay.core.records import CampaignRecord
from ossay.core.task import Transcript
from ossay.reports import pack_tables
from ossay.reports.summary import summarize

T = TypeVar("T")

Transcripts = Callable[[str], Transcript | None]

FORMAT = "ossay-pack/1"
MANIFEST = "manifest.json"

# No transcript is longer; a small file that unpacks to more is an attack.
_TRANSCRIPT_BYTES = 1 << 30


class Manifest(msgspec.Struct, frozen=True):
    """`files` maps the path inside the pack to the SHA-256 of the file, in hexadecimal."""

    format: str
    campaign: str
    files: dict[str, str]


def is_pack(directory: Path) -> bool:
    """Whether a data pack lies there."""
    return (directory / MANIFEST).is_file()


def write_pack(record: CampaignRecord, transcripts: Transcripts, directory: Path) -> None:
    """Write the data pack to `directory`, which is made, or holds a pack that is replaced.

    Files in an older pack that its manifest does not list stay. Raises `UsageError` where the
    directory holds something else.
    """
    if directory.exists() and not is_pack(directory) and any(directory.iterdir()):
        raise UsageError(f"{str(directory)!r} holds other files; name an empty or a new directory")
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Built beside and then moved: the transcripts may come from the very pack that is replaced.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".ossay-pack-") as temporary:
        fresh = Path(temporary)
        sums: dict[str, str] = {}
        for name, content in _contents(record, transcripts):
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)
            sums[name] = hashlib.sha256(content).hexdigest()
        if is_pack(directory):
            old = _read_manifest(directory)
            for name in (MANIFEST, *old.files):
                _inside(directory, name).unlink(missing_ok=True)
        manifest = Manifest(FORMAT, record.name, sums)
        (fresh / MANIFEST).write_bytes(_dump(manifest))
        for name in (*sums, MANIFEST):  # the manifest last: without it there is no pack
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(fresh / name, directory / name)


def read_pack(directory: Path) -> tuple[CampaignRecord, Transcripts]:
    """Read a pack back: the record, and a function from run id to transcript.

    Raises:
        UsageError: No pack is there, a newer ossay wrote it, or files are missing or were changed.
    """
    manifest = _read_manifest(directory)
    _check_files(directory, manifest)
    if "campaign.json" not in manifest.files:
        raise UsageError(f"{str(directory)!r} is no data pack: its manifest lists no campaign.json")
    record = _load((directory / "campaign.json").read_bytes(), CampaignRecord, "campaign.json")

    def transcript(run_id: str) -> Transcript | None:
        name = _transcript_name(run_id)
        if name not in manifest.files:
            return None
        return _load(_unpack(directory / name), Transcript, name)

    return record, transcript


def _contents(record: CampaignRecord, transcripts: Transcripts) -> Iterator[tuple[str, bytes]]:
    import zstandard

    summary = summarize(record)
    readme = files("ossay.reports").joinpath("templates/pack.md").read_bytes()
    yield "README.md", readme
    yield "campaign.json", _dump(record)
    yield "run_summary.json", _dump(pack_tables.run_summary(summary))
    yield "per_task_results.json", _dump(pack_tables.per_task_results(record, summary))
    yield "evidence_patterns.json", _dump(pack_tables.evidence_patterns(record))
    for name, content in pack_tables.csv_files(record, summary).items():
        yield f"verification/{name}", content
    compressor = zstandard.ZstdCompressor()
    for run in record.runs:
        transcript = transcripts(run.id)
        if transcript is not None:
            yield _transcript_name(run.id), compressor.compress(_dump(transcript))


def _check_files(directory: Path, manifest: Manifest) -> None:
    missing, changed = [], []
    for name, expected in manifest.files.items():
        path = _inside(directory, name)
        if not path.is_file():
            missing.append(name)
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            changed.append(name)
    problems = [
        f"{what}: {', '.join(map(repr, names))}"
        for what, names in (("missing", missing), ("changed since it was written", changed))
        if names
    ]
    if problems:
        raise UsageError(
            f"the data pack {str(directory)!r} is not as it was written; {'; '.join(problems)}. "
            "Get it again from where it came"
        )


def _read_manifest(directory: Path) -> Manifest:
    try:
        data = (directory / MANIFEST).read_bytes()
    except OSError as error:
        raise UsageError(f"{str(directory)!r} is no data pack: {error}") from error
    manifest = _load(data, Manifest, MANIFEST)
    if manifest.format != FORMAT:
        raise UsageError(
            f"{str(directory)!r} is a pack of format {manifest.format!r}, this ossay reads "
            f"{FORMAT!r}; use the ossay that wrote it"
        )
    return manifest


def _inside(directory: Path, name: str) -> Path:
    """Return the path of a file of the pack; `UsageError` where it would lie outside."""
    path = directory.joinpath(*PurePosixPath(name.replace("\0", "")).parts)
    if not path.resolve().is_relative_to(directory.resolve()):
        raise UsageError(f"the manifest in {str(directory)!r} names {name!r}, outside of the pack")
    return path


def _transcript_name(run_id: str) -> str:
    """The file of a run's transcript; a run id never becomes a path unchecked."""
    return f"transcripts/{quote(run_id, safe='', errors='surrogatepass')}.json.zst"


def _unpack(path: Path) -> bytes:
    import zstandard

    try:
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
            data: bytes = reader.read(_TRANSCRIPT_BYTES + 1)
    except zstandard.ZstdError as error:
        raise UsageError(f"{str(path)!r} is not a zstandard file: {error}") from error
    if len(data) > _TRANSCRIPT_BYTES:
        raise UsageError(f"{str(path)!r} unpacks to more than {_TRANSCRIPT_BYTES:,} bytes")
    return data


def _dump(thing: Any) -> bytes:
    # Not msgspec's encoder: it refuses the unpaired surrogates that a model can write.
    return json.dumps(msgspec.to_builtins(thing), indent=1).encode("ascii")


def _load(data: bytes, type_: type[T], name: str) -> T:
    try:
        return msgspec.convert(json.loads(data), type_)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name!r} of the data pack cannot be read: {error}") from error
