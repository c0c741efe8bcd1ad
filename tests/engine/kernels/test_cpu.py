"""The fast kernels against numpy, and whole models against the reference backend."""

import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.engine.batch import BLOCK, Batch
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.kernels import forward
from ossay.engine.kernels.cpu import Cpu, missing, packed_bytes
from ossay.engine.kernels.reference import Reference
from ossay.engine.synth import tiny_shape, write_checkpoint

pytestmark = pytest.mark.usefixtures("extension")


def test_the_kernels_are_there_where_they_are_required():
    if "kernels" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
        pytest.skip("OSSAY_REQUIRE does not contain 'kernels'")
    assert missing() == ""


def floats(seed: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


@pytest.mark.parametrize("n", [1, 3, 16, 33, 96, 2880])
def test_rms_norm(native, n):
    x, scale, out = floats(1, 5, n, scale=3), floats(2, n), np.empty((5, n), np.float32)
    native.rms_norm(x, scale, 1e-5, out)
    root = np.sqrt((x.astype(np.float64) ** 2).mean(axis=1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(out, x / root * scale, rtol=2e-6)


@pytest.mark.parametrize("depth", [2, 16, 32, 48, 64])
def test_rope_turns_halves_against_each_other(native, depth):
    x, angle = floats(1, 7, depth), floats(2, 7, depth // 2, scale=9)
    out = np.empty_like(x)
    native.rope(x, np.cos(angle), np.sin(angle), out)
    a, b = np.split(x.astype(np.float64), 2, axis=1)
    wanted = np.hstack(
        [a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)]
    )
    np.testing.assert_allclose(out, wanted, atol=1e-5)


@pytest.mark.parametrize("n", [1, 7, 32, 45, 96])
def test_swiglu_clamps_and_interleaves(native, n):
    gate_up = floats(1, 9, 2 * n, scale=6)
    gate_up[0] = 60  # beyond the limit
    gate_up[1] = -90
    out = np.empty((9, n), np.float32)
    native.swiglu(gate_up, 1.702, 7.0, out)
    x = gate_up.astype(np.float64)
    gate, up = np.minimum(x[:, 0::2], 7), np.clip(x[:, 1::2], -7, 7)
    np.testing.assert_allclose(
        out, (up + 1) * gate / (1 + np.exp(-1.702 * gate)), rtol=1e-5, atol=1e-6
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(experts=st.integers(1, 64), k=st.integers(1, 4), seed=st.integers(0, 2**31))
def test_route_takes_the_largest_and_of_equals_the_first(extension, experts, k, seed):
    k = min(k, experts)
    logits = np.round(floats(seed, 6, experts) * 2).astype(np.float32)  # many are equal
    chosen, weights = np.empty((6, k), np.int32), np.empty((6, k), np.float32)
    extension.route(logits, chosen, weights)
    order = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(chosen, order)
    best = np.exp(np.take_along_axis(logits, order, 1).astype(np.float64))
    np.testing.assert_allclose(weights, best / best.sum(axis=1, keepdims=True), rtol=1e-5)


def test_route_survives_nan(native):
    logits = np.full((2, 8), np.nan, np.float32)
    chosen, weights = np.empty((2, 4), np.int32), np.empty((2, 4), np.float32)
    native.route(logits, chosen, weights)
    assert all(sorted(set(row)) == sorted(row) for row in chosen.tolist())
    assert 0 <= chosen.min() <= chosen.max() < 8


def test_half_precision_rounds_as_numpy_does(native):
    bits = np.arange(1 << 16, dtype=np.uint32) * 65521 + 7
    edge = np.array(
        [0, -0.0, 65504, 65519, 65520, 1e9, np.inf, -np.inf, 2**-24, 2**-25], np.float32
    )
    x = np.concatenate([bits.astype(np.uint32).view(np.float32), edge])
    x = x[~np.isnan(x)]
    out = np.empty_like(x)
    native.halve(x, out)
    with np.errstate(over="ignore"):
        wanted = x.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(out.view(np.uint32), wanted.view(np.uint32))


def model(folder: Path, seed: int = 1, **shape):
    write_checkpoint(folder, tiny_shape(**shape), seed)
    return open_checkpoint(folder)


def batch(parts, tables, wanted=None) -> Batch:
    """`parts`: (tokens, first position) of each sequence; `tables`: its blocks of both kinds."""
    starts = np.cumsum([0, *(len(tokens) for tokens, _ in parts)]).astype(np.int32)
    spans = [np.arange(at, at + len(tokens)) for tokens, at in parts]
    return Batch(
        np.concatenate([tokens for tokens, _ in parts]).astype(np.int32),
        np.concatenate(spans).astype(np.int32),
        starts,
        np.stack([full for full, _ in tables]).astype(np.int32),
        np.stack([sliding for _, sliding in tables]).astype(np.int32),
        np.arange(starts[-1], dtype=np.int32) if wanted is None else wanted,
    )


def blocks(seed: int, sequences: int, length: int):
    """Tables in shuffled order for some sequences of up to `length` positions."""
    random = np.random.default_rng(seed)
    per = -(-length // BLOCK)
    full, sliding = (random.permutation(sequences * per).reshape(sequences, per) for _ in range(2))
    return list(zip(full, sliding, strict=True)), sequences * per


SHAPES = [
    {},
    {"layers": 1, "window": 4},
    {"heads": 5, "kv_heads": 5, "head_dim": 16},
    {"heads": 6, "kv_heads": 2, "head_dim": 48, "window": 33},
    {"heads": 14, "kv_heads": 1, "head_dim": 32, "window": 128, "experts": 4},
    {"hidden": 160, "intermediate": 32, "experts": 64, "layers": 3},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_exact_agrees_with_the_reference(native, tmp_path, shape):
    checkpoint = model(tmp_path, **shape)
    tokens = np.random.default_rng(3).integers(0, checkpoint.shape.vocab, 150)
    tables, count = blocks(4, 1, 150)
    logits = [
        forward(kernels, batch([(tokens, 0)], tables), kernels.new_cache(count, count))
        for kernels in (
            Reference(checkpoint.shape, checkpoint),
            Cpu(checkpoint.shape, checkpoint, "exact", 2),
        )
    ]
    assert np.abs(logits[0] - logits[1]).max() <= 1e-4


@pytest.mark.parametrize("precision", ["exact", "int8"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_chunks_and_strangers_change_no_bit(native, tmp_path, shape, precision):
    checkpoint = model(tmp_path, **shape)
    vocab, length = checkpoint.shape.vocab, 150
    kernels = Cpu(checkpoint.shape, checkpoint, precision, 2)
    tokens = np.random.default_rng(3).integers(0, vocab, (3, length))
    tables, count = blocks(4, 3, length)
    whole = [
        forward(kernels, batch([(row, 0)], [table]), kernels.new_cache(count, count))
        for row, table in zip(tokens, tables, strict=True)
    ]
    cache, at = kernels.new_cache(count, count), 0
    for size in (1, 1, 40, 7, 1, 100):
        step = batch([(row[at : at + size], at) for row in tokens], tables)
        got = forward(kernels, step, cache).reshape(3, size, vocab)
        for sequence in range(3):
            np.testing.assert_array_equal(got[sequence], whole[sequence][at : at + size])
        at += size


class Biased:
    """A checkpoint whose last five values of every position are far beyond half precision."""

    def __init__(self, checkpoint, bias):
        self._checkpoint = checkpoint
        self._bias = bias

    def layer(self, index):
        layer = self._checkpoint.layer(index)
        layer.qkv_bias[-5:] = self._bias * np.array([1, -1, 1, 1, -1])
        return layer

    def edges(self):
        return self._checkpoint.edges()

    def release(self):
        self._checkpoint.release()


def test_values_beyond_half_precision_stay_at_its_end(native, tmp_path):
    """Infinity in the cache would become NaN, and 8-bit activations would hide that."""
    checkpoint = model(tmp_path, layers=1)
    tokens = np.random.default_rng(3).integers(0, checkpoint.shape.vocab, 70)
    tables, count = blocks(4, 1, 70)
    logits = []
    for bias in (1e5, 1e9):
        kernels = Cpu(checkpoint.shape, Biased(checkpoint, bias), "int8", 2)
        step, cache = batch([(tokens, 0)], tables), kernels.new_cache(count, count)
        logits.append(forward(kernels, step, cache))
    assert np.isfinite(logits[0]).all()
    np.testing.assert_array_equal(*logits)


class Overflowing(Biased):
    """Experts whose biases add up to more than float32 holds."""

    def layer(self, index):
        weights = self._checkpoint.layer(index)
        return msgspec.structs.replace(weights, down_bias=np.full_like(weights.down_bias, 3e38))


def test_a_model_that_overflows_gives_nan_not_numbers(native, tmp_path):
    checkpoint = model(tmp_path, layers=2)
    tables, count = blocks(4, 1, 5)
    for precision in ("exact", "int8"):
        kernels = Cpu(checkpoint.shape, Overflowing(checkpoint, 0), precision, 2)
        step = batch([(np.arange(5), 0)], tables)
        assert np.isnan(forward(kernels, step, kernels.new_cache(count, count))).all()


def test_another_model_s_cache_is_refused(tmp_path):
    checkpoint = model(tmp_path, layers=1)
    kernels, other = (Cpu(checkpoint.shape, checkpoint, p, 1) for p in ("exact", "int8"))
    tables, count = blocks(4, 1, 5)
    step = batch([(np.arange(5), 0)], tables)
    with pytest.raises(ValueError, match="the cache is not this model's"):
        forward(kernels, step, other.new_cache(count, count))


def test_a_step_larger_than_the_scratch(tmp_path):
    checkpoint = model(tmp_path, layers=2)
    kernels = Cpu(checkpoint.shape, checkpoint, "exact", 2)
    tokens = np.random.default_rng(3).integers(0, checkpoint.shape.vocab, 1200)
    tables, count = blocks(4, 1, 1200)
    whole = forward(kernels, batch([(tokens, 0)], tables), kernels.new_cache(count, count))
    cache = kernels.new_cache(count, count)
    forward(kernels, batch([(tokens[:700], 0)], tables), cache)
    rest = forward(kernels, batch([(tokens[700:], 700)], tables), cache)
    np.testing.assert_array_equal(rest, whole[700:])


def test_blocks_that_the_window_has_passed_may_be_gone(tmp_path):
    checkpoint = model(tmp_path, window=8)
    kernels = Cpu(checkpoint.shape, checkpoint, "exact", 1)
    tokens = np.random.default_rng(3).integers(0, checkpoint.shape.vocab, 101)
    tables, count = blocks(4, 1, 101)
    cache = kernels.new_cache(count, count)
    whole = forward(kernels, batch([(tokens, 0)], tables), kernels.new_cache(count, count))
    forward(kernels, batch([(tokens[:100], 0)], tables), cache)
    full, sliding = tables[0][0], tables[0][1].copy()
    sliding[:2] = -1  # position 100 sees 93 and later: block 2
    last = forward(kernels, batch([(tokens[100:], 100)], [(full, sliding)]), cache)
    np.testing.assert_array_equal(last, whole[100:])


def test_the_cache_takes_what_was_said(tmp_path):
    checkpoint = model(tmp_path)
    for precision in ("exact", "int8"):
        kernels = Cpu(checkpoint.shape, checkpoint, precision, 1)
        said, held = kernels.cache_bytes(64, 32), kernels.new_cache(64, 32).bytes
        assert said <= held <= said + checkpoint.shape.layers * 128


def test_wrong_arrays_are_refused_by_name(native, tmp_path):
    out = np.empty((2, 4), np.float32)
    with pytest.raises(ValueError, match=r"scale has shape \[5\]; expected \[4\]"):
        native.rms_norm(floats(1, 2, 4), floats(1, 5), 1e-5, out)
    with pytest.raises(ValueError, match="x is not float32"):
        native.rms_norm(floats(1, 2, 4).astype(np.float64), floats(1, 4), 1e-5, out)
    with pytest.raises(ValueError, match="x does not lie in C order"):
        native.rms_norm(floats(1, 4, 2).T, floats(1, 4), 1e-5, out)


def test_a_table_that_leads_outside_the_cache_is_refused(tmp_path):
    checkpoint = model(tmp_path, layers=2)
    kernels = Cpu(checkpoint.shape, checkpoint, "exact", 1)
    tokens = np.zeros(40, np.int64)
    for full, text in (([0, 2], "full_blocks names block 2"), ([0], "full_blocks is too short")):
        table = [(np.array(full), np.array([0, 1]))]
        with pytest.raises(ValueError, match=text):
            forward(kernels, batch([(tokens, 0)], table), kernels.new_cache(2, 2))


def test_packed_bytes_of_gpt_oss_20b():
    shape = tiny_shape(
        layers=24, hidden=2880, intermediate=2880, experts=32, heads=64, kv_heads=8, head_dim=64,
        vocab=201_088, window=128,
    )  # fmt: skip
    assert 11.3e9 < packed_bytes(shape, "int8") < 11.6e9  # 13.76 GB stored, 1.16 of it embedding
