"""Our float32 backends beside transformers' GptOssForCausalLM, over many shapes."""

import numpy as np
import pytest

from ossay.engine.checkpoint import open_checkpoint

pytestmark = [pytest.mark.parity, pytest.mark.timeout(900)]

CLOSE = 1e-4


@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_logits_are_those_of_transformers(name, verdict, backend, logits_of, measured):
    case = verdict.case
    kernels = backend(name, case.shape, open_checkpoint(verdict.folder))
    worst = 0.0
    for tokens, expected in zip(case.sequences(), verdict.logits, strict=True):
        ours = logits_of(kernels, tokens)[-case.last :]
        assert ours.shape == expected.shape
        assert ours.dtype == np.float32
        assert 0.5 < expected.std() < 2  # else a small difference would say nothing
        worst = max(worst, float(np.abs(ours - expected).max()))
    measured(f"max |logit difference| of {name}, {verdict.name}: {worst:.1e}")
    assert worst <= CLOSE


def test_the_oracle_would_see_a_wrong_window(judged, backend, logits_of):
    """The bound can fail: one position more in the window moves logits far beyond it."""
    from msgspec.structs import replace

    verdict = judged["tiny"]
    shape = verdict.case.shape
    wrong = replace(shape, window=shape.window + 1)
    kernels = backend("reference", wrong, open_checkpoint(verdict.folder))
    tokens, expected = verdict.case.sequences()[-1], verdict.logits[-1]
    assert np.abs(logits_of(kernels, tokens) - expected).max() > 100 * CLOSE
