"""Two models compared, from rows, counts and both."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ossay.compare.pair import compare_models
from ossay.compare.selection import models_in
from ossay.core.errors import UnknownName, UsageError
from ossay.core.results import Count, Records, Result, Source
from ossay.stats.many import Family, all_pairs


def joined(*parts):
    return Records(
        tuple(source for part in parts for source in part.sources),
        tuple(row for part in parts for row in part.results),
        tuple(count for part in parts for count in part.counts),
    )


def counts(*of, source="article"):
    return Records(
        (Source(source, "counts"),),
        (),
        tuple(Count(*one, source=source) for one in of),
    )


@pytest.mark.parametrize(
    ("a", "b", "only_a", "only_b", "p"),
    [
        ("gpt-oss-120b", "Qwen2.5-Coder", 99, 14, 6.13e-17),
        ("Claude 4.5 Opus", "Gemini 3 Pro", 29, 28, 1.0),
        ("Claude 4.5 Opus", "Claude 4.5 Sonnet", 42, 23, 0.0248),
        ("GPT-5 mini", "o3 (", 48, 41, 0.525),
    ],
)
def test_the_known_pairs(swebench, rng, a, b, only_a, only_b, p):
    found = compare_models(swebench, a, b, rng=rng).comparison
    assert (found.n_a, found.only_a, found.only_b) == (500, only_a, only_b)
    assert found.p_exact == pytest.approx(p, rel=2e-3)
    assert found.test == "exact McNemar"


def test_a_metric_of_which_less_is_better(rows, rng):
    """Mistakes: fewer are better where the reader says so; nothing else changes."""
    mistakes = rows({"a": [1, 2, 3, 1] * 5, "b": [6, 9, 7, 8] * 5})
    plain = compare_models(mistakes, "a", "b", rng=rng)
    found = compare_models(mistakes, "a", "b", less=True, rng=rng)
    assert (plain.verdict.kind, found.verdict.kind) == ("b_better", "a_better")
    assert found.verdict.sentence.startswith("a better: 5.75 below b")
    assert (found.comparison.p, found.interval_a) == (plain.comparison.p, plain.interval_a)
    shares = rows({"a": [0.1, 0.2] * 9, "b": [0.5, 0.75] * 9})
    assert (
        compare_models(shares, "a", "b", less=True, rng=rng).interval_a
        == compare_models(shares, "a", "b", rng=rng).interval_a
    )
    for few in (rows({"a": [0] * 20, "b": [1] * 20}), counts(("a", 2, 30), ("b", 25, 30))):
        assert compare_models(few, "a", "b", less=True, rng=rng).verdict.kind == "a_better"


def test_the_same_scores_in_another_order_are_no_difference(rng):
    """(0.1 + 0.2 + 0.3) / 3 and (0.3 + 0.2 + 0.1) / 3 are not one float."""
    scores = [0.1, 0.2, 0.3]
    made = [
        Result(model, f"q{item}", score, attempt=number)
        for item in range(12)
        for model, order in (("a", scores), ("b", scores[::-1]))
        for number, score in enumerate(order)
    ]
    found = compare_models(
        Records((Source("s", "csv"),), tuple(made)), "a", "b", rng=rng
    ).comparison
    assert (found.difference, found.p) == (0.0, 1.0)


def test_a_cost_is_better_when_it_is_less(swebench, rng):
    found = compare_models(swebench, "GPT-5 mini", "o3 (", metric="cost_usd", rng=rng)
    assert found.verdict.kind == "a_better"
    assert found.comparison.difference == pytest.approx(0.0355 - 0.3337, abs=1e-3)
    assert found.verdict.sentence.startswith(
        "GPT-5 mini (2025-08-07) (medium reasoning) cheaper: $0.298 an item below o3 (2025-04-16) "
        "(95 % interval $0.265 to $0.331; sign-flip p = 0.0001; 500 shared items)."
    )
    swapped = compare_models(swebench, "o3 (", "GPT-5 mini", metric="cost_usd", rng=rng)
    assert swapped.verdict.kind == "b_better"
    assert swapped.differing[-1].score_a > swapped.differing[-1].score_b


def test_all_pairs_under_holm(swebench, rng):
    family = all_pairs("all-pairs", models_in(swebench))
    alone = compare_models(swebench, "Claude 4.5 Opus", "Claude 4.5 Sonnet", rng=rng)
    found = compare_models(swebench, "Claude 4.5 Opus", "Claude 4.5 Sonnet", family=family, rng=rng)
    assert (alone.verdict.kind, found.verdict.kind) == ("a_better", "not_enough_data")
    assert (found.family, found.family_size) == ("all-pairs", 300)
    assert found.verdict.p > found.comparison.p == alone.comparison.p
    assert "after correction for 300 comparisons" in found.verdict.sentence


def test_a_family_of_costs_can_still_decide(swebench, rng):
    family = all_pairs("all-pairs", models_in(swebench))
    found = compare_models(
        swebench, "GPT-5 mini", "o3 (", metric="cost_usd", family=family, rng=rng
    )
    assert found.verdict.kind == "a_better"  # 300 pairs times the least p of 9,999 draws would do
    assert found.verdict.p < 0.01


def test_what_was_declared_and_not_run_counts(rows, rng):
    records = rows({"a": [1] * 6, "b": [0] * 6})
    pair = Family("plan", ("a vs b", "a vs c"))
    found = compare_models(records, "b", "a", family=pair, rng=rng)
    assert found.comparison.p == 0.03125
    assert found.verdict.p == 0.0625
    assert "1 comparisons of the family can't be made" in found.notes[-1]
    with pytest.raises(UsageError, match="doesn't hold 'a vs b'"):
        compare_models(records, "a", "b", family=Family("plan", ("a vs c",)), rng=rng)


def test_a_pair_that_allows_no_test_counts_too(rows, rng):
    records = joined(rows({"a": [0.5, 1.0, 1.0], "b": [0.25, 0.5, 0.0]}), rows({"c": [0.3]}))
    family = all_pairs("all-pairs", models_in(records))
    found = compare_models(records, "a", "b", intersect=True, family=family, rng=rng)
    assert found.family_size == 3
    assert "2 comparisons of the family can't be made" in found.notes[-1]


def test_different_items_are_named_and_left_out_by_wish_alone(rows, rng):
    whole = rows({"a": [1, 0, 1, 1], "b": [0, 0, 1, 1]})
    less = replace(whole, results=whole.results[1:-1])
    with pytest.raises(UsageError) as refused:
        compare_models(less, "a", "b", rng=rng)
    said = str(refused.value)
    assert "'b' lacks 1 item of 'a' ('item-003')" in said
    assert "'a' lacks 1 item of 'b' ('item-000')" in said
    assert "--intersect" in said
    found = compare_models(less, "a", "b", intersect=True, rng=rng)
    assert found.comparison.n_a == 2
    assert (found.only_in_a, found.only_in_b) == (("item-003",), ("item-000",))
    none = replace(whole, results=whole.results[:2] + whole.results[-2:])
    with pytest.raises(UsageError, match="none is shared"):
        compare_models(none, "a", "b", intersect=True, rng=rng)


def test_a_missing_score_is_no_zero(rows, rng):
    records = rows({"a": [1, 1, "unparsed", 1], "b": [0, 1, 1, "infrastructure_error"]})
    found = compare_models(records, "a", "b", rng=rng)
    assert found.comparison.n_a == 2
    assert found.missing_a == {"unparsed": 1}
    assert found.missing_b == {"infrastructure_error": 1}
    assert any("2 more were left out" in note for note in found.notes)
    empty = rows({"a": ["empty"] * 2, "b": [1, 1]})
    with pytest.raises(UsageError, match="on none do both have a score: 'a' lacks 2 empty"):
        compare_models(empty, "a", "b", rng=rng)


def test_attempts_are_paired_and_flipped_by_item(rows, rng):
    records = rows({"a": [1, 1, 1, 1, 1, 0], "b": [0, 0, 0, 1, 1, 0]}, attempts=2)
    found = compare_models(records, "a", "b", rng=rng)
    assert (found.comparison.test, found.comparison.noun) == ("sign-flip", "attempt")
    assert (found.comparison.n_a, found.comparison.clusters) == (6, 3)
    assert found.comparison.p == 0.5  # two items moved, in whole
    assert found.comparison.p_exact == 0.25
    assert [(one.item, one.attempt) for one in found.differing] == [
        ("item-000", 1),
        ("item-000", 2),
        ("item-001", 1),
    ]
    assert "6 shared attempts in 3 clusters" in found.verdict.sentence
    assert found.odds_ratio is None


def test_unequal_attempts_are_averaged(rows, rng):
    records = rows({"a": [1, 1, 1, 1], "b": [0, 1, 0, 0]}, attempts=2)
    records = replace(records, results=records.results[:-1])
    found = compare_models(records, "a", "b", rng=rng)
    assert found.averaged
    assert found.comparison.design == "scores"
    assert (found.comparison.value_a, found.comparison.value_b) == (1.0, 0.25)
    assert {one.attempt for one in found.differing} == {0}


def test_clusters_are_flipped_in_whole(rows, rng):
    clusters = [f"doc-{item // 4}" for item in range(40)]
    a, b = [1] * 40, [0] * 12 + [1] * 28
    found = compare_models(rows({"a": a, "b": b}, clusters=clusters), "a", "b", rng=rng)
    assert found.comparison.clusters == 10
    assert found.comparison.p == 0.25
    assert found.comparison.p_exact < 0.001
    alone = compare_models(rows({"a": a, "b": b}), "a", "b", rng=rng)
    assert alone.comparison.p < 0.001
    each = [f"doc-{item}" for item in range(40)]
    same = compare_models(rows({"a": a, "b": b}, clusters=each), "a", "b", rng=rng)
    assert same.comparison == alone.comparison


def test_an_item_lies_in_one_cluster(rows, rng):
    records = joined(
        rows({"a": [1, 0]}, clusters=["x", "y"]), rows({"b": [1, 0]}, clusters=["x", "z"])
    )
    with pytest.raises(UsageError, match=r"'item-001' lies in several clusters \('y', 'z'\)"):
        compare_models(records, "a", "b", rng=rng)
    one = rows({"a": [1, 0, 1], "b": [0, 0, 1]}, clusters=["x"] * 3)
    with pytest.raises(UsageError, match="all 3 items that both have lie in one cluster"):
        compare_models(one, "a", "b", rng=rng)


def test_other_scores(rows, rng):
    records = rows({"a": [7.5, 8, 9, 6], "b": [7, 8, 8, 5]})
    found = compare_models(records, "a", "b", rng=rng)
    assert found.comparison.design == "scores"
    assert found.comparison.difference == 0.625
    assert found.cohens_h is None
    assert found.interval_a.low < 7.625 < found.interval_a.high


def test_n_of_0_and_1(rows, rng):
    one = compare_models(rows({"a": [1], "b": [0]}), "a", "b", rng=rng)
    assert (one.comparison.p, one.verdict.kind) == (1.0, "not_enough_data")
    with pytest.raises(UsageError, match="'a' against 'b': both have one item alone"):
        compare_models(rows({"a": [0.7], "b": [0.2]}), "a", "b", rng=rng)
    with pytest.raises(UnknownName, match="no model 'a'"):
        compare_models(Records(()), "a", "b", rng=rng)


def test_two_that_never_differ(rows, rng):
    found = compare_models(rows({"a": [1, 0, 1], "b": [1, 0, 1]}), "a", "b", rng=rng)
    assert (found.comparison.p_exact, found.verdict.more) == (1.0, None)
    assert found.differing == ()
    assert found.odds_ratio.value is None
    assert "name a margin" in found.verdict.sentence
    scores = compare_models(rows({"a": [0.5] * 9, "b": [0.5] * 9}), "a", "b", rng=rng)
    assert (scores.comparison.p, scores.comparison.difference) == (1.0, 0.0)
    assert scores.comparison.interval.low < 0.0 < scores.comparison.interval.high


def test_a_tie_has_to_be_shown(rows, rng):
    scores = {"a": [1, 0] * 200, "b": [1, 0] * 199 + [0, 1]}
    assert compare_models(rows(scores), "a", "b", rng=rng).verdict.kind == "not_enough_data"
    assert compare_models(rows(scores), "a", "b", margin=0.05, rng=rng).verdict.kind == "tied"
    with pytest.raises(UsageError, match="margin"):
        compare_models(rows(scores), "a", "b", margin=5, rng=rng)


def test_counts_of_articles(rng):
    found = compare_models(counts(("20B", 25, 30), ("120B", 23, 30)), "20B", "120B", rng=rng)
    assert (found.comparison.test, found.comparison.noun) == ("Barnard", "run")
    assert found.comparison.p_exact == pytest.approx(0.75, abs=0.005)
    assert found.differing == ()
    assert found.verdict.more == pytest.approx(535, abs=3)
    assert found.interval_a.method == "wilson"


def test_a_table_of_tasks_is_added_up(rng):
    table = counts(("a", 3, 3, "t1"), ("a", 1, 3, "t2"), ("b", 2, 3, "t1"), ("b", 3, 3, "t2"))
    found = compare_models(table, "a", "b", rng=rng)
    assert (found.comparison.value_a, found.comparison.n_a) == (4 / 6, 6)
    assert "2 tasks are added up" in found.notes[0]
    holed = replace(table, counts=table.counts[:-1])
    with pytest.raises(UsageError, match=r"'b' lacks 1 of 2 tasks \('t2'\): a sum over missing"):
        compare_models(holed, "a", "b", rng=rng)
    found = compare_models(holed, "a", "b", intersect=True, rng=rng)
    assert (found.comparison.n_a, found.only_in_a) == (3, ("t2",))


def test_rows_against_counts(rows, rng):
    both = joined(rows({"ours": [1, 0, 1, 1]}), counts(("theirs", 23, 30)))
    found = compare_models(both, "ours", "theirs", rng=rng)
    assert (found.comparison.n_a, found.comparison.n_b) == (4, 30)
    assert "taken as k of n" in found.notes[0]
    assert "which need not have asked the same" in found.notes[1]
    scores = joined(rows({"ours": [0.4, 0.5]}), counts(("theirs", 23, 30)))
    with pytest.raises(UsageError, match=r"'ours' has the score 0\.4"):
        compare_models(scores, "ours", "theirs", rng=rng)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (Result("a", "item-000", 0.0, source="s"), "'a' has item 'item-000' twice, attempt 1"),
        (Result("a", "item-009", math.nan, source="s"), "'a' has nan for item 'item-009'"),
        (Result("a", "item-009", math.inf, source="s"), "'a' has inf for item 'item-009'"),
    ],
)
def test_rows_that_can_not_be(rows, rng, bad, says):
    records = rows({"a": [1, 0], "b": [1, 1]})
    with pytest.raises(UsageError, match=says):
        compare_models(replace(records, results=(*records.results, bad)), "a", "b", rng=rng)


def test_two_sources_of_the_same(rows, rng):
    first = rows({"a": [1, 0, 1], "b": [1, 1, 0]}, source="x")
    same = rows({"a": [1, 0, 1]}, source="y")
    found = compare_models(joined(first, same), "a", "b", rng=rng)
    assert found.comparison.n_a == 3
    assert "3 results of 'a' are in two sources alike and count once." in found.notes
    other = rows({"a": [1, 1, 1]}, source="y")
    with pytest.raises(UsageError, match=r"'item-001', attempt 1, has 0\.0 in 'x' and 1\.0 in 'y'"):
        compare_models(joined(first, other), "a", "b", rng=rng)


def test_metrics(rows, rng):
    two = joined(
        rows({"a": [1, 0], "b": [1, 1]}, source="x"),
        rows({"a": [3, 4], "b": [5, 7]}, source="y", metric="points"),
    )
    with pytest.raises(UsageError, match="2 metrics: 'score', 'points'; name one with --metric"):
        compare_models(two, "a", "b", rng=rng)
    assert compare_models(two, "a", "b", metric="points", rng=rng).comparison.value_b == 6.0
    with pytest.raises(UnknownName, match="no metric 'point'; did you mean 'points'"):
        compare_models(two, "a", "b", metric="point", rng=rng)
    with pytest.raises(UnknownName, match="no row says its seconds"):
        compare_models(two, "a", "b", metric="seconds", rng=rng)


def test_models_by_part_of_their_name(swebench, rng):
    with pytest.raises(UnknownName, match="'Opus' is part of 2 models"):
        compare_models(swebench, "Opus", "gpt-oss-120b", rng=rng)
    with pytest.raises(UsageError, match="compared with itself"):
        compare_models(swebench, "GPT-OSS-120B", "gpt_oss", rng=rng)
    with pytest.raises(UnknownName, match="no model 'gpt-oss-20b'"):
        compare_models(swebench, "gpt-oss-20b", "gpt-oss-120b", rng=rng)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, "unparsed"]), st.sampled_from([0, 1, "empty"])),
        min_size=1,
        max_size=30,
    )
)
def test_swapping_the_two_mirrors_everything(pairs):
    import numpy as np

    def result(model, item, value):
        if isinstance(value, str):
            return Result(model, str(item), None, missing=value, source="s")
        return Result(model, str(item), float(value), source="s")

    results = tuple(
        result(model, item, pair[side])
        for side, model in enumerate("ab")
        for item, pair in enumerate(pairs)
    )
    records = Records((Source("s", "csv"),), results)
    if all("unparsed" in pair or "empty" in pair for pair in pairs):
        with pytest.raises(UsageError):
            compare_models(records, "a", "b", rng=np.random.default_rng(1))
        return
    ab, ba = (
        compare_models(records, *names, rng=np.random.default_rng(1)) for names in ("ab", "ba")
    )
    assert ab.comparison.p == ba.comparison.p
    assert ab.comparison.difference == -ba.comparison.difference
    assert (ab.comparison.only_a, ab.missing_a) == (ba.comparison.only_b, ba.missing_b)
    assert len(ab.differing) == len(ba.differing) == ab.comparison.only_a + ab.comparison.only_b
