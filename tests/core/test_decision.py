import random

from hypothesis import given
from hypothesis import strategies as st

from ossay.core.decision import entry_id

UNIX = st.floats(0, 2**38)


@given(UNIX, UNIX, st.integers())
def test_ids_follow_time(one, other, seed):
    rng = random.Random(seed)
    first, second = entry_id(min(one, other), rng), entry_id(max(one, other), rng)
    assert first[:12] <= second[:12]
    assert len(first) == 32
    assert int(first[:12], 16) == int(min(one, other) * 1000)


def test_ids_of_one_moment_differ():
    rng = random.Random(0)
    assert len({entry_id(1.8e9, rng) for _ in range(10_000)}) == 10_000


def test_a_clock_before_1970_or_far_ahead_gives_an_id_too():
    assert {len(entry_id(at, random.Random(0))) for at in (-1.0, 1e30)} == {32}
