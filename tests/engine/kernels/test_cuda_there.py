"""Whether the GPU backend's tests can run here: they are in cuda/, and need torch and triton."""

import importlib.util
import os

import pytest


def test_torch_and_triton_are_there_where_they_are_required():
    missing = [name for name in ("torch", "triton") if importlib.util.find_spec(name) is None]
    if missing and "triton" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
        pytest.skip(f"no {' or '.join(missing)} here, so cuda/ was not collected: make triton")
    assert not missing
