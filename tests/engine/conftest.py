"""Small random checkpoints, one in each form, made once a session: read them, never change them."""

from pathlib import Path

import pytest

from ossay.engine.synth import tiny_shape, write_checkpoint

SEED = 20


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory) -> dict[str, Path]:
    """The same values as mxfp4, bf16 and original."""
    place = tmp_path_factory.mktemp("checkpoints")
    return {
        form: write_checkpoint(place / form, tiny_shape(), SEED, form)
        for form in ("mxfp4", "bf16", "original")
    }


@pytest.fixture(params=["mxfp4", "bf16", "original"])
def tiny_checkpoint(request, tiny_checkpoints) -> Path:
    """Each form in turn."""
    return tiny_checkpoints[request.param]
