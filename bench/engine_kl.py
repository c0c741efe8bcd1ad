"""How far each precision is from the reference at gpt-oss-20b's full width, beside llama.cpp.

    python bench/engine.py --kl [--layers 6] [--models DIR]

KL(reference || approximate) of next-token distributions, in nats, at positions within and past the
sliding window. Weights are random, and routed and spread otherwise than a trained model's: the
figures compare roundings on the same weights and say nothing of a trained model's answers.

llama.cpp reads the twin of bench/gguf_twin.py, through xllamacpp. It always rounds the ends of
YaRN's ramp, which gpt-oss does not, so it is held against a reference that rounds them too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ossay.engine.checkpoint import Checkpoint, open_checkpoint
from ossay.engine.engine import Engine
from ossay.engine.kernels import Kernels
from ossay.engine.kernels.cpu import Cpu
from ossay.engine.kernels.reference import Reference
from ossay.engine.loading import sizes_for

POSITIONS = range(5, 150, 6)
F64 = NDArray[np.float64]


def divergences(checkpoint_path: Path, twin: Path, threads: int) -> dict[str, Any]:
    """Compare all; some minutes for 6 layers, most of them the reference's and llama.cpp's."""
    checkpoint = open_checkpoint(checkpoint_path)
    shape = checkpoint.shape
    rng = np.random.default_rng(0)
    tokens = [int(t) for t in rng.integers(0, shape.vocab - 1, POSITIONS[-1] + 1)]

    def reference(rounded: bool) -> F64:
        turned = replace(shape, rope=replace(shape.rope, truncate=rounded))
        return log_softmax(logits(Reference(turned, checkpoint), tokens))

    stored = reference(False)
    found = {
        f"ossay {precision}": told(stored, cpu(checkpoint, precision, threads, tokens))
        for precision in ("exact", "int8")
    }
    rounded = reference(True)
    found["llama.cpp"] = told(rounded, llama(twin, threads, tokens, shape.vocab))
    found["the rounded ramp alone"] = told(stored, rounded)
    return {"layers": shape.layers, "positions": len(POSITIONS), "kl": found}


def cpu(
    checkpoint: Checkpoint, precision: Literal["exact", "int8"], threads: int, tokens: list[int]
) -> F64:
    kernels = Cpu(checkpoint.shape, checkpoint, precision=precision, threads=threads)
    return log_softmax(logits(kernels, tokens))


def logits(kernels: Kernels, tokens: list[int]) -> NDArray[np.float32]:
    """After each of POSITIONS."""
    with Engine(kernels, sizes_for(kernels, 1 << 28, context=256, max_sequences=1)) as engine:
        return engine.logits(tokens)[list(POSITIONS)]


def llama(twin: Path, threads: int, tokens: list[int], vocab: int) -> F64:
    """llama.cpp's log-probabilities after each of POSITIONS, all of the vocabulary."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(twin)
    params.n_ctx, params.n_parallel, params.verbosity, params.warmup = 512, 1, 0, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.hostnames, params.port = ["127.0.0.1"], 0
    server = xllamacpp.Server(params)
    found = np.full((len(POSITIONS), vocab), np.nan)
    for row, position in enumerate(POSITIONS):
        body = {"prompt": tokens[: position + 1], "max_tokens": 1, "logprobs": vocab}
        # The last token is forced: others may end the answer and bring no probabilities. What is
        # asked for is read before the sampler and its bias.
        body |= {"logit_bias": [[vocab - 1, 1000.0]], "cache_prompt": False}
        answer = server.handle_completions(body)
        answer = answer if isinstance(answer, dict) else json.loads(answer)
        for each in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
            found[row, each["id"]] = each["logprob"]
    if not np.allclose(np.exp(found).sum(axis=1), 1, rtol=1e-4):
        raise SystemExit("llama.cpp gave something other than a distribution over all tokens")
    return found


def log_softmax(rows: NDArray[np.float32]) -> F64:
    wide = rows.astype(np.float64)
    out: F64 = wide - np.logaddexp.reduce(wide, axis=1, keepdims=True)
    return out


def told(exact: F64, approximate: F64) -> dict[str, float]:
    """KL(exact || approximate) over the positions, in nats, and how often the best agrees."""
    kl = (np.exp(exact) * (exact - approximate)).sum(axis=1)
    return {
        "mean": float(kl.mean()),
        "median": float(np.median(kl)),
        "most": float(kl.max()),
        "same_best": float((exact.argmax(axis=1) == approximate.argmax(axis=1)).mean()),
    }


def markdown(report: dict[str, Any]) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report["machine"].items())
    lines = [
        f"KL from the reference in nats: gpt-oss-20b's shape, {report['layers']} of 24 layers, "
        f"RANDOM weights, {report['positions']} positions, {report['date']}",
        "",
        f"`{report['command']}`",
        "",
        f"{machine}.",
        "",
        "| | mean | median | most | same best token |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, kl in report["kl"].items():
        cells = [f"{kl[key]:.1e}" for key in ("mean", "median", "most")]
        lines.append(f"| {name} | {' | '.join(cells)} | {kl['same_best']:.0%} |")
    return "\n".join(lines)
