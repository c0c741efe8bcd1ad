"""Where the GPU kernels run: on a card where there is one, else in Triton's interpreter."""

from __future__ import annotations

import importlib.util
import os
import secrets

import numpy as np
import pytest

_MISSING = [name for name in ("torch", "triton") if importlib.util.find_spec(name) is None]
if not _MISSING:
    import torch

    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported
    # Triton 3.9 warns where this is not said, and a warning is an error here.
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")

collect_ignore_glob = ["test_*.py"] if _MISSING else []


@pytest.fixture(scope="session")
def device() -> str:
    """The device that tensors are made on."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture
def rng() -> np.random.Generator:
    """Fresh numbers each run; the seed is printed where a test fails."""
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201  pytest shows it with a failure
    return np.random.default_rng(seed)
