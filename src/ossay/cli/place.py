"""Where a command works: settings, ledger and console of this process.

The one place of the house that reads the process's environment for commands. Knows nothing of what
a command does with them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ossay.core.settings import Settings, settings_from

if TYPE_CHECKING:
    from rich.console import Console

    from ossay.store.ledger import Ledger


def here() -> Settings:
    """Return the settings of this process."""
    return settings_from(os.environ, Path.cwd())


def ledger(url: str | None, *, create: bool = False) -> Ledger:
    """Open the ledger at `url`, or the one of the settings."""
    from ossay.store.ledger import open_ledger

    return open_ledger(url or here().ledger, create=create)


def console(*, stderr: bool = False) -> Console:
    """Return a terminal to print to: data on stdout, everything else on stderr."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=False)
