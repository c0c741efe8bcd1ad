"""Tokens that the backend chooses: the same as those chosen here, and nobody pays for another."""

import threading
from itertools import chain

import numpy as np
import pytest

from ossay.engine import Binding, Constraint, Engine, Grammar, Sampling, Sizes, Vocabulary
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.draw import Draw, check_finite, take
from ossay.engine.errors import GenerationError
from ossay.engine.kernels import Rows, chooser
from ossay.engine.kernels.null import Null
from ossay.engine.kernels.reference import Reference
from ossay.engine.sampling import Sampler
from ossay.engine.synth import tiny_shape

SHAPE = tiny_shape(window=40, max_positions=4096)
WAIT = 60  # seconds; only a hang comes near


class Watched(Null):
    """Keeps the draws of each step, and counts the rows that were fetched."""

    def __init__(self, *, chooses=True, poison=None):
        super().__init__(SHAPE, chooses=chooses)
        self.draws, self.fetched, self.poison = [], 0, poison

    def embed(self, batch):
        self.wanted = batch.tokens[batch.wanted]
        return super().embed(batch)

    def logits(self, x):
        """Logits of a spread-out kind: a draw must have something to choose from."""
        seeds = x.prefix % np.uint64(2**32)
        rows = np.stack([np.random.default_rng(int(s)).normal(size=SHAPE.vocab) for s in seeds])
        if self.poison is not None:
            rows[self.wanted == self.poison, 3] = np.nan
        return rows.astype(np.float32) * 2

    def step(self, batch, cache, draws):
        self.draws.append(list(draws))
        inner, watched = super().step(batch, cache, draws), self

        class Counted:
            token = inner.token

            def logits(self, first, last):
                watched.fetched += last - first
                return inner.logits(first, last)

        return Counted()


def engine_of(kernels, **sizes):
    return Engine(
        kernels, Sizes(**{"context": 512, "full_blocks": 128, "sliding_blocks": 96, **sizes})
    )


def tokens_of(requests, *, chooses, **sizes):
    """All requests at once, so that they share steps: a first one holds them back."""
    kernels = Watched(chooses=chooses)
    held, gate = threading.Event(), threading.Event()

    def hold(_):
        held.set()
        gate.wait(WAIT)

    with engine_of(kernels, **sizes) as engine:
        engine.submit([500], asked(max_tokens=1), on_token=hold)
        assert held.wait(WAIT)
        handles = [engine.submit([7, index], wish) for index, wish in enumerate(requests)]
        gate.set()
        return [handle.result(WAIT) for handle in handles], kernels


def asked(**fields):
    return Sampling(**{"max_tokens": 30, "stop_tokens": (), "seed": 5, **fields})


PLAIN = [
    asked(temperature=0),
    asked(temperature=1.0),
    asked(temperature=0.6, top_k=20),
    asked(temperature=1.5, top_p=0.8, min_p=0.01),
]
NEEDY = [
    asked(temperature=0, logprobs=2),
    asked(logit_bias={3: 2.0}),
    asked(repetition_penalty=1.3),
]


def test_tokens_are_the_same_wherever_they_are_chosen():
    requests = [*PLAIN, *NEEDY, asked(presence_penalty=2.0), asked(frequency_penalty=0.5)]
    here, plain = tokens_of(requests, chooses=False)
    there, watched = tokens_of(requests, chooses=True)
    assert there == here
    assert plain.draws == []
    assert any(draw is not None for draw in chain(*watched.draws))


def test_a_preemption_draws_no_number_twice():
    requests = [asked(max_tokens=200, seed=i) for i in range(3)]
    here, _ = tokens_of(requests, chooses=False)
    there, _ = tokens_of(requests, chooses=True, full_blocks=16)
    assert there == here


def test_rows_that_need_nothing_but_their_logits_are_never_fetched():
    _, kernels = tokens_of(PLAIN, chooses=True)
    assert kernels.fetched == 0
    assert all(draw is not None for draw in chain(*kernels.draws))


def test_a_needy_row_is_fetched_alone():
    _, kernels = tokens_of([*PLAIN, *NEEDY], chooses=True)
    assert kernels.fetched == 30 * len(NEEDY)
    full = max(kernels.draws, key=len)
    assert len(full) == len(PLAIN) + len(NEEDY)
    assert [draw is None for draw in full] == [False] * len(PLAIN) + [True] * len(NEEDY)


def test_penalties_of_the_output_need_the_host_only_once_there_is_output():
    _, kernels = tokens_of([asked(presence_penalty=1.0)], chooses=True)
    assert kernels.fetched == 29


def test_a_grammar_needs_the_host_only_where_it_binds():
    vocabulary = Vocabulary([bytes([i % 256]) for i in range(256)] + [b""] * 256, special=())
    bindings, ends = (Binding(Grammar.regex("[ab]{5}")),), frozenset({300})
    later = Constraint(vocabulary, bindings, ends, opens=301)
    at_once = Constraint(vocabulary, bindings, ends)
    results = []
    for chooses in (False, True):
        kernels = Watched(chooses=chooses)
        with engine_of(kernels) as engine:
            free = engine.submit([1, 2], asked(temperature=0), later)
            closed = engine.submit([4, 5], asked(), at_once)
            other = engine.submit([1, 9], asked())
            results.append([handle.result(WAIT) for handle in (free, closed, other)])
    assert results[0] == results[1]
    assert set(results[1][1][:5]) <= {97, 98}
    assert kernels.fetched < 60  # `closed` alone, of 90 tokens


def test_a_grammar_that_opens_later_is_told_of_what_the_device_chose():
    vocabulary = Vocabulary([bytes([i % 256]) for i in range(256)] + [b""] * 256, special=())
    results = []
    for chooses in (False, True):
        with engine_of(Watched(chooses=chooses)) as engine:
            free = engine.submit([1, 2], asked(temperature=0)).result(WAIT)
            opens = free[3]
            closed = Constraint(
                vocabulary, (Binding(Grammar.regex("[ab]{5}")),), frozenset({300}), opens=opens
            )
            results.append(engine.submit([1, 2], asked(temperature=0), closed).result(WAIT))
    at = results[0].index(opens) + 1
    assert set(results[0][at : at + 5]) <= {97, 98}
    assert results[1] == results[0] != free


def test_scoring_beside_generation_gets_its_logits():
    kernels = Watched()
    with engine_of(kernels) as engine:
        handle = engine.submit([1, 2], asked(temperature=0))
        rows = engine.logits([3, 4, 5])
        tokens = handle.result(WAIT)
    with engine_of(Watched(chooses=False)) as engine:
        np.testing.assert_array_equal(rows, engine.logits([3, 4, 5]))
        assert engine.submit([1, 2], asked(temperature=0)).result(WAIT) == tokens


@pytest.mark.parametrize("chooses", [False, True])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_nan_fails_the_sequence_that_it_is_in(chooses, temperature):
    good = asked(temperature=temperature)
    with engine_of(Watched(chooses=False)) as engine:
        expected = engine.submit([1, 2, 3], good).result(WAIT)
    poison = next(token for token in range(10, 512) if token not in [1, 2, 3, *expected])
    with engine_of(Watched(chooses=chooses, poison=poison)) as engine:
        fine = engine.submit([1, 2, 3], good)
        bad = engine.submit([1, 2, poison], good)
        assert fine.result(WAIT) == expected
        with pytest.raises(GenerationError, match="nan as logit of token 3"):
            bad.result(WAIT)


class Liar(Watched):
    """Says that a logit is not finite where all are."""

    def step(self, batch, cache, draws):
        choices = super().step(batch, cache, draws)
        choices.token = lambda row: -1
        return choices


def test_a_device_that_disagrees_with_its_own_logits_is_a_fault():
    with engine_of(Liar()) as engine, pytest.raises(GenerationError, match="the host finds none"):
        engine.submit([1, 2], asked()).result(WAIT)


class Broken(Watched):
    """Fails at the moment that the tokens are read."""

    def step(self, batch, cache, draws):
        choices = super().step(batch, cache, draws)

        def token(row):
            raise RuntimeError("the device is gone")

        choices.token = token
        return choices


def test_a_device_that_fails_late_fails_all_in_the_step():
    with engine_of(Broken()) as engine:
        handles = [engine.submit([1, i], asked()) for i in range(3)]
        for handle in handles:
            with pytest.raises(RuntimeError, match="the device is gone"):
                handle.result(WAIT)
        assert engine.stats().full_blocks_free == 128


def test_only_a_backend_that_says_so_chooses(tiny_checkpoints):
    checkpoint = open_checkpoint(tiny_checkpoints["bf16"])
    assert chooser(Null(SHAPE)) is None
    assert chooser(Null(SHAPE, chooses=True)) is not None
    assert chooser(Reference(checkpoint.shape, checkpoint)) is None


# --- one draw -----------------------------------------------------------------------------------


def test_a_sampler_draws_the_same_numbers_for_either_place():
    random = np.random.default_rng(3)
    rows = random.normal(size=(20, 64)).astype(np.float32)
    here, there = (Sampler(asked(temperature=1.2, top_p=0.9), (), ()) for _ in range(2))
    for row in rows:
        draw = there.draw()
        token = take(row, draw, check_finite(row))
        there.note(token)
        assert token == here.choose(row)


@pytest.mark.parametrize("fields", [{"logprobs": 0}, {"logit_bias": {1: 1.0}}])
def test_a_sampler_that_needs_more_gives_no_draw(fields):
    assert Sampler(asked(**fields), (), ()).draw() is None


def test_a_repetition_penalty_counts_what_was_chosen_elsewhere():
    sampler = Sampler(asked(temperature=0, repetition_penalty=2.0), (), ())
    assert sampler.draw() == Draw()  # nothing was seen
    sampler.note(1)
    assert sampler.draw() is None
    assert sampler.choose(np.array([0.9, 1.0, 0.1], np.float32)) == 0


def test_a_greedy_draw_takes_no_number():
    sampler = Sampler(asked(temperature=0, seed=8), (), ())
    assert sampler.draw() == Draw()
    warm = Sampler(asked(seed=8), (), ())
    assert warm.draw().uniform == np.random.default_rng(8).random()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_on_the_host_flag_what_is_not_finite(bad):
    values = np.zeros((2, 8), np.float32)
    values[1, 4] = bad
    rows = Rows(values, (Draw(1.0, uniform=0.99), Draw()))
    assert (rows.token(0), rows.token(1)) == (7, -1)
    assert Rows(np.full((1, 8), -np.inf, np.float32), (Draw(),)).token(0) == -1
