"""A batch on the card: every integer of a step in one buffer, sent in one copy.

The batch is filled up here to the size of a graph's bucket: rows too many repeat the first
one and write to the block that is never read. Knows nothing of what is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from msgspec import Struct
from numpy.typing import NDArray

from ossay.engine.batch import BLOCK, I32, Batch
from ossay.engine.kernels.cuda.attention_prefill import tile_map
from ossay.engine.kernels.cuda.cache import Cache

_ALIGN = 4  # integers: every part begins at 16 bytes, which kernels may count on


class Step(Struct, frozen=True):
    """A batch of n tokens of s sequences, int32 on the device.

    Attributes:
        tokens, positions: [n].
        full_where, sliding_where: [n], the slot of each token in either pool: block * BLOCK +
            offset.
        starts: [s + 1].
        full_table, sliding_table: [s, b].
        tiles: [t, 4], how prefill's attention cuts the sequences after `singles`.
        wanted: [m].
        singles: Sequences of one token that the batch begins with.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    full_where: torch.Tensor
    sliding_where: torch.Tensor
    starts: torch.Tensor
    full_table: torch.Tensor
    sliding_table: torch.Tensor
    tiles: torch.Tensor
    wanted: torch.Tensor
    singles: int


class Form(Struct, frozen=True):
    """Sizes of a step: n tokens, s sequences, tables b wide, t tiles, m wanted tokens."""

    tokens: int
    sequences: int
    width: int
    tiles: int
    wanted: int

    def dims(self) -> dict[str, tuple[int, ...]]:
        """The shape of each part, in the order of the buffer."""
        rows, table = (self.tokens,), (self.sequences, self.width)
        return {
            "tokens": rows,
            "positions": rows,
            "full_where": rows,
            "sliding_where": rows,
            "starts": (self.sequences + 1,),
            "full_table": table,
            "sliding_table": table,
            "tiles": (self.tiles, 4),
            "wanted": (self.wanted,),
        }

    @property
    def size(self) -> int:
        """Integers of the buffer."""
        return sum(_aligned(int(np.prod(dims))) for dims in self.dims().values())

    def cut(self, flat: Any) -> dict[str, Any]:
        """Return the parts as views of a flat buffer, of numpy or torch."""
        parts, at = {}, 0
        for name, dims in self.dims().items():
            count = int(np.prod(dims))
            parts[name] = flat[at : at + count].reshape(dims)
            at += _aligned(count)
        return parts


class Stage:
    """A pinned buffer and its place on the device, for steps of up to `room` integers."""

    def __init__(self, room: int, device: torch.device) -> None:
        on_card = device.type == "cuda"
        self.room = room
        self.device_buffer = torch.zeros(room, dtype=torch.int32, device=device)
        self._pinned = torch.zeros(room, dtype=torch.int32, pin_memory=on_card)
        self._host: NDArray[np.int32] = self._pinned.numpy()
        self._sent = torch.cuda.Event() if on_card else None

    def host(self, form: Form) -> dict[str, I32]:
        """Return the parts of a step of that form on the host, to be filled, then sent.

        What is not filled keeps what the step before had there.
        """
        if self._sent is not None:
            self._sent.synchronize()  # the copy before this one may still be reading
        return form.cut(self._host)

    def send(self, form: Form) -> dict[str, torch.Tensor]:
        """Copy what was filled in, and return the parts on the device."""
        size = form.size
        self.device_buffer[:size].copy_(self._pinned[:size], non_blocking=True)
        if self._sent is not None:
            self._sent.record()
        return form.cut(self.device_buffer)


def wide(blocks: int) -> int:
    """Round a table's width up to a multiple of 16: Triton compiles anew for one that is not."""
    return -(-blocks // 16) * 16


def singles_of(batch: Batch) -> int:
    """Count the sequences of one token that the batch begins with."""
    more = np.flatnonzero(np.diff(batch.starts) != 1)
    return int(more[0]) if len(more) else len(batch.starts) - 1


def tiles_of(batch: Batch, singles: int, tokens: int) -> I32:
    """Cut the sequences after `singles` into tiles of so many tokens, see `tile_map`: [t, 4]."""
    tiles = tile_map(batch.positions, batch.starts[singles:], tokens)
    tiles[:, 0] += singles
    return tiles


def check(batch: Batch, vocab: int) -> None:
    """Raise ValueError for a token, position or row that is not there: a kernel reads anything."""
    count = len(batch.tokens)
    if len(batch.wanted) and not 0 <= batch.wanted.min() <= batch.wanted.max() < count:
        raise ValueError(f"logits are wanted of a token outside the batch of {count}")
    if not count:
        return
    if not 0 <= batch.tokens.min() <= batch.tokens.max() < vocab:
        raise ValueError(f"a token outside the vocabulary of {vocab}")
    first, last = int(batch.positions.min()), int(batch.positions.max())
    if first < 0:
        raise ValueError(f"position {first} in a batch")
    for name in ("full_blocks", "sliding_blocks"):
        if last >= getattr(batch, name).shape[1] * BLOCK:
            raise ValueError(f"{name} is too short for position {last}")


def check_blocks(batch: Batch, cache: Cache) -> None:
    """Raise ValueError for a block or a position that the cache does not have."""
    last, positions = int(batch.positions.max(initial=-1)), int(cache.cos.shape[0])
    if last >= positions:
        raise ValueError(f"position {last} in a cache of {positions} positions")
    for name, blocks in zip(("full_blocks", "sliding_blocks"), cache.blocks, strict=True):
        largest = int(getattr(batch, name).max(initial=-1))
        if largest >= blocks:
            raise ValueError(f"{name} names block {largest}, and the cache has {blocks}")


def fill(parts: dict[str, I32], batch: Batch, nowhere: tuple[int, int] = (0, 0)) -> None:
    """Write a batch into the parts on the host, and fill up the rows too many, see the module.

    There are such rows only where each sequence has one token; `nowhere` are the slots that they
    write to, of either pool. Columns of a table beyond the batch's are left alone: no position
    leads there. Tiles are not filled in here.
    """
    sequences = len(batch.starts) - 1
    owner = np.repeat(np.arange(sequences), np.diff(batch.starts))
    block, offset = np.divmod(batch.positions, BLOCK)
    for name, table, filling in (
        ("full", batch.full_blocks, nowhere[0]),
        ("sliding", batch.sliding_blocks, nowhere[1]),
    ):
        held = table[owner, block]
        if held.min(initial=0) < 0:
            raise ValueError(f"{name}_blocks has no block for a position of the batch")
        _fill(parts[f"{name}_where"], held * BLOCK + offset, filling)
        _fill(parts[f"{name}_table"][:, : table.shape[1]], table, table[:1])
    _fill(parts["tokens"], batch.tokens, batch.tokens[:1])
    _fill(parts["positions"], batch.positions, batch.positions[:1])
    _fill(parts["wanted"], batch.wanted, 0)
    parts["starts"][: sequences + 1] = batch.starts
    more = len(parts["starts"]) - sequences - 1
    parts["starts"][sequences + 1 :] = batch.starts[-1] + np.arange(1, more + 1)


def _fill(out: I32, rows: I32, filling: I32 | int) -> None:
    out[: len(rows)] = rows
    if len(out) > len(rows):
        out[len(rows) :] = filling


def _aligned(count: int) -> int:
    return -(-count // _ALIGN) * _ALIGN
