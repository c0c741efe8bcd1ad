"""A commitment's digest: the same for the same predictions, another for any change."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.predictions import Committed, Prediction, digest_of

BOUND = Prediction("at most one", "boolean", 0.5, "a/b", high=1.0)
COMMITTED = Committed("first-look", "Ada", 1.0, (BOUND,))


def test_what_is_read_back_has_the_same_digest():
    whole = msgspec.structs.replace(
        COMMITTED, predictions=(Prediction("at most one", "boolean", 0.5, "a/b", high=1),)
    )
    back = msgspec.json.decode(msgspec.json.encode(whole), type=Committed)
    assert digest_of(whole) == digest_of(back) == digest_of(COMMITTED)


def test_the_digest_does_not_depend_on_the_one_that_is_there():
    assert digest_of(msgspec.structs.replace(COMMITTED, digest="ff")) == digest_of(COMMITTED)


@given(
    st.sampled_from(["statement", "probability", "model", "high", "task"]),
    st.text(min_size=1, max_size=5),
    st.floats(0.01, 0.99),
)
def test_any_change_is_another_digest(key, text, number):
    value = number if key in ("probability", "high") else text
    changed = msgspec.structs.replace(BOUND, **{key: value})
    other = msgspec.structs.replace(COMMITTED, predictions=(changed,))
    assert (digest_of(other) == digest_of(COMMITTED)) == (changed == BOUND)
