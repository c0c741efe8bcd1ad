"""The MXFP4 layout against the engine's own decoding, and both variants of `tiles` for all words.

Every value of a code times a power of two is a bf16, so all comparisons are for equality.
"""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import triton
import triton.language as tl

from ossay.core.errors import UsageError
from ossay.engine import mxfp4 as stored
from ossay.engine.kernels.cuda import mxfp4
from ossay.engine.weights import Mxfp4

ALL = 1 << 16
RUN = 1024  # words that share a scale


@pytest.mark.parametrize("columns", [32, 64, 96, 128, 160, 192, 224, 256, 288])
def test_unpack_undoes_pack(rng, device, columns):
    blocks = rng.integers(0, 256, (3, 5, columns // 32, 16), dtype=np.uint8)
    scales = rng.integers(0, 129, blocks.shape[:3], dtype=np.uint8)
    packed = mxfp4.pack(torch.from_numpy(blocks).to(device), torch.from_numpy(scales).to(device))
    assert packed.words.shape == (3, 5, columns // 4 + 8 * (columns % 128 == 96))
    assert packed.scales.shape == (3, 5, -(-columns // 128))
    unpacked = mxfp4.unpack(packed)
    assert unpacked.dtype == torch.bfloat16
    expected = stored.decode(Mxfp4(blocks, scales))
    np.testing.assert_array_equal(unpacked.float().cpu().numpy(), expected)


def test_scale_of_no_bf16_factor_is_refused(device):
    blocks = torch.zeros((1, 1, 1, 16), dtype=torch.uint8, device=device)
    scales = torch.full((1, 1, 1), 129, dtype=torch.uint8, device=device)
    with pytest.raises(UsageError, match="129"):
        mxfp4.pack(blocks, scales)


def test_columns_are_where_the_layout_says(rng, device):
    """Word j of group g holds, in set i, column first_column(g, i) + j."""
    columns = 192  # one whole group and one of 16 words
    blocks = rng.integers(0, 256, (1, 1, columns // 32, 16), dtype=np.uint8)
    scales = rng.integers(100, 129, (1, 1, columns // 32), dtype=np.uint8)
    packed = mxfp4.pack(torch.from_numpy(blocks).to(device), torch.from_numpy(scales).to(device))
    row = stored.decode(Mxfp4(blocks, scales))[0, 0]
    for group, first, count in ((0, 0, 32), (1, 32, 16)):
        words = packed.words[0, 0, first : first + count]
        values = _tiles(words, packed.scales[0, 0, group : group + 1], mxfp4.PTX)
        for i in range(4):
            start = 128 * group + count * i
            np.testing.assert_array_equal(values[i], row[start : start + count])


def test_all_words(rng, device):
    """The variant that runs here, on every word with every scale that there may be."""
    words, scales = _every_word(rng, device)
    got = _tiles(words, scales, mxfp4.PTX)
    scales = scales.repeat_interleave(RUN)
    packed = mxfp4.Packed(words[None, :, None].repeat(1, 1, 8), scales[None, :, None], ALL, 32)
    expected = mxfp4.unpack(packed).float().cpu().numpy()[0].reshape(ALL, 4, 8)
    np.testing.assert_array_equal(got, expected[:, :, 0].T)  # word 0 of each set


def test_both_variants_agree_on_all_words(rng):
    """The very text of the PTX, emulated, against the plain variant."""
    words, scales = _every_word(rng, "cpu")
    low, high = words.numpy().astype(np.uint16), np.roll(words.numpy(), 1).astype(np.uint16)
    scale = scales.repeat_interleave(RUN).numpy()
    pair = low.astype(np.uint32) | high.astype(np.uint32) << 16
    registers = {"$4": pair}
    registers["$5"] = ((scale << 7) & 0x7F807F80).astype(np.uint32)
    registers["$7"] = ((scale >> 1) & 0x7F807F80).astype(np.uint32)
    _run(mxfp4.TILES.value, registers)
    for half, words_of_half in ((0, low), (16, high)):
        expected = _plain(words_of_half, scale)
        for i in range(4):
            got = _widened(registers[f"${i}"] >> half)
            np.testing.assert_array_equal(got, expected[i])


def _every_word(rng, device):
    """All words; and scales, one for each RUN of them, in which every exponent comes up."""
    words = torch.arange(ALL, dtype=torch.int32).to(torch.int16)
    exponents = rng.permutation(np.arange(ALL // RUN * 4) % 129).reshape(-1, 4) + 126
    scales = (exponents << np.array([0, 8, 16, 24])).sum(-1).astype(np.uint32).view(np.int32)
    return words.to(device), torch.from_numpy(scales).to(device)


def _tiles(words, scales, ptx):
    """float32 [4, words] of the variant that `ptx` says."""
    out = torch.full((4, len(words)), torch.nan, dtype=torch.bfloat16, device=words.device)
    run = len(words) // len(scales)
    _kernel[(len(scales),)](words.contiguous(), scales.contiguous(), out, len(words), run, ptx)
    return out.float().cpu().numpy()


@triton.jit
def _kernel(words, scales, out, COUNT: tl.constexpr, RUN: tl.constexpr, PTX: tl.constexpr):
    """A program has one scale, as a row of a group has: words that share a register share it."""
    at = tl.program_id(0) * RUN + tl.arange(0, RUN)
    scale = tl.load(scales + tl.program_id(0) + tl.zeros_like(at))
    set0, set1, set2, set3 = mxfp4.tiles(tl.load(words + at), scale, PTX)
    tl.store(out + at, set0)
    tl.store(out + COUNT + at, set1)
    tl.store(out + 2 * COUNT + at, set2)
    tl.store(out + 3 * COUNT + at, set3)


def _plain(words, scale):
    """What the layout's table says, in numpy: float32 [4, words]."""
    word = words.astype(np.uint32)
    bit = lambda at: word >> at & 1  # noqa: E731
    sizes = [word >> 6, word >> 3, word ^ word >> 5, word >> 9]
    signs = [bit(15), bit(12), bit(14) ^ bit(9), bit(13)]
    codes = [size & 7 | sign << 3 for size, sign in zip(sizes, signs, strict=True)]
    factors = [(scale.view(np.uint32) >> 8 * i & 0xFF).astype(np.int32) - 253 for i in range(4)]
    return [
        np.ldexp(stored.VALUES[code], factor) for code, factor in zip(codes, factors, strict=True)
    ]


def _run(text, registers):
    """Carry out the PTX in `text` on uint32 arrays by register name."""
    for line in re.sub(r"[{}]\s*$|^\{", "", text.strip()).split(";"):
        line = line.strip()
        if not line or line.startswith(".reg"):
            continue
        name, operands = line.split(None, 1)
        operands = re.findall(r"\{[^}]*\}|[^,\s]+", operands)
        if name == "mov.b32" and operands[0].startswith("{"):
            low, high = re.findall(r"\w+", operands[0])
            registers[low], registers[high] = _halves(registers[operands[1]])
            continue
        values = [_operand(operand, registers) for operand in operands[1:]]
        registers[operands[0]] = _DO[name](*values)


def _operand(text, registers):
    if text.startswith("{"):
        low, high = (registers[name] for name in re.findall(r"\w+", text))
        return low | high << np.uint32(16)
    return registers[text] if text in registers else np.uint32(int(text, 0))


def _halves(pair):
    return pair & np.uint32(0xFFFF), pair >> np.uint32(16)


def _widened(bits):
    return ((bits & np.uint32(0xFFFF)) << np.uint32(16)).view(np.float32)


def _product(left, right):
    """mul.bf16x2. Both factors are bf16 and so is their product here, exactly: asserted."""
    parts = []
    for one, other in zip(_halves(left), _halves(right), strict=True):
        exact = _widened(one).astype(np.float64) * _widened(other)
        bits = exact.astype(np.float32).view(np.uint32)
        assert ((bits & 0xFFFF) == 0).all()
        assert (_widened(bits >> 16) == exact).all()
        parts.append(bits >> np.uint32(16))
    return parts[0] | parts[1] << np.uint32(16)


def _lop3(a, b, c, table):
    out = np.uint32(0)
    for row in range(8):
        if int(table) >> row & 1:
            term = [
                value if row >> place & 1 else ~value for value, place in ((a, 2), (b, 1), (c, 0))
            ]
            out = out | term[0] & term[1] & term[2]
    return out


_DO = {
    "and.b32": lambda a, b: a & b,
    "shl.b32": lambda a, b: a << b,
    "shr.u32": lambda a, b: a >> b,
    "lop3.b32": _lop3,
    "mul.bf16x2": _product,
    "mov.b32": lambda a: a,
}
