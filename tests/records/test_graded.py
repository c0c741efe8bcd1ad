"""Graded queries out of files: what is taken for what, and one clear line where it doesn't fit."""

import gzip
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.core.graded import Charge, Graded
from ossay.records.graded import Named, read_graded

TABLE = """subject,prompt,small,big
maths,"Add 1, 2",True,1
code,"Sort
this",false,yes
"""


def written(tmp_path, content, name="routing.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, **named):
    return read_graded(path, cheap="small", strong="big", named=Named(**named))


def test_a_table_as_it_is(tmp_path):
    path = written(tmp_path, TABLE)
    found = read(path)
    assert found.rows == (
        Graded("Add 1, 2", True, True, "maths"),
        Graded("Sort\nthis", False, True, "code"),
    )
    assert found.columns == {
        **{"cheap": "small", "strong": "big"},
        **{"query": "prompt", "task": "subject"},
    }
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_gzipped_and_as_json_lines_it_is_the_same(tmp_path):
    plain = read(written(tmp_path, TABLE)).rows
    packed = written(tmp_path, gzip.compress(TABLE.encode()), "routing.csv.gz")
    assert read(packed).rows == plain
    lines = (
        b'{"subject": "maths", "prompt": "Add 1, 2", "small": true, "big": 1}\n\n'
        b'{"subject": "code", "prompt": "Sort\\nthis", "small": false, "big": "yes"}\n'
    )
    assert read(written(tmp_path, lines, "routing.jsonl")).rows == plain
    assert read(written(tmp_path, gzip.compress(lines), "routing.jsonl.gz")).rows == plain


def test_costs_strata_and_a_validator(tmp_path):
    path = written(
        tmp_path,
        "ask,small,big,route,judge,small:cost_usd,big|total_cost,judge:cost,small_seconds\n"
        "Hi,1,0,chat,0.75,0.01,0.5,0.02,1.5\n",
    )
    found = read(path, query="ask", stratum="route", validator="judge")
    assert found.rows == (
        Graded(
            *("Hi", True, False, "", "chat", 0.75),
            *(Charge(0.01, 1.5), Charge(0.5), Charge(0.02)),
        ),
    )


def test_a_missing_result_is_not_a_wrong_answer(tmp_path):
    found = read(written(tmp_path, "query,small,big\na,,1\nb,0,1\nb,1,1\n"))
    assert [row.query for row in found.rows] == ["b", "b"]
    assert (found.ungraded, found.repeated) == (1, 1)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("query,smal,big\na,1,1\n", "no column 'small'; did you mean 'smal'?"),
        ("words,small,big\na,1,1\n", "no column with the query; name it: --query COLUMN"),
        ("query,small,big\na,0.5,1\n", "line 2: 'small' is '0.5': right is true or 1"),
        ("query,small,big\na,1\n", "line 2 has 2 cells, the header 3"),
        ("query,small,small\na,1,1\n", "two columns have one name"),
        ("query,small,big,big_cost\na,1,1,-2\n", "line 2: 'big_cost' is '-2', not a number"),
        ("query,small,big,big_cost\na,1,1,nan\n", "not a number from 0 up"),
        ("query,small,big,big_cost,big:usd\na,1,1,1,1\n", "could both be the strong usd"),
        ("query,small,big\n", "no row with a result of both models"),
        ("", "no row with a result of both models"),
        ('query,small,big\n"a,1,1\n', "mend it"),
        (b"query,small,big\n\xff,1,1\n", "not UTF-8"),
        (b"\x1f\x8b broken", "damaged"),
    ],
)
def test_what_does_not_fit(tmp_path, content, says):
    with pytest.raises(UsageError, match=r"routing\.csv") as caught:
        read(written(tmp_path, content))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[1]\n", "line 1: not a JSON object"),
        ('{"query": 7, "small": 1, "big": 1}\n', "line 1: 'query' is 7, not a text"),
        ('{"query": "a", "small": {"x": 1}, "big": 1}\n', "line 1: 'small' is"),
        ("[" * 100_000, "line 1: not a JSON object"),
    ],
)
def test_json_lines_that_do_not_fit(tmp_path, content, says):
    with pytest.raises(UsageError) as caught:
        read(written(tmp_path, content, "routing.jsonl"))
    assert says in str(caught.value)


def test_scores_and_names_have_bounds(tmp_path):
    head = "query,small,big,judge,route\n"
    with pytest.raises(UsageError, match="a validator scores 0 to 1"):
        read(written(tmp_path, head + "a,1,1,1.5,x\n"), validator="judge")
    with pytest.raises(UsageError, match="has 300 characters"):
        read(written(tmp_path, head + f"a,1,1,1,{'x' * 300}\n"), stratum="route")


def test_no_file(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="cannot read"):
        read(tmp_path)


@given(content=st.binary(max_size=300), name=st.sampled_from(["x.csv", "x.jsonl", "x.tsv.gz"]))
def test_any_bytes_are_read_or_refused(content, name, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(b"query,small,big\n" + content)
    with suppress(UsageError):
        assert read(path).rows
