"""A question about these clusters alone, and about others like them."""

from ossay.compare.pair import compare_models
from ossay.compare.selection import fix_clusters
from ossay.core.results import Records, Result, Source

TASKS, SEEDS = 4, 10


def campaign():
    """A passes everything, B fails every other seed of each of four tasks."""
    rows = tuple(
        Result(
            model, f"{task}/{seed}", float(model == "a" or seed % 2), cluster=f"{task}", source="c"
        )
        for task in range(TASKS)
        for seed in range(SEEDS)
        for model in "ab"
    )
    return Records((Source("c", "campaign"), Source("other", "csv")), rows)


def test_four_tasks_never_decide_what_their_items_do(rng):
    """Sign flips of four clusters can't fall below 1/8, however many items there are."""
    sampled = compare_models(campaign(), "a", "b", rng=rng)
    assert (sampled.comparison.test, sampled.comparison.p) == ("sign-flip", 0.125)
    assert sampled.verdict.kind == "not_enough_data"
    fixed = compare_models(fix_clusters(campaign()), "a", "b", rng=rng)
    assert fixed.comparison.test == "exact McNemar"
    assert fixed.comparison.p == 2.0**-19
    assert fixed.verdict.kind == "a_better"


def test_it_is_said_where_there_were_clusters():
    first, other = fix_clusters(campaign()).sources
    assert first.notes == (
        "Its clusters are taken as fixed: the answer is about these, not about others like them.",
    )
    assert other.notes == ()


def test_attempts_at_one_item_still_go_together(rng):
    rows = tuple(
        Result(model, f"{item}", float(model == "a"), attempt=attempt, cluster="x", source="c")
        for item in range(3)
        for attempt in (1, 2, 3)
        for model in "ab"
    )
    found = compare_models(fix_clusters(Records((Source("c", "csv"),), rows)), "a", "b", rng=rng)
    assert (found.comparison.clusters, found.comparison.p) == (3, 0.25)
