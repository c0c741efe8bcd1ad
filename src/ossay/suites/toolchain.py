"""The TypeScript compiler that coding tasks are checked with: where it is, and fetching it.

One pinned version of the npm package `typescript`, below OSSAY_HOME/tools, so that every machine
judges with the same compiler. npm fetches it from the registry that the user has set up; the
archive's sha512 is pinned and nothing in it is run while it is installed. Knows nothing of tasks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ossay.core.errors import EnvironmentDefect, UsageError
from ossay.core.settings import settings_from

TYPESCRIPT = "5.9.3"  # the last line whose compiler is JavaScript with a programming interface is 6
_SHA512 = (
    "8e5d6f6733c38a72ebf5e52ddc9feded5e8580d130f508ef04f772b33f4a7d00"
    "c3e357d0ac2d98e2f290762694a454f86d795bd511e12e9a7cc2d9ba3394e04b"
)
_COMPILER_BYTES = 9_112_572  # of lib/typescript.js
_FETCH_S = 300.0


def home_here() -> Path:
    """OSSAY_HOME as this process's environment has it."""
    return settings_from(os.environ, Path.cwd()).home


def typescript_place(home: Path) -> Path:
    """Where the package is, or would be."""
    return home / "tools" / f"typescript-{TYPESCRIPT}"


def typescript_is_there(home: Path) -> bool:
    """Whether the compiler is there, by its size."""
    compiler = typescript_place(home) / "lib" / "typescript.js"
    return compiler.is_file() and compiler.stat().st_size == _COMPILER_BYTES


def find_typescript(home: Path) -> Path:
    """Return the package's folder; raises `EnvironmentDefect` with the line that installs it."""
    if not typescript_is_there(home):
        raise EnvironmentDefect(
            f"TypeScript {TYPESCRIPT} is not at {str(typescript_place(home))!r}; "
            "`ossay doctor --install` fetches it"
        )
    return typescript_place(home)


def install_typescript(home: Path, environ: Mapping[str, str]) -> Path:
    """Fetch the compiler with npm unless it is there, and return its folder.

    `environ` is npm's environment: its PATH, and the registry that the user has set up. Raises
    `UsageError` where npm is missing, cannot fetch, or brings another archive.
    """
    place = typescript_place(home)
    if typescript_is_there(home):
        return place
    npm = shutil.which("npm", path=environ.get("PATH", ""))
    if npm is None:
        raise UsageError("npm is not on PATH; install Node.js with npm (Debian: nodejs npm)")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=place.parent) as scratch:
        _unpack(_fetch(npm, Path(scratch), environ), Path(scratch))
        shutil.rmtree(place, ignore_errors=True)
        os.replace(Path(scratch) / "package", place)
    return find_typescript(home)


def _fetch(npm: str, scratch: Path, environ: Mapping[str, str]) -> Path:
    """Let npm fetch the archive into `scratch`, and hold it against its hash."""
    wanted = f"typescript@{TYPESCRIPT}"
    command = (npm, "pack", wanted, "--silent", "--ignore-scripts", "--pack-destination")
    try:
        done = subprocess.run(
            (*command, str(scratch)),
            cwd=scratch,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_FETCH_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"npm did not fetch {wanted} within {_FETCH_S:g} s; try again") from None
    archive = scratch / f"typescript-{TYPESCRIPT}.tgz"
    if done.returncode != 0 or not archive.is_file():
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-300:]
        raise UsageError(f"npm cannot fetch {wanted}: {said!r}. Check the connection, try again.")
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha512").hexdigest()
    if found != _SHA512:
        raise UsageError(f"{wanted} is not the archive that was promised (sha512 {found})")
    return archive


def _unpack(archive: Path, scratch: Path) -> None:
    with tarfile.open(archive) as opened:
        opened.extractall(scratch, filter="data")
