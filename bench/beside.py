"""How long generating sequences wait while a prompt is read, by how much of it a step may take.

    python bench/beside.py MODEL [--threads 2] [--rounds 3]

For each `beside_tokens` (engine.Sizes): the longest time between two tokens of a running sequence
while a prompt of 512 tokens is read, and the time until that prompt's first token. What is decided
by it: the default of `Sizes.beside_tokens`; design/engine.md keeps the figures.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.engine import Engine
from ossay.engine.kernels.cpu import Cpu
from ossay.engine.loading import sizes_for
from ossay.engine.sampling import Sampling

PROMPT, SHORT = 512, 16
BESIDE = (16, 32, 64, 128, 256, 512)
RUNNING = (1, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    checkpoint = open_checkpoint(given.model)
    kernels = Cpu(checkpoint.shape, checkpoint, precision="int8", threads=given.threads)
    sizes = sizes_for(kernels, 1 << 29, context=2048, reuse=False)
    rng = np.random.default_rng(0)
    kinds = list(itertools.product(RUNNING, BESIDE))
    found: dict[tuple[int, int], list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(given.rounds):
        for running, beside in kinds:
            with Engine(kernels, replace(sizes, beside_tokens=beside)) as engine:
                found[running, beside].append(waits(engine, running, rng))
    print("| running | prompt tokens a step | longest wait, ms | prompt, s |")
    print("|---:|---:|---:|---:|")
    for (running, beside), each in found.items():
        wait, read = (statistics.median(values) for values in zip(*each, strict=True))
        print(f"| {running} | {beside} | {1e3 * wait:.0f} | {read:.2f} |")


def waits(engine: Engine, running: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the longest wait between tokens of a running sequence, and the prompt's time."""
    moments: list[float] = []

    def prompt(tokens: int) -> list[int]:
        return [int(token) for token in rng.integers(0, engine.shape.vocab, tokens)]

    def greedy(tokens: int) -> Sampling:
        return Sampling(temperature=0.0, max_tokens=tokens, stop_tokens=())

    watched = engine.submit(
        prompt(SHORT), greedy(1000), on_token=lambda _: moments.append(time.monotonic())
    )
    others = [engine.submit(prompt(SHORT), greedy(1000)) for _ in range(running - 1)]
    while len(moments) < 8:  # all of them run by then
        time.sleep(0.01)
    late = engine.submit(prompt(PROMPT), greedy(1))
    late.result()
    assert late.first_token is not None
    for handle in (watched, *others):
        engine.cancel(handle)
        handle.result()
    during = [moment for moment in moments if moment >= late.submitted - 0.2]
    longest = max(after - before for before, after in itertools.pairwise(during))
    return longest, late.first_token - late.submitted


if __name__ == "__main__":
    main()
