"""Chromium, which coding tasks look at pages with: where it is, and installing it.

Debian's package, or any other below /usr with the same program: that is what a sandbox has of the
machine. The fonts are pinned to one family, so that words are as wide on every machine. Knows
nothing of pages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from ossay.core.errors import UsageError

# The programs themselves, not the scripts in /usr/bin that start them and read settings.
PLACES = (
    "/usr/lib/chromium/chromium",  # Debian, Arch
    "/usr/lib/chromium/chrome",  # Alpine
    "/usr/lib64/chromium-browser/chromium-browser",  # Fedora
)
FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
)
INSTALL_LINE = "apt-get install -y chromium fonts-dejavu-core"
_INSTALL_S = 900.0


def find_chromium() -> str:
    """Where the program is, '' where it is not, or its fonts are not."""
    has_fonts = any(Path(font).is_file() for font in FONTS)
    found = next((place for place in PLACES if os.access(place, os.X_OK)), "")
    return found if has_fonts else ""


def install_chromium(
    environ: Mapping[str, str],
    *,
    root: bool | None = None,
    find: Callable[[], str] = find_chromium,
) -> str:
    """Install Debian's package unless `find` finds Chromium, and return where it is.

    Raises `UsageError` with the line to type where this user may not, or there is no apt.
    """
    found = find()
    if found:
        return found
    apt = shutil.which("apt-get", path=environ.get("PATH", ""))
    if apt is None:
        raise UsageError(
            "Chromium is not here, nor apt-get; install the packages 'chromium' and 'dejavu fonts' "
            f"with this system's package manager, so that one of {', '.join(PLACES)} is there"
        )
    if not (os.geteuid() == 0 if root is None else root):
        raise UsageError(f"Chromium is not here; install it: sudo {INSTALL_LINE}")
    said = ""
    for words in (("update", "-qq"), ("install", "-y", "-qq", *INSTALL_LINE.split()[3:])):
        done = _run((apt, *words), environ)
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-300:]
    found = find()
    if not found:
        raise UsageError(f"apt-get did not bring Chromium: {said!r}. Try: {INSTALL_LINE}")
    return found


def _run(
    command: tuple[str, ...], environ: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command,
            env={**environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"apt-get took longer than {_INSTALL_S:g} s; try again") from None
