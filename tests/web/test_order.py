from hypothesis import given
from hypothesis import strategies as st

from ossay.web.order import next_open, order_of

RUNS = [f"run-{number}" for number in range(50)]
names = st.lists(st.text(max_size=5), unique=True)


def test_each_rater_has_an_order_of_their_own_that_lasts():
    ada, ben = (order_of(RUNS, rater=name, seed=1) for name in ("ada", "ben"))
    assert ada != ben
    assert ada == order_of(reversed(RUNS), rater="ada", seed=1)
    assert sorted(ada) == sorted(RUNS)


@given(names, st.text(max_size=5))
def test_an_answer_that_comes_later_moves_no_other(runs, new):
    before = order_of(runs, rater="ada", seed=1)
    after = order_of([*runs, new], rater="ada", seed=1)
    assert [run for run in after if run != new] == [run for run in before if run != new]


def test_the_next_is_behind_the_last_and_then_from_the_start():
    order = ["a", "b", "c", "d"]
    assert next_open(order, ["b"], after="a") == "c"
    assert next_open(order, ["c", "d"], after="b") == "a"
    assert next_open(order, [], after="no longer there") == "a"
    assert next_open(order, order) is None
