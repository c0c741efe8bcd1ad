import subprocess
import sys
from contextlib import closing, contextmanager

from ossay.campaign.scratch import Scratch

LEAVE = """
import sys, time
from pathlib import Path
from ossay.campaign.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
(scratch.root / "ws").mkdir()
(scratch.root / "ws" / "half.txt").write_text("half done")
print(scratch.root, flush=True)
time.sleep(60)
"""


def test_a_session_has_a_folder_that_goes_with_it(tmp_path):
    with closing(Scratch(tmp_path / "scratch")) as scratch:
        (scratch.root / "a").mkdir()
        (scratch.root / "a" / "file").write_text("x")
        assert scratch.root.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "scratch").iterdir()) == []


@contextmanager
def session(place):
    """Another process with a session; yields it and its folder's name."""
    with subprocess.Popen(
        [sys.executable, "-c", LEAVE, place], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip().rpartition("/")[2]
        finally:
            process.kill()


def test_what_a_killed_session_left_is_removed_but_not_what_a_living_one_has(tmp_path):
    with session(tmp_path) as (process, dead), session(tmp_path) as (_, living):
        process.kill()
        process.wait()
        assert (tmp_path / dead / "ws" / "half.txt").exists()
        with closing(Scratch(tmp_path)):
            assert not (tmp_path / dead).exists()
            assert not (tmp_path / f"{dead}.lock").exists()
            assert (tmp_path / living / "ws" / "half.txt").exists()


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "session-notes.txt").write_text("mine")
    (tmp_path / ("session-" + "0" * 32 + ".lock")).symlink_to(tmp_path / "session-notes.txt")
    (tmp_path / "data").mkdir()
    Scratch(tmp_path).close()
    assert (tmp_path / "session-notes.txt").read_text() == "mine"
    assert (tmp_path / "data").is_dir()
