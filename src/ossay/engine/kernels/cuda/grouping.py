"""Pairs of a token and one of its experts, sorted by expert and cut into tiles for a grouped GEMM.

A pair's index is `token * k + choice`. A tile holds up to `size` pairs of one expert, in the order
of their indices, so that the same choice gives the same tiles. How many tiles there are depends on
sizes alone, never on what was chosen: those not needed are empty. Knows nothing of weights.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from msgspec import Struct

_CHUNKS = 256, 2048  # pairs looked at in one go: of a step that decodes, of one that reads a prompt


class Grouping(Struct, frozen=True):
    """Tiles of pairs.

    Attributes:
        experts: int32 [tiles]; -1 is an empty tile, and only empty ones follow it.
        pairs: int32 [tiles, size]; -1 is an empty place, and only empty ones follow it in its tile.
            Undefined in empty tiles.
    """

    experts: torch.Tensor
    pairs: torch.Tensor

    @property
    def size(self) -> int:
        """Pairs that a tile has room for."""
        return int(self.pairs.shape[1])


def tile_size(pairs: int, experts: int) -> int:
    """Pairs to a tile, for so many in all: what most experts' shares fit in."""
    mean = pairs / experts
    return 16 if mean <= 12 else 64 if mean <= 96 else 128


def tile_count(pairs: int, experts: int, size: int) -> int:
    """Tiles of `size` that so many pairs may need at worst: one pair more than full in each."""
    used = min(pairs, experts)
    return used + (pairs - used) // size


def group(chosen: torch.Tensor, experts: int, size: int) -> Grouping:
    """Cut the pairs of chosen, int32 [n, k] in 0..experts - 1, into tiles. Allocates the tiles.

    One launch, which may be captured in a CUDA graph.
    """
    pairs = chosen.numel()
    tiles = tile_count(pairs, experts, size)
    of_tile = torch.empty(tiles, dtype=torch.int32, device=chosen.device)
    of_place = torch.empty((tiles, size), dtype=torch.int32, device=chosen.device)
    _group[(experts,)](
        chosen,
        of_tile,
        of_place,
        pairs,
        tiles,
        EXPERTS=experts,
        SIZE=size,
        WIDTH=max(32, triton.next_power_of_2(experts + 1)),
        CHUNK=_CHUNKS[pairs > _CHUNKS[0]],
        num_warps=8 if pairs > _CHUNKS[0] else 4,
    )
    return Grouping(of_tile, of_place)


@triton.jit(do_not_specialize=["pairs", "tiles"])
def _group(  # type: ignore[no-untyped-def]
    chosen,
    of_tile,
    of_place,
    pairs,
    tiles,
    EXPERTS: tl.constexpr,
    SIZE: tl.constexpr,
    WIDTH: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """A program owns an expert's tiles, and every EXPERTS-th of the empty ones.

    It counts all experts' pairs to know where its own tiles begin, so it reads `chosen` twice
    (8 bytes a pair, from the cache) and no program waits for another.
    """
    expert = tl.program_id(0)
    each = tl.arange(0, WIDTH)
    place = tl.arange(0, CHUNK)

    counts = tl.zeros((WIDTH,), tl.int32)
    start = 0
    while start < pairs:  # not `range`: its bounds would have to be constants in the interpreter
        pair = start + place
        choice = tl.load(chosen + pair, mask=pair < pairs, other=EXPERTS)
        counts += tl.histogram(choice, WIDTH)
        start += CHUNK
    needed = tl.where(each < EXPERTS, (counts + SIZE - 1) // SIZE, 0)
    first = tl.sum(tl.where(each < expert, needed, 0), axis=0)
    mine = tl.sum(tl.where(each == expert, needed, 0), axis=0)
    total = tl.sum(needed, axis=0)

    before = 0  # this expert's pairs in the chunks before
    start = 0
    while start < pairs:
        pair = start + place
        choice = tl.load(chosen + pair, mask=pair < pairs, other=EXPERTS)
        start += CHUNK
        here = choice == expert
        rank = before + tl.cumsum(here.to(tl.int32), axis=0) - 1
        tl.store(of_place + first * SIZE + rank, pair, mask=here)
        before += tl.sum(here.to(tl.int32), axis=0)

    slot = tl.arange(0, SIZE)
    last = before + slot  # places after the last pair, up to the end of its tile
    tl.store(of_place + first * SIZE + last, -1, mask=last < mine * SIZE)
    tile = first
    while tile < first + mine:
        tl.store(of_tile + tile, expert)
        tile += 1
    tile = total + expert
    while tile < tiles:
        tl.store(of_tile + tile, -1)
        tile += EXPERTS
