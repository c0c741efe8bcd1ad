"""Whether whole layers and whole models are right on the card, through the engine's own interface.

One layer of full width is held to bench/cuda_reference.py and to transformers' GptOssForCausalLM in
float32: a prompt, then single tokens. Tiny whole models are held to the numpy reference, and to
transformers in float32 on the same device; transformers in bf16 stands beside us as the measure of
what bf16 itself costs.

A token whose fourth and fifth scores are closer than TIE may get another expert by rounding alone:
its error says nothing of the kernels, so such tokens are counted and set aside.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import cuda_clock as clock
import cuda_reference as plain
import cuda_transformers
from cuda_check import Check
from cuda_inputs import pack, sizes
from ossay.engine import rope
from ossay.engine.batch import BLOCK, Batch
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.engine import Engine
from ossay.engine.kernels import Kernels
from ossay.engine.kernels.cuda.backend import Cuda
from ossay.engine.kernels.cuda.weights import Edges, Weights, read_weights
from ossay.engine.kernels.reference import Reference
from ossay.engine.shape import ModelShape
from ossay.engine.synth import tiny_shape, write_checkpoint

KINDS = ("float32", "bfloat16")  # of transformers
TIE = 0.02  # scores have a deviation near 1, and bf16 moves them by about 0.003
LAYER = 1e-2  # bound for a layer: four products in a row, and for its logits
MODEL = 3e-2  # bound for the median token's logits of a tiny model of four layers


def check_layer(
    shape: ModelShape, sliding: bool, seed: int, tokens: int, device: str
) -> list[Check]:
    """A layer of that kind: a prompt of `tokens` but four, then four single tokens."""
    one = msgspec.structs.replace(shape, layers=1, sliding=(sliding,), vocab=512)
    random = torch.Generator(device).manual_seed(seed)
    stored = plain.random_layer(one, random)
    matrix = torch.empty((one.vocab, one.hidden), device=device)
    matrix = matrix.normal_(0, one.hidden**-0.5, generator=random).to(torch.bfloat16)
    edges = Edges(matrix, torch.ones(one.hidden, device=device), matrix)
    kernels = Cuda(Weights(one, (pack(stored),), edges))
    cache = kernels.new_cache(-(-tokens // BLOCK), -(-tokens // BLOCK))
    x = torch.empty((tokens, one.hidden), device=device).normal_(0, 3, generator=random)
    x = x.to(torch.bfloat16).float()  # as embeddings are
    angles = rope.tables(one.rope, one.head_dim, np.arange(tokens))
    cos, sin = (torch.from_numpy(table).to(device) for table in angles)
    between = plain.attend(x, stored, one, cos, sin, one.window if sliding else 0)
    after = plain.experts(between, stored, one)
    clear = _clear(between, stored, one)
    right = plain.linear(plain.norm(after, edges.norm, one.norm_eps), matrix)
    others = _layers_of_transformers(one, stored, edges, x)
    kind = "sliding" if sliding else "full"
    checks = []
    for first, stop, what in _pieces(tokens):
        found = torch.full_like(x[first:stop], torch.nan)
        mixed = torch.full_like(found, torch.nan)
        logits = torch.full_like(right[first:stop], torch.nan)
        for at in range(first, stop) if what == "decode" else [first]:
            end = at + 1 if what == "decode" else stop
            batch = _positions(at, end)
            hidden = kernels.embed(batch)
            hidden.values.copy_(x[at:end])
            kernels.attend(0, hidden, batch, cache)
            mixed[at - first : end - first] = hidden.values
            kernels.experts(0, hidden)
            found[at - first : end - first] = hidden.values
            logits[at - first : end - first] = torch.from_numpy(kernels.logits(hidden)).to(device)
        kept, count = clear[first:stop], stop - first
        note = f"{count - int(kept.sum())} of {count} tokens near a tie, set aside"
        own = x[first:stop]
        error = plain.error(mixed - own, between[first:stop] - own)
        checks.append(Check(f"{kind} layer, {what}: attention", error, LAYER))
        if kept.any():
            error = plain.error((found - own)[kept], (after[first:stop] - own)[kept])
            checks.append(Check(f"{kind} layer, {what}: with experts", error, LAYER, note))
            error = plain.error(logits[kept], right[first:stop][kept])
            checks.append(Check(f"{kind} layer, {what}: logits", error, LAYER, note))
            for name, other in others.items():
                error = plain.error(logits[kept], other[first:stop][kept])
                own = plain.error(other[first:stop][kept], right[first:stop][kept])
                note = f"transformers {name} is {own:.1e} from the reference"
                bound = LAYER if name == "float32" else 2 * LAYER
                checks.append(
                    Check(
                        f"{kind} layer, {what}: logits to transformers {name}", error, bound, note
                    )
                )
    return checks


def _layers_of_transformers(
    shape: ModelShape, layer: plain.Layer, edges: Edges, x: Tensor
) -> dict[str, Tensor]:
    """Its logits in both precisions; none where it is not installed."""
    if cuda_transformers.there() is None:
        return {}
    found = {}
    for name in KINDS:
        found[name] = cuda_transformers.layer_logits(shape, layer, edges, x, getattr(torch, name))
        clock.free()  # up to 13 GB of weights
    return found


def check_models(seed: int, device: str, count: int = 3, length: int = 75) -> Iterator[Check]:
    """Whole tiny models of `count` seeds: errors of the median token, beside transformers'."""
    shape = tiny_shape()
    for number in range(seed, seed + count):
        tokens = np.random.default_rng(number).integers(0, shape.vocab, length)
        with tempfile.TemporaryDirectory() as folder:
            place = write_checkpoint(Path(folder) / "model", shape, number, "bf16")
            checkpoint = open_checkpoint(place)
            right = _logits(Reference(shape, checkpoint), tokens)
            ours = _logits(Cuda(read_weights(checkpoint, device)), tokens)
            theirs = {kind: _transformers(place, tokens, kind) for kind in KINDS}
        note = []
        for kind, logits in theirs.items():
            if logits is not None:
                note.append(f"transformers {kind}: {_median(logits, right):.1e}")
        yield Check(
            f"tiny model, seed {number}, to numpy", _median(ours, right), MODEL, ", ".join(note)
        )
        if (other := theirs["float32"]) is not None:
            what = f"tiny model, seed {number}, to transformers float32"
            yield Check(what, _median(ours, other), MODEL)


def _clear(x: Tensor, layer: plain.Layer, shape: ModelShape) -> Tensor:
    """Which tokens' choice of experts is not near a tie."""
    normed = plain.norm(x, layer.mlp_norm, shape.norm_eps)
    scores = plain.linear(normed, layer.router, layer.router_bias)
    best = scores.sort(dim=-1, descending=True).values
    k = shape.experts_per_token
    return best[:, k - 1] - best[:, k] > TIE


def _pieces(tokens: int) -> list[tuple[int, int, str]]:
    return [(0, tokens - 4, "prompt"), (tokens - 4, tokens, "decode")]


def _positions(first: int, stop: int) -> Batch:
    """One sequence's tokens at those positions; what they are does not matter."""
    blocks = np.arange(-(-stop // BLOCK), dtype=np.int32)[None]
    count = stop - first
    return Batch(
        tokens=np.zeros(count, np.int32),
        positions=np.arange(first, stop, dtype=np.int32),
        starts=np.array([0, count], np.int32),
        full_blocks=blocks,
        sliding_blocks=blocks,
        wanted=np.arange(count, dtype=np.int32),
    )


def _logits(kernels: Kernels, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
    with Engine(kernels, sizes(2, len(tokens) + 1)) as engine:
        return engine.logits(tokens)


def _median(found: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """The median token's error; NaN if any number is."""
    found, right = found.astype(np.float64), right.astype(np.float64)
    each = np.linalg.norm(found - right, axis=1) / np.linalg.norm(right, axis=1)
    return float(np.median(each)) if np.isfinite(each).all() else float("nan")


def _transformers(folder: Path, tokens: NDArray[np.int64], kind: str) -> NDArray[np.float32] | None:
    """Transformers' logits in float32 or bfloat16; None where it is not installed."""
    if cuda_transformers.there() is None:
        return None
    ids = torch.from_numpy(tokens)
    found = cuda_transformers.checkpoint_logits(folder, ids, getattr(torch, kind))
    return found.cpu().numpy()
