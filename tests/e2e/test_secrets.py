"""No secret appears anywhere: keys are planted, everything that was written is searched."""

import base64
import gzip
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

OSSAY = Path(sys.executable).with_name("ossay")
KEY = "sk-planted-4f9d1c7ab2e84d0f95c36f1e"
OTHER = "AKIAPLANTED0123456789"


@contextmanager
def upstream(*faults):
    """Run the mock upstream as a process of its own; yield its base URL."""
    words = [word for fault in faults for word in ("--fault", fault)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ossay.models.mock_upstream", *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def ossay(*args, cwd):
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "OSSAY_HOME": str(cwd / "data"),
        "MOCK_KEY": KEY,
        "AWS_ACCESS_KEY_ID": OTHER,
        "OPENAI_API_KEY": KEY,
    }
    return subprocess.run(
        [OSSAY, *args], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120
    )


def everything_in(folder):
    """Every file's bytes, and what its compressed parts unpack to."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        yield path, data
        for start in [m.start() for m in re.finditer(re.escape(b"\x28\xb5\x2f\xfd"), data)]:
            try:
                yield path, zstandard.ZstdDecompressor().decompressobj().decompress(data[start:])
            except zstandard.ZstdError:
                continue
        for packed in re.findall(rb"H4sI[A-Za-z0-9+/=]{20,}", data):
            yield path, gzip.decompress(base64.b64decode(packed))


@pytest.mark.parametrize(
    "faults",
    [("echo_key",), ("echo_key_in_stream",), ("ok", "echo_key"), ("server_error",), ("hang",)],
)
def test_planted_keys_are_nowhere(tmp_path, faults):
    with upstream(*faults) as base_url:
        (tmp_path / "ossay.toml").write_text(
            f'[providers.mock]\nbase_url = "{base_url}"\nkey_variable = "MOCK_KEY"\n'
        )
        (tmp_path / "plan.toml").write_text(
            'name = "p"\nmodels = ["mock/m"]\nsuites = ["agentic-core"]\nattempts = 1\n'
            'tasks = ["multi_step_plan", "recover_from_tool_error"]\n[budget]\ncall_seconds = 2.0\n'
        )
        done = [
            ossay("run", "plan.toml", cwd=tmp_path),
            ossay("report", "p", cwd=tmp_path),
            ossay("report", "p", "--json", cwd=tmp_path),
            ossay("campaigns", cwd=tmp_path),
            ossay("models", cwd=tmp_path),
            ossay("doctor", "--json", cwd=tmp_path),
        ]
    assert done[0].returncode in (0, 1), done[0]  # 1 where every call failed
    assert [d.returncode for d in done[1:5]] == [0] * 4, done
    searched = list(everything_in(tmp_path))
    assert any(path.name == "report.html" and b"mock/m" in data for path, data in searched)
    assert any("ledger.sqlite" in path.name for path, _ in searched)
    assert any(b'"steps"' in data or b'"stop"' in data for _, data in searched)  # a transcript
    for secret in (KEY, OTHER):
        written = [str(path) for path, data in searched if secret.encode() in data]
        assert written == []
        said = [d.args for d in done if secret in d.stdout + d.stderr]
        assert said == []


def test_the_search_can_find(tmp_path):
    """The control: planted plainly or compressed, a key is found."""
    (tmp_path / "plain").write_text(f"x{KEY}x")
    (tmp_path / "zst").write_bytes(b"head" + zstandard.compress(KEY.encode()) + b"tail")
    packed = base64.b64encode(gzip.compress(KEY.encode() * 3))
    (tmp_path / "gz").write_bytes(b'"' + packed + b'"')
    found = {path.name for path, data in everything_in(tmp_path) if KEY.encode() in data}
    assert found == {"plain", "zst", "gz"}


def test_a_crash_shows_no_key(tmp_path):
    """A traceback of our own carries no key either: the key is no plain text in any frame."""
    program = (
        "import os, traceback\n"
        "from pathlib import Path\n"
        "from ossay.core.settings import settings_from\n"
        "from ossay.models.resolve import open_model\n"
        "model = open_model('openai/x', settings=settings_from(os.environ, Path('/')), "
        "environ=os.environ)\n"
        "try:\n    1 / 0\n"
        "except ZeroDivisionError as error:\n"
        "    stack = traceback.TracebackException.from_exception(error, capture_locals=True)\n"
        "    print(''.join(stack.format()).replace('environ', ''))\n"
        "    print(repr(model), vars(model))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OPENAI_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "ZeroDivisionError" in done.stdout, done.stderr
    assert KEY not in done.stdout + done.stderr
