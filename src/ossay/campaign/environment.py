"""What a campaign ran on, for whoever wants to repeat it: versions and machine, never a secret."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ossay import __version__

# Packages whose version can change a measurement.
_PACKAGES = ("aiohttp", "xllamacpp", "pytest", "msgspec", "sqlalchemy")


def describe_environment(sandbox: str) -> dict[str, str]:
    """Return name -> value; `sandbox` is the kind in use, such as 'bubblewrap'."""
    found = {
        "ossay": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": f"{_cpu_name()}, {os.cpu_count()} cores",
        "sandbox": sandbox,
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown")
