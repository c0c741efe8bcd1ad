"""Work recorded once as a CUDA graph and replayed: launching costs the host more than most kernels.

A graph belongs to a bucket: a number of rows, to which a batch is filled up. Without a card the
same function runs as it is, each time it is replayed. Knows nothing of models.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import torch

_SMALL = (1, 2, 4, 8, 16, 24, 32, 48, 64)
_STEP = 32  # between the buckets above
MOST = 256  # rows beyond which a step is long enough to be launched as it is

_RECORDING = threading.Lock()  # CUDA records one graph at a time


def buckets(most: int) -> tuple[int, ...]:
    """Return the sizes for which graphs are made: up to the one that holds `most` rows."""
    sizes = (*_SMALL, *range(_SMALL[-1] + _STEP, MOST + 1, _STEP))
    return sizes[: bisect_left(sizes, min(most, MOST)) + 1]


def bucket(rows: int) -> int | None:
    """Return the smallest size that holds so many rows; None where none does."""
    sizes = buckets(MOST)
    at = bisect_left(sizes, rows)
    return sizes[at] if at < len(sizes) else None


class Graph:
    """One function without arguments or results: it reads and writes tensors that stay."""

    def __init__(self, work: Callable[[], None], device: torch.device, pool: Any) -> None:
        """Record `work`; it runs once before, so that its kernels are compiled.

        `pool` is memory that graphs share which never run at once (`new_pool`).
        """
        self._work = work
        self._graph: Any = None
        if device.type != "cuda":
            return
        # In the current stream, like all else: in another this would run beside a second model's
        # steps, and cuBLAS may have given both the same workspace.
        work()
        self._graph = torch.cuda.CUDAGraph()
        # thread_local: what other threads do meanwhile, for another model, is not forbidden.
        with (
            _RECORDING,
            torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"),
        ):
            work()

    def replay(self) -> None:
        """Do the work, on the current stream."""
        if self._graph is None:
            self._work()
        else:
            self._graph.replay()


def new_pool(device: torch.device) -> Any:
    """Return memory for graphs that never run at once; None without a card."""
    return torch.cuda.graph_pool_handle() if device.type == "cuda" else None
