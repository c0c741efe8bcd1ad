"""Time on a card: replays of a CUDA graph between two events, medians, each version timed twice.

A graph holds several calls, with inputs of their own, so that none finds the last one's weights in
the cache, and is repeated until it lasts LEAST: beginning to replay one takes some microseconds
too. Without a card everything runs once by the host's clock: the figure is then there to show that
the program works, and means nothing. Knows nothing of what is timed.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from msgspec import Struct

Call = Callable[[], Any]

REPLAYS = 40
FEWEST = 5
LEAST = 1000.0  # microseconds of a graph: its own start is below 1 % of that
SPAN = 1e6  # microseconds for the replays of one median, where there is a choice


class Timed(Struct, frozen=True):
    """Microseconds of one call: the median, least and most of the replays; and the median again.

    `again` is the same graph timed a second time: a difference between two versions that is
    smaller than that between `us` and `again` is noise. `meaningless`: there was no card.
    """

    us: float
    least: float
    most: float
    again: float
    meaningless: bool = False

    def per(self, count: int) -> Timed:
        """The same for a part of a call, of which there are `count`."""
        return Timed(
            self.us / count, self.least / count, self.most / count, self.again / count,
            self.meaningless,
        )  # fmt: skip


def on_card() -> bool:
    """Whether there is something to time on."""
    return torch.cuda.is_available()


def device() -> str:
    """Where tensors are made."""
    return "cuda" if on_card() else "cpu"


def free() -> None:
    """Give back memory that nothing holds any more."""
    gc.collect()
    if on_card():
        torch.cuda.empty_cache()


def time_graph(calls: Sequence[Call], before: Call | None = None) -> Timed:
    """Time `calls`, one after the other in one graph; the figures are for one of them.

    `before` is called before each replay, untimed.
    """
    if not on_card():
        begin = time.perf_counter()
        for call in calls:
            call()
        took = (time.perf_counter() - begin) * 1e6 / len(calls)
        return Timed(took, took, took, took, meaningless=True)
    before = before or _nothing
    graph = record(calls)
    once = min(_round(graph.replay, 3, before))
    times = math.ceil(LEAST / max(once, 1.0))
    if times > 1:
        graph = record([*calls] * times, runs=0)
    replays = int(min(REPLAYS, max(FEWEST, SPAN / (once * times))))
    _round(graph.replay, 3, before)  # warms up
    first, second = (_round(graph.replay, replays, before) for _ in "ab")
    timed = Timed(statistics.median(first), min(first), max(first), statistics.median(second))
    return timed.per(times * len(calls))


def record(calls: Sequence[Call], runs: int = 2) -> Any:
    """Return a CUDA graph of the calls, which run so often before: that compiles their kernels."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for call in [*calls] * runs:
            call()
    torch.cuda.current_stream().wait_stream(aside)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for call in calls:
            call()
    return graph


def time_host(work: Call, repeats: int) -> Timed:
    """Time `work` by the host's clock, the card idle before and after: what a caller waits for."""
    each = []
    for _ in range(2 * repeats + 1):
        if on_card():
            torch.cuda.synchronize()
        begin = time.perf_counter()
        work()
        if on_card():
            torch.cuda.synchronize()
        each.append((time.perf_counter() - begin) * 1e6)
    first, second = each[1 : repeats + 1], each[repeats + 1 :]  # the very first warms up
    return Timed(
        statistics.median(first), min(first), max(first), statistics.median(second),
        meaningless=not on_card(),
    )  # fmt: skip


def _round(replay: Call, replays: int, before: Call) -> list[float]:
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in "ab"] for _ in range(replays)]
    for begin, end in pairs:
        before()
        begin.record()
        replay()
        end.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) * 1e3 for begin, end in pairs]  # events count in ms


def _nothing() -> None:
    """Do nothing."""
