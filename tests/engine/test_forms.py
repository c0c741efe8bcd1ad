"""One model in three forms of file: every backend gives the same numbers, bit by bit."""

import numpy as np
import pytest

from ossay.engine.checkpoint import open_checkpoint


@pytest.mark.parametrize(
    ("name", "precision"), [("reference", "exact"), ("cpu", "exact"), ("cpu", "int8")]
)
def test_the_three_forms_of_a_checkpoint_give_identical_logits(
    name, precision, tiny_checkpoints, backend, logits_of
):
    tokens = np.random.default_rng(5).integers(512, size=50).tolist()
    ours = {}
    for form, folder in tiny_checkpoints.items():
        checkpoint = open_checkpoint(folder)
        ours[form] = logits_of(backend(name, checkpoint.shape, checkpoint, precision), tokens)
    np.testing.assert_array_equal(ours["mxfp4"], ours["bf16"])
    np.testing.assert_array_equal(ours["mxfp4"], ours["original"])
