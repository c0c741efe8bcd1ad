"""Where a command works: settings, ledger and console of this process.

The one place of the house that reads the process's environment for commands. Knows nothing of what
a command does with them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ossay.core.errors import UsageError
from ossay.core.settings import Settings, settings_from

if TYPE_CHECKING:
    from rich.console import Console

    from ossay.store.ledger import Ledger

# Lines of piped output are not broken before this.
PIPED_COLUMNS = 160


def here() -> Settings:
    """Return the settings of this process."""
    return settings_from(os.environ, Path.cwd())


def ledger(url: str | None, *, create: bool = False) -> Ledger:
    """Open the ledger at `url`, or the one of the settings."""
    from ossay.store.ledger import open_ledger

    settings = here()
    if create and not url:
        try:
            settings.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot make {str(settings.home)!r}: {error.strerror}; set OSSAY_HOME to a folder "
                "that can be written"
            ) from error
    return open_ledger(url or settings.ledger, create=create)


def has_ledger(url: str | None) -> bool:
    """Whether there is a ledger to open; of a database by URL that is taken for granted."""
    text = url or here().ledger
    return "://" in text or os.path.exists(text)  # any text may come


def scratch() -> Path:
    """Return the folder for workspaces: this user's own, in the system's temporary directory.

    It lasts, so that a later start can remove what a killed one left behind.
    """
    folder = Path(tempfile.gettempdir()) / f"ossay-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = folder.lstat().st_uid
    except OSError as error:
        raise UsageError(
            f"cannot make {str(folder)!r}: {error.strerror}; set TMPDIR to a folder of yours"
        ) from error
    if folder.is_symlink() or owner != os.getuid():
        raise UsageError(f"{str(folder)!r} is not yours; set TMPDIR to a folder that is")
    return folder


def model_folder(name: str, backend: str = "cpu") -> Path:
    """Return the checkpoint's folder: `name` itself, or a model that was pulled under that name.

    'local/gpt-oss-20b', as models are referred to elsewhere, is the pulled gpt-oss-20b. Raises
    `UsageError` where there is neither, and before that where the backend wants a GPU and there is
    none: nobody should fetch a model that cannot run here.
    """
    if backend == "cuda":
        from ossay.engine.card import check_gpu

        check_gpu()
    from ossay.models.local import model_folder as find

    return find(name if Path(name).is_dir() else name.removeprefix("local/"), here())


def console(*, stderr: bool = False) -> Console:
    """Return a terminal to print to: data on stdout, everything else on stderr.

    Square brackets are text: names and paths may hold them.
    """
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `ossay … | head` is no failure; `main` knows

    piped = not (sys.stderr if stderr else sys.stdout).isatty()
    return Terminal(
        stderr=stderr, highlight=False, markup=False, width=PIPED_COLUMNS if piped else None
    )
