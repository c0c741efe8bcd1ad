"""The mixture of experts for few tokens on the GPU: reading MXFP4 is all it should cost.

A token alone would fill one column of a tensor core's tile out of eight. So its activations are cut
into eight *lanes*, runs of columns in turn (and, going down, the token's experts), each a column of
the right operand; a row of weights is cut likewise, into eight rows of the left one. Of what comes
out the diagonal is wanted, eight parts of one sum. Each activation is thus loaded once, a program
owns few rows of the model's, and its tile is still as tall as tensor cores want it.

Every program takes the top k and the shares from the scores itself, which costs less than a launch.
No program waits for another and none adds where another does: results repeat bit for bit.
Knows nothing of many tokens; from FEW on, pairs share weights and `experts_many` reads them once.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from msgspec import Struct

from ossay.engine.kernels.cuda.bfloat16 import dot, to_bf16
from ossay.engine.kernels.cuda.mxfp4 import PTX, Packed, first_column, tiles
from ossay.engine.kernels.cuda.router import expert_of, load_keys, score_of, without

FEW = 8
LANES = 8  # columns of the right operand, the least that tensor cores take


class Tile(Struct, frozen=True):
    """What a program owns: `rows` of the model's, 8 `rows` of the left operand."""

    rows: int
    warps: int
    stages: int


GATE_UP = Tile(rows=32, warps=4, stages=4)
DOWN = Tile(rows=8, warps=4, stages=6)


def gate_up(
    normed: torch.Tensor,
    scores: torch.Tensor,
    weight: Packed,
    bias: torch.Tensor,
    hidden: torch.Tensor,
    alpha: float,
    limit: float,
    tile: Tile = GATE_UP,
    ptx: bool = PTX,
) -> None:
    """Write the inner activations of each token's experts, best expert first.

    gpt-oss, one token: 720 programs of 32 rows (35.3 MB).

    Args:
        normed: bf16 [n, H], what `router.scores` kept.
        scores: float32 [n, E].
        weight: [E, 2 I, H], gates in even rows, ups in odd ones.
        bias: float32 [E, 2 I].
        hidden: bf16 [n, k, I], written.
        alpha: Of the SwiGLU.
        limit: Of the SwiGLU.
        tile: What a program owns.
        ptx: Which variant of `mxfp4.tiles`; for trials.
    """
    tokens, slots, inner = hidden.shape
    experts = scores.shape[1]
    grid = (2 * inner // tile.rows, slots, tokens)
    _gate_up[grid](
        normed, scores, weight.words, weight.scales, bias, hidden, alpha, limit,
        EXPERTS=experts, PADDED=triton.next_power_of_2(experts), SLOTS=slots, INNER=inner,
        COLUMNS=weight.columns, WIDTH=weight.words.shape[-1], GROUPS=weight.scales.shape[-1],
        ROWS=tile.rows, LANES=LANES, PTX=ptx, num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def down(
    hidden: torch.Tensor,
    scores: torch.Tensor,
    weight: Packed,
    bias: torch.Tensor,
    x: torch.Tensor,
    tile: Tile = DOWN,
    ptx: bool = PTX,
) -> None:
    """Add the experts' answers, each by its share, to x.

    gpt-oss, one token: 360 programs of 8 rows of four experts (17.6 MB).

    Args:
        hidden: bf16 [n, k, I], from `gate_up`.
        scores: float32 [n, E].
        weight: [E, H, I].
        bias: float32 [E, H].
        x: float32 [n, H], added to in place.
        tile: What a program owns.
        ptx: Which variant of `mxfp4.tiles`; for trials.
    """
    tokens, slots, inner = hidden.shape
    experts = scores.shape[1]
    padded_slots = triton.next_power_of_2(slots)
    grid = (weight.rows // tile.rows, tokens)
    _down[grid](
        hidden, scores, weight.words, weight.scales, bias, x,
        EXPERTS=experts, PADDED=triton.next_power_of_2(experts), SLOTS=slots,
        PADDED_SLOTS=padded_slots, HIDDEN=weight.rows,
        COLUMNS=inner, WIDTH=weight.words.shape[-1], GROUPS=weight.scales.shape[-1],
        ROWS=tile.rows, LANES=max(LANES, padded_slots), PTX=ptx,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


@triton.jit
def _diagonal(  # type: ignore[no-untyped-def]
    words, scales, row, first, live, x, lane_first, lane_live,
    COLUMNS: tl.constexpr, WIDTH: tl.constexpr, GROUPS: tl.constexpr, RUNS: tl.constexpr,
    TALL: tl.constexpr, LANES: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """Return float32 [TALL]: each row's product with the lane of its own, row % LANES.

    Row r of the left operand is row[r] of the stack in the groups first[r], first[r] + RUNS, …;
    lane l of the right one is x[l] (pointers [LANES]) in the groups lane_first[l], and so on.
    """
    at = tl.arange(0, 32)
    lane = tl.arange(0, LANES)
    row_words = words + row * WIDTH
    row_scales = scales + row * GROUPS
    total = tl.zeros([TALL, LANES], tl.float32)
    for start in range(0, GROUPS, RUNS):
        group = start + first
        place = (group * 32)[:, None] + at[None, :]
        inside = live[:, None] & (place < WIDTH)
        taken = tl.load(row_words[:, None] + place, mask=inside, other=0)
        scale = tl.load(row_scales + group, mask=live & (group < GROUPS), other=0)
        set0, set1, set2, set3 = tiles(taken, scale[:, None], PTX)
        group = start + lane_first
        total = dot(set0, _lanes(x, group, 0, at, lane_live, COLUMNS), total)
        total = dot(set1, _lanes(x, group, 1, at, lane_live, COLUMNS), total)
        total = dot(set2, _lanes(x, group, 2, at, lane_live, COLUMNS), total)
        total = dot(set3, _lanes(x, group, 3, at, lane_live, COLUMNS), total)
    mine = (tl.arange(0, TALL) % LANES)[:, None] == lane[None, :]
    return tl.sum(tl.where(mine, total, 0.0), 1)


@triton.jit
def _lanes(x, group, index, at, live, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """The activations bf16 [32, LANES] that meet set `index` of each lane's group.

    What stands past a short group's end meets words read as zero, but must be a number itself.
    """
    column = first_column(group, index, COLUMNS)[None, :] + at[:, None]
    return tl.load(x[None, :] + column, mask=live[None, :] & (column < COLUMNS), other=0.0)


@triton.jit
def _gate_up(  # type: ignore[no-untyped-def]
    normed, scores, words, scales, bias, hidden, alpha, limit,
    EXPERTS: tl.constexpr, PADDED: tl.constexpr, SLOTS: tl.constexpr, INNER: tl.constexpr,
    COLUMNS: tl.constexpr, WIDTH: tl.constexpr, GROUPS: tl.constexpr,
    ROWS: tl.constexpr, LANES: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """A program owns ROWS rows (half as many gates) of one expert of one token.

    It reads 17 / 32 ROWS COLUMNS bytes of weights, and from the L2 cache the token (2 COLUMNS
    bytes) and its scores.
    """
    slot, token = tl.program_id(1), tl.program_id(2).to(tl.int64)
    keys = load_keys(scores + token * EXPERTS, EXPERTS, PADDED)
    key = tl.max(keys, 0)
    place = 0
    while place < slot:  # not `range`: the interpreter wants its bounds as constants
        keys = without(keys, key)
        key = tl.max(keys, 0)
        place += 1
    expert = expert_of(key).to(tl.int64)

    tall: tl.constexpr = ROWS * LANES
    each = tl.arange(0, tall)
    lane = tl.arange(0, LANES)
    first_row = expert * (2 * INNER) + tl.program_id(0) * ROWS
    x = normed + token * COLUMNS + tl.zeros_like(lane)
    sums = _diagonal(
        words, scales, first_row + each // LANES, each % LANES, each >= 0, x, lane, lane >= 0,
        COLUMNS, WIDTH, GROUPS, LANES, tall, LANES, PTX,
    )  # fmt: skip
    sums = tl.sum(tl.reshape(sums, [ROWS, LANES]), 1)
    sums += tl.load(bias + first_row + tl.arange(0, ROWS))
    gate, up = tl.split(tl.reshape(sums, [ROWS // 2, 2]))
    gate = tl.minimum(gate, limit, propagate_nan=tl.PropagateNan.ALL)
    up = tl.clamp(up, -limit, limit, propagate_nan=tl.PropagateNan.ALL)
    inner = (up + 1.0) * gate * tl.sigmoid(alpha * gate)
    place = hidden + (token * SLOTS + slot) * INNER + tl.program_id(0) * (ROWS // 2)
    tl.store(place + tl.arange(0, ROWS // 2), to_bf16(inner))


@triton.jit
def _down(  # type: ignore[no-untyped-def]
    hidden, scores, words, scales, bias, x,
    EXPERTS: tl.constexpr, PADDED: tl.constexpr, SLOTS: tl.constexpr, PADDED_SLOTS: tl.constexpr,
    HIDDEN: tl.constexpr, COLUMNS: tl.constexpr, WIDTH: tl.constexpr, GROUPS: tl.constexpr,
    ROWS: tl.constexpr, LANES: tl.constexpr, PTX: tl.constexpr,
):  # fmt: skip
    """A program owns ROWS rows of one token, of all its experts; lane l is expert l % PADDED_SLOTS.

    It reads 17 / 32 SLOTS ROWS COLUMNS bytes of weights, and from the L2 cache the token's
    activations (2 SLOTS COLUMNS bytes) and its scores.
    """
    token = tl.program_id(1).to(tl.int64)
    tall: tl.constexpr = ROWS * LANES
    runs: tl.constexpr = LANES // PADDED_SLOTS
    each = tl.arange(0, tall)
    slot = each % PADDED_SLOTS
    keys = load_keys(scores + token * EXPERTS, EXPERTS, PADDED)
    highest = score_of(tl.max(keys, 0))
    expert = tl.zeros([tall], tl.int64)
    power = tl.zeros([tall], tl.float32)
    whole = 0.0
    for place in tl.static_range(SLOTS):
        key = tl.max(keys, 0)
        keys = without(keys, key)
        one = tl.exp(score_of(key) - highest)
        whole += one
        expert = tl.where(slot == place, expert_of(key).to(tl.int64), expert)
        power = tl.where(slot == place, one, power)

    lane = tl.arange(0, LANES)
    lane_slot = lane % PADDED_SLOTS
    row = tl.program_id(0) * ROWS + each // LANES
    live = slot < SLOTS
    sums = _diagonal(
        words, scales, expert * HIDDEN + row, each % LANES // PADDED_SLOTS, live,
        hidden + (token * SLOTS + lane_slot) * COLUMNS, lane // PADDED_SLOTS, lane_slot < SLOTS,
        COLUMNS, WIDTH, GROUPS, runs, tall, LANES, PTX,
    )  # fmt: skip
    once = live & (each % LANES < PADDED_SLOTS)
    sums += tl.load(bias + expert * HIDDEN + row, mask=once, other=0.0)
    answer = tl.sum(tl.reshape(sums * (power / whole), [ROWS, LANES]), 1)
    place = x + token * HIDDEN + tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    tl.store(place, tl.load(place) + answer)
