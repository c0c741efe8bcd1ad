"""What this machine can do, and what is missing: the findings of `ossay doctor`.

Looks, tries the sandbox, and changes nothing. API keys are named, never shown. Knows nothing of
terminals.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from msgspec import Struct

from ossay.agent.sandbox.find import Probed, advice, probe
from ossay.core.cores import physical_cores
from ossay.core.errors import ConfigError, LedgerError, UsageError
from ossay.core.settings import Settings
from ossay.models.catalogue import CATALOGUE
from ossay.models.providers import known_providers
from ossay.models.pull import is_whole, provenance
from ossay.suites.chromium import find_chromium
from ossay.suites.toolchain import TYPESCRIPT, typescript_is_there, typescript_place

# Programs that something wants -> names to look for, what for, how to come by it.
_PROGRAMS = {
    "C++ compiler": (("c++", "g++", "clang++"), "to build the engine's kernels", "install g++"),
    "node": (("node",), "for the suite coding", "install nodejs"),
    "npm": (("npm",), "to fetch the TypeScript compiler", "install npm"),
}
# Without these no campaign runs.
_ESSENTIAL = ("python", "sandbox", "config", "ledger")
_DEVELOPERS = "dev"  # the extra that users need not have


class Finding(Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at. 'warn' means that a campaign runs without it."""

    name: str
    state: Literal["ok", "warn", "missing"]
    detail: str
    next_step: str = ""


def examine(settings: Settings, environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything. A second, most of it for the sandbox; more where PyTorch is installed."""
    return [
        _python(),
        _machine(settings),
        _sandbox(probe()),
        *_programs(environ.get("PATH", "")),
        _typescript(settings),
        _chromium(),
        _engine(),
        _gpu(),
        *_extras(),
        *_models(settings),
        _vocabulary(settings, environ),
        *_providers(settings, environ),
        _ledger(settings),
    ]


def fit(findings: list[Finding]) -> bool:
    """Whether a campaign can run here."""
    return not any(f.state == "missing" and f.name in _ESSENTIAL for f in findings)


def _python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < (3, 11):  # noqa: UP036  # a wheel can be forced onto an older one
        return Finding("python", "missing", found, "use Python 3.11 or newer")
    return Finding("python", "ok", found)


def _machine(settings: Settings) -> Finding:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    free = shutil.disk_usage(_nearest_folder(settings.home)).free / 2**30
    detail = (
        f"{platform.system()} {platform.release()} {platform.machine()}, "
        f"{physical_cores()} cores, {memory:.0f} GiB memory, {free:.0f} GiB free for models"
    )
    if platform.system() != "Linux":
        return Finding("machine", "warn", detail, "ossay is made for Linux")
    return Finding("machine", "ok", detail)


def _sandbox(probed: list[Probed]) -> Finding:
    detail = "; ".join(f"{kind.name}: {kind.detail}" for kind in probed)
    working = [kind for kind in probed if kind.works]
    if not working:
        return Finding("sandbox", "missing", detail, advice())
    if "no pytest" in working[0].detail:
        return Finding("sandbox", "warn", detail, "pip install pytest")
    return Finding("sandbox", "ok", detail)


def _programs(path: str) -> Iterator[Finding]:
    for name, (commands, purpose, step) in _PROGRAMS.items():
        found = next(filter(None, (shutil.which(command, path=path) for command in commands)), None)
        if found:
            yield Finding(name, "ok", found)
        else:
            yield Finding(name, "warn", f"not on PATH; wanted {purpose}", step)


def _typescript(settings: Settings) -> Finding:
    """The one version that the suite coding judges with."""
    if typescript_is_there(settings.home):
        return Finding("typescript", "ok", f"{TYPESCRIPT} at {typescript_place(settings.home)}")
    detail = f"no TypeScript {TYPESCRIPT}; wanted for the suite coding"
    return Finding("typescript", "warn", detail, "ossay doctor --install")


def _chromium() -> Finding:
    """The browser that the suite coding looks at pages with; it must be where a sandbox sees it."""
    found = find_chromium()
    if found:
        return Finding("chromium", "ok", found)
    detail = "no Chromium with DejaVu fonts below /usr; wanted for the suite coding"
    return Finding("chromium", "warn", detail, "ossay doctor --install")


def _engine() -> Finding:
    """What gpt-oss would be computed with on this machine."""
    from ossay.engine.kernels import cpu

    if why := cpu.missing():
        return Finding("engine", "warn", "the fast kernels are missing; gpt-oss runs slowly", why)
    return Finding("engine", "ok", f"fast kernels, computing with {cpu.instruction_set()}")


def _gpu() -> Finding:
    """The card that gpt-oss could be computed on; where PyTorch is installed it takes seconds."""
    from ossay.engine.kernels.cuda import device

    found = device.find()
    if why := device.judge(found):
        return Finding("gpu", "warn", "none to compute with; wanted for --backend cuda", why)
    detail = f"{found.name}, {found.memory_bytes / 1e9:.0f} GB, PyTorch {found.torch}"
    return Finding("gpu", "ok", detail)


def _extras() -> Iterator[Finding]:
    """Each extra of the distribution, with the versions of what it brings."""
    brought: dict[str, list[str]] = {}
    try:
        for requirement in requires("ossay") or []:
            extra = re.search(r"""extra\s*==\s*["']([\w-]+)["']""", requirement)
            package = re.match(r"[\w.-]+", requirement)
            if extra and package and extra[1] != _DEVELOPERS:
                brought.setdefault(extra[1], []).append(package[0])
    except PackageNotFoundError:
        return  # run from a folder, not installed
    for name, packages in brought.items():
        found = {package: _version(package) for package in packages}
        detail = ", ".join(f"{p} {v or 'not installed'}" for p, v in found.items())
        if all(found.values()):
            yield Finding(f"extra {name}", "ok", detail)
        else:
            step = f"pip install 'ossay[{name}]'"
            yield Finding(f"extra {name}", "warn", detail, step)


def _models(settings: Settings) -> Iterator[Finding]:
    """Pulled models; and the small one where it is not, since the demo wants it."""
    for name, model in CATALOGUE.items():
        if name == "vocab":  # it may be elsewhere, see below
            continue
        place = model.place(name, settings)
        if is_whole(model, place):
            known = provenance(place)
            source = f", from {known.source}" if known else ""
            yield Finding(name, "ok", f"at {place}, whole{source}")
        elif place.exists():
            step = f"ossay pull {name}"
            yield Finding(name, "missing", f"at {place}, damaged or not whole", step)
        elif name == "smollm2-135m":
            yield Finding(name, "warn", "not pulled; the demo wants it", f"ossay pull {name}")


def _vocabulary(settings: Settings, environ: Mapping[str, str]) -> Finding:
    """What gpt-oss reads and writes text with."""
    from ossay.harmony.vocabulary import find_file

    try:
        return Finding("vocabulary", "ok", f"of gpt-oss, at {find_file(settings, environ)}")
    except UsageError:
        detail = "none; gpt-oss wants it to read and write text"
        return Finding("vocabulary", "warn", detail, "ossay pull vocab")


def _providers(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    place = "no ossay.toml" if settings.config is None else str(settings.config)
    try:
        rows = known_providers(settings, environ)
    except ConfigError as error:
        yield Finding("config", "missing", str(error), "mend the file, or move it away")
        return
    yield Finding("config", "ok", place)
    variables = {row.key_variable: row.key_set for row in rows if row.key_variable}
    given = [name for name, is_set in sorted(variables.items()) if is_set]
    others = [name for name, is_set in sorted(variables.items()) if not is_set]
    detail = f"set: {', '.join(given) or 'none'}; not set: {', '.join(others) or 'none'}"
    if given:
        yield Finding("API keys", "ok", detail)
    else:
        yield Finding("API keys", "warn", detail, "for models behind endpoints: export NAME=…")


def _ledger(settings: Settings) -> Finding:
    from ossay.store.address import parse_address
    from ossay.store.ledger import open_ledger

    try:
        address = parse_address(settings.ledger)
        if address.path is not None and not address.path.exists():
            return _no_ledger_yet(address.path)
        with open_ledger(settings.ledger, create=False) as ledger:
            rows = ledger.campaigns()
    except LedgerError as error:
        return Finding("ledger", "missing", str(error), "OSSAY_LEDGER names another")
    runs = sum(row.total for row in rows)
    return Finding("ledger", "ok", f"{address}: {len(rows)} campaigns, {runs} runs")


def _no_ledger_yet(path: Path) -> Finding:
    folder = _nearest_folder(path.parent)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return Finding("ledger", "ok", f"none yet; the first run makes {path}")
    step = "set OSSAY_HOME or OSSAY_LEDGER to a place where you may write"
    return Finding("ledger", "missing", f"cannot be made: {str(folder)!r} is not writable", step)


def _nearest_folder(path: Path) -> Path:
    """The nearest thing that exists above `path`, or itself."""
    return next((place for place in (path, *path.parents) if place.exists()), Path("/"))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
