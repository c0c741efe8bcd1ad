"""How many items a comparison needs, before it is run."""

import pytest

from ossay.compare.need import Wish, need_apart, need_like, need_paired
from ossay.compare.pair import compare_models
from ossay.stats.design import Clustering


def test_the_known_needs():
    assert need_apart(23 / 30, 25 / 30, None, Wish()).n == pytest.approx(565, abs=3)
    assert need_apart(0.767, 0.9, None, Wish()).n == pytest.approx(122, abs=2)


def test_turned_round():
    need = need_apart(0.767, 0.9, None, Wish())
    assert need_apart(0.767, 0.9, need.n, Wish()).power == pytest.approx(0.8, abs=0.01)
    least = need_apart(0.767, None, need.n, Wish())
    assert (least.asked, least.difference) == ("difference", pytest.approx(0.133, abs=0.002))
    assert need_apart(0.767, None, 5, Wish()).difference is None


def test_pairs_need_fewer_where_the_two_fail_alike():
    cautious = need_paired((0.767, 0.833), None, None, Wish())
    alike = need_paired((0.767, 0.833), 0.1, None, Wish())
    assert alike.n < cautious.n
    assert alike.test == "exact McNemar, same items"
    assert "fail independently" in cautious.notes[0]
    assert need_paired(None, 0.2, 100, Wish()).difference == pytest.approx(0.128, abs=0.005)
    with pytest.raises(ValueError, match=r"differ=0\.01 can't be with rates"):
        need_paired((0.767, 0.833), 0.01, None, Wish())
    with pytest.raises(ValueError, match="differ=None"):
        need_paired(None, None, 10, Wish())


def test_clusters_and_families_need_more():
    alone = need_apart(0.7, 0.8, None, Wish()).n
    clustered = need_apart(0.7, 0.8, None, Wish(clustering=Clustering(3, 0.4)))
    assert clustered.n > 1.7 * alone
    assert "1.8 times" in clustered.notes[0]
    family = need_apart(0.7, 0.8, None, Wish(tested=15))
    assert family.n > alone
    assert family.alpha == pytest.approx(0.05 / 15)
    with pytest.raises(ValueError, match="pairs tested=0"):
        Wish(tested=0)
    with pytest.raises(ValueError, match="power=80"):
        Wish(power=80)


def test_equal_rates_need_no_number():
    assert need_apart(0.5, 0.5, None, Wish()).n is None


def test_like_earlier_records(swebench, rng):
    found = compare_models(swebench, "gpt-oss", "Qwen2.5", rng=rng).comparison
    need = need_like(found, None, Wish())
    assert need.n < 100
    assert need.differ == pytest.approx(113 / 500)
    assert need_like(found, 500, Wish()).power > 0.999
    cost = compare_models(swebench, "gpt-oss", "Qwen2.5", metric="cost_usd", rng=rng).comparison
    assert need_like(cost, None, Wish()).n == pytest.approx(500 + 1200, rel=0.1)
    assert need_like(cost, 500, Wish()).power < 0.6
