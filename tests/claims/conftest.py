"""The published examples, checked once."""

from pathlib import Path

import numpy as np
import pytest

from ossay.claims.check import check_claims
from ossay.claims.file import read_claims

PUBLISHED = Path(__file__).parents[2] / "examples/published"


def fresh_rng():
    return np.random.default_rng(20_260_101)


@pytest.fixture(scope="session")
def published():
    """Name of an example -> claim id -> its answer."""
    return {
        path.stem: {one.claim.id: one.answer for one in check_claims(read_claims(path), fresh_rng)}
        for path in sorted(PUBLISHED.glob("*.toml"))
    }
