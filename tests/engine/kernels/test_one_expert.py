"""Whole models whose router sends every token to the same experts and none to all the others."""

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.kernels.cpu import Cpu
from ossay.engine.kernels.reference import Reference
from ossay.engine.synth import tiny_shape, write_checkpoint

EXPERTS = 64
# Weights in 8 bits alone, with nothing to be routed differently; another expert moves logits by 1.
CLOSE = {"exact": 1e-4, "int8": 0.3}


class Forced:
    """A checkpoint with a router bias far above every score for some experts."""

    def __init__(self, checkpoint, favourites):
        self._checkpoint, self._favourites = checkpoint, favourites
        self.shape = checkpoint.shape

    def layer(self, index):
        weights = self._checkpoint.layer(index)
        bias = weights.router_bias.copy()
        bias[self._favourites] += 40
        return replace(weights, router_bias=bias)

    def edges(self):
        return self._checkpoint.edges()

    def release(self):
        self._checkpoint.release()


@pytest.fixture(params=[[0], [63], [61, 2, 30, 31]], ids=str)
def forced(request, tmp_path):
    shape = tiny_shape(layers=2, experts=EXPERTS, experts_per_token=len(request.param))
    return Forced(open_checkpoint(write_checkpoint(tmp_path, shape, 7)), request.param)


@pytest.mark.parametrize("precision", ["exact", "int8"])
def test_logits_are_those_of_the_reference(native, forced, precision, logits_of):
    tokens = np.random.default_rng(3).integers(forced.shape.vocab, size=150).tolist()
    kernels = Cpu(forced.shape, forced, precision, 2)
    whole = logits_of(kernels, tokens)
    wanted = logits_of(Reference(forced.shape, forced), tokens)
    assert np.abs(whole - wanted).max() <= CLOSE[precision]
    for chunk in (1, 17, 140):
        np.testing.assert_array_equal(logits_of(kernels, tokens, chunk), whole)


def test_the_bound_would_see_another_expert(forced, logits_of):
    tokens = list(range(20))
    one, other = (
        logits_of(Reference(forced.shape, Forced(forced._checkpoint, favourites)), tokens)
        for favourites in (forced._favourites, [10, 11, 12, 13][: len(forced._favourites)])
    )
    assert np.abs(one - other).max() > 3 * CLOSE["int8"]
