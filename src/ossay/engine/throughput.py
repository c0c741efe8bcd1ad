"""Tokens per second of a loaded engine: prompts read, and sequences decoded side by side.

Measures what a caller of `Engine.submit` would see, choosing of tokens included. Prompts are
random, so that none is found in the prefix cache. Knows nothing of files or terminals.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from statistics import median

import numpy as np
from msgspec import Struct

from ossay.engine.engine import Engine
from ossay.engine.machine import Machine, Meter, between
from ossay.engine.sampling import Sampling
from ossay.engine.shape import ModelShape
from ossay.engine.speed import Precision, Widths, Work, decode_step, limit, prefill

SHORT = 16  # tokens of a prompt where decoding is measured


class Timed(Struct, frozen=True):
    """What was done in a stretch of time: so many steps that gave or read so many tokens."""

    tokens: int
    steps: int
    seconds: float


class Rate(Struct, frozen=True):
    """A speed, and how near it comes to what the machine can do. None: not known.

    Attributes:
        what: 'prefill' or 'decode'.
        size: Tokens of the prompt; sequences that are decoded at once.
        tokens_per_s: All sequences together; the median of the repeats.
        each: tokens_per_s of every repeat.
        gb_s: Weights, keys and values read, 1e9 bytes a second.
        gflop_s: Operations done, 1e9 a second.
        share: Of the machine's limit: the least time possible over the time taken.
        bound: What sets the limit: memory or arithmetic.
        read_gb_s: The memory's own speed, measured just before and after.
    """

    what: str
    size: int
    tokens_per_s: float
    each: tuple[float, ...]
    gb_s: float | None = None
    gflop_s: float | None = None
    share: float | None = None
    bound: str | None = None
    read_gb_s: float | None = None


class Plan(Struct, frozen=True):
    """What to measure: a prompt of so many tokens, and batches of sequences that give `tokens`."""

    prompt: int = 512
    batches: tuple[int, ...] = (1, 4, 16, 32)
    tokens: int = 32
    repeat: int = 3


def benchmark(
    engine: Engine, plan: Plan, precision: Precision, width: Widths, meter: Meter, seed: int = 0
) -> Iterator[Rate]:
    """Measure everything in the plan, in turns, and give each figure as it is known.

    The machine is measured before and after every single run, where `meter` can; the first prompt
    warms up and is not counted.
    """
    rng = np.random.default_rng(seed)  # noqa: TID251  the seed is the caller's
    time_prefill(engine, min(plan.prompt, engine.sizes.step_tokens), rng)
    machine = meter.first()

    def beside(run: Callable[[], Timed]) -> tuple[Timed, Machine | None]:
        if machine is None:
            return run(), None
        before = meter.again(machine)
        done = run()
        return done, between([before, meter.again(machine)])

    runs = [beside(lambda: time_prefill(engine, plan.prompt, rng)) for _ in range(plan.repeat)]
    work = prefill_work(engine, plan.prompt, width)
    yield rate("prefill", plan.prompt, *zip(*runs, strict=True), work=work, precision=precision)
    for batch in plan.batches:
        runs = [
            beside(lambda batch=batch: time_decode(engine, batch, plan.tokens, rng))  # type: ignore[misc]
            for _ in range(plan.repeat)
        ]
        work = decode_work(engine.shape, batch, plan.tokens, width)
        yield rate("decode", batch, *zip(*runs, strict=True), work=work, precision=precision)


def time_prefill(engine: Engine, tokens: int, rng: np.random.Generator) -> Timed:
    """Read one random prompt; the time to its first token."""
    handle = engine.submit(_prompt(engine, tokens, rng), _greedy(1))
    handle.result()
    assert handle.first_token is not None
    steps = -(-tokens // engine.sizes.step_tokens)
    return Timed(tokens, steps, handle.first_token - handle.submitted)


def time_decode(engine: Engine, batch: int, tokens: int, rng: np.random.Generator) -> Timed:
    """Decode `tokens` tokens of each of `batch` sequences; the time while all of them run."""
    moments: list[list[float]] = [[] for _ in range(batch)]
    queued = threading.Event()

    def note(mine: list[float]) -> None:
        queued.wait()  # the first holds the engine until the others stand behind it
        mine.append(time.perf_counter())

    # More than are counted: one comes from the prompt, and meanwhile the others' prompts are read.
    more = 1 + -(-(batch - 1) * SHORT // engine.sizes.beside_tokens)
    handles = [
        engine.submit(
            _prompt(engine, SHORT, rng),
            _greedy(tokens + more),
            on_token=lambda _token, mine=mine: note(mine),  # type: ignore[misc]
        )
        for mine in moments
    ]
    queued.set()
    for handle in handles:
        handle.result()
    begin = max(mine[0] for mine in moments)
    shared = [[moment for moment in mine if moment > begin] for mine in moments]
    steps = min(tokens, *map(len, shared))
    return Timed(steps * batch, steps, max(mine[steps - 1] for mine in shared) - begin)


def prefill_work(engine: Engine, tokens: int, width: Widths) -> Work:
    """Return what reading a prompt costs, in the pieces that the engine takes it in."""
    size = engine.sizes.step_tokens
    pieces = [
        prefill(engine.shape, min(size, tokens - start), width, start=start)
        for start in range(0, tokens, size)
    ]
    return Work(
        sum(p.weight_bytes for p in pieces),
        sum(p.kv_bytes for p in pieces),
        sum(p.operations for p in pieces),
    )


def decode_work(shape: ModelShape, batch: int, tokens: int, width: Widths) -> Work:
    """Return what the middle step of such a decoding costs."""
    return decode_step(shape, [SHORT + tokens // 2] * batch, width)


def rate(
    what: str,
    size: int,
    timed: Iterable[Timed],
    machines: Iterable[Machine | None],
    *,
    work: Work,
    precision: Precision,
) -> Rate:
    """Put times beside what was done and what the machine could do.

    `work` is a step's when decoding, the whole prompt's when reading one. `machines` were measured
    one beside each of `timed`.
    """
    each, gb_s, gflop_s, shares, reads, bounds = [], [], [], [], [], []
    for done, machine in zip(timed, machines, strict=True):
        seconds = done.seconds / (1 if what == "prefill" else done.steps)
        each.append(done.tokens / done.seconds)
        gb_s.append(work.bytes / seconds / 1e9)
        gflop_s.append(work.operations / seconds / 1e9)
        if machine is not None:
            least = limit(work, machine, precision)
            shares.append(least.seconds / seconds)
            bounds.append(least.bound)
            reads.append(machine.read_gb_s)
    return Rate(
        what,
        size,
        median(each),
        tuple(each),
        median(gb_s),
        median(gflop_s),
        median(shares) if shares else None,
        max(set(bounds), key=bounds.count) if bounds else None,
        median(reads) if reads else None,
    )


def _prompt(engine: Engine, tokens: int, rng: np.random.Generator) -> list[int]:
    return [int(token) for token in rng.integers(0, engine.shape.vocab, tokens)]


def _greedy(tokens: int) -> Sampling:
    return Sampling(temperature=0.0, max_tokens=tokens, stop_tokens=())
