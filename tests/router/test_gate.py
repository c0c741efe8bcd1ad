"""The gate foresees what words tell, and says the same of a query alone and among others."""

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from ossay.core.graded import Graded
from ossay.router.gate import Gate, chances, fit_gate, texts_of
from ossay.router.ready import Ready


def rights(rows):
    cheap = np.array([row.cheap_right for row in rows], dtype=float)
    return cheap, np.array([row.strong_right for row in rows], dtype=float)


@pytest.fixture(scope="module")
def fitted(traffic):
    rows = traffic(1_500)
    return fit_gate(texts_of(rows), *rights(rows), "escape", np.random.default_rng(0))


def test_it_foresees_queries_that_it_never_saw(fitted, traffic):
    rows = traffic(1_000, seed=1)
    found = chances(fitted[0], texts_of(rows))
    for word, truth in (("add", 0.97), ("sort", 0.9), ("prove", 0.55), ("integrate", 0.3)):
        mine = [place for place, row in enumerate(rows) if word in row.query]
        assert found.cheap[mine].mean() == pytest.approx(truth, abs=0.06)
        assert found.strong[mine].mean() == pytest.approx(0.92, abs=0.05)
        assert found.score[mine].mean() == pytest.approx(1 - (1 - truth) * 0.92, abs=0.07)


def test_left_out_scores_are_no_better_than_the_truth(fitted, traffic):
    """Of its own rows the gate knows too much; what it is calibrated with comes from others."""
    gate, left_out = fitted
    cheap = rights(traffic(1_500))[0]

    def loss(chance):
        return np.mean((chance - cheap) ** 2)

    best = np.mean([0.97 * 0.03, 0.9 * 0.1, 0.55 * 0.45, 0.3 * 0.7])
    assert loss(left_out.cheap) > 0.95 * best
    assert loss(chances(gate, texts_of(traffic(1_500))).cheap) < loss(left_out.cheap)


@pytest.mark.parametrize("estimand", ["escape", "selective"])
def test_one_query_alone_gets_the_same_score(fitted, traffic, estimand):
    gate = replace(fitted[0], estimand=estimand)
    rows = [*traffic(50, seed=2), Graded("", True, True), Graded("\ud800 ÄÖ 漢", True, True, "?")]
    together = chances(gate, texts_of(rows)).score
    ready = Ready(gate)
    assert [ready.score(row.query, row.task) for row in rows] == together.tolist()


def test_the_same_rows_and_seed_give_the_same_gate(fitted, traffic):
    rows = traffic(1_500)
    again, _ = fit_gate(texts_of(rows), *rights(rows), "escape", np.random.default_rng(0))
    assert again == fitted[0]
    assert again.digest() == fitted[0].digest()


def test_it_survives_its_file(fitted):
    data = msgspec.json.encode(fitted[0])
    assert len(data) < 100_000
    again = msgspec.json.decode(data, type=Gate)
    assert again.digest() == fitted[0].digest()


def test_an_unknown_task_tells_nothing(fitted):
    ready = Ready(fitted[0])
    assert ready.score("please sort it", "poetry") == ready.score("please sort it", "")
    assert ready.score("please sort it", "maths") < ready.score("please sort it", "code")


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_model_that_is_always_or_never_right(traffic, right):
    rows = traffic(200)
    always = np.full(200, right)
    gate, left_out = fit_gate(
        texts_of(rows), always, rights(rows)[1], "escape", np.random.default_rng(0)
    )
    assert np.isfinite(left_out.score).all()
    assert abs(chances(gate, texts_of(rows)).cheap - right).max() < 0.1


def test_too_few_rows(traffic):
    rows = traffic(3)
    with pytest.raises(ValueError, match="3 rows"):
        fit_gate(texts_of(rows), *rights(rows), "escape", np.random.default_rng(0))
