import os
import statistics

import pytest

from ossay.core.chance import Unforeseen


def test_it_draws_as_the_standard_library_does():
    rng = Unforeseen()
    assert all(0 <= rng.getrandbits(k) < 2**k for k in range(300))
    assert len({rng.getrandbits(128) for _ in range(5000)}) == 5000
    drawn = [rng.random() for _ in range(20_000)]
    assert all(0.0 <= one < 1.0 for one in drawn)
    assert statistics.fmean(drawn) == pytest.approx(0.5, abs=0.02)
    assert rng.getrandbits(80_000).bit_length() > 79_000
    assert sorted(rng.sample(range(10), 10)) == list(range(10))
    with pytest.raises(ValueError, match="non-negative"):
        rng.getrandbits(-1)


def test_a_child_draws_something_else():
    rng = Unforeseen()
    rng.getrandbits(8)
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, rng.getrandbits(128).to_bytes(16, "big"))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(ours, 16) != rng.getrandbits(128).to_bytes(16, "big")
    os.close(ours)
    os.close(theirs)
