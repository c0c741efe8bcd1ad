"""The reference backend, each step beside an independent statement of the same formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ossay.engine import mxfp4, rope
from ossay.engine.batch import BLOCK, Batch
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.kernels import forward, reference
from ossay.engine.shape import Rope
from ossay.engine.synth import tiny_shape
from ossay.engine.weights import Mxfp4, to_bf16

GPT_OSS = Rope()
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="session")
def tiny(tiny_checkpoints):
    checkpoint = open_checkpoint(tiny_checkpoints["mxfp4"])
    return reference.Reference(checkpoint.shape, checkpoint)


# Rotation


def test_rotation_is_multiplication_of_complex_numbers(rng):
    x = normal(rng, 5, 3, 16)
    positions = np.array([0, 1, 900, 901, 5000])
    turned = reference.rotate(x, *rope.tables(GPT_OSS, 16, positions))
    numbers = x[..., :8].astype(complex) + 1j * x[..., 8:]
    turn = np.exp(1j * np.outer(positions, rope.frequencies(GPT_OSS, 16)))
    expected = numbers * turn[:, None] * (0.1 * math.log(32) + 1)
    np.testing.assert_allclose(turned[..., :8], expected.real, **CLOSE)
    np.testing.assert_allclose(turned[..., 8:], expected.imag, **CLOSE)


def test_scores_depend_on_the_distance_of_positions_only(rng):
    query, key = normal(rng, 1, 1, 64), normal(rng, 1, 1, 64)

    def score(at_query, at_key):
        q = reference.rotate(query, *rope.tables(GPT_OSS, 64, np.array([at_query])))
        k = reference.rotate(key, *rope.tables(GPT_OSS, 64, np.array([at_key])))
        return float((q * k).sum())

    assert score(120_040, 120_000) == pytest.approx(score(40, 0), rel=1e-4)


# Attention


def test_a_window_of_w_sees_itself_and_w_minus_one_before():
    positions = np.arange(10)
    seen = reference.visible(positions, positions, 3)
    for query in positions:
        assert np.flatnonzero(seen[query]).tolist() == [
            k for k in (query - 2, query - 1, query) if k >= 0
        ]
    everything = reference.visible(positions, positions, None)
    np.testing.assert_array_equal(everything, np.tril(np.ones((10, 10), bool)))


@pytest.mark.parametrize(("heads", "kv_heads"), [(8, 2), (5, 5), (9, 3), (6, 1)])
def test_attention_is_a_softmax_with_one_column_more_for_the_sink(rng, heads, kv_heads):
    queries, sinks = normal(rng, 4, heads, 16), normal(rng, heads) * 3
    keys, values = normal(rng, 6, kv_heads, 16), normal(rng, 6, kv_heads, 16)
    seen = reference.visible(np.arange(2, 6), np.arange(6), 3)
    ours = reference.attention(queries, keys, values, seen, sinks)
    for head in range(heads):
        group = head // (heads // kv_heads)
        for query in range(4):
            scores = [
                float(queries[query, head] @ keys[key, group]) / 4
                if seen[query, key]
                else -math.inf
                for key in range(6)
            ] + [float(sinks[head])]
            powers = np.exp(np.array(scores, np.float64))
            shares = (powers / powers.sum())[:-1]  # what the sink took goes nowhere
            np.testing.assert_allclose(ours[query, head], shares @ values[:, group], **CLOSE)


def test_a_sink_far_above_all_scores_takes_everything_without_overflow(rng):
    one = normal(rng, 1, 1, 8)
    seen = np.ones((1, 1), bool)
    for sink, left in ((300.0, 0 * one), (-300.0, one)):
        mixed = reference.attention(one, one, one, seen, np.array([sink], np.float32))
        np.testing.assert_allclose(mixed, left, atol=1e-6)


# The rest of a layer


def test_rms_norm_makes_the_mean_square_one(rng):
    x, scale = normal(rng, 3, 64) * 7, normal(rng, 64)
    normed = reference.rms_norm(x, np.ones(64, np.float32), 1e-5)
    np.testing.assert_allclose((normed**2).mean(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(reference.rms_norm(x, scale, 1e-5), normed * scale, rtol=1e-6)
    assert not reference.rms_norm(np.zeros((1, 64), np.float32), scale, 1e-5).any()


def test_shares_are_a_softmax_over_the_chosen_alone():
    scores = np.array([[0.0, math.log(3), -9, math.log(1)], [2, 2, 2, 2]], np.float32)
    chosen, shares = reference.route(scores, 2)
    np.testing.assert_allclose(shares, [[0.75, 0.25], [0.5, 0.5]], rtol=1e-6)
    assert chosen.tolist() == [[1, 0], [0, 1]]  # of equal scores the lower index


@pytest.mark.parametrize(
    ("gate", "up", "expected"),
    [
        (1.0, 0.5, 1.5 / (1 + math.exp(-1.702))),
        (50.0, 50.0, 8 * 7 / (1 + math.exp(-1.702 * 7))),  # both held at 7
        (-50.0, -50.0, 0.0),  # a gate has no lower limit, an up has: -6 * tiny
        (7.0, -9.0, -6 * 7 / (1 + math.exp(-1.702 * 7))),
        (-1.0, -1.0, 0.0),
    ],
)
def test_swiglu_with_its_limits(gate, up, expected):
    out = reference.swiglu(np.array([[gate, up]], np.float32), 1.702, 7.0)
    assert out.shape == (1, 1)
    assert out[0, 0] == pytest.approx(expected, rel=1e-6, abs=1e-30)


def test_gates_are_even_rows_and_ups_odd_ones(rng):
    shape = tiny_shape()
    x, down = normal(rng, 2, 128), normal(rng, 128, 96)
    gate, up = normal(rng, 96, 128) / 10, normal(rng, 96, 128) / 10
    both = np.stack([gate, up], axis=1).reshape(192, 128)
    nothing = np.zeros(192, np.float32), np.zeros(128, np.float32)
    ours = reference.expert(x, both, nothing[0], down, nothing[1], shape)
    g, u = np.minimum(x @ gate.T, 7), np.clip(x @ up.T, -7, 7)
    np.testing.assert_allclose(
        ours, ((u + 1) * g / (1 + np.exp(-1.702 * g))) @ down.T, rtol=1e-4, atol=1e-4
    )


def test_a_matrix_of_a_stack_is_the_same_packed_and_plain(rng):
    packed = Mxfp4(
        rng.integers(256, size=(3, 4, 2, 16), dtype=np.uint8),
        rng.integers(100, 140, size=(3, 4, 2), dtype=np.uint8),
    )
    plain = to_bf16(mxfp4.decode(packed))
    for index in range(3):
        np.testing.assert_array_equal(
            reference.matrix(packed, index), reference.matrix(plain, index)
        )


def test_the_mixture_is_the_sum_of_the_chosen_experts(tiny, tiny_checkpoints, rng):
    x = normal(rng, 5, tiny.shape.hidden)
    before = x.copy()
    tiny.experts(1, x)
    weights = open_checkpoint(tiny_checkpoints["mxfp4"]).layer(1)
    for row, added in zip(before, x - before, strict=True):
        normed = reference.rms_norm(row[None], weights.mlp_norm, 1e-5)
        scores = reference.linear(normed, weights.router, weights.router_bias)[0]
        best = sorted(range(8), key=lambda e: -scores[e])[:4]
        total = sum(math.exp(scores[e]) for e in best)
        expected = sum(
            math.exp(scores[e])
            / total
            * reference.expert(
                normed,
                reference.matrix(weights.gate_up, e),
                weights.gate_up_bias[e],
                reference.matrix(weights.down, e),
                weights.down_bias[e],
                tiny.shape,
            )[0]
            for e in best
        )
        np.testing.assert_allclose(added, expected, rtol=1e-4, atol=1e-5)


# The whole


def test_chunks_of_any_size_give_what_one_piece_gives(tiny, logits_of, rng):
    tokens = rng.integers(512, size=70).tolist()
    whole = logits_of(tiny, tokens)
    for chunk in (1, 3, 8, 32, 69):
        np.testing.assert_allclose(logits_of(tiny, tokens, chunk), whole, atol=2e-5)


def test_later_tokens_change_nothing_before_them(tiny, logits_of, rng):
    tokens = rng.integers(512, size=40).tolist()
    changed = [*tokens[:39], (tokens[39] + 1) % 512]
    ours, theirs = logits_of(tiny, tokens), logits_of(tiny, changed)
    np.testing.assert_allclose(ours[:39], theirs[:39], atol=2e-5)
    assert np.abs(ours[39] - theirs[39]).max() > 0.1


def test_strangers_in_a_batch_with_shuffled_blocks_do_not_meet(tiny, logits_of, rng):
    lengths = (40, 1, 65, 33)
    sequences = [rng.integers(512, size=n).tolist() for n in lengths]
    alone = np.concatenate([logits_of(tiny, each) for each in sequences])
    tables = [rng.permutation(20)[:12].reshape(4, 3).astype(np.int32) for _ in range(2)]
    starts = np.cumsum([0, *lengths]).astype(np.int32)
    batch = Batch(
        tokens=np.concatenate(sequences).astype(np.int32),
        positions=np.concatenate([np.arange(n) for n in lengths]).astype(np.int32),
        starts=starts,
        full_blocks=tables[0],
        sliding_blocks=tables[1],
        wanted=np.arange(starts[-1], dtype=np.int32),
    )
    np.testing.assert_allclose(forward(tiny, batch, tiny.new_cache(20, 20)), alone, atol=2e-5)


def test_sliding_blocks_that_the_window_passed_are_never_read(tiny, logits_of, rng):
    tokens = rng.integers(512, size=71).tolist()
    expected = logits_of(tiny, tokens)[-1]
    cache = tiny.new_cache(3, 3)
    table = np.array([[2, 0, 1]], np.int32)

    def step(start, stop, sliding):
        size = stop - start
        positions = np.arange(start, stop, dtype=np.int32)
        piece = np.array(tokens[start:stop], np.int32)
        ends, last = np.array([0, size], np.int32), np.array([size - 1], np.int32)
        return forward(tiny, Batch(piece, positions, ends, table, sliding, last), cache)

    step(0, 70, table)
    cache.sliding.keys[:, 2] = np.nan  # positions 0 to 31; the window of 8 ends at 63
    ours = step(70, 71, np.array([[-1, 0, 1]], np.int32))
    np.testing.assert_allclose(ours[0], expected, atol=2e-5)


def test_only_wanted_rows_come_back(tiny, rng):
    tokens = rng.integers(512, size=20).astype(np.int32)
    table, starts = np.array([[0]], np.int32), np.array([0, 20], np.int32)
    positions = np.arange(20, dtype=np.int32)

    def ask(wanted):
        batch = Batch(tokens, positions, starts, table, table, np.array(wanted, np.int32))
        return forward(tiny, batch, tiny.new_cache(1, 1))

    np.testing.assert_allclose(ask([4, 19]), ask(range(20))[[4, 19]], atol=2e-5)
    assert ask([]).shape == (0, 512)


def test_the_cache_takes_the_bytes_that_it_says(tiny):
    cache = tiny.new_cache(5, 3)
    arrays = (cache.full.keys, cache.full.values, cache.sliding.keys, cache.sliding.values)
    assert sum(each.nbytes for each in arrays) == tiny.cache_bytes(5, 3)
    assert cache.full.keys.shape == (2, 5, BLOCK, 2, 16)
