"""What `/save` writes: a whole file, in no one's place unless told so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ossay.cli import chat_file
from ossay.core.errors import UsageError
from ossay.core.types import Message


def saved(text):
    return chat_file.Saved("scripted/echo", "2020-01-01", (Message("user", text),))


def test_a_file_is_replaced_only_if_told(tmp_path):
    path = tmp_path / "talk.json"
    chat_file.write(saved("one"), path, overwrite=False)
    with pytest.raises(UsageError, match="exists; replace it"):
        chat_file.write(saved("two"), path, overwrite=False)
    assert chat_file.read(path) == saved("one")
    chat_file.write(saved("two"), path, overwrite=True)
    assert chat_file.read(path) == saved("two")
    assert os.listdir(tmp_path) == ["talk.json"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["/", ".", "..", "a\0b", "none/such"])
def test_what_is_no_place_for_a_file(name, overwrite):
    with pytest.raises(UsageError, match=r"exists|cannot write"):
        chat_file.write(saved("one"), Path(name), overwrite=overwrite)


# Kills itself at the moment when it has written and not yet closed: audit hooks see each step.
KILLED = """
import os, signal, sys
from pathlib import Path
from ossay.cli import chat_file
from ossay.core.types import Message
def at(event, args):
    if event in ("os.link", "os.rename"):
        os.kill(os.getpid(), signal.SIGKILL)
saved = chat_file.Saved("m", "d", (Message("user", "x" * 10_000_000),))
sys.addaudithook(at)
chat_file.write(saved, Path(sys.argv[1]), overwrite=sys.argv[2] == "True")
"""


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_kill_before_the_end_leaves_no_file_of_that_name(tmp_path, overwrite):
    path = tmp_path / "talk.json"
    done = subprocess.run([sys.executable, "-c", KILLED, path, str(overwrite)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
