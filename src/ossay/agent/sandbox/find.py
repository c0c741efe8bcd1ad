"""Finding a sandbox that really works here, by running a command in it.

Knows nothing of who asks.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ossay.agent.sandbox.base import Limits, Sandbox
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect, OssayError, SandboxUnavailable

OLDEST_BUBBLEWRAP = (0, 8)  # the first with --size and --disable-userns
PROBE_LIMITS = Limits(wall_s=20.0)

_INSTALL = {
    "debian": "apt-get install -y bubblewrap",
    "ubuntu": "apt-get install -y bubblewrap",
    "fedora": "dnf install -y bubblewrap",
    "rhel": "dnf install -y bubblewrap",
    "arch": "pacman -S --noconfirm bubblewrap",
    "suse": "zypper install -y bubblewrap",
    "alpine": "apk add bubblewrap",
}


class Probed(NamedTuple):
    """What trying one kind of sandbox came to; `detail` is one line for a person."""

    name: str
    works: bool
    detail: str


def find_sandbox(*, trust_local: bool = False) -> Sandbox:
    """Return the first that works of bubblewrap, docker and, if `trust_local`, none at all.

    What was found is remembered for the life of the process.

    Raises:
        SandboxUnavailable: Nothing works; the text has the line that installs bubblewrap.
    """
    try:
        return _confining()
    except SandboxUnavailable:
        if not trust_local:
            raise
    from ossay.agent.sandbox.local import Local

    return Local()


@cache
def _confining() -> Sandbox:
    failures = []
    for name, make in _KINDS.items():
        made = _try(make)
        if not isinstance(made, str):
            return made.sandbox
        failures.append(f"  {name}: {made}")
    reasons = "\n".join(failures)
    raise SandboxUnavailable(
        f"nothing here can confine what a model runs:\n{reasons}\n{advice()}\n"
        "--trust-local runs commands with no confinement at all, as you"
    )


def probe() -> list[Probed]:
    """Try every kind of sandbox, for `ossay doctor`."""
    found = []
    for name, make in _KINDS.items():
        made = _try(make)
        works = not isinstance(made, str)
        found.append(Probed(name, works, made if isinstance(made, str) else made.detail))
    return found


def advice() -> str:
    """The line that installs bubblewrap here, or what keeps an installed one from working."""
    if shutil.which("bwrap") is None:
        return f"Install bubblewrap: {install_line()}"
    for place, value, text in _OBSTACLES:
        if _read(place) == value:
            return text
    return (
        "bubblewrap is installed but does not work here; in a container, start the container with "
        "--security-opt seccomp=unconfined and --security-opt apparmor=unconfined, or use a VM"
    )


def install_line(os_release: str | None = None, *, root: bool | None = None) -> str:
    """The command that installs bubblewrap; `os_release` is the text of /etc/os-release."""
    text = _read("/etc/os-release") if os_release is None else os_release
    named = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    words = f"{named.get('ID', '')} {named.get('ID_LIKE', '')}".replace('"', "").split()
    sudo = "" if (os.geteuid() == 0 if root is None else root) else "sudo "
    for word in words:
        if word in _INSTALL:
            return sudo + _INSTALL[word]
    return "install the package 'bubblewrap' with this system's package manager"


_OBSTACLES = (
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor forbids user namespaces to bwrap (Ubuntu 24.04 and later do so). Allow them: "
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "User namespaces are off. Turn them on: sudo sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "User namespaces are off. Turn them on: sudo sysctl -w user.max_user_namespaces=10000",
    ),
)


class _Made(NamedTuple):
    """A sandbox that ran a command, and what there is to say of it."""

    sandbox: Sandbox
    detail: str


def _bubblewrap() -> _Made:
    from ossay.agent.sandbox.bubblewrap import Bubblewrap

    _require_version()
    return _rehearse(Bubblewrap())


def _docker() -> _Made:
    from ossay.agent.sandbox.docker import IMAGE, Docker, daemon_version

    if shutil.which("docker") is None:
        raise EnvironmentDefect("docker is not on PATH")
    if daemon_version() is None:
        raise EnvironmentDefect("no docker daemon answers")
    try:
        return _rehearse(Docker())
    except EnvironmentDefect as error:
        if "No such image" in str(error):
            raise EnvironmentDefect(f"the image is not here; docker pull {IMAGE}") from error
        raise


_KINDS: dict[str, Callable[[], _Made]] = {"bubblewrap": _bubblewrap, "docker": _docker}


def _try(make: Callable[[], _Made]) -> _Made | str:
    try:
        return make()
    except (OssayError, OSError) as error:
        return str(error)


def _rehearse(sandbox: Sandbox) -> _Made:
    """Run a command that writes."""
    with tempfile.TemporaryDirectory(prefix="probe-") as parent:
        workspace = Workspace.create(Path(parent), {})
        done = sandbox.run(["sh", "-c", _REHEARSAL], workspace.root, limits=PROBE_LIMITS)
        written = "probe" in workspace.digests()
        workspace.remove()
    if done.exit_code != 0 or not written:
        raise EnvironmentDefect(done.output.strip()[-500:] or f"ended by limit {done.limit!r}")
    return _Made(sandbox, done.output.strip())


_REHEARSAL = """
echo here > probe && python3 -c '
import sys, importlib.util
pytest = "pytest" if importlib.util.find_spec("pytest") else "no pytest: install it beside ossay"
print("python " + sys.version.split()[0], pytest, sep=", ")
'
"""


@cache
def _require_version() -> None:
    found = shutil.which("bwrap")
    if found is None:
        raise EnvironmentDefect("bwrap is not on PATH")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"(\d+)\.(\d+)", said)
    if match is None or (int(match[1]), int(match[2])) < OLDEST_BUBBLEWRAP:
        oldest = ".".join(map(str, OLDEST_BUBBLEWRAP))
        raise EnvironmentDefect(
            f"{said.strip() or 'bwrap'} is too old; {oldest} or newer is needed"
        )


def _read(place: str) -> str:
    try:
        return Path(place).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
