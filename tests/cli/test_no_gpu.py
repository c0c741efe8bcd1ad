"""What every command says of `--backend cuda` where there is no GPU, or no torch."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ossay.engine.kernels.cuda.device import missing
from ossay.engine.synth import tiny_shape, write_checkpoint

OSSAY = Path(sys.executable).with_name("ossay")
pytestmark = pytest.mark.skipif(not missing(), reason="there is a GPU here")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A checkpoint that chat would take: with the whole vocabulary."""
    shape = tiny_shape(layers=1, hidden=32, intermediate=32, experts=4, vocab=201_088)
    return write_checkpoint(tmp_path_factory.mktemp("models") / "tiny", shape, 1)


def refused(done):
    assert done.returncode == 2
    assert done.stdout == ""
    assert "backend 'cuda' cannot be used: " in done.stderr
    assert "Or use backend='cpu'" in done.stderr


def test_generate_and_bench(ossay, model, tmp_path):
    refused(ossay("generate", model, "--tokens", "1", "--ids", "--backend", "cuda", cwd=tmp_path))
    refused(ossay("bench", "engine", model, "--backend", "cuda", cwd=tmp_path))
    refused(ossay("bench", "engine", "gpt-oss-120b", "--random", "--backend", "cuda", cwd=tmp_path))


def test_nobody_is_told_to_fetch_a_model_first(ossay, tmp_path):
    for words in (
        ("generate", "gpt-oss-120b", "--tokens", "1"),
        ("bench", "engine", "gpt-oss-120b"),
        ("serve", "gpt-oss-120b"),
    ):
        refused(ossay(*words, "--backend", "cuda", cwd=tmp_path))
    refused(ossay("serve", "local/gpt-oss-120b?backend=cuda&slots=32", cwd=tmp_path))


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "local/{}", "--backend", "cuda"),
        ("serve", "local/{}?slots=2", "--backend", "cuda", "--port", "0"),
        ("chat", "local/{}?backend=cuda", "--once", "hello"),
    ],
    ids=["serve", "serve with options", "chat"],
)
def test_serve_and_chat(model, tmp_path, vocabulary_environ, words):
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **vocabulary_environ}
    done = subprocess.run(
        [OSSAY, *(word.format(model) for word in words)],
        cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    refused(done)
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_backend_is_for_models_that_run_here(ossay, tmp_path):
    done = ossay("serve", "scripted/echo", "--backend", "cuda", cwd=tmp_path)
    assert done.returncode == 2
    assert "--backend 'cuda' is for models that run here, and 'scripted/echo' does not" in (
        done.stderr
    )


def test_a_backend_is_named_once(ossay, tmp_path):
    done = ossay("serve", "gpt-oss-20b?backend=cpu", "--backend", "cuda", cwd=tmp_path)
    assert done.returncode == 2
    assert "'local/gpt-oss-20b?backend=cpu' names its backend" in done.stderr


def test_random_weights_want_a_card_and_a_known_shape(ossay, tmp_path):
    done = ossay("bench", "engine", "tiny", "--random", cwd=tmp_path)
    assert (done.returncode, "add --backend cuda (not 'cpu')" in done.stderr) == (2, True)
    (line,) = re.findall(r"`ossay (.*) FOLDER`", done.stderr)
    assert ossay(*line.split(), "folder", cwd=tmp_path).returncode == 0
    for more in ((), ("--backend", "cuda")):
        done = ossay("bench", "engine", "tinny", "--random", *more, cwd=tmp_path)
        assert (done.returncode, "did you mean 'tiny'" in done.stderr) == (2, True)


def test_doctor_says_so(ossay, tmp_path):
    done = ossay("doctor", "--json", cwd=tmp_path)
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert found["gpu"]["state"] == "warn"
    assert found["gpu"]["next_step"] == missing()


def test_naming_the_backend_loads_no_torch():
    code = (
        "import ossay.engine.card, ossay.engine.loading, ossay.engine.trial, sys\n"
        "print({'torch', 'triton'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
