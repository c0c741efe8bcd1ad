"""Whole tiny models on the GPU backend, against the numpy reference.

The bound is bf16's own error. A layer rounds eight times on the way of the hidden state: what goes
into the two halves' first products, queries, keys, values, shares, what attention mixed, and what
is inside the experts; the end rounds once more. A rounding is off by 2^-9 of a number at most, and
they add up like random ones.
"""

import math

import numpy as np
import pytest
import torch

from ossay.engine import Engine, Sampling
from ossay.engine.batch import BLOCK, Batch
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.engine import Sizes
from ossay.engine.kernels import forward
from ossay.engine.kernels.cuda.backend import Cuda, warm_lengths
from ossay.engine.kernels.cuda.cache import new_cache
from ossay.engine.kernels.cuda.weights import read_weights
from ossay.engine.kernels.reference import Reference
from ossay.engine.synth import tiny_shape, write_checkpoint

VOCAB = 96


def bound(layers):
    return 2**-9 * math.sqrt(8 * layers + 1)


def apart(got, wanted):
    return np.linalg.norm(got - wanted) / np.linalg.norm(wanted)


@pytest.fixture(scope="module")
def make(tmp_path_factory, device):
    """(seed, shape's fields) -> the same random weights on both backends."""

    def make(seed, **fields):
        # Each token takes all experts unless told otherwise: no rounding can pick another one.
        usual = {
            "layers": 2, "hidden": 32, "intermediate": 32, "experts": 2, "experts_per_token": 2,
            "heads": 4, "kv_heads": 2, "vocab": VOCAB,
        }  # fmt: skip
        shape = tiny_shape(**{**usual, **fields})
        folder = write_checkpoint(tmp_path_factory.mktemp("model") / "m", shape, seed)
        checkpoint = open_checkpoint(folder)
        return Cuda(read_weights(checkpoint, device)), Reference(shape, checkpoint)

    return make


@pytest.fixture(scope="module")
def pair(make):
    return make(5)


def batch(parts, tables, wanted=None):
    """`parts`: (tokens, first position) of each sequence; `tables`: its blocks of both kinds."""
    starts = np.cumsum([0, *(len(tokens) for tokens, _ in parts)]).astype(np.int32)
    spans = [np.arange(at, at + len(tokens)) for tokens, at in parts]
    return Batch(
        np.concatenate([tokens for tokens, _ in parts]).astype(np.int32),
        np.concatenate(spans).astype(np.int32),
        starts,
        np.stack([full for full, _ in tables]).astype(np.int32),
        np.stack([sliding for _, sliding in tables]).astype(np.int32),
        np.arange(starts[-1], dtype=np.int32) if wanted is None else np.array(wanted, np.int32),
    )


def blocks(rng, sequences, length):
    """Tables in shuffled order, and how many blocks there are."""
    per = -(-length // BLOCK)
    full, sliding = (rng.permutation(sequences * per).reshape(sequences, per) for _ in range(2))
    return list(zip(full, sliding, strict=True)), sequences * per


def logits(kernels, step, cache):
    """Of all wanted tokens: as a whole step, where there is such, else layer by layer."""
    if hasattr(kernels, "step"):
        count = len(step.wanted)
        return kernels.step(step, cache, [None] * count).logits(0, count).copy()
    return forward(kernels, step, cache)


def whole(kernels, tokens, table, count):
    return logits(kernels, batch([(tokens, 0)], [table]), kernels.new_cache(count, count))


def test_a_prompt_in_pieces_and_token_by_token(pair, rng):
    """Also where a window has passed, and where a block ends within a piece."""
    cuda, reference = pair
    tokens = rng.integers(0, VOCAB, 45)
    (table, *_), count = blocks(rng, 1, 45)
    wanted = whole(reference, tokens, table, count)
    assert apart(whole(cuda, tokens, table, count), wanted) < bound(2)
    cache, at, rows = cuda.new_cache(count, count), 0, []
    for size in (30, 1, 14):
        rows.append(logits(cuda, batch([(tokens[at : at + size], at)], [table]), cache))
        at += size
    assert apart(np.concatenate(rows), wanted) < bound(2)


def test_a_mixed_batch(pair, rng):
    """Two that generate, one whose prompt begins, one in its middle whose logits nobody wants."""
    tokens = rng.integers(0, VOCAB, (4, 40))
    tables, count = blocks(rng, 4, 40)
    before, now = [(0, 9), (1, 33), (3, 12)], [(0, 9, 10), (1, 33, 34), (2, 0, 5), (3, 12, 20)]
    found = []
    for kernels in pair:
        cache = kernels.new_cache(count, count)
        for row, upto in before:
            logits(kernels, batch([(tokens[row, :upto], 0)], [tables[row]]), cache)
        parts = [(tokens[row, begin:end], begin) for row, begin, end in now]
        found.append(logits(kernels, batch(parts, tables, wanted=[0, 1, 6]), cache))
    assert found[0].shape == (3, VOCAB)
    assert apart(*found) < bound(2)


def test_a_step_without_wanted_tokens(pair, rng):
    cuda, _ = pair
    (table, *_), count = blocks(rng, 1, 10)
    step = batch([(rng.integers(0, VOCAB, 10), 0)], [table], wanted=[])
    assert logits(cuda, step, cuda.new_cache(count, count)).shape == (0, VOCAB)
    assert forward(cuda, step, cuda.new_cache(count, count)).shape == (0, VOCAB)


def test_a_bucket_filled_up_changes_nothing(pair, rng):
    """Three sequences in the graph for four, against the same launched as they are."""
    cuda, reference = pair
    tokens = rng.integers(0, VOCAB, (3, 4))
    tables, count = blocks(rng, 3, 4)
    caches = [kernels.new_cache(count, count) for kernels in (cuda, cuda, reference)]
    for kernels, cache in zip((cuda, cuda, reference), caches, strict=True):
        logits(kernels, batch([(row[:3], 0) for row in tokens], tables), cache)
    step = batch([(row[3:], 3) for row in tokens], tables)
    filled, launched = logits(cuda, step, caches[0]), forward(cuda, step, caches[1])
    wanted = forward(reference, step, caches[2])
    assert apart(filled, wanted) < bound(2)
    assert apart(launched, wanted) < bound(2)
    for kind in ("full", "sliding"):
        ours, theirs = (getattr(cache, kind).keys[:, :-1].float() for cache in caches[:2])
        assert apart(ours.cpu().numpy(), theirs.cpu().numpy()) < bound(2)


def test_experts_are_picked_as_the_reference_picks_them(make, rng):
    """Rounding may turn over a near tie, so a few tokens may differ by an expert: not many."""
    cuda, reference = make(6, layers=1, hidden=64, experts=8, experts_per_token=3)
    tokens = rng.integers(0, VOCAB, 30)
    (table, *_), count = blocks(rng, 1, 30)
    got, wanted = (whole(kernels, tokens, table, count) for kernels in (cuda, reference))
    off = np.linalg.norm(got - wanted, axis=1) / np.linalg.norm(wanted, axis=1)
    assert np.median(off) < bound(1)
    assert (off < 3 * bound(1)).mean() > 0.75


@pytest.mark.parametrize("what", ["token", "block", "short", "passed", "row", "past"])
def test_what_a_kernel_would_read_astray_is_refused(pair, what):
    cuda, _ = pair
    tokens = np.array([1, VOCAB if what == "token" else 2])
    full = {"block": [7, 0], "short": []}.get(what, [0, 1])
    table = np.array(full), np.array([-1, 0] if what == "passed" else [1, 0][: len(full)])
    first = -1 if what == "past" else 0
    step = batch([(tokens, first)], [table], wanted=[2 if what == "row" else 1])
    text = {
        "token": "outside the vocabulary of 96",
        "block": "full_blocks names block 7, and the cache has 2",
        "short": "full_blocks is too short for position 1",
        "passed": "sliding_blocks has no block",
        "row": "outside the batch of 2",
        "past": "position -1 in a batch",
    }
    with pytest.raises(ValueError, match=text[what]):
        logits(cuda, step, cuda.new_cache(2, 2))


@pytest.mark.parametrize(
    ("full", "sliding", "positions", "lengths"),
    [
        (64, 80, 4096, [2, 12, 80, 128, 1024, 2048]),
        (64, 4, 4096, [2, 12, 80, 128]),
        (9, 9, 90, [2, 12, 80]),
    ],
)
def test_a_cache_is_tried_with_prompts_that_it_can_hold(device, full, sliding, positions, lengths):
    shape = tiny_shape(layers=2, max_positions=positions)
    assert warm_lengths(new_cache(shape, full, sliding, torch.device(device))) == lengths


def greedy(reference, prompt, tokens):
    """How far each of `tokens` is below the reference's favourite there, in its logits' spread."""
    length = len(prompt) + len(tokens)
    count = -(-length // BLOCK)
    table = np.arange(count), np.arange(count)
    rows = whole(reference, np.array([*prompt, *tokens]), table, count)[len(prompt) - 1 : -1]
    return (rows.max(axis=1) - rows[np.arange(len(tokens)), tokens]) / rows.std(axis=1)


def test_an_engine_over_it_generates_and_reuses_prefixes(pair, rng):
    cuda, reference = pair
    sizes = Sizes(context=96, full_blocks=9, sliding_blocks=9, max_sequences=3, step_tokens=64)
    prompt = rng.integers(0, VOCAB, 40).tolist()
    with Engine(cuda, sizes) as engine:
        cold = Sampling(temperature=0, max_tokens=2, stop_tokens=())
        first = engine.submit(prompt, cold)
        assert greedy(reference, prompt, first.result(300)).max() < 4 * bound(2)
        again = engine.submit([*prompt, 5], cold)
        assert greedy(reference, [*prompt, 5], again.result(300)).max() < 4 * bound(2)
        assert (first.cached_tokens, again.cached_tokens) == (0, 32)


def test_tokens_are_chosen_on_the_card_or_here(pair, rng):
    """With a seed, with a filter, with log-probabilities: side by side, each as it asked."""
    cuda, _ = pair
    sizes = Sizes(context=32, full_blocks=4, sliding_blocks=8, max_sequences=3, step_tokens=64)
    prompt = rng.integers(0, VOCAB, 4).tolist()
    asked = [
        Sampling(seed=3, max_tokens=2, stop_tokens=()),
        Sampling(seed=3, top_k=1, max_tokens=2, stop_tokens=()),
        Sampling(temperature=0, logprobs=2, max_tokens=2, stop_tokens=()),
    ]
    with Engine(cuda, sizes) as engine:
        tokens = [[] for _ in asked]
        handles = [
            engine.submit(prompt, one, on_token=into.append)
            for one, into in zip(asked, tokens, strict=True)
        ]
        for handle in handles:
            handle.result(300)
    assert [len(found) for found in tokens] == [2, 2, 2]
    assert [token.id for token in tokens[1]] == [token.id for token in tokens[2]]
    assert tokens[2][0].top[0][0] == tokens[2][0].id
