"""Hashes of big files are computed once, and again when the file changes."""

import hashlib
import os

import pytest

from ossay.models.digest import remembered_sha256, write_whole


def test_a_hash_is_remembered_until_the_file_changes(tmp_path):
    path, memory = tmp_path / "weights", tmp_path / "models" / ".sha256.json"
    path.write_bytes(b"first")
    stamp = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    first = hashlib.sha256(b"first").hexdigest()
    assert remembered_sha256(path, memory) == first

    path.write_bytes(b"other")  # same size
    os.utime(path, ns=stamp)  # same time: taken for the same file
    assert remembered_sha256(path, memory) == first
    os.utime(path, ns=(stamp[0], stamp[1] + 1))
    assert remembered_sha256(path, memory) == hashlib.sha256(b"other").hexdigest()


def test_a_memory_that_cannot_be_read_or_written_costs_only_time(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"x")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    (tmp_path / "file").write_text("")
    for memory in (broken, tmp_path / "file" / "memory.json"):
        assert remembered_sha256(path, memory) == hashlib.sha256(b"x").hexdigest()


def test_a_small_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "file.json"
    write_whole(path, b"{}")
    assert path.read_bytes() == b"{}"
    path.unlink()
    path.mkdir()  # cannot be replaced by a file
    with pytest.raises(OSError, match="irectory"):
        write_whole(path, b"{}")
    assert [p.name for p in path.parent.iterdir()] == ["file.json"]
