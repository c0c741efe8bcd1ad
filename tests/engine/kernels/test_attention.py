"""Attention over a paged cache, against the reference's formula in float64, and against itself."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.engine import rope
from ossay.engine.batch import BLOCK
from ossay.engine.kernels import reference
from ossay.engine.shape import Rope

QUICK = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Case:
    """Some sequences through one layer. `window` 0 sees everything; `half` caches in 16 bits."""

    heads: int
    kv_heads: int
    head_dim: int
    window: int
    lengths: tuple[int, ...]
    half: bool
    seed: int

    def blocks(self) -> int:
        """Of the cache: two more than are used."""
        return sum(-(-length // BLOCK) for length in self.lengths) + 2

    def qkv(self) -> list[np.ndarray]:
        """Queries, keys and values of each sequence: [n, (heads + 2 kv_heads) * head_dim]."""
        random = np.random.default_rng(self.seed)
        width = (self.heads + 2 * self.kv_heads) * self.head_dim
        return [random.standard_normal((n, width)).astype(np.float32) for n in self.lengths]

    def sinks(self) -> np.ndarray:
        return np.random.default_rng(self.seed + 1).standard_normal(self.heads).astype(np.float32)

    def tables(self) -> list[np.ndarray]:
        """Blocks of each sequence, shuffled among all."""
        order = np.random.default_rng(self.seed + 2).permutation(self.blocks()).astype(np.int32)
        ends = np.cumsum([-(-length // BLOCK) for length in self.lengths])
        return np.split(order, ends)[:-1]


@st.composite
def cases(draw) -> Case:
    kv_heads = draw(st.integers(1, 4))
    window = draw(st.sampled_from([0, 4, 5, 31, 32, 33, 127, 128]) | st.integers(4, 128))
    longest = draw(st.sampled_from([1, 2, BLOCK, 3 * max(window, 20) + 7]))
    return Case(
        heads=kv_heads * draw(st.integers(1, 9)),
        kv_heads=kv_heads,
        head_dim=2 * draw(st.integers(1, 33)),
        window=window,
        lengths=(longest, *draw(st.lists(st.integers(1, 70), max_size=3))),
        half=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32)),
    )


def expected(case: Case) -> list[np.ndarray]:
    """What the reference computes, in float64; keys and values as the cache holds them."""
    found = []
    for qkv in case.qkv():
        n = len(qkv)
        by_head = qkv.reshape(n, -1, case.head_dim)
        ends = [case.heads, case.heads + case.kv_heads]
        queries, keys, values = np.split(by_head, ends, axis=1)
        positions = np.arange(n)
        cos, sin = rope.tables(Rope(), case.head_dim, positions)
        queries, keys = (reference.rotate(each, cos, sin) for each in (queries, keys))
        if case.half:
            keys, values = keys.astype(np.float16), values.astype(np.float16)
        seen = reference.visible(positions, positions, case.window or None)
        wide = [each.astype(np.float64) for each in (queries, keys, values)]
        mixed = reference.attention(*wide, seen, case.sinks().astype(np.float64))
        found.append(mixed.reshape(n, -1))
    return found


class Layer:
    """The kernel with a cache of its own, fed piece by piece."""

    def __init__(self, native, case: Case, threads: int) -> None:
        self.native, self.case = native, case
        shape = case.heads, case.kv_heads, case.head_dim
        self.kernel = native.Attention(*shape, case.blocks(), case.half, threads)

    def run(self, parts: list[tuple[int, int, int]]) -> list[np.ndarray]:
        """`parts`: (sequence, first position, one past the last), each sequence once at most."""
        case, qkv, tables = self.case, self.case.qkv(), self.case.tables()
        positions = np.concatenate([np.arange(a, b, dtype=np.int32) for _, a, b in parts])
        starts = np.cumsum([0, *(b - a for _, a, b in parts)]).astype(np.int32)
        table = np.full((len(parts), max(map(len, tables))), -1, np.int32)
        for row, (sequence, first, _) in enumerate(parts):
            table[row, : len(tables[sequence])] = tables[sequence]
            if case.window:  # blocks that the window has passed are gone
                table[row, : max(0, first - case.window + 1) // BLOCK] = -1
        step = self.native.Step(
            positions, starts, table, table, *rope.tables(Rope(), case.head_dim, positions)
        )
        out = np.full((len(positions), case.heads * case.head_dim), np.nan, np.float32)
        rows = np.concatenate([qkv[s][a:b] for s, a, b in parts])
        self.kernel.run(rows, case.sinks(), step, case.window, out)
        return np.split(out, starts[1:-1])


def whole(case: Case) -> list[tuple[int, int, int]]:
    return [(sequence, 0, length) for sequence, length in enumerate(case.lengths)]


@QUICK
@given(case=cases(), threads=st.integers(1, 3))
def test_attention_is_the_reference_formula(native, case, threads):
    got = Layer(native, case, threads).run(whole(case))
    for ours, wanted in zip(got, expected(case), strict=True):
        # A key at a tie may round the other way in 16 bits where rotation differs by one bit.
        np.testing.assert_allclose(ours, wanted, atol=1e-3 if case.half else 1e-5)


@QUICK
@given(case=cases(), threads=st.integers(1, 4), data=st.data())
def test_company_chunks_and_threads_change_no_bit(native, case, threads, data):
    alone = [Layer(native, case, 1).run([part])[0] for part in whole(case)]
    layer, at = Layer(native, case, threads), [0] * len(case.lengths)
    while any(here < length for here, length in zip(at, case.lengths, strict=True)):
        left = [s for s, length in enumerate(case.lengths) if at[s] < length]
        parts = []
        for s in data.draw(st.permutations(left)):
            size = data.draw(st.sampled_from([1, 3, 40, 300]))
            parts.append((s, at[s], min(at[s] + size, case.lengths[s])))
        for (s, start, stop), got in zip(parts, layer.run(parts), strict=True):
            np.testing.assert_array_equal(got, alone[s][start:stop])
            at[s] = stop


def test_the_formula_would_see_another_window(native):
    """The bound above can fail: one position more moves results far beyond it."""
    case = Case(8, 2, 16, 9, (60,), half=False, seed=1)
    got = Layer(native, replace(case, window=10), 1).run(whole(case))[0]
    assert np.abs(got - expected(case)[0]).max() > 0.01


def test_shapes_that_cannot_be_are_refused(extension):
    for shape, text in (
        ((4, 3, 16), "heads is no multiple of kv_heads"),
        ((4, 0, 16), "heads is no multiple of kv_heads"),
        ((4, 2, 15), "head_dim is odd"),
    ):
        with pytest.raises(ValueError, match=text):
            extension.Attention(*shape, 4, False, 1)
    case = Case(4, 2, 16, 8, (40,), half=False, seed=1)
    with pytest.raises(ValueError, match="cos and sin are not of this model's head_dim"):
        Layer(extension, replace(case, head_dim=18), 1).kernel.run(
            np.zeros((1, 144), np.float32),
            case.sinks(),
            one_token(extension),
            8,
            np.zeros((1, 72), np.float32),
        )


def one_token(native):
    """A step of one token with head_dim 16."""
    zero, table = np.zeros(1, np.int32), np.zeros((1, 1), np.int32)
    angles = rope.tables(Rope(), 16, zero)
    return native.Step(zero, np.array([0, 1], np.int32), table, table, *angles)
