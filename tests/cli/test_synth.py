"""`ossay synth`: what it writes, says and refuses."""

import json
import os
import signal
import subprocess
import sys
import time

from click.testing import CliRunner

from ossay.cli.synth import synth
from ossay.core.errors import UsageError
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.synth import tiny_shape


def invoke(*arguments):
    return CliRunner().invoke(synth, [str(argument) for argument in arguments])


def test_a_checkpoint_that_opens_and_a_line_that_says_random(tmp_path):
    done = invoke("--shape", "tiny", "--seed", 5, "--layers", 2, "--experts", 6, tmp_path / "x")
    assert done.exit_code == 0, done.output
    assert "The weights are random" in done.stdout
    assert open_checkpoint(tmp_path / "x").shape == tiny_shape(layers=2, experts=6)


def test_json(tmp_path):
    done = invoke("--shape", "tiny", "--seed", 5, "--form", "original", "--json", tmp_path / "x")
    told = json.loads(done.stdout)
    assert told["random"] is True
    assert told["form"] == open_checkpoint(tmp_path / "x").form == "original"
    assert told["weight_bytes"] == open_checkpoint(tmp_path / "x").weight_bytes
    assert (told["layers"], told["experts"], told["seed"]) == (4, 8, 5)


def test_bad_usage(tmp_path):
    for arguments in (
        ("--shape", "gpt-5", "--seed", 1),
        ("--shape", "tiny"),
        ("--shape", "tiny", "--seed", -1),
        ("--shape", "tiny", "--seed", 1, "--layers", 0),
        ("--shape", "tiny", "--seed", 1, "--form", "gguf"),
    ):
        assert invoke(*arguments, tmp_path / "x").exit_code == 2
    for arguments in (("--layers", 5), ("--experts", 3)):
        done = invoke("--shape", "tiny", "--seed", 1, *arguments, tmp_path / "x")
        assert isinstance(done.exception, UsageError)
    (tmp_path / "mine").write_text("mine")
    assert isinstance(invoke("--shape", "tiny", "--seed", 1, tmp_path).exception, UsageError)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_ctrl_c_leaves_nothing(tmp_path):
    code = (
        "import signal, sys\n"
        # A shell's background job, as CI may be, is started with Ctrl-C ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from ossay.cli.synth import synth\n"
        "synth(standalone_mode=False)\n"
    )
    arguments = ["--shape", "gpt-oss-20b", "--layers", "1", "--seed", "1", str(tmp_path / "x")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=os.environ, stderr=subprocess.PIPE
    )
    weights = tmp_path / ".partial-x" / "model.safetensors"
    while process.poll() is None and not (weights.exists() and weights.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []
