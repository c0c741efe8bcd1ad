"""How fast whole steps are on the card: as a bare graph, as the backend's step, through the engine.

Weights are random and made on the card. A bare graph is every wrapper in the engine's order, one
after the other (bench/cuda_step.py), with other tokens before each replay; the backend's step adds
the batch's way to the card; the engine adds scheduling, the choice of tokens and Python. Shares are
of bench/cuda_paper.py's limit at the ceilings of the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import torch
from msgspec import Struct

import cuda_clock as clock
import cuda_paper as paper
from cuda_ceilings import Ceilings
from cuda_inputs import batch_of, cache_for, sizes
from cuda_paper import Load
from cuda_step import plan
from ossay.engine.engine import Engine
from ossay.engine.kernels.cuda.backend import Cuda
from ossay.engine.kernels.cuda.weights import Weights
from ossay.engine.shape import ModelShape
from ossay.engine.throughput import SHORT, Timed, time_decode, time_prefill

RUNS = 3  # of the engine, for each of two medians
INPUTS = 16  # sets of tokens that a graph's replays take in turns


class Measured(Struct, frozen=True):
    """One step or stretch of steps.

    Attributes:
        what: As in 'decode 1, graph'.
        tokens: That a step gives or reads.
        step: Of one step.
        limit: Seconds that it takes at least, at this run's ceilings.
        predicted: Seconds that were predicted, where there was a prediction.
    """

    what: str
    tokens: int
    step: clock.Timed
    limit: float
    predicted: float | None = None

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.step.us * 1e6


def measure(weights: Weights, ceilings: Ceilings, plans: dict[str, Load]) -> Iterator[Measured]:
    """Measure each load as a graph and as the backend's step, then the engine at each."""
    shape = weights.shape
    for name, load in plans.items():
        least = paper.limit_seconds(shape, load, ceilings.copy, ceilings.product)
        yield Measured(f"{name}, graph", load.tokens, time_bare(weights, load), least)
        yield Measured(f"{name}, backend", load.tokens, time_backend(weights, load), least)
    yield from time_engine(weights, ceilings, plans)


def time_bare(weights: Weights, load: Load) -> clock.Timed:
    """One graph of all pieces, other tokens before each replay."""
    device = str(weights.device)
    rng = np.random.default_rng()
    batch = batch_of(load, weights.shape.vocab, rng)
    laid = plan(weights, cache_for(weights.shape, load, device), batch, load)
    swap = shuffled(weights.shape, laid.tokens, load)
    return clock.time_graph([laid.run], before=swap)


def shuffled(shape: ModelShape, tokens: torch.Tensor, load: Load) -> Callable[[], Any]:
    """Return what gives `tokens` the next of INPUTS random sets."""
    drawn = torch.randint(
        shape.vocab, (INPUTS, load.tokens), dtype=torch.int32, device=tokens.device
    )
    turn = iter(range(1 << 62))
    return lambda: tokens.copy_(drawn[next(turn) % INPUTS])


def time_backend(weights: Weights, load: Load, repeats: int = 20) -> clock.Timed:
    """`Cuda.step` by the host's clock, from a batch on the host to logits on the card."""
    kernels = Cuda(weights)
    rng = np.random.default_rng()
    blocks = load.sequences * -(-load.context // 32)
    cache = kernels.new_cache(blocks, blocks)
    batches = [batch_of(load, weights.shape.vocab, rng) for _ in range(4)]
    draws = [None] * load.wanted
    turn = iter(range(1 << 62))

    def step() -> None:
        kernels.step(batches[next(turn) % len(batches)], cache, draws)

    return clock.time_host(step, repeats if clock.on_card() else 1)


def time_engine(
    weights: Weights, ceilings: Ceilings, plans: dict[str, Load], tokens: int = 128
) -> Iterator[Measured]:
    """Through `Engine.submit`, tokens chosen and handed out."""
    shape, rng = weights.shape, np.random.default_rng()
    most = max(load.sequences for load in plans.values())
    longest = max(load.tokens for load in plans.values() if load.sequences == 1)
    tokens, runs = (tokens, 2 * RUNS + 1) if clock.on_card() else (2, 2)
    room = sizes(most, max(longest, SHORT + 2 * tokens) + 64, step_tokens=max(longest, 64))
    with Engine(Cuda(weights), room) as engine:
        for name, load in plans.items():
            if load.tokens == load.sequences:
                each = [time_decode(engine, load.sequences, tokens, rng) for _ in range(runs)]
                # The middle step's context, so that the limit is that of what was run.
                load = paper.decode(load.sequences, SHORT + tokens // 2)
            else:
                each = [time_prefill(engine, load.tokens, rng) for _ in range(runs)]
            least = paper.limit_seconds(shape, load, ceilings.copy, ceilings.product)
            yield Measured(f"{name}, engine", load.tokens, _step(each), least)


def _step(each: list[Timed]) -> clock.Timed:
    """The median run's step, of either half; the very first run warms up."""
    us = [timed.seconds / timed.steps * 1e6 for timed in each[1:]]
    first, second = us[:RUNS], us[RUNS:] or us
    return clock.Timed(
        median(first), min(first), max(first), median(second), meaningless=not clock.on_card()
    )


def table(title: str, found: list[Measured]) -> str:
    """The figures for people, in Markdown."""
    lines = [
        f"| {title} | ms a step | again | tokens/s | share of the limit |",
        "|---|---:|---:|---:|---:|",
    ]
    for each in found:
        step = each.step
        known = each.limit and not step.meaningless
        share = f"{each.limit * 1e6 / step.us:.0%}" if known else "-"
        lines.append(
            f"| {each.what} | {step.us / 1e3:.3f} | {100 * (step.again / step.us - 1):+.1f} % "
            f"| {each.rate:,.0f} | {share} |"
        )
    if any(each.step.meaningless for each in found):
        lines.append("\nNo card: these times mean nothing.")
    return "\n".join(lines)
