"""A campaign as a directory that others can check: write_pack, read_pack.

The manifest holds the SHA-256 of every file; reading checks them all and names what was changed.
A pack may come from anyone, so nothing outside its directory is read or written, and what it calls
its campaign can safely become part of a path. Knows nothing of ledgers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import msgspec

from ossay.core.errors import UsageError
from ossay.core.names import CAMPAIGN_NAME, is_campaign_name
from ossay.core.records import CampaignRecord
from ossay.core.task import Transcript
from ossay.reports import pack_predictions, pack_tables
from ossay.reports.pack_json import dump, load
from ossay.reports.summary import summarize

Transcripts = Callable[[str], Transcript | None]

FORMAT = "ossay-pack/1"
MANIFEST = "manifest.json"

# No transcript is longer; a small file that unpacks to more is an attack.
_TRANSCRIPT_BYTES = 1 << 30

# What an error shows: files by name, characters of a name that is none.
_LISTED = 10
_NAME_CHARS = 120


class Manifest(msgspec.Struct, frozen=True):
    """`files` maps the path inside the pack to the SHA-256 of the file, in hexadecimal."""

    format: str
    campaign: str
    files: dict[str, str]


def is_pack(directory: Path) -> bool:
    """Whether a data pack lies there."""
    return os.path.isfile(directory / MANIFEST)  # Path's raises on odd names


def write_pack(record: CampaignRecord, transcripts: Transcripts, directory: Path) -> None:
    """Write the data pack to `directory`, which is made, or holds a pack that is replaced.

    Files in an older pack that its manifest does not list stay. Raises `UsageError` where the
    directory holds something else, or the campaign's name is none.
    """
    _check_name(record.name, f"a data pack in {str(directory)!r}")
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
        (fresh / MANIFEST).write_bytes(dump(manifest))
        for name in (*sums, MANIFEST):  # the manifest last: without it there is no pack
            target = _inside(directory, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(fresh / name, target)


def read_pack(directory: Path) -> tuple[CampaignRecord, Transcripts]:
    """Read a pack back: the record, and a function from run id to transcript.

    Raises:
        UsageError: No pack is there, a newer ossay wrote it, files are missing or were changed, or
            it holds what no campaign does. The returned function raises it, too.
    """
    manifest = _read_manifest(directory)
    _check_files(directory, manifest)
    if "campaign.json" not in manifest.files:
        raise UsageError(f"{str(directory)!r} is no data pack: its manifest lists no campaign.json")
    record = load(_bytes(directory / "campaign.json"), CampaignRecord, "campaign.json")
    _check_name(record.name, f"the data pack {str(directory)!r}")
    if record.name != manifest.campaign:
        raise UsageError(
            f"the data pack {str(directory)!r} is of campaign {record.name!r}, but its manifest "
            f"says {manifest.campaign[:_NAME_CHARS]!r}. Get it again from where it came"
        )
    if pack_predictions.NAME in manifest.files:
        predictions = _bytes(directory / pack_predictions.NAME)
    else:
        predictions = None
    record = pack_predictions.join(record, predictions)

    def transcript(run_id: str) -> Transcript | None:
        name = _transcript_name(run_id)
        if name not in manifest.files:
            return None
        return load(_unpack(directory / name), Transcript, name)

    return record, transcript


def _check_name(name: str, where: str) -> None:
    if not is_campaign_name(name):
        raise UsageError(
            f"{where} would be of a campaign {name[:_NAME_CHARS]!r}, which is no name for one: "
            f"that is {CAMPAIGN_NAME}. ossay makes no such pack: ask whoever made it"
        )


def _contents(record: CampaignRecord, transcripts: Transcripts) -> Iterator[tuple[str, bytes]]:
    import zstandard

    summary = summarize(record)
    readme = files("ossay.reports").joinpath("templates/pack.md").read_bytes()
    yield "README.md", readme
    campaign, predictions = pack_predictions.part(record)
    yield "campaign.json", dump(campaign)
    if predictions is not None:
        yield pack_predictions.NAME, predictions
    yield "run_summary.json", dump(pack_tables.run_summary(summary))
    yield "per_task_results.json", dump(pack_tables.per_task_results(record, summary))
    yield "evidence_patterns.json", dump(pack_tables.evidence_patterns(record))
    for name, content in pack_tables.csv_files(record, summary).items():
        yield f"verification/{name}", content
    compressor = zstandard.ZstdCompressor()
    for run in record.runs:
        transcript = transcripts(run.id)
        if transcript is not None:
            yield _transcript_name(run.id), compressor.compress(dump(transcript))


def _check_files(directory: Path, manifest: Manifest) -> None:
    missing, changed = [], []
    for name, expected in manifest.files.items():
        path = _inside(directory, name)
        if not os.path.isfile(path):  # Path's raises on odd names
            missing.append(name)
        elif _sha256(path) != expected:
            changed.append(name)
    problems = [
        f"{what}: {', '.join(map(repr, names[:_LISTED]))}"
        f"{f' and {len(names) - _LISTED:,} more' if len(names) > _LISTED else ''}"
        for what, names in (("missing", missing), ("changed since it was written", changed))
        if names
    ]
    if problems:
        raise UsageError(
            f"the data pack {str(directory)!r} is not as it was written; {'; '.join(problems)}. "
            "Get it again from where it came"
        )


def _read_manifest(directory: Path) -> Manifest:
    if not is_pack(directory):
        raise UsageError(f"{str(directory)!r} is no data pack: it holds no {MANIFEST}")
    manifest = load(_bytes(_inside(directory, MANIFEST)), Manifest, MANIFEST)
    if manifest.format != FORMAT:
        raise UsageError(
            f"{str(directory)!r} is a pack of format {manifest.format[:_NAME_CHARS]!r}, this ossay "
            f"reads {FORMAT!r}; use the ossay that wrote it"
        )
    return manifest


def _inside(directory: Path, name: str) -> Path:
    """Return the path of a file of the pack; `UsageError` where it would lie outside."""
    try:
        path = directory.joinpath(*PurePosixPath(name).parts)
        # Not Path.resolve, which raises RuntimeError where links go round in circles.
        inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(directory))
    except ValueError:  # a NUL or an unpaired surrogate
        inside = False
    if not inside:
        raise UsageError(
            f"{name[:_NAME_CHARS]!r} leads outside of the pack {str(directory)!r}, as nothing in a "
            "pack that ossay made does: ask whoever made it"
        )
    return path


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{str(path)!r} of the data pack cannot be read: {error.strerror}; see that it is there "
        "and that you may read it"
    )


def _transcript_name(run_id: str) -> str:
    """The file of a run's transcript; a run id never becomes a path unchecked."""
    return f"transcripts/{quote(run_id, safe='', errors='surrogatepass')}.json.zst"


def _unpack(path: Path) -> bytes:
    import zstandard

    try:
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
            data: bytes = reader.read(_TRANSCRIPT_BYTES + 1)
    except zstandard.ZstdError as error:
        raise UsageError(
            f"{str(path)!r} is not a zstandard file: {error}. Get the pack again from where it came"
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(data) > _TRANSCRIPT_BYTES:
        raise UsageError(
            f"{str(path)!r} unpacks to more than {_TRANSCRIPT_BYTES:,} bytes, as no transcript "
            "does. Get the pack again from where it came"
        )
    return data
