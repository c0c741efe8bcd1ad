"""The extension, as it is and with each instruction set in turn."""

import os

import pytest

from ossay.engine.kernels.cpu import available, missing

REQUIRED = "kernels" in os.environ.get("OSSAY_REQUIRE", "").split(",")


@pytest.fixture
def extension():
    """The module of the fast kernels; skips where it is not built, unless it is required."""
    if not available() and not REQUIRED:
        pytest.skip(missing())
    from ossay.engine.kernels import _cpu

    return _cpu


@pytest.fixture(params=["portable", "avx2", "avx512vnni"])
def native(request, extension):
    """The extension, computing with one instruction set."""
    before = extension.instruction_set()
    if not extension.use_instruction_set(request.param):
        pytest.skip(f"no {request.param} here")
    yield extension
    extension.use_instruction_set(before)
