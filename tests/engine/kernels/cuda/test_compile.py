"""Every kernel compiles for an H100 or H200 at the real shapes, and fits; no card is needed.

The compiling is done by bench/cuda_compile.py in a process of its own, since here Triton may have
been imported as an interpreter.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
MOST_SHARED = 227 * 1024  # bytes of shared memory that a program may have on Hopper

# Reading weights decides these parts' time: loads of 16 bytes a thread, into tensor cores.
STREAMING = {"qkv", "out", "gate_up", "down", "unembed"}

MODELS = "gpt-oss-20b,gpt-oss-120b"  # in one process: most of their kernels are the same


def compiled(steps: str, out: Path) -> list[dict]:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [
            sys.executable, "-W", "ignore", ROOT / "bench" / "cuda_compile.py",
            "--models", MODELS, "--steps", steps, "--out", out, "--quick",
        ],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((out / "compile.json").read_text())


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """One token and a prompt go through every kernel."""
    return compiled("decode 1,prefill 2048", tmp_path_factory.mktemp("compiled"))


@pytest.mark.timeout(900)
def test_everything_compiles_without_spills(steps):
    fits(steps)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_so_does_what_several_sequences_take(tmp_path):
    steps = compiled("decode 8,decode 64", tmp_path)
    fits(steps)
    streams(steps)


def fits(steps: list[dict]) -> None:
    for step in steps:
        for launch in step["launches"]:
            assert not launch["failure"], launch
            code = launch["code"]
            if code is None:
                continue
            named = step["name"], launch["name"], launch["grid"], code["registers"]
            assert code["stack"] == 0, named
            assert code["local"] == 0, named
            assert code["shared"] <= MOST_SHARED, named
            assert code["warps"] >= 1, named


def test_weights_are_read_16_bytes_at_a_time_into_tensor_cores(steps):
    streams(steps)


def streams(steps: list[dict]) -> None:
    for step in steps:
        found = {}
        for launch in step["launches"]:
            if launch["code"] is not None:
                found.setdefault(launch["part"], []).append(launch["code"])
        for part in STREAMING & found.keys():
            codes = [code for code in found[part] if code["matrix"]]
            if not codes and step["load"]["tokens"] > 16:
                continue  # the product is PyTorch's
            assert codes, (step["name"], part)
            for code in codes:
                assert code["loads"].get("16", 0) >= 4, (step["name"], part, code["loads"])


def test_a_token_costs_seven_launches_a_layer(steps):
    for step in steps:
        if step["name"] != "decode 1":
            continue
        counts = Counter(launch["part"] for launch in step["launches"])
        of_layers = sum(counts[p] for p in ("qkv", "attention", "out", "router", "gate_up", "down"))
        assert of_layers <= 7 * step["layers"], counts
        assert not any(launch["name"].startswith("torch.") for launch in step["launches"])
