"""The angles of gpt-oss: YaRN's ramp and concentration, and plain rotary embedding without it."""

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.engine import rope
from ossay.engine.shape import Rope

GPT_OSS = Rope()


def test_ramp_and_concentration_of_gpt_oss():
    assert rope.ramp(GPT_OSS, 64) == pytest.approx((8.0928, 17.3980), abs=1e-4)
    assert rope.concentration(32) == pytest.approx(1.34657, abs=1e-5)
    assert rope.ramp(replace(GPT_OSS, truncate=True), 64) == (8, 18)


def test_fast_frequencies_stay_and_slow_ones_are_stretched():
    plain = rope.frequencies(replace(GPT_OSS, factor=1.0), 64)
    ours = rope.frequencies(GPT_OSS, 64)
    np.testing.assert_allclose(plain, [150_000 ** (-2 * i / 64) for i in range(32)], rtol=1e-12)
    np.testing.assert_array_equal(ours[:9], plain[:9])
    np.testing.assert_allclose(ours[18:], plain[18:] / 32, rtol=1e-12)
    assert np.all(np.diff(ours) < 0)


def test_a_ramp_without_length_is_a_step():
    tight = Rope(theta=150_000.0, factor=2.0, original_context=4, beta_fast=32.0)
    assert rope.ramp(tight, 64)[0] < rope.ramp(tight, 64)[1]
    assert np.isfinite(rope.frequencies(tight, 64)).all()


def test_factor_one_is_plain_rope_without_concentration():
    cos, sin = rope.tables(Rope(factor=1.0), 32, np.array([0, 7]))
    assert cos.dtype == sin.dtype == np.float32
    np.testing.assert_allclose(cos**2 + sin**2, 1, rtol=1e-6)
    np.testing.assert_array_equal(cos[0], 1)
