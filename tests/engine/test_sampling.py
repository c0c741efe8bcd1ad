"""From logits to a token: against plain restatements, and against chance."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from ossay.engine.draw import largest, nucleus, pick
from ossay.engine.errors import GenerationError, RequestError
from ossay.engine.sampling import Sampler, Sampling

VOCAB = 64


def sampler(prompt=(), **fields):
    return Sampler(Sampling(**fields), prompt, stops=())


def logits_of(seed, count=VOCAB, scale=2.0):
    return (np.random.default_rng(seed).standard_normal(count) * scale).astype(np.float32)


def plain_distribution(logits, sampling):
    """The filters as a page of arithmetic: sort everything, keep what may stay."""
    scores = logits.astype(np.float64) / sampling.temperature
    order = sorted(range(len(scores)), key=lambda i: (-logits[i], i))
    if sampling.top_k:
        order = order[: sampling.top_k]
    weights = {i: math.exp(scores[i] - scores[order[0]]) for i in order}
    total, mass, kept = sum(weights.values()), 0.0, []
    for i in order:
        kept.append(i)
        mass += weights[i]
        if mass >= sampling.top_p * total:
            break
    kept = [i for i in kept if weights[i] >= sampling.min_p]
    total = sum(weights[i] for i in kept)
    return np.array([weights[i] / total if i in kept else 0.0 for i in range(len(scores))])


SAMPLINGS = [
    Sampling(),
    Sampling(temperature=0.5),
    Sampling(temperature=2.0),
    Sampling(top_k=5),
    Sampling(top_p=0.7),
    Sampling(min_p=0.2),
    Sampling(temperature=1.3, top_k=20, top_p=0.9, min_p=0.05),
]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_tokens_come_as_often_as_they_should(sampling):
    logits = logits_of(4, scale=0.8)
    expected = plain_distribution(logits, sampling)
    draws = 20_000
    state = Sampler(msgspec.structs.replace(sampling, seed=5), (), ())
    counts = np.bincount([state.choose(logits) for _ in range(draws)], minlength=VOCAB)
    assert counts[expected == 0].sum() == 0
    often = expected * draws >= 5  # the usual rule for chi-square; the rest is one class
    rest = counts[~often].sum(), (expected[~often] * draws).sum()
    seen, want = list(counts[often]), list(expected[often] * draws)
    if rest[1] > 0:
        seen, want = [*seen, rest[0]], [*want, rest[1]]
    assert chisquare(seen, want).pvalue > 1e-4


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(-8, 8), min_size=2, max_size=40),
    st.integers(0, 45),
    st.floats(0.01, 1.0),
    st.floats(0.0, 1.0),
)
def test_filters_keep_what_a_sorted_restatement_keeps(values, top_k, top_p, min_p):
    logits = np.array(values, np.float32) / 2  # few values, so ties are common
    sampling = Sampling(top_k=top_k, top_p=top_p, min_p=min_p)
    expected = plain_distribution(logits, sampling)
    state = sampler(top_k=top_k, top_p=top_p, min_p=min_p, seed=1)
    drawn = {state.choose(logits) for _ in range(40)}
    assert all(expected[token] > 0 for token in drawn)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.data())
def test_largest_is_a_stable_sort_cut_off(values, data):
    count = data.draw(st.integers(0, len(values)))
    array = np.array(values, np.float32)
    expected = sorted(sorted(range(len(values)), key=lambda i: (-values[i], i))[:count])
    assert largest(array, count).tolist() == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 64), min_size=1, max_size=40), st.floats(0.01, 0.999))
def test_nucleus_is_the_fewest_largest_that_hold_the_mass(values, top_p):
    weights = np.array([1, *values], np.float32) / 64
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    total, mass, expected = float(weights.sum(dtype=np.float64)), 0.0, []
    for i in order:
        expected.append(i)
        mass += float(weights[i])
        if mass >= top_p * total:
            break
    assert nucleus(weights, top_p).tolist() == sorted(expected)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=50).filter(any),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 7),
)
def test_pick_is_the_inverse_of_the_cumulative_sum(values, uniform, run):
    weights = np.array(values, np.float32)
    at = pick(weights, uniform, run)
    below, upto = sum(values[:at]), sum(values[: at + 1])
    assert values[at] > 0
    assert below - 1e-6 <= uniform * sum(values) <= upto + 1e-6


def test_greedy_takes_the_lowest_id_of_equals():
    logits = np.zeros(VOCAB, np.float32)
    logits[[40, 12, 50]] = 3
    assert sampler(temperature=0).choose(logits) == 12


def test_the_same_seed_gives_the_same_tokens_and_another_gives_others():
    def drawn(seed):
        state = sampler(seed=seed)
        return [state.choose(logits_of(i)) for i in range(50)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_without_a_seed_two_sequences_differ():
    flat = np.zeros(100_000, np.float32)
    assert len({sampler().choose(flat) for _ in range(5)}) > 1


@pytest.mark.parametrize("temperature", [1e-30, 1e-50])
def test_a_tiny_temperature_is_greedy_and_warns_of_nothing(temperature):
    logits = logits_of(1)
    assert sampler(temperature=temperature, seed=1).choose(logits) == int(logits.argmax())


def test_the_hottest_temperature_still_keeps_to_a_mask():
    mask = np.zeros(VOCAB, np.bool_)
    mask[[3, 9]] = True
    state = sampler(temperature=1e6, seed=1)
    assert {state.choose(logits_of(1), mask) for _ in range(50)} == {3, 9}


def test_bias_lifts_and_bans():
    logits = logits_of(1)
    best = int(logits.argmax())
    assert sampler(temperature=0, logit_bias={3: 100.0}).choose(logits) == 3
    assert sampler(temperature=0, logit_bias={best: -100.0}).choose(logits) != best


def test_penalties_count_what_was_generated():
    logits = np.zeros(8, np.float32)
    logits[2], logits[5] = 1.0, 0.9
    presence = sampler(temperature=0, presence_penalty=0.5)
    assert [presence.choose(logits) for _ in range(3)] == [2, 5, 2]
    frequency = sampler(temperature=0, frequency_penalty=0.15)
    assert [frequency.choose(logits) for _ in range(4)] == [2, 5, 2, 5]
    prompt_is_free = sampler(prompt=[2], temperature=0, presence_penalty=0.5)
    assert prompt_is_free.choose(logits) == 2


def test_repetition_penalty_counts_the_prompt_and_pushes_down_either_sign():
    logits = np.array([-1.0, -1.5, -1.2], np.float32)
    assert sampler(prompt=[0], temperature=0, repetition_penalty=2.0).choose(logits) == 2
    logits = np.array([1.0, 0.8, 0.2], np.float32)
    assert sampler(prompt=[0], temperature=0, repetition_penalty=2.0).choose(logits) == 1


def test_a_mask_leaves_only_what_it_allows():
    mask = np.zeros(VOCAB, np.bool_)
    mask[[4, 9]] = True
    state = sampler(seed=3)
    assert {state.choose(logits_of(i), mask) for i in range(60)} == {4, 9}
    with pytest.raises(GenerationError, match="leads nowhere"):
        state.choose(logits_of(1), np.zeros(VOCAB, np.bool_))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_logit_that_is_no_number_is_an_error(bad, temperature):
    logits = logits_of(1)
    logits[7] = bad
    with pytest.raises(GenerationError, match="not finite"):
        sampler(temperature=temperature).choose(logits)


def test_logits_are_left_as_they_were():
    logits = logits_of(1)
    before = logits.copy()
    state = sampler(temperature=0.7, top_k=5, top_p=0.5, logit_bias={1: 2.0}, logprobs=3)
    state.report(logits, state.choose(logits))
    assert np.array_equal(logits, before)


def test_logprobs_are_the_models_own():
    logits = logits_of(1)
    exact = logits.astype(np.float64) - np.log(np.exp(logits.astype(np.float64)).sum())
    state = sampler(temperature=0.3, logit_bias={5: 3.0}, logprobs=4)
    logprob, top = state.report(logits, 5)
    assert logprob == pytest.approx(exact[5], abs=1e-5)
    assert [token for token, _ in top] == np.argsort(-exact)[:4].tolist()
    assert [value for _, value in top] == pytest.approx(sorted(exact, reverse=True)[:4], abs=1e-5)


def test_logprobs_are_given_only_where_asked_for():
    assert sampler().report(logits_of(1), 5) == (None, ())
    logprob, top = sampler(logprobs=0).report(logits_of(1), 5)
    assert logprob is not None
    assert top == ()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"temperature": -0.1}, "temperature=-0.1"),
        ({"temperature": math.nan}, "temperature=nan"),
        ({"temperature": 1e300}, r"temperature=1e\+300 must be from 0 to 1e\+06"),
        ({"temperature": "hot"}, r"\$.temperature"),
        ({"top_p": 0.0}, "top_p=0.0"),
        ({"top_p": 1.5}, "top_p=1.5"),
        ({"top_k": -1}, "top_k=-1"),
        ({"min_p": 1.1}, "min_p=1.1"),
        ({"repetition_penalty": 0.0}, "repetition_penalty=0.0"),
        ({"presence_penalty": math.inf}, "presence_penalty=inf"),
        ({"seed": -1}, "seed=-1"),
        ({"max_tokens": 0}, "max_tokens=0"),
        ({"logprobs": 21}, "logprobs=21"),
        ({"logit_bias": {VOCAB: 1.0}}, f"token {VOCAB}"),
        ({"logit_bias": {1: math.nan}}, r"logit_bias\[1\]=nan"),
        ({"logit_bias": {1: 1e39}}, r"logit_bias\[1\]=1e\+39"),  # infinite in float32
        ({"repetition_penalty": 1e-39}, "repetition_penalty=1e-39"),
        ({"frequency_penalty": 1e39}, r"frequency_penalty=1e\+39"),
        ({"stop_tokens": (VOCAB,)}, f"token {VOCAB}"),
    ],
)
def test_bad_sampling_is_named(fields, named):
    with pytest.raises(RequestError, match=named) as caught:
        Sampling(**fields).check(VOCAB)
    assert caught.value.code == "bad_sampling"


def test_good_sampling_passes():
    Sampling().check(VOCAB)
    Sampling(0, 0.1, 3, 0.1, {1: -1.0}, 1.1, 0.1, -0.1, 3, 5, (1, 2), 5).check(VOCAB)
