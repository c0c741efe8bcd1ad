"""Which coding tasks the demo can show on this machine, and what is missing for the others.

Knows nothing of how they are run; a campaign would report what can't be graded as errors of the
machine, which is no welcome.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec import Struct

from ossay.suites.chromium import find_chromium
from ossay.suites.toolchain import TYPESCRIPT, typescript_is_there

LOOKED_AT = "benchmark_visualization"  # the task that takes a browser
OTHERS = ("clean_markdown", "folder_watcher_fix", "typescript_narrowing", "todo_add_feature")


class CodingHere(Struct, frozen=True):
    """`missing` says what is left out and how to come by it; '' where nothing is."""

    tasks: tuple[str, ...]
    missing: str


def coding_here(home: Path, path: str, chromium: str | None = None) -> CodingHere:
    """What can run, with OSSAY_HOME at `home` and programs on `path`.

    `chromium` is where that is, '' for nowhere; looked for if None.
    """
    lacking = [] if shutil.which("node", path=path) else ["Node.js"]
    lacking += [] if typescript_is_there(home) else [f"TypeScript {TYPESCRIPT}"]
    if lacking:
        node = "install nodejs (18 or newer) and npm, then " if "Node.js" in lacking else ""
        return CodingHere(
            (),
            f"The suite coding is left out: {' and '.join(lacking)} not here; "
            f"{node}`ossay doctor --install` brings what is missing.",
        )
    if not (find_chromium() if chromium is None else chromium):
        return CodingHere(
            OTHERS,
            f"{LOOKED_AT} is left out: Chromium is not here; `ossay doctor --install` brings it.",
        )
    return CodingHere((*OTHERS, LOOKED_AT), "")
