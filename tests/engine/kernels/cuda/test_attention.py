"""Both kernels of attention, against the reference's formula in float64."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
import torch

from ossay.engine.batch import BLOCK
from ossay.engine.kernels import reference
from ossay.engine.kernels.cuda import attention_decode, attention_prefill

# Shares are rounded to bf16, and what they mix. One rounding is off by 2^-8 of a number at most, by
# 1.7e-3 in the root mean square; this holds two in small samples.
BOUND = 5e-3
SHAPES = pytest.mark.parametrize(
    ("heads", "kv_heads", "d"),
    [(2, 2, 32), (4, 2, 64), (8, 1, 64), (9, 3, 32), (20, 1, 16), (1, 1, 128)],
)
WINDOWS = pytest.mark.parametrize("window", [0, 33])


def bf16(x: np.ndarray, device: str) -> torch.Tensor:
    return torch.from_numpy(x.astype(np.float32)).to(device, torch.bfloat16)


def exact(x: torch.Tensor) -> np.ndarray:
    return x.float().cpu().numpy().astype(np.float64)


@dataclass(frozen=True)
class Case:
    """Sequence i has lengths[i] positions, the last new[i] of them queries. `window` 0: all."""

    heads: int
    kv_heads: int
    d: int
    window: int
    lengths: tuple[int, ...]
    new: tuple[int, ...]
    sink: float | None = None  # of every head; None: random


@dataclass(frozen=True)
class Inputs:
    """Tensors on the device. Whatever no query sees is NaN in the pools, and -1 in the table."""

    q: torch.Tensor
    keys: torch.Tensor
    values: torch.Tensor
    table: torch.Tensor
    sinks: torch.Tensor
    positions: np.ndarray
    starts: np.ndarray
    expected: np.ndarray = field(repr=False)  # float64 [n, heads * d]

    def on_device(self, x: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(x).to(self.q.device)

    def nothing(self) -> torch.Tensor:
        """An output that nobody wrote to."""
        n, heads, d = self.q.shape
        return torch.full((n, heads * d), torch.nan, dtype=torch.bfloat16, device=self.q.device)

    def error(self, out: torch.Tensor) -> float:
        """Relative, in the Euclidean norm; NaN where anything was left unwritten."""
        size = np.linalg.norm(self.expected)
        return float(np.linalg.norm(exact(out) - self.expected) / (size or 1.0))


def make(case: Case, rng: np.random.Generator, device: str) -> Inputs:
    """Random inputs; blocks are shuffled among all sequences."""
    wide = -(-max(case.lengths) // BLOCK)
    shape = (sum(-(-n // BLOCK) for n in case.lengths) + 3, case.kv_heads, BLOCK, case.d)
    free = iter(rng.permutation(shape[0]))
    pools = np.full((2, *shape), np.nan, np.float32)
    table = np.full((len(case.lengths), wide + 1), -1, np.int32)
    starts = np.cumsum([0, *case.new]).astype(np.int32)
    q = bf16(rng.standard_normal((starts[-1], case.heads, case.d)), "cpu")
    if case.sink is None:
        sinks = rng.standard_normal(case.heads).astype(np.float32)
    else:
        sinks = np.full(case.heads, case.sink, np.float32)
    positions, expected = [], []
    for i, (length, new) in enumerate(zip(case.lengths, case.new, strict=True)):
        if new == 0:
            continue
        own = np.arange(length - new, length)
        first = max(0, length - new - case.window + 1) if case.window else 0
        for block in range(first // BLOCK, -(-length // BLOCK)):
            table[i, block] = next(free)
        seen = np.arange(first, length)
        kv = bf16(rng.standard_normal((2, len(seen), case.kv_heads, case.d)), "cpu").float().numpy()
        pools[:, table[i, seen // BLOCK], :, seen % BLOCK] = kv.swapaxes(0, 1)
        mixed = reference.attention(
            exact(q[starts[i] : starts[i + 1]]),
            *kv.astype(np.float64),
            reference.visible(own, seen, case.window or None),
            sinks.astype(np.float64),
        )
        positions.append(own)
        expected.append(mixed.reshape(new, -1))
    return Inputs(
        q=q.to(device),
        keys=bf16(pools[0], device),
        values=bf16(pools[1], device),
        table=torch.from_numpy(table).to(device),
        sinks=torch.from_numpy(sinks).to(device),
        positions=np.concatenate(positions).astype(np.int32),
        starts=starts,
        expected=np.concatenate(expected),
    )


def decoded(inputs: Inputs, window: int, splits: int, counters=None, least=0):
    n, heads, d = inputs.q.shape
    room = attention_decode.scratch(n, heads, d, splits)
    out = inputs.nothing()
    attention_decode.decode(
        inputs.q,
        inputs.keys,
        inputs.values,
        inputs.table,
        inputs.on_device(inputs.positions),
        inputs.sinks,
        window,
        out,
        torch.full((room,), torch.nan, device=inputs.q.device),
        splits,
        counters,
        least,
    )
    return out


def one_each(window: int, lengths: tuple[int, ...], heads=4, kv_heads=2, d=32, **more) -> Case:
    return Case(heads, kv_heads, d, window, lengths, (1,) * len(lengths), **more)


@SHAPES
@WINDOWS
def test_decode_is_the_formula(device, rng, window, heads, kv_heads, d):
    lengths = (1, 32, 33, 34, 140)
    inputs = make(one_each(window, lengths, heads, kv_heads, d), rng, device)
    assert inputs.error(decoded(inputs, window, 1)) < BOUND


@pytest.mark.parametrize("splits", range(1, 9))
def test_decode_splits_add_up_to_the_same(device, rng, splits):
    inputs = make(one_each(0, (1, 129, 1050), 3, 1, 16), rng, device)
    assert inputs.error(decoded(inputs, 0, splits)) < BOUND
    counters = torch.zeros(3, dtype=torch.int32, device=device)
    assert inputs.error(decoded(inputs, 0, splits, counters)) < BOUND
    assert not counters.any()  # ready for the next launch


@pytest.mark.parametrize("window", [128, 300])
def test_decode_a_window_may_be_split_too(device, rng, window):
    lengths = (1, window - 1, window, window + 1, 2 * window + 77)
    inputs = make(one_each(window, lengths, 3, 1, 16), rng, device)
    for splits in (1, 3):
        assert inputs.error(decoded(inputs, window, splits)) < BOUND


@pytest.mark.parametrize("splits", [1, 3])
@pytest.mark.parametrize("sink", [-np.inf, -1e30, -50.0, 50.0, 1e30])
def test_decode_sinks_of_any_size(device, rng, splits, sink):
    inputs = make(one_each(0, (1, 300), 3, 1, 16, sink=sink), rng, device)
    out = decoded(inputs, 0, splits)
    assert inputs.error(out) < BOUND
    assert (sink == 1e30) == (not out.any())  # such a sink takes everything


def test_decode_short_rows_are_not_cut(device, rng):
    inputs = make(one_each(0, (1100, 2, 300), 3, 1, 16), rng, device)
    whole = decoded(inputs, 0, 1)
    assert inputs.error(cut := decoded(inputs, 0, 4, least=1024)) < BOUND
    assert torch.equal(cut[1:], whole[1:])
    assert not torch.equal(cut[0], whole[0])


def test_decode_bound_would_see_another_window(device, rng):
    inputs = make(one_each(34, (80,) * 6, 4, 1, 16), rng, device)
    assert inputs.error(decoded(inputs, 33, 1)) > 3 * BOUND


def test_decode_pools_may_pass_2_to_the_31_numbers(device, rng):
    """The last blocks of a pool that nobody fills; a block number times its size needs 64 bits."""
    heads, d, blocks = 8, 64, 131_072 + 3
    pool = torch.empty((blocks, heads, BLOCK, d), dtype=torch.bfloat16, device=device)
    assert pool.numel() > 2**31
    kv = rng.standard_normal((heads, BLOCK, d))
    pool[-1] = bf16(kv, device)
    q = bf16(rng.standard_normal((1, heads, d)), device)
    position, window = 131_071, 32
    table = torch.full((1, 4096), -1, dtype=torch.int32, device=device)
    table[0, -1] = blocks - 1
    out = torch.full((1, heads * d), torch.nan, dtype=torch.bfloat16, device=device)
    attention_decode.decode(
        q,
        pool,
        pool,
        table,
        torch.tensor([position], dtype=torch.int32, device=device),
        torch.full((heads,), -torch.inf, device=device),
        window,
        out,
        torch.empty(0, device=device),
        1,
    )
    own = exact(pool[-1])
    scores = np.einsum("hd,hkd->hk", exact(q[0]), own) / np.sqrt(d)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    wanted = np.einsum("hk,hkd->hd", powers / powers.sum(1, keepdims=True), own)
    assert np.linalg.norm(exact(out).reshape(heads, d) - wanted) < BOUND * np.linalg.norm(wanted)


def test_decode_how_many_splits():
    assert attention_decode.splits(1, 8, 0) == 33
    assert attention_decode.splits(1, 1, 0) == 64
    assert attention_decode.splits(64, 8, 0) == 8
    assert attention_decode.splits(1, 8, 128) == 1
    assert attention_decode.scratch(4, 64, 64, 1) == 0


def prefilled(inputs: Inputs, window: int, rows: slice = slice(None)) -> torch.Tensor:
    """Attention of those rows of the first sequence, or of everything."""
    heads, kv_heads = inputs.q.shape[1], inputs.keys.shape[1]
    tokens = attention_prefill.tile_tokens(heads, kv_heads)
    q, positions, starts = inputs.q[rows], inputs.positions[rows], inputs.starts
    if rows != slice(None):
        starts = np.array([0, len(positions)], np.int32)
    out = inputs.nothing()[rows]
    attention_prefill.prefill(
        q,
        inputs.keys,
        inputs.values,
        inputs.table,
        inputs.on_device(attention_prefill.tile_map(positions, starts, tokens)),
        inputs.sinks,
        window,
        out,
    )
    return out


@SHAPES
@WINDOWS
def test_prefill_is_the_formula(device, rng, window, heads, kv_heads, d):
    case = Case(heads, kv_heads, d, window, (1, 32, 33, 34, 90, 70, 150), (1, 32, 33, 34, 0, 1, 19))
    inputs = make(case, rng, device)
    assert inputs.error(prefilled(inputs, window)) < BOUND


@pytest.mark.parametrize("window", [0, 128])
def test_prefill_very_different_lengths_share_a_batch(device, rng, window):
    inputs = make(Case(8, 1, 32, window, (300, 2, 129, 270), (300, 2, 5, 1)), rng, device)
    assert inputs.error(prefilled(inputs, window)) < BOUND


@pytest.mark.parametrize("sink", [-np.inf, -1e30, 50.0, 1e30])
def test_prefill_sinks_of_any_size(device, rng, sink):
    for window in (0, 7):
        inputs = make(Case(4, 2, 32, window, (70,), (70,), sink), rng, device)
        out = prefilled(inputs, window)
        assert inputs.error(out) < BOUND
        assert (sink == 1e30) == (not out.any())  # such a sink takes everything


@pytest.mark.parametrize("window", [0, 33])
def test_prefill_a_prompt_in_pieces_is_the_prompt(device, rng, window):
    inputs = make(Case(8, 2, 32, window, (150,), (150,)), rng, device)
    whole = exact(prefilled(inputs, window))
    cuts = [0, 1, 18, 83, 150]
    pieces = [exact(prefilled(inputs, window, slice(a, b))) for a, b in pairwise(cuts)]
    assert np.linalg.norm(np.concatenate(pieces) - whole) < BOUND * np.linalg.norm(whole)


def test_prefill_bound_would_see_another_window(device, rng):
    inputs = make(Case(4, 2, 32, 34, (80,), (60,)), rng, device)
    assert inputs.error(prefilled(inputs, 33)) > 3 * BOUND


def test_prefill_a_late_position_of_a_long_context(device, rng):
    """The table's first entries are -1, and block numbers are looked up far behind them."""
    case = Case(8, 1, 32, 40, (131_072,), (20,))
    inputs = make(case, rng, device)
    assert inputs.error(prefilled(inputs, 40)) < BOUND


def test_tiles_hold_every_token_once_and_the_latest_come_first(rng):
    lengths = rng.integers(0, 50, 12)
    starts = np.cumsum([0, *lengths]).astype(np.int32)
    first = rng.integers(0, 1000, 12)
    positions = np.concatenate(
        [np.arange(a, a + n) for a, n in zip(first, lengths, strict=True)]
    ).astype(np.int32)
    tiles = attention_prefill.tile_map(positions, starts, 8)
    rows = []
    for sequence, row, count, position in tiles:
        assert starts[sequence] <= row < row + count <= starts[sequence + 1]
        assert count <= 8
        assert position == positions[row]
        rows.extend(range(row, row + count))
    assert sorted(rows) == list(range(len(positions)))
    ends = tiles[:, 2] + tiles[:, 3]
    assert np.all(np.diff(ends) <= 0)
    assert attention_prefill.tile_map(positions[:0], starts[:1] * 0, 8).shape == (0, 4)
