"""Tables of k of n: which items the k were is not known, so they become counts."""

import pytest

from ossay.core.errors import UsageError
from ossay.core.results import Count

ARTICLE = "model,passes,runs,total_usd\nA,23,30,0.03\nB,25,30,\n"


def test_one_row_a_model(table):
    records = table(ARTICLE)
    assert records.counts == (
        Count("A", 23, 30, cost_usd=0.03, source="table"),
        Count("B", 25, 30, source="table"),
    )
    assert records.results == ()
    assert records.sources[0].kind == "counts"
    assert records.sources[0].columns["n"] == "runs"
    assert "1 of 2 rows have no cost." in records.sources[0].notes


def test_one_column_a_run(table):
    text = "task,run1,run2,n_per_run\nfix,2,3,3\nplan,1,0,3\n"
    assert table(text, models=["run1", "run2"]).counts == (
        Count("run1", 2, 3, "fix", source="table"),
        Count("run2", 3, 3, "fix", source="table"),
        Count("run1", 1, 3, "plan", source="table"),
        Count("run2", 0, 3, "plan", source="table"),
    )


def test_k_of_n_of_one_model(table):
    assert table("task,k,n\na,1,3\n", model="A").counts == (Count("A", 1, 3, "a", source="table"),)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("A,31,30,", "line 2: 31 of 30 is no count"),
        ("A,,30,", "None of 30"),
        ("A,-1,30,", "line 2, passed: -1.0 is negative"),
        ("A,1.5,30,", "line 2, passed: 1.5 is no count"),
        (",1,30,", "no model"),
        ("A,1,3,-1", "line 2, cost"),
    ],
)
def test_counts_that_cannot_be(table, row, says):
    with pytest.raises(UsageError, match=says):
        table(f"model,passes,runs,cost\n{row}\n")


def test_a_table_of_results_may_have_a_column_n(table):
    assert table("item,model,score,n\nq,A,1,5\n").results[0].score == 1.0


def test_counts_without_n(table):
    with pytest.raises(UsageError, match="no column for n among 'model', 'passes'"):
        table("model,passes\nA,1\n", kind="counts")
