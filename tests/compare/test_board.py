"""Leaderboards: who can be told from whom, on what, and who is left out."""

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.compare.board import rank_models
from ossay.compare.selection import only
from ossay.core.errors import UsageError
from ossay.core.results import Count, Records, Source


def named(board):
    return {standing.model: standing for standing in board.standings}


def test_the_real_board(swebench, rng):
    board = rank_models(swebench, rng=rng)
    assert len(board.standings) == 24
    assert len(board.pairs) == 276
    assert board.left_out[0].model == "Claude 3.7 Sonnet (20250219)"
    assert "10.2 % over 500" in board.left_out[0].why
    assert len(board.left_out) == 7  # six have no rows
    assert board.top == (
        "Claude 4.5 Opus medium (20251101)",
        "Gemini 3 Pro Preview (2025-11-18)",
        "Claude 4.5 Sonnet (20250929)",
    )
    found = named(board)
    opus, gpt = found["Claude 4.5 Opus medium (20251101)"], found["gpt-oss-120b"]
    assert (opus.best, opus.worst, opus.value) == (1, 3, 0.744)
    assert (gpt.n, gpt.best, gpt.worst, gpt.tied) == (500, 22, 23, ("Llama 4 Maverick Instruct",))
    assert gpt.usd_per_pass == pytest.approx(0.0571190558 * 500 / 130)
    assert gpt.dominated_by[0] == "DeepSeek V3.2 Reasoner"
    assert opus.dominated_by == ()


def test_without_the_summary_nothing_is_left_out(swebench, rng):
    board = rank_models(replace(swebench, stated=()), rng=rng)
    assert (len(board.standings), len(board.pairs), board.left_out) == (25, 300, ())


def test_ranked_by_cost_the_cheapest_is_first(swebench, rng):
    board = rank_models(swebench, metric="cost_usd", rng=rng)
    assert board.standings[0].model == "DeepSeek V3.2 Reasoner"
    assert board.standings[-1].model == "Claude 4 Opus (20250514)"
    assert board.standings[-1].best == board.standings[-1].worst == 24
    assert board.measure.less
    assert not any(standing.dominated_by for standing in board.standings)
    pair = board.pairs[0]
    assert pair.only_b > pair.only_a  # Opus and Gemini: on most tasks Gemini costs less


def test_several_attempts_and_clusters_are_flipped(rows, rng):
    good, bad = [1] * 36 + [0] * 4, [0] * 30 + [1] * 10
    records = rows({"good": good, "bad": bad, "other": good[::-1]}, attempts=4)
    board = rank_models(records, rng=rng)
    assert board.items == 10
    assert "attempts were averaged" in board.notes[0]
    assert {pair.p for pair in board.pairs} <= {value / 512 for value in range(513)}
    clusters = [f"c{item // 10}" for item in range(40)]
    clustered = rank_models(rows({"good": good, "bad": bad}, clusters=clusters), rng=rng)
    alone = rank_models(rows({"good": good, "bad": bad}), rng=rng)
    assert clustered.pairs[0].p > alone.pairs[0].p
    assert clustered.top == ("good", "bad")
    assert alone.top == ("good",)


def test_counts_are_ranked_unpaired(rng):
    counts = tuple(
        Count(model, passed, 30, cost_usd=cost, source="s")
        for model, passed, cost in (("a", 28, 1.44), ("b", 23, None), ("c", 5, 2.0))
    )
    board = rank_models(Records((Source("s", "counts"),), (), counts), rng=rng)
    assert not board.paired
    assert [(one.model, one.best, one.worst) for one in board.standings] == [
        ("a", 1, 2),
        ("b", 1, 2),
        ("c", 3, 3),
    ]
    assert (board.pairs[0].only_a, board.pairs[0].p) == (None, pytest.approx(0.092, abs=1e-3))
    found = named(board)
    assert found["a"].usd_per_pass == pytest.approx(1.44 / 28)
    assert found["b"].cost_usd is None
    assert found["c"].dominated_by == ("a",)


def test_a_mean_over_missing_cells_is_refused(rows, rng):
    whole = rows({"a": [1, 0, 1], "b": [1, 1, 1], "c": [0, 0, 1]})
    holed = replace(whole, results=whole.results[:-1])
    with pytest.raises(UsageError) as refused:
        rank_models(holed, rng=rng)
    assert "'c', which lacks 1 of 3 ('item-002')" in str(refused.value)
    assert "--intersect" in str(refused.value)
    board = rank_models(holed, intersect=True, rng=rng)
    assert board.items == 2
    assert "1 items that not all models have" in board.notes[0]
    tables = (Count("a", 1, 3, "t1"), Count("a", 1, 3, "t2"), Count("b", 3, 3, "t1"))
    with pytest.raises(UsageError, match="'b' lacks 1 of 2 tasks"):
        rank_models(Records((), (), tables), rng=rng)


def test_models_without_scores_are_left_out(rows, rng):
    records = rows({"a": [1, 0, 1], "b": [1, "empty", 1], "c": [1, "empty", "empty"]})
    board = rank_models(records, rng=rng)
    assert [one.model for one in board.standings] == ["a", "b"]
    assert board.items == 2
    assert board.left_out[0].why == "'c' has no score for 2 of 3 results."
    assert named(board)["b"].missing == 1
    with pytest.raises(UsageError, match="no model can be ranked"):
        rank_models(rows({"a": ["empty"], "b": ["empty"]}), rng=rng)


def test_small_boards(rows, rng):
    alone = rank_models(rows({"a": [1, 0]}), rng=rng)
    assert (alone.top, alone.pairs) == (("a",), ())
    equal = rank_models(rows({"a": [1, 0], "b": [0, 1], "c": [1, 0]}), rng=rng)
    assert {(one.best, one.worst) for one in equal.standings} == {(1, 3)}
    assert equal.standings[0].tied == ("b", "c")
    one = rank_models(rows({"a": [1], "b": [0]}), rng=rng)
    assert (one.items, one.pairs[0].p) == (1, 1.0)
    with pytest.raises(UsageError, match="one item tells nothing"):
        rank_models(rows({"a": [0.5], "b": [0.25]}), rng=rng)
    with pytest.raises(UsageError, match="alpha=2"):
        rank_models(rows({"a": [1], "b": [0]}), alpha=2, rng=rng)


def test_a_pair_and_a_board_agree(swebench, rng):
    from ossay.compare.pair import compare_models

    two = only(swebench, ("gpt-oss-120b", "o3 (2025-04-16)"))
    board = rank_models(two, rng=rng)
    found = compare_models(two, "gpt-oss", "o3", rng=rng)
    assert board.pairs[0].p == found.comparison.p
    assert named(board)["gpt-oss-120b"].interval == found.interval_a


def test_ranks_hold_when_all_are_equal(rows):
    """Eight models of one skill, 100 boards: 5 of them at most may tell two apart."""
    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        scores = {f"m{model}": rng.integers(0, 3, 40) / 2 for model in range(8)}
        board = rank_models(rows(scores), rng=rng)
        wrong += len(board.top) < 8
    assert wrong <= 12  # 5 expected at most; 1 in 500 gets above this by chance


def test_what_was_not_run_yet_is_no_fault(rows, rng):
    records = rows({"a": [1, 0, "not run", "not run", "not run"], "b": [1, 1] + ["not run"] * 3})
    board = rank_models(records, rng=rng)
    assert (board.items, board.left_out) == (2, ())
    assert board.notes == ("3 more were left out, since a model has no score there.",)
    idle = rank_models(rows({"a": [1], "b": ["not run"]}), rng=rng)
    assert idle.left_out[0].why == "'b' was not run yet."
