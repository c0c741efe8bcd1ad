"""Tokens that are chosen on the card, beside those that the host chooses from the same logits."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from ossay.engine.draw import COLDEST, Draw, keep, take
from ossay.engine.kernels.cuda import sampling

VOCAB = 600


def chosen(device, logits, draws, *, chunk=256, span=1024):
    """Tokens and the room, which was full of rubbish before."""
    rows, vocab = logits.shape
    room = sampling.new_room(rows, vocab, torch.device(device), chunk=chunk, span=span)
    search = room.search
    for rubbish in (room.peaks, room.masses, search.states, search.parts):
        rubbish.fill_(float("nan"))
    for rubbish in (room.firsts, room.equals, search.limits):
        rubbish.fill_(-99)
    asked = torch.full((rows, 5), float("nan"), dtype=torch.float64)
    filters = sampling.ask(draws, vocab, asked.numpy())
    tokens = torch.full((rows,), -7, dtype=torch.int32, device=device)
    sampling.choose(torch.from_numpy(logits).to(device), asked.to(device), tokens, room, filters)
    return tokens.tolist(), room


def spread(rng, rows, vocab=VOCAB):
    """Logits from nearly flat to nearly certain."""
    scale = rng.uniform(0.1, 6, (rows, 1))
    return (rng.standard_normal((rows, vocab)) * scale).astype(np.float32)


def off_by(logits, draw, token):
    """How far the number is outside the token's own stretch of what the host keeps, and the most.

    The exact boundaries are of float64. A weight is exp(-a), a = (best - x) / temperature; either
    side gets a within 4 roundings of float32 and exp within 4, relative to 2 ** -24 each, so a
    boundary moves by at most twice the mean of (4 + 4 a) 2 ** -24.
    """
    best = logits.max()
    ids, _ = keep(logits, draw, best)
    kept = logits if ids is None else logits[ids]
    cold = np.float64(best) - kept.astype(np.float64)
    cold /= np.float64(np.float32(max(draw.temperature, COLDEST)))
    share = np.exp(-cold)
    share /= share.sum()
    bounds = np.concatenate(([0.0], np.cumsum(share)))
    at = token if ids is None else int(np.flatnonzero(ids == token)[0])
    off = max(bounds[at] - draw.uniform, draw.uniform - bounds[at + 1], 0.0)
    return off, 2.0**-21 * (1 + float((share * cold)[share > 0].sum()))


def agree(logits, draws, tokens):
    """All tokens are the host's, but for numbers within rounding of a boundary."""
    for row, draw, token in zip(logits, draws, tokens, strict=True):
        if token != take(row, draw):
            off, most = off_by(row, draw, token)
            assert off <= most, (draw, token)


def test_greedy_takes_the_lowest_id_of_the_largest(device, rng):
    logits = np.round(spread(rng, 12) * 2) / 2
    logits[0] = 0.0
    logits[1] = -np.inf
    logits[1, [70, 400]] = -3.0
    logits[2] = -1.0
    logits[2, 30:40] = -0.0
    logits[2, 90] = 0.0
    logits[3, 599] = 1e5
    tokens, _ = chosen(device, logits, [Draw()] * 11 + [None], chunk=64)
    assert tokens == logits.argmax(axis=1).tolist()
    assert tokens[:4] == [0, 70, 30, 599]


def test_a_temperature_draws_as_the_host_does(device, rng):
    rows = 24
    logits = spread(rng, rows)
    logits[0, 5] = 300.0  # all but certain
    logits[1:3] = 1.0
    logits[3, : VOCAB - 1] = -np.inf
    numbers = rng.random(rows)
    numbers[:4] = 0.0, 0.0, 1 - 2**-53, 0.3
    heat = rng.uniform(0.2, 3, rows)
    heat[4:8] = 1e-30, 1e-50, 1e6, 1.0
    draws = [Draw(float(t), uniform=float(u)) for t, u in zip(heat, numbers, strict=True)]
    tokens, _ = chosen(device, logits, draws)
    assert tokens[:4] == [5 if take(logits[0], draws[0]) == 5 else tokens[0], 0, 599, 599]
    assert tokens[4:6] == logits[4:6].argmax(axis=1).tolist()
    agree(logits, draws, tokens)


def test_tokens_come_as_often_as_they_should(device, rng):
    count = 20_000 if device == "cuda" else 120
    row = (rng.standard_normal(12) * 0.8).astype(np.float32)
    share = np.exp(row.astype(np.float64) / 1.5)
    share /= share.sum()
    draws = [Draw(1.5, uniform=u) for u in rng.random(count)]
    tokens, _ = chosen(device, np.tile(row, (count, 1)), draws, chunk=16)
    assert chisquare(np.bincount(tokens, minlength=12), share * count).pvalue > 1e-5


FILTERS = [
    Draw(1.0, top_k=1),
    Draw(0.8, top_k=37),
    Draw(1.0, top_p=0.5),
    Draw(1.7, top_p=0.93),
    Draw(1.0, top_p=1e-9),
    Draw(1.0, min_p=0.07),
    Draw(1.2, top_k=50, top_p=0.8, min_p=0.02),
]


def test_filters_keep_what_the_host_keeps(device, rng):
    logits = (rng.standard_normal((len(FILTERS), VOCAB)) * 2).astype(np.float32)
    coarse = rng.random(len(FILTERS)) < 0.5  # so that many are equal
    logits[coarse] = np.round(logits[coarse] * 2) / 2
    draws = [with_number(draw, rng) for draw in FILTERS]
    tokens, room = chosen(device, logits, draws)
    for index, (row, draw) in enumerate(zip(logits, draws, strict=True)):
        kept = kept_there(row, draw, room.search.limits[index].tolist())
        assert kept.tolist() == keep(row, draw, row.max())[0].tolist(), draw
    agree(logits, draws, tokens)


def with_number(draw, rng):
    return Draw(draw.temperature, draw.top_k, draw.top_p, draw.min_p, float(rng.random()))


def kept_there(row, draw, limit):
    """What the limit keeps: all keys above it, and of those that equal it the first few."""
    bits = np.where(row == 0, np.float32(0), row).view(np.int32)
    key = np.where(bits >= 0, bits, bits ^ 0x7FFFFFFF)
    equal = np.flatnonzero(key == limit[0])[: limit[1]]
    kept = np.sort(np.concatenate((np.flatnonzero(key > limit[0]), equal)))
    likely = np.exp((row[kept] - row.max()) / np.float32(draw.temperature))
    return kept[likely >= np.float32(draw.min_p)]


def test_filters_of_a_flat_row_keep_the_lowest_ids(device):
    logits = np.zeros((3, VOCAB), np.float32)  # in two spans
    logits[:, ::2] = -0.0
    draws = [
        Draw(1.0, top_k=10, uniform=0.95),
        Draw(1.0, top_p=0.5, uniform=1 - 2**-53),
        Draw(1.0, top_k=300, top_p=0.1, uniform=0.99),
    ]
    tokens, _ = chosen(device, logits, draws, chunk=128, span=512)
    assert tokens == [9, 299, 29] == [take(row, d) for row, d in zip(logits, draws, strict=True)]


def test_filters_pass_what_has_no_weight(device):
    logits = np.full((2, VOCAB), -np.inf, np.float32)
    logits[:, [7, 300, 590]] = 1.0, 0.0, 1.0
    draws = [Draw(1.0, top_k=100, uniform=0.999), Draw(1.0, top_p=0.999999, uniform=0.999)]
    assert chosen(device, logits, draws)[0] == [590, 590]


def test_a_row_is_the_same_whatever_stands_beside_it(device, rng):
    logits = spread(rng, 4)
    draws = [Draw(1.0, uniform=float(rng.random())), Draw(), FILTERS[-1], FILTERS[3]]
    tokens, room = chosen(device, logits, draws)
    for row in (0, 2):
        alone, own = chosen(device, logits[row : row + 1], [draws[row]])
        assert alone == [tokens[row]]
        assert torch.equal(own.masses[0], room.masses[row])  # to the last bit
        assert torch.equal(own.search.limits[0], room.search.limits[row])


@pytest.mark.parametrize("draw", [Draw(), Draw(1.0, uniform=0.4), Draw(1.0, 0, 0.9, 0.1, 0.4)])
def test_what_is_not_finite_is_flagged_in_its_own_row(device, rng, draw):
    logits = spread(rng, 4)
    logits[0, 3], logits[0, 5] = np.nan, -np.inf
    logits[1, 300] = np.inf
    logits[2] = -np.inf
    logits[3, 0] = -np.inf
    tokens, _ = chosen(device, logits, [draw] * 4)
    assert tokens[:3] == [-1, -1, -1]
    assert tokens[3] >= 0
    agree(logits[3:], [draw], tokens[3:])


def test_a_vocabulary_of_any_size(device, rng):
    for vocab in (1, 2, 255, 257):
        logits = spread(rng, 2, vocab)
        draws = [Draw(1.0, uniform=float(rng.random())), Draw()]
        tokens, _ = chosen(device, logits, draws, chunk=128)
        agree(logits, draws, tokens)


def test_draws_say_which_launches_they_need():
    out = np.full((4, 5), np.nan)
    assert sampling.ask([Draw(), None], 100, out) == sampling.Filters()
    assert sampling.ask([Draw(0.0, 5, 0.5, 0.1)], 100, out) == sampling.Filters()  # greedy
    assert sampling.ask([Draw(1.0, top_k=100)], 100, out) == sampling.Filters()
    assert sampling.ask([Draw(1.0, top_k=99), None], 100, out) == sampling.Filters(top_k=True)
    draw = Draw(0.7, 0, 0.9, 0.1, 0.25)
    assert sampling.ask([None, draw], 100, out) == sampling.Filters(top_p=True, min_p=True)
    assert out.tolist() == [[0, 0, 1, 0, 0], [0.7, 0, 0.9, 0.1, 0.25], *[[0, 0, 1, 0, 0]] * 2]


def test_a_whole_vocabulary_on_a_card(device, rng):
    if device != "cuda":
        pytest.skip("minutes in the interpreter")
    logits = spread(rng, 64, 201_088)
    draws = [with_number(FILTERS[i % 7] if i % 3 else Draw(1.0), rng) for i in range(64)]
    tokens, _ = chosen(device, logits, draws, chunk=sampling.CHUNK, span=sampling.threshold.SPAN)
    agree(logits, draws, tokens)
