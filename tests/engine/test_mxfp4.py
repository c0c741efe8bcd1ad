"""MXFP4: decoding by the standard's table, and back without loss where it can be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.engine.mxfp4 import VALUES, decode, exact
from ossay.engine.weights import Mxfp4, to_bf16

seeds = st.integers(0, 2**32 - 1)


def random_mxfp4(seed: int, low: int = 90, high: int = 160, dims=(2, 5, 3)) -> Mxfp4:
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (*dims, 16), np.uint8)
    return Mxfp4(blocks, random.integers(low, high, dims).astype(np.uint8))


def test_the_code_table_is_that_of_the_standard():
    assert VALUES.tolist() == [0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6]


def test_the_low_nibble_is_the_even_element_and_the_scale_a_power_of_two():
    blocks = np.zeros((1, 1, 1, 16), np.uint8)
    blocks[0, 0, 0, 0] = 0x72  # low nibble 2 (1.0), high nibble 7 (6.0)
    blocks[0, 0, 0, 15] = 0xF9  # low nibble 9 (-0.5), high nibble 15 (-6.0)
    values = decode(Mxfp4(blocks, np.full((1, 1, 1), 130, np.uint8)))
    assert values.shape == (1, 1, 32)
    assert values.dtype == np.float32
    assert values[0, 0, [0, 1, 30, 31]].tolist() == [8, 48, -4, -48]
    assert not values[0, 0, 2:30].any()


def test_decode_agrees_with_one_value_at_a_time():
    packed = random_mxfp4(1)
    values = decode(packed)
    for expert, row, column in np.ndindex(values.shape):
        byte = packed.blocks[expert, row, column // 32, column % 32 // 2]
        code = int(byte >> 4 if column % 2 else byte & 15)
        scale = int(packed.scales[expert, row, column // 32])
        assert values[expert, row, column] == VALUES[code] * 2.0 ** (scale - 127)


@given(seeds, st.sampled_from([(0, 8), (0, 253), (100, 140), (240, 253)]))
def test_values_survive_the_way_through_bf16(seed, span):
    values = decode(random_mxfp4(seed, *span))
    again = exact(to_bf16(values))
    assert again is not None
    assert np.array_equal(decode(again).view(np.uint32), values.view(np.uint32))


@given(seeds)
def test_a_transposed_view_gives_the_same(seed):
    bits = to_bf16(decode(random_mxfp4(seed)))
    stored = np.ascontiguousarray(bits.swapaxes(1, 2))
    straight, turned = exact(bits), exact(stored.swapaxes(1, 2))
    assert np.array_equal(straight.blocks, turned.blocks)
    assert np.array_equal(straight.scales, turned.scales)


@given(seeds, st.integers(0, 959), st.integers(1, 0x3F))
def test_one_value_that_no_code_has_makes_it_none(seed, where, mantissa):
    bits = to_bf16(decode(random_mxfp4(seed)))
    bits.reshape(-1)[where] |= mantissa  # between two codes, and so at no power of two
    assert exact(bits) is None


@pytest.mark.parametrize(
    "block",
    [
        [6.0, 0.25],  # further apart than any scale spans
        [4.0, 0.75 / 2],
        [1.0, 0.75 / 4],  # 0.75 of the scale's half-octave: no code
        [1.75],
        [np.inf],
        [np.nan],
    ],
)
def test_blocks_that_have_no_scale(block):
    values = np.zeros((1, 1, 32), np.float32)
    values[0, 0, : len(block)] = block
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    assert exact(bits) is None


def test_zeros_keep_their_sign_and_need_no_scale():
    values = np.zeros((1, 2, 64), np.float32)
    values[0, 1, ::3] = -0.0
    again = decode(exact(to_bf16(values)))
    assert np.array_equal(again.view(np.uint32), values.view(np.uint32))


def test_columns_that_fill_no_block_are_none():
    assert exact(np.zeros((1, 4, 40), np.uint16)) is None
