"""So few items can show nothing: it is said, with the number that could."""

import pytest

from ossay.compare.reach import out_of_reach
from ossay.stats.scores import sign_flip


def test_five_tasks_can_show_nothing_and_six_could():
    said = out_of_reach(5, 0.05, noun="item")
    assert said.startswith("5 shared items can give no p below 0.0625")
    assert "6 could, if all of them went one way." in said
    assert out_of_reach(6, 0.05) == ""


@pytest.mark.parametrize(("pairs", "enough"), [(1, 6), (28, 11), (100, 12)])
def test_the_number_is_the_least_that_a_test_allows(pairs, enough):
    assert f"{enough} could" in out_of_reach(2, 0.05, family=pairs)
    assert sign_flip([1.0] * enough).p <= 0.05 / pairs < sign_flip([1.0] * (enough - 1)).p
    assert out_of_reach(enough, 0.05, family=pairs) == ""


def test_one_cluster():
    assert out_of_reach(1, 0.05, noun="cluster").startswith(
        "1 shared cluster can give no p below 1,"
    )
