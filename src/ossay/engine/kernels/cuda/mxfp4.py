"""MXFP4 as the GPU kernels read it: re-laid once, then a bf16 tile for a few operations a weight.

A row of C columns is cut into groups of 128. Word j of group g (32 int16 words a group) holds four
weights, one of each *set*: set i of a group is its 32 neighbouring columns

    128 g + 32 i + j        i = 0..3, j = 0..31

which are one MXFP4 block. So a set of a group has one scale, and the activations that meet 32 words
of set i are 32 neighbours too (64 bytes in bf16). What C leaves over, t = C % 128 / 32 blocks, is a
last, shorter group: t = 1 or 2 has 8 t words, and set i is columns 128 g + 8 t i + j with j < 8 t
(a block is shared by 4 / t sets, each with its scale again); t = 3 is filled up to a whole group
with zeros, whose columns lie past C: their activations must be given as zeros. In a kernel the
first column of set i of group g is `first_column`.

    words  int16 [E, R, W]   W = 32 (C // 128) + (0, 8, 16, 32)[t]; a row is W contiguous words
    scales int32 [E, R, G]   G = ceil(C / 128); byte i is set i's: the stored scale + 126, or 0

Bits of a word, s for a sign and m for the three bits of e2m1's size:

    15   14            13   12   11..9   8..6   5..3   2..0
    s0   s2 ^ bit 9    s3   s1   m3      m0     m1     m2 ^ bits 7..5

Shifted to bits 15 and 8..6, a code read as bf16 is the value times 2^-126, subnormal numbers
included. Set 0 takes one operation, set 1 two; set 2's exclusive-or undoes what its second shift
brings along, so it takes three and not four. One product with the bf16 2^(scale - 1) makes the
value exact. That factor is finite for scales up to 128 (weights up to 12); larger are refused.

Knows nothing of products.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from msgspec import Struct

from ossay.core.errors import UsageError

GROUP = 128  # columns
WORDS = 32  # words of a group
LARGEST_SCALE = 128

INTERPRETED = bool(triton.knobs.runtime.interpret)
# Which variant of `tiles` a kernel asks for, as a constexpr: mul.bf16x2 came with sm_90.
_OLD = torch.cuda.is_available() and torch.cuda.get_device_capability() < (9, 0)
PTX = not (INTERPRETED or _OLD)

_SHIFT = 126  # added to a stored scale: the exponent of 2 ** (scale - 1) as bf16 keeps it
_CHUNK = 1 << 26  # weights re-laid at once

# Two words a register, and the factors of two sets: 0 and 2 in $5, 1 and 3 in $7. A factor's copy
# into both halves costs nothing (the product takes a half twice). lop3's tables: 0x28 is
# (a ^ b) & c, 0xEA is (a & b) | c.
TILES: tl.constexpr = tl.constexpr("""{
    .reg .b32 a, b, f;
    .reg .b16 l, h;
    mov.b32 {l, h}, $5;
    mov.b32 f, {l, l};
    and.b32 a, $4, 0x81C081C0;
    mul.bf16x2 $0, a, f;
    mov.b32 f, {h, h};
    shl.b32 a, $4, 6;
    shl.b32 b, $4, 1;
    lop3.b32 a, a, b, 0x81C081C0, 0x28;
    mul.bf16x2 $2, a, f;
    mov.b32 {l, h}, $7;
    mov.b32 f, {l, l};
    shl.b32 a, $4, 3;
    and.b32 a, a, 0x81C081C0;
    mul.bf16x2 $1, a, f;
    mov.b32 f, {h, h};
    shr.u32 a, $4, 3;
    and.b32 a, a, 0x01C001C0;
    shl.b32 b, $4, 2;
    lop3.b32 a, b, 0x80008000, a, 0xEA;
    mul.bf16x2 $3, a, f;
}""")
# =&r: an output is written while inputs are still to be read
REGISTERS: tl.constexpr = tl.constexpr("=&r,=&r,=&r,=&r,r,r,r,r,r")


class Packed(Struct, frozen=True):
    """A stack of MXFP4 matrices in the layout above; `columns` is C, `rows` is R."""

    words: torch.Tensor
    scales: torch.Tensor
    rows: int
    columns: int


def pack(blocks: torch.Tensor, scales: torch.Tensor) -> Packed:
    """Lay out a checkpoint's MXFP4 anew, on the device where it is.

    Args:
        blocks: uint8 [E, R, C / 32, 16]; byte j holds element 2 j low and 2 j + 1 high.
        scales: uint8 [E, R, C / 32].

    Raises UsageError for a scale above 128. Works on some experts at a time; beside the result it
    takes about 1 GB on the way.
    """
    experts, rows, count, _ = blocks.shape
    if blocks.numel() and (largest := int(scales.max())) > LARGEST_SCALE:
        raise UsageError(
            f"an MXFP4 scale of {largest!r} (weights of 2 ** {largest - 127}): this backend takes "
            f"scales up to {LARGEST_SCALE}; use the cpu backend"
        )
    whole, left = divmod(count, 4)
    width, groups = whole * WORDS + (0, 8, 16, 32)[left], whole + (left > 0)
    words = blocks.new_empty((experts, rows, width), dtype=torch.int16)
    packed_scales = blocks.new_empty((experts, rows, groups), dtype=torch.int32)
    step = max(1, _CHUNK // max(1, rows * count * 32))
    for start in range(0, experts, step):
        part = slice(start, start + step)
        words[part] = _words(blocks[part])
        packed_scales[part] = _scales(scales[part])
    return Packed(words, packed_scales, rows, count * 32)


def unpack(packed: Packed) -> torch.Tensor:
    """Return the matrices as bf16 [E, R, C]: `pack` undone, for tests and for other layouts."""
    words = packed.words.to(torch.int32) & 0xFFFF
    raw = [
        words & 0x81C0,
        (words << 3) & 0x81C0,
        ((words << 6) ^ (words << 1)) & 0x81C0,
        ((words >> 3) & 0x01C0) | ((words << 2) & 0x8000),
    ]
    whole = packed.columns // GROUP
    parts = []
    for i, bits in enumerate(raw):
        factor = (packed.scales >> (8 * i) & 0xFF) << 7
        value = _bf16(bits) * _bf16(factor.repeat_interleave(WORDS, -1)[..., : bits.shape[-1]])
        parts.append(value)
    sets = torch.stack(parts, -2)  # [E, R, 4, W]
    head = sets[..., : whole * WORDS].unflatten(-1, (whole, WORDS)).transpose(-3, -2).flatten(-3)
    tail = sets[..., whole * WORDS :].flatten(-2)
    return torch.cat([head, tail], -1)[..., : packed.columns].contiguous()


@triton.jit
def first_column(group, index, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the first column of set `index` of a group; its words' columns follow one by one."""
    blocks: tl.constexpr = (COLUMNS % 128) // 32
    short: tl.constexpr = 32 if blocks == 0 or blocks == 3 else 8 * blocks
    span = tl.where(group < COLUMNS // 128, 32, short)
    return tl.multiple_of(group * 128 + span * index, 8)


@triton.jit
def tiles(words, scales, PTX: tl.constexpr):  # type: ignore[no-untyped-def]
    """Return the four sets of `words` as bf16 tiles of its shape.

    words: int16, any shape [..., columns of words]; scales: int32 of a shape that broadcasts to it
    (so [rows, 1] for words of one group). A word and scale read as 0 give zeros. Two words that
    share a register must share their scale: in a left operand neighbours of a row do.
    """
    if PTX:
        even = (scales << 7) & 0x7F807F80  # two factors a register, in bf16's bits 14..7
        odd = (scales >> 1) & 0x7F807F80
        return tl.inline_asm_elementwise(
            TILES,
            REGISTERS,
            [words, even, odd],
            dtype=(tl.bfloat16, tl.bfloat16, tl.bfloat16, tl.bfloat16),
            is_pure=True,
            pack=2,
        )
    else:
        # 0x81C0 as a signed number, so that the arithmetic stays in 16 bits
        w0 = words & -32320
        w1 = (words << 3) & -32320
        w2 = ((words << 6) ^ (words << 1)) & -32320
        w3 = ((words >> 3) & 0x01C0) | ((words << 2) & -32768)
        return (
            _scaled(w0, scales & 0xFF),
            _scaled(w1, (scales >> 8) & 0xFF),
            _scaled(w2, (scales >> 16) & 0xFF),
            _scaled(w3, (scales >> 24) & 0xFF),
        )


@triton.jit
def _scaled(bits, exponent):  # type: ignore[no-untyped-def]
    # In float32, of which a bf16 is the upper half, and all of it here: the interpreter multiplies
    # no bf16 and rounds subnormal numbers to others.
    value = (bits.to(tl.int32) << 16).to(tl.float32, bitcast=True)
    factor = (exponent << 23).to(tl.float32, bitcast=True)
    upper = (value * factor).to(tl.int32, bitcast=True) >> 16
    return upper.to(tl.int16).to(tl.bfloat16, bitcast=True)


def _words(blocks: torch.Tensor) -> torch.Tensor:
    """int16 [e, R, W] of blocks [e, R, B, 16]."""
    codes = torch.stack([blocks & 0x0F, blocks >> 4], -1).flatten(-2)  # [e, R, B, 32]
    s0, s1, s2, s3 = _sets(codes).unbind(-1)
    word = (s0 & 8) << 12 | (s0 & 7) << 6
    word |= (s1 & 8) << 9 | (s1 & 7) << 3
    word |= (s3 & 8) << 10 | (s3 & 7) << 9
    word |= ((s2 & 8) << 11) ^ (word & 0x0200) << 5
    word |= (s2 & 7) ^ (word >> 5 & 7)
    return word.to(torch.int16)  # keeps the low 16 bits


def _sets(codes: torch.Tensor) -> torch.Tensor:
    """int32 [e, R, W, 4]: the codes [e, R, B, 32] by word and set."""
    codes = codes.to(torch.int32)
    whole, left = divmod(codes.shape[-2], 4)
    head = codes[..., : 4 * whole, :].unflatten(-2, (whole, 4)).transpose(-2, -1).flatten(-3, -2)
    if not left:
        return head
    tail = codes[..., 4 * whole :, :].flatten(-2)
    if left == 3:
        tail = torch.nn.functional.pad(tail, (0, 32))
    return torch.cat([head, tail.unflatten(-1, (4, -1)).transpose(-2, -1)], -2)


def _scales(scales: torch.Tensor) -> torch.Tensor:
    """int32 [e, R, G] of scales [e, R, B]."""
    biased = scales.to(torch.int64) + _SHIFT
    left = biased.shape[-1] % 4
    if left == 3:
        biased = torch.nn.functional.pad(biased, (0, 1))
    elif left:
        whole, tail = biased[..., :-left], biased[..., -left:]
        biased = torch.cat([whole, tail.repeat_interleave(4 // left, -1)], -1)
    by_set = biased.unflatten(-1, (-1, 4))
    shifts = torch.tensor([0, 8, 16, 24], device=scales.device)
    return (by_set << shifts).sum(-1).to(torch.int32)  # keeps the low 32 bits


def _bf16(bits: torch.Tensor) -> torch.Tensor:
    return bits.to(torch.int16).view(torch.bfloat16)
