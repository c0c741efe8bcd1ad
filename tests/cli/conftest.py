"""The command line in this process, for tests where a process of its own proves nothing more."""

from contextlib import chdir
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from ossay.cli import cli
from ossay.core.errors import OssayError


@pytest.fixture(scope="session")
def ossay():
    """(words, cwd) -> returncode, stdout, stderr; a refusal's stderr is what `main` would print."""

    def run(*args, cwd):
        with chdir(cwd):
            done = CliRunner().invoke(
                cli, [*map(str, args)], env={"OSSAY_HOME": str(cwd / "data")}, standalone_mode=False
            )
        if done.exception is None:
            return SimpleNamespace(returncode=0, stdout=done.stdout, stderr=done.stderr)
        if isinstance(done.exception, click.ClickException):
            return SimpleNamespace(returncode=2, stdout="", stderr=done.exception.format_message())
        if not isinstance(done.exception, OssayError):
            raise done.exception
        return SimpleNamespace(returncode=2, stdout=done.stdout, stderr=str(done.exception))

    return run
