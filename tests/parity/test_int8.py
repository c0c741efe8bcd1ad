"""What the `int8` precision costs: KL of next-token distributions, beside llama.cpp's own.

Both read the same random weights: llama.cpp from the twin that bench/gguf_twin.py writes (MXFP4
experts, Q8_0 for the rest), and both compute with 8-bit activations. KL(exact || approximate), in
nats, at many positions. llama.cpp always floors and ceils the ends of YaRN's ramp, which gpt-oss
does not; it is judged by a reference that does so too, so that only rounding is compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.engine.checkpoint import Checkpoint, open_checkpoint
from ossay.engine.synth import tiny_shape, write_checkpoint

pytestmark = [pytest.mark.parity, pytest.mark.timeout(900)]

TWIN = Path(__file__).parents[2] / "bench" / "gguf_twin.py"
POSITIONS = range(4, 256, 4)
SHAPES = {
    "tiny": tiny_shape(),
    "wider": tiny_shape(hidden=256, intermediate=192, experts=16, head_dim=64, window=32),
    "deeper": tiny_shape(layers=6, hidden=192, heads=6, kv_heads=2, head_dim=32, window=128),
}
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Twins:
    """One model, for us and for llama.cpp."""

    checkpoint: Checkpoint
    gguf: Path
    tokens: list[int]


@pytest.fixture(scope="session")
def twins(tmp_path_factory) -> list[Twins]:
    place = tmp_path_factory.mktemp("twins")
    made = []
    for name, shape in SHAPES.items():
        for seed in SEEDS:
            folder = write_checkpoint(place / f"{name}-{seed}", shape, seed)
            gguf = folder.with_suffix(".gguf")
            subprocess.run([sys.executable, TWIN, folder, gguf], check=True)
            tokens = np.random.default_rng(seed).integers(shape.vocab, size=256).tolist()
            made.append(Twins(open_checkpoint(folder), gguf, tokens))
    return made


@pytest.fixture(scope="session")
def exact(twins, backend, logits_of) -> list[dict[bool, Any]]:
    """The reference's log-probabilities of each model, by whether the ramp's ends are rounded."""
    found = []
    for twin in twins:
        shape = twin.checkpoint.shape
        by_rounding = {}
        for rounded in (False, True):
            turned = replace(shape, rope=replace(shape.rope, truncate=rounded))
            kernels = backend("reference", turned, twin.checkpoint)
            by_rounding[rounded] = log_softmax(logits_of(kernels, twin.tokens)[list(POSITIONS)])
        found.append(by_rounding)
    return found


@pytest.fixture(scope="session")
def of_llama(twins, exact) -> Any:
    """KL of llama.cpp at all positions of all models."""
    return np.concatenate(
        [kl(each[True], llama(twin)) for twin, each in zip(twins, exact, strict=True)]
    )


def test_llama_computes_the_same_model(of_llama, exact, measured):
    """Else its KL would say nothing of rounding. A wrong window gives 0.1 nats and more."""
    ramp = np.concatenate([kl(each[False], each[True]) for each in exact])
    measured(f"KL of llama.cpp to the reference: {told(of_llama)}")
    measured(f"KL that the rounded ramp of llama.cpp adds by itself: {told(ramp)}")
    assert np.median(of_llama) < 0.02


def test_int8_is_no_further_from_the_reference_than_llama(
    twins, exact, of_llama, backend, logits_of, measured
):
    ours = []
    for twin, each in zip(twins, exact, strict=True):
        kernels = backend("cpu", twin.checkpoint.shape, twin.checkpoint, "int8")
        got = log_softmax(logits_of(kernels, twin.tokens)[list(POSITIONS)])
        ours.append(kl(each[False], got))
    of_ours = np.concatenate(ours)
    measured(f"KL of int8 to the reference: {told(of_ours)}")
    assert of_ours.mean() <= of_llama.mean()
    assert np.median(of_ours) <= np.median(of_llama)


def llama(twin: Twins) -> Any:
    """llama.cpp's log-probabilities after each prefix that ends at one of POSITIONS."""
    xllamacpp = pytest.importorskip("xllamacpp")
    vocab = twin.checkpoint.shape.vocab
    params = xllamacpp.CommonParams()
    params.model.path = str(twin.gguf)
    params.n_ctx, params.n_parallel, params.verbosity, params.warmup = 512, 1, 0, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.hostnames, params.port = ["127.0.0.1"], 0
    server = xllamacpp.Server(params)
    found = np.full((len(POSITIONS), vocab), np.nan)
    for row, position in enumerate(POSITIONS):
        body = {"prompt": twin.tokens[: position + 1], "max_tokens": 1, "logprobs": vocab}
        # Sampled is the last token always: others may end the answer, or be half a character, and
        # bring no probabilities. What is asked for is read before the sampler and its bias.
        body |= {"logit_bias": [[vocab - 1, 1000.0]], "cache_prompt": False}
        answer = server.handle_completions(body)
        answer = answer if isinstance(answer, dict) else json.loads(answer)
        for each in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
            found[row, each["id"]] = each["logprob"]
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-4)
    return found


def log_softmax(logits: Any) -> Any:
    wide = logits.astype(np.float64)
    return wide - np.logaddexp.reduce(wide, axis=1, keepdims=True)


def kl(exact: Any, approximate: Any) -> Any:
    """KL(exact || approximate) of each row, in nats."""
    return (np.exp(exact) * (exact - approximate)).sum(axis=1)


def told(divergences: Any) -> str:
    middle, high = np.quantile(divergences, [0.5, 0.9])
    return (
        f"mean {divergences.mean():.2e}, median {middle:.2e}, 90 % below {high:.2e}, "
        f"n = {len(divergences)}"
    )
