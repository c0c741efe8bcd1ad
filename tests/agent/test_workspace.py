"""A workspace lets a model's paths in, and never out."""

import os
import socket
import stat
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.agent.workspace import MORE, PathRefused, Workspace

FILES = {"src/app.py": b"print(1)\n", "data.txt": "grüße\n".encode()}


@pytest.fixture
def workspace(tmp_path):
    return Workspace.create(tmp_path, FILES)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.txt"
    path.write_text("the secret")
    return path


def test_a_fresh_workspace_is_private_and_unguessable(tmp_path):
    one, other = (Workspace.create(tmp_path, FILES) for _ in range(2))
    assert one.root != other.root
    assert len(one.root.name) >= 20
    assert stat.S_IMODE(one.root.stat().st_mode) == 0o700
    assert one.read("data.txt", 100) == FILES["data.txt"]


@pytest.mark.parametrize(
    "path", ["src/app.py", "./src/app.py", "/workspace/src/app.py", "src/../src/./app.py"]
)
def test_models_write_paths_in_several_ways(workspace, path):
    assert workspace.read(path, 100) == b"print(1)\n"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../secret.txt", "leaves the workspace"),
        ("src/../../secret.txt", "leaves the workspace"),
        ("/workspace/../secret.txt", "leaves the workspace"),
        ("/etc/passwd", "is outside the workspace"),
        ("/workspacex/a", "is outside the workspace"),
        ("", "is empty"),
        ("  ", "is empty"),
        ("a\0b", "NUL"),
        ("x/" * 600 + "y", "has 1,201 characters"),
        ("x" * 300, "too long for a name"),
        ("\ud800", "not a valid file name"),
        ("nothing.txt", "does not exist"),
        ("data.txt/x", "not a directory"),
        ("src", "is a directory"),
        (".", "is a directory"),
        ("/workspace", "is a directory"),
    ],
)
def test_paths_that_cannot_be_read(workspace, secret, path, why):
    with pytest.raises(PathRefused, match=why):
        workspace.read(path, 100)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../out.txt", "leaves the workspace"),
        ("/tmp/out.txt", "is outside the workspace"),
        ("src", "is a directory"),
        ("new/", "is a directory"),
        ("data.txt/x", "not a directory"),
    ],
)
def test_paths_that_cannot_be_written(workspace, tmp_path, path, why):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(PathRefused, match=why):
        workspace.write(path, b"x")
    assert sorted(tmp_path.rglob("*")) == before


def test_writing_makes_directories_and_replaces_the_whole_file(workspace):
    workspace.write("a/b/c.txt", b"long content")
    workspace.write("a/b/c.txt", b"short")
    assert workspace.read("a/b/c.txt", 100) == b"short"


def test_reading_stops_at_the_limit(workspace):
    assert workspace.read("src/app.py", 5) == b"print"


def test_links_inside_are_followed(workspace):
    (workspace.root / "latest").symlink_to("src/app.py")
    (workspace.root / "code").symlink_to("/workspace/src")
    (workspace.root / "src" / "up").symlink_to("..")
    assert workspace.read("latest", 100) == b"print(1)\n"
    assert workspace.read("code/app.py", 100) == b"print(1)\n"
    assert workspace.read("src/up/data.txt", 100) == FILES["data.txt"]
    workspace.write("latest", b"new")
    assert (workspace.root / "src/app.py").read_bytes() == b"new"


@pytest.mark.parametrize("target", ["{secret}", "../secret.txt", "src/../../secret.txt"])
def test_links_that_leave_are_refused(workspace, secret, target):
    (workspace.root / "link").symlink_to(target.format(secret=secret))
    with pytest.raises(PathRefused, match="leaves the workspace"):
        workspace.read("link", 100)
    with pytest.raises(PathRefused, match="leaves the workspace"):
        workspace.write("link", b"x")
    assert secret.read_text() == "the secret"


def test_a_directory_link_that_leaves_is_refused(workspace, secret):
    (workspace.root / "out").symlink_to(secret.parent)
    with pytest.raises(PathRefused, match="leaves the workspace"):
        workspace.read("out/secret.txt", 100)
    with pytest.raises(PathRefused, match="leaves the workspace"):
        workspace.write("out/new.txt", b"x")
    assert not (secret.parent / "new.txt").exists()


def test_links_in_a_circle_end(workspace):
    (workspace.root / "a").symlink_to("b")
    (workspace.root / "b").symlink_to("a")
    with pytest.raises(PathRefused, match="too many symbolic links"):
        workspace.read("a", 100)


def test_a_fifo_and_a_socket_do_not_block(workspace):
    os.mkfifo(workspace.root / "fifo")
    directory = os.open(workspace.root, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{directory}/socket")  # a socket's path must be short
        os.close(directory)
        for path in ("fifo", "socket"):
            with pytest.raises(PathRefused, match="not a regular file"):
                workspace.read(path, 100)
            with pytest.raises(PathRefused, match="not a regular file"):
                workspace.write(path, b"x")


def test_modes_bind_root_too(workspace):
    (workspace.root / "data.txt").chmod(0o444)
    with pytest.raises(PathRefused, match="permission denied"):
        workspace.write("data.txt", b"x")
    (workspace.root / "data.txt").chmod(0o000)
    with pytest.raises(PathRefused, match="permission denied"):
        workspace.read("data.txt", 100)


@given(st.text(max_size=40))
def test_no_path_reaches_the_neighbour(tmp_path_factory, path):
    parent = tmp_path_factory.mktemp("p")
    (parent / "neighbour").write_text("secret")
    workspace = Workspace.create(parent, {"a": b"x"})
    for name in (path, f"../{path}", f"{path}/../../neighbour", f"/workspace/{path}"):
        try:
            assert b"secret" not in workspace.read(name, 100)
        except PathRefused:
            continue


@pytest.mark.parametrize("component", ["last", "middle"])
def test_a_link_swapped_in_while_a_path_is_walked_never_wins(tmp_path, component):
    """A process that flips a file (or directory) and a link to the secret, thousands of times."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("the secret")
    workspace = Workspace.create(tmp_path, {"d/f": b"harmless", "x/f": b"harmless"})
    name = workspace.root / ("d/f" if component == "last" else "d")
    good, bad = workspace.root / "good", workspace.root / "bad"
    name.rename(good)
    bad.symlink_to(outside / "f" if component == "last" else outside)
    stop = threading.Event()

    def flip():
        while not stop.is_set():
            for place in (good, bad):
                try:
                    place.rename(name)
                    name.rename(place)
                except OSError:  # a write made a file or directory of that name meanwhile
                    continue

    thread = threading.Thread(target=flip)
    thread.start()
    seen = set()
    try:
        for _ in range(1500):
            for act in (lambda: workspace.read("d/f", 100), lambda: workspace.write("d/f", b"w")):
                try:
                    seen.add(act())
                except PathRefused as refusal:
                    seen.add(str(refusal).split("' ")[-1])
        copy = workspace.frozen_copy(tmp_path / "copy")
    finally:
        stop.set()
        thread.join()
    assert b"the secret" not in seen
    assert (outside / "f").read_text() == "the secret"
    assert sorted(p.name for p in outside.iterdir()) == ["f"]
    for path in copy.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes()
    assert len(seen) > 1


def test_digests_notice_what_changed(workspace):
    before = workspace.digests()
    (workspace.root / "data.txt").unlink()
    (workspace.root / "new.txt").write_text("x")
    (workspace.root / "link").symlink_to("/etc/passwd")
    (workspace.root / "src/app.py").chmod(0o755)
    after = workspace.digests()
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed == {"data.txt", "new.txt", "link", "src/app.py"}
    assert after["link"] == "link /etc/passwd"


def test_digests_notice_a_change_that_hides_its_time(workspace):
    path = workspace.root / "src/app.py"
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    before = workspace.digests()
    path.write_bytes(b"print(2)\n")
    os.utime(path, ns=times)
    assert workspace.digests()["src/app.py"] != before["src/app.py"]


def test_digests_notice_a_change_in_a_file_too_big_to_hash(workspace):
    path = workspace.root / "big"
    path.write_bytes(bytes(3 << 20))
    before = workspace.digests()
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(1, 1))
    assert workspace.digests()["big"] != before["big"]


def test_digests_of_an_untouched_workspace_are_the_same(workspace):
    before = workspace.digests()
    os.chown(workspace.root / "data.txt", os.getuid(), os.getgid())  # moves ctime
    assert workspace.digests() == before


def test_too_many_entries_are_said_not_walked(workspace):
    for number in range(50):
        (workspace.root / f"f{number}").touch()
    digests = workspace.digests(max_entries=20)
    assert len(digests) <= 21
    assert "only the first 20 entries" in digests[MORE]


def test_listing_names_everything_and_follows_nothing(workspace):
    (workspace.root / "link").symlink_to("/etc")
    kinds = {entry.path: entry.kind for entry in workspace.listing()}
    assert kinds == {"data.txt": "file", "link": "link", "src": "directory", "src/app.py": "file"}


def test_looking_goes_on_while_another_process_swaps_a_link_and_a_file(workspace, tmp_path):
    swap = (
        "import os\n"
        "os.mkdir('d'); print(flush=True)\n"
        "while True:\n"
        "    for n in '0123456789':\n"
        "        os.symlink('/etc', 'new'); os.rename('new', 'd/' + n)\n"
        "        open('new', 'w').close(); os.rename('new', 'd/' + n)\n"
    )
    command = [sys.executable, "-c", swap]
    with subprocess.Popen(command, cwd=workspace.root, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            kinds = {entry.kind for _ in range(4000) for entry in workspace.listing()}
            workspace.frozen_copy(tmp_path / "copy")
        finally:
            process.kill()
    assert kinds >= {"file", "directory", "link"}


def test_a_frozen_copy_holds_files_and_inner_links_only(workspace, secret, tmp_path):
    root = workspace.root
    os.mkfifo(root / "fifo")
    (root / "to_secret").symlink_to(secret)
    (root / "to_dir").symlink_to(secret.parent)
    (root / "to_nothing").symlink_to("nothing")
    (root / "inner").symlink_to("/workspace/src/app.py")
    (root / "src/chain").symlink_to("../inner")
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o4755)
    copy = workspace.frozen_copy(tmp_path / "copy")
    names = {path.relative_to(copy).as_posix() for path in copy.rglob("*")}
    assert names == {"data.txt", "inner", "run.sh", "src", "src/app.py", "src/chain"}
    assert os.readlink(copy / "inner") == "src/app.py"
    assert (copy / "src/chain").read_bytes() == b"print(1)\n"
    assert stat.S_IMODE((copy / "run.sh").stat().st_mode) == 0o555
    assert stat.S_IMODE((copy / "data.txt").stat().st_mode) == 0o444
    assert stat.S_IMODE(copy.stat().st_mode) == 0o555
    Workspace(copy).remove()
    assert not copy.exists()


def test_a_frozen_copy_is_bounded(workspace, tmp_path):
    with (workspace.root / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    (workspace.root / "a_small").write_bytes(bytes(400))
    (workspace.root / "b_small").write_bytes(bytes(400))
    copy = workspace.frozen_copy(tmp_path / "copy", max_bytes=500)
    total = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
    assert total <= 500
    assert (copy / "a_small").exists()
    assert not (copy / "sparse").exists()


def test_remove_takes_away_any_modes_and_depth(tmp_path):
    workspace = Workspace.create(tmp_path, {"a/b/c": b"x"})
    fd = os.open(workspace.root, os.O_RDONLY)
    for _ in range(1200):  # deeper than a path can say
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    (workspace.root / "link").symlink_to(tmp_path)
    (workspace.root / "a/b").chmod(0o000)
    (workspace.root / "a").chmod(0o000)
    workspace.remove()
    assert list(tmp_path.iterdir()) == []
    workspace.remove()


def test_remove_follows_no_link(tmp_path, secret):
    workspace = Workspace.create(tmp_path, {})
    (workspace.root / "out").symlink_to(secret.parent)
    workspace.remove()
    assert secret.read_text() == "the secret"
