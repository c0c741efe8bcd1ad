"""One draw: a token from one row of logits, by temperature, top-k, top-p, min-p and a number.

This is the specification: a backend that chooses on its device gives the same token, except where
the number falls within rounding of a boundary between two tokens, or a mass within rounding of
`top_p`.

Knows nothing of penalties, of grammars, or of where the number comes from.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.errors import GenerationError

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Ids = NDArray[np.int64]

COLDEST = 1e-30  # temperatures below are greedy, and divide by zero in float32


class Draw(Struct, frozen=True):
    """How one row's token is to be chosen from its logits alone.

    Attributes:
        temperature: 0 takes the most likely token, ties to the lowest id, and ignores the rest.
        top_k: Keep this many most likely tokens, ties to the lowest ids; 0, and from vocab up: all.
        top_p: Keep the fewest most likely of these that hold this much of their probability.
        min_p: Keep of these the ones at least this likely relative to the most likely one.
        uniform: From [0, 1): where the cumulative sum of what was kept, in id order, is cut.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    uniform: float = 0.0


def check_finite(logits: F32) -> int:
    """Return the most likely token of logits [vocab]; raise GenerationError at NaN or infinity."""
    best = int(logits.argmax())  # NaN counts as the largest of all
    if not math.isfinite(logits[best]):
        raise GenerationError(
            f"the model gave {float(logits[best])!r} as logit of token {best!r}: its weights "
            "hold numbers that are not finite; check the files (ossay pull MODEL)"
        )
    return best


def take(scores: F32, draw: Draw, best: int | None = None) -> int:
    """Choose a token from scores [vocab], the largest of which is finite; -inf is never chosen.

    `best` is the first of the largest, where the caller knows it.
    """
    best = int(scores.argmax()) if best is None else best
    if draw.temperature <= 0:
        return best
    ids, weights = keep(scores, draw, scores[best])
    at = pick(weights, draw.uniform)
    return at if ids is None else int(ids[at])


def keep(scores: F32, draw: Draw, best: np.float32) -> tuple[Ids | None, F32]:
    """Return the ids that a draw with a temperature keeps, ascending, and their weights.

    None where it keeps all. `best` is the largest score; it weighs 1.
    """
    ids = largest(scores, draw.top_k) if 0 < draw.top_k < len(scores) else None
    with np.errstate(over="ignore", under="ignore"):  # a tiny temperature gives -inf, hence 0
        kept = scores if ids is None else scores[ids]
        weights = np.exp((kept - best) / np.float32(max(draw.temperature, COLDEST)))
    if draw.top_p < 1:
        inside = nucleus(weights, draw.top_p)
        ids = inside if ids is None else ids[inside]
        weights = weights[inside]
    if draw.min_p > 0:
        inside = np.flatnonzero(weights >= np.float32(draw.min_p))
        ids = inside if ids is None else ids[inside]
        weights = weights[inside]
    return ids, weights


def largest(values: F32, count: int) -> Ids:
    """Return the ids of the `count` largest values, ascending; ties go to the lowest ids."""
    if count == 0:
        return np.empty(0, np.int64)
    limit = np.partition(values, len(values) - count)[len(values) - count]
    ids = np.flatnonzero(values >= limit)
    if len(ids) == count:
        return ids
    above = values[ids] > limit
    equal = ids[~above][: count - int(above.sum())]
    return np.sort(np.concatenate((ids[above], equal)))


def nucleus(weights: F32, top_p: float) -> Ids:
    """Return the ids of the fewest largest weights that hold `top_p` of their sum, ascending.

    Weights below (1 - top_p) / n of the sum hold less than 1 - top_p together, so none of them can
    be needed: only the rest is sorted.
    """
    total = float(weights.sum(dtype=np.float64))
    kept = weights[weights >= (1 - top_p) * total / len(weights) * 0.999]
    mass = np.cumsum(np.sort(kept)[::-1], dtype=np.float64)
    count = int(np.searchsorted(mass, top_p * total)) + 1
    return largest(weights, min(count, len(kept)))


def pick(weights: F32, uniform: float, run: int = 512) -> int:
    """Return i with probability weights[i] / sum, by the inverse of the cumulative sum.

    Two levels: sums of runs, then the run that was hit; so the whole is never accumulated.
    """
    runs: F64 = np.add.reduceat(weights, np.arange(0, len(weights), run), dtype=np.float64)
    mass = np.cumsum(runs)
    point = uniform * mass[-1]
    hit = min(int(np.searchsorted(mass, point, side="right")), int(np.flatnonzero(runs)[-1]))
    begin = hit * run
    inner = np.cumsum(weights[begin : begin + run], dtype=np.float64)
    before = float(mass[hit - 1]) if hit else 0.0
    at = int(np.searchsorted(inner, point - before, side="right"))
    return begin + min(at, int(np.flatnonzero(weights[begin : begin + run])[-1]))
