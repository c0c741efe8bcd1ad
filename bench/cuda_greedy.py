"""Whether batches agree: greedy tokens of one prompt alone and among others, and a step by pieces.

Through the engine's own interface. Knows nothing of what is right, only of what is the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

import cuda_reference as plain
from cuda_check import Check
from cuda_inputs import batch_of, cache_for, sizes
from cuda_models import MODEL
from cuda_paper import decode
from cuda_step import plan
from ossay.engine.engine import Engine
from ossay.engine.kernels import Kernels
from ossay.engine.kernels.cuda import projection
from ossay.engine.kernels.cuda.backend import Cuda
from ossay.engine.kernels.cuda.weights import Weights
from ossay.engine.sampling import Sampling


def check_plan(
    weights: Weights, seed: int, groups: tuple[int, ...] = (1, 8, 64)
) -> Iterator[Check]:
    """bench/cuda_step.py's pieces, in their order, give what the backend gives.

    To the bit, up to FEW tokens; above it cuBLAS may choose otherwise for a graph.
    """
    shape, rng = weights.shape, np.random.default_rng(seed)
    for size in groups:
        load = decode(size, 3)
        batch = batch_of(load, shape.vocab, rng)
        cache = cache_for(shape, load, str(weights.device))
        laid = plan(weights, cache, batch, load)
        laid.logits.fill_(torch.nan)
        laid.run()
        found = Cuda(weights).step(batch, cache, [None] * size).logits(0, size)
        error = plain.error(laid.logits.cpu(), torch.from_numpy(found))
        yield Check(
            f"pieces beside the backend, {size} sequences",
            error,
            0.0 if size <= projection.FEW else MODEL,
        )


def check_greedy(
    kernels: Kernels,
    seed: int,
    groups: tuple[int, ...] = (1, 2, 8, 64),
    length: int = 24,
    tokens: int = 32,
) -> Iterator[Check]:
    """Greedy tokens of one prompt, alone and among others: equal, or parted by a near tie.

    Among others its prompt shares steps with theirs: cuBLAS and the experts' products then take
    other tiles and add in another order. So where tokens part, it is held to that the two were
    closer than rounding: the error is how far apart their logits were, by the logits' deviation.
    """
    rng = np.random.default_rng(seed)
    prompts = rng.integers(0, kernels.shape.vocab, (max(groups), length)).tolist()
    with Engine(kernels, sizes(max(groups), length + tokens)) as engine:
        alone = _together(engine, prompts[:1], tokens)
        for size in groups:
            found = _together(engine, prompts[:size], tokens)
            wrong = [i for i, (a, b) in enumerate(zip(alone, found, strict=True)) if a != b]
            first, gap = wrong[0] if wrong else tokens, 0.0
            if wrong:
                logits = engine.logits(prompts[0] + alone[:first])[-1]
                gap = float(logits[alone[first]] - logits[found[first]]) / float(logits.std())
            note = f"the first {first} of {tokens} are the same"
            yield Check(f"greedy, one of {size}: how near a tie", abs(gap), MODEL, note)


def _together(engine: Engine, prompts: list[list[int]], tokens: int) -> list[int]:
    """The first prompt's tokens while all of them run."""
    greedy = Sampling(temperature=0.0, max_tokens=tokens, stop_tokens=())
    handles = [engine.submit(prompt, greedy) for prompt in prompts]
    for handle in handles:
        handle.result()
    return handles[0].result()
