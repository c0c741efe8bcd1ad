"""Products with laid out matrices, against numpy in float64 and against themselves, bit for bit.

`exact` is held to the weights as stored. `int8` is held to its own arithmetic, written out here:
8-bit codes with a scale per 32 columns, of the activations and of weights that are no MXFP4.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.engine import mxfp4
from ossay.engine.weights import Mxfp4, to_bf16, to_float32

QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PRECISIONS = ["exact", "int8"]
ANY_COUNT = st.integers(1, 8) | st.integers(9, 64)


@dataclass(frozen=True)
class Stack:
    """Random matrices, their biases, and tokens to multiply them with."""

    weights: Any
    bias: np.ndarray
    x: np.ndarray


@st.composite
def stacks(draw, matrices=ANY_COUNT) -> Stack:
    """Rows are no multiple of 16 as a rule; some blocks are all zero, some tokens too."""
    count, rows = draw(matrices), draw(st.integers(1, 70))
    columns = 32 * draw(st.integers(1, 20))
    tokens = draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    groups = (count, rows, columns // 32)
    if draw(st.booleans()):
        scales = random.integers(112, 124, size=groups, dtype=np.uint8)
        scales[random.random(groups) < 0.1] = 0  # 2^-127: nothing beside the others
        weights = Mxfp4(random.integers(256, size=(*groups, 16), dtype=np.uint8), scales)
    else:
        sizes = 2.0 ** random.integers(-6, 0, size=groups) * (random.random(groups) > 0.1)
        values = random.standard_normal((count, rows, columns)) * np.repeat(sizes, 32, axis=2)
        weights = to_bf16(values.astype(np.float32))
    x = random.standard_normal((tokens, columns)) * (random.random((tokens, 1)) > 0.1)
    bias = random.standard_normal((count, rows))
    return Stack(weights, bias.astype(np.float32), x.astype(np.float32))


@st.composite
def grouped(draw) -> tuple[Stack, np.ndarray, np.ndarray, np.ndarray]:
    """A stack, and which matrices take which tokens: many take none, or one takes all."""
    stack = draw(stacks())
    count, tokens = len(stack.bias), len(stack.x)
    order = np.array(draw(st.permutations(range(count))), np.int32)
    if draw(st.booleans()):
        sizes = np.zeros(count, np.int64)
        sizes[draw(st.integers(0, count - 1))] = draw(st.sampled_from([1, tokens, 5 * tokens]))
    else:
        sizes = np.array(
            draw(
                st.lists(
                    st.sampled_from([0, 0, 0, 1, 2, 7, 17, 33]), min_size=count, max_size=count
                )
            )
        )
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    source = random.integers(tokens, size=starts[-1], dtype=np.int32)
    return stack, order, starts, source


def wide(stack: Stack, precision: str, index: int) -> np.ndarray:
    """One matrix as its numbers in float64: as stored, or as 8-bit codes times their scales."""
    if isinstance(stack.weights, Mxfp4):
        one = Mxfp4(stack.weights.blocks[index], stack.weights.scales[index])
        return mxfp4.decode(one).astype(np.float64)
    values = to_float32(stack.weights[index])
    return values.astype(np.float64) if precision == "exact" else eight_bit_weights(values)


def eight_bit_weights(values: np.ndarray) -> np.ndarray:
    """Codes -128 to 127 with a bf16 scale per 32, whose sign lets them reach furthest."""
    blocks = values.reshape(len(values), -1, 32)
    low, high = blocks.min(axis=2).clip(max=0), blocks.max(axis=2).clip(min=0)
    upright = np.maximum(-low / np.float32(128), high / np.float32(127))
    turned = np.maximum(high / np.float32(128), -low / np.float32(127))
    scale = to_float32(to_bf16(np.where(upright <= turned, upright, -turned)))
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)
    codes = np.rint(blocks * inverse[..., None]).clip(-128, 127)
    return (codes.astype(np.float64) * scale[..., None]).reshape(values.shape)


def eight_bit_activations(x: np.ndarray) -> np.ndarray:
    """Codes -127 to 127 with a float32 scale per 32."""
    blocks = x.reshape(len(x), -1, 32)
    scale = np.maximum(np.abs(blocks).max(axis=2) / np.float32(127), np.float32(2.0**-60))
    codes = np.rint(blocks * (np.float32(1) / scale)[..., None])
    return (codes.astype(np.float64) * scale[..., None]).reshape(x.shape)


def assert_close(stack: Stack, precision: str, index: int, x: np.ndarray, got: np.ndarray) -> None:
    """Rows of x through one matrix: within the rounding of float32 sums, and near the truth."""
    matrix, bias = wide(stack, precision, index), stack.bias[index].astype(np.float64)
    taken = x.astype(np.float64) if precision == "exact" else eight_bit_activations(x)
    size = np.abs(taken) @ np.abs(matrix).T + np.abs(bias)
    assert (np.abs(got - (taken @ matrix.T + bias)) <= 2e-6 * size).all()
    if precision == "int8":  # each number is off by half a step of 1/127 of its block's largest
        truth = wide(stack, "exact", index)
        error = np.abs(got - (x.astype(np.float64) @ truth.T + bias))
        step = np.abs(x).max(axis=1, initial=0)[:, None] / 127 * np.abs(truth).sum(axis=1)
        most = np.repeat(np.abs(truth).reshape(len(truth), -1, 32).max(axis=2) / 127, 32, axis=1)
        assert (error <= step + 1.1 * np.abs(x) @ most.T + 2e-6 * size).all()


def multiply(native, stack, order, starts, source, precision, threads=1) -> np.ndarray:
    out = np.full((len(source), stack.bias.shape[1]), 12345, np.float32)
    native.grouped_product(
        stack.weights, stack.bias, stack.x, order, starts, source, precision, threads, out
    )
    return out


@pytest.mark.parametrize("precision", PRECISIONS)
@QUICK
@given(stack=stacks(st.integers(1, 2)), threads=st.integers(1, 3))
def test_a_product_is_that_of_numpy(native, precision, stack, threads):
    out = np.full((len(stack.x), stack.bias.shape[1]), 12345, np.float32)
    native.product(stack.weights, stack.bias[0], stack.x, precision, threads, False, out)
    assert_close(stack, precision, 0, stack.x, out)
    bare = np.empty_like(out)
    native.product(stack.weights, None, stack.x, precision, threads, False, bare)
    np.testing.assert_array_equal(out, bare + stack.bias[0])
    native.product(
        stack.weights, stack.bias[0], stack.x, precision, threads, True, bare := out.copy()
    )
    np.testing.assert_array_equal(bare, out + out)


@pytest.mark.parametrize("precision", PRECISIONS)
@QUICK
@given(case=grouped())
def test_every_group_goes_through_its_own_matrix(native, precision, case):
    stack, order, starts, source = case
    out = multiply(native, *case, precision)
    for index, start, stop in zip(order, starts[:-1], starts[1:], strict=True):
        if start < stop:
            assert_close(stack, precision, index, stack.x[source[start:stop]], out[start:stop])


@pytest.mark.parametrize("precision", PRECISIONS)
@QUICK
@given(case=grouped(), threads=st.integers(2, 4), pick=st.randoms(use_true_random=False))
def test_company_and_threads_change_no_bit(native, precision, case, threads, pick):
    stack, order, starts, source = case
    out = multiply(native, *case, precision)
    np.testing.assert_array_equal(multiply(native, *case, precision, threads), out)
    owner = np.repeat(order, np.diff(starts))
    for pair in pick.sample(range(len(source)), min(3, len(source))):
        alone = multiply(
            native,
            stack,
            owner[pair : pair + 1],
            np.array([0, 1], np.int32),
            source[pair : pair + 1],
            precision,
        )
        np.testing.assert_array_equal(alone[0], out[pair])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_token_at_all(native, precision):
    stack = Stack(
        np.zeros((3, 5, 32), np.uint16), np.zeros((3, 5), np.float32), np.ones((1, 32), np.float32)
    )
    order, none = np.arange(3, dtype=np.int32), np.zeros(0, np.int32)
    assert multiply(native, stack, order, np.zeros(4, np.int32), none, precision).shape == (0, 5)


def test_what_leads_outside_is_refused(extension):
    stack = Stack(
        np.zeros((2, 5, 32), np.uint16), np.zeros((2, 5), np.float32), np.ones((1, 32), np.float32)
    )

    def ask(matrix=0, end=1, row=0, weights=stack.weights):
        bad = Stack(weights, stack.bias, stack.x)
        starts = np.array([0, end], np.int32)
        multiply(
            extension, bad, np.array([matrix], np.int32), starts, np.array([row], np.int32), "exact"
        )

    ask()
    for wrong, text in (
        ({"matrix": 2}, "no matrix 2"),
        ({"row": 1}, "x has no row 1"),
        ({"end": 2}, "starts do not go from 0 to the number of pairs"),
        ({"weights": np.zeros((2, 5, 31), np.uint16)}, "no multiple of 32"),
        ({"weights": np.zeros((5, 32), np.uint16)}, "no stack of matrices"),
    ):
        with pytest.raises(ValueError, match=text):
            ask(**wrong)
