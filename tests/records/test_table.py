"""Tables of results: every row becomes a result or an error with its line."""

import csv
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.core.results import Result
from ossay.records.cell import number_of
from ossay.records.read import read_records

PLAIN = "item,model,score\nq1,A,1\nq1,B,0\nq2,A,0.5\nq2,B,1\n"


def test_a_plain_table(table):
    records = table(PLAIN)
    assert [(row.item, row.model, row.score) for row in records.results] == [
        ("q1", "A", 1.0),
        ("q1", "B", 0.0),
        ("q2", "A", 0.5),
        ("q2", "B", 1.0),
    ]
    (source,) = records.sources
    assert (source.name, source.kind, source.file) == ("table", "csv", "table.csv")
    assert source.columns == {"item": "item", "model": "model", "score": "score"}
    assert source.notes == ()
    assert {row.source for row in records.results} == {"table"}


def test_what_a_table_does_not_say_stays_unknown(table):
    row = table(PLAIN).results[0]
    unknown = (row.cost_usd, row.input_tokens, row.output_tokens, row.seconds, row.cluster)
    assert unknown == (None,) * 5
    assert (row.attempt, row.metric, row.missing, row.run_id) == (1, "score", "", "")


def test_all_columns(table):
    text = (
        "instance_id,model_name,resolved,epoch,cost_usd,prompt_tokens,completion_tokens,"
        "duration_s,cluster_id,metric_name\n"
        "q1,A,true,2,0.25,10,20,1.5,c1,pass\n"
    )
    records = table(text)
    assert records.results == (
        Result("A", "q1", 1.0, "pass", 2, "c1", "", 0.25, 10, 20, 1.5, "", "table"),
    )
    assert records.sources[0].columns["cost"] == "cost_usd"


@pytest.mark.parametrize(
    ("cell", "score"),
    [
        ("true", 1),
        ("False", 0),
        ("YES", 1),
        ("no", 0),
        ("1", 1),
        ("0", 0),
        (" 0.5 ", 0.5),
        ("-2", -2),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("-0.0", 0),
    ],
)
def test_scores_as_people_write_them(table, cell, score):
    assert table(f"item,model,score\nq,A,{cell}\n").results[0].score == score


@pytest.mark.parametrize("cell", ["", "nan", "NaN", "null", "None", "N/A"])
def test_an_empty_score_is_missing_never_zero(table, cell):
    records = table(f"item,model,score\nq,A,{cell}\nr,A,1\n")
    assert (records.results[0].score, records.results[0].missing) == (None, "empty")
    assert "1 of 2 results have no score ('empty')." in records.sources[0].notes


@pytest.mark.parametrize(
    "cell", ["inf", "-Infinity", "1e999", "1_000", "52.8%", "good", "0x1", "١"]
)
def test_a_score_that_is_no_number_is_an_error_with_its_line(table, cell):
    with pytest.raises(UsageError, match="line 3, score: "):
        table(f"item,model,score\nq,A,1\nr,A,{cell}\n")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("attempt", "-1"),
        ("attempt", "1.5"),
        ("cost", "-0.01"),
        ("seconds", "inf"),
        ("cost", "$1"),
        ("input_tokens", "many"),
        ("input_tokens", "1e300"),
    ],
)
def test_other_numbers_are_checked_too(table, column, cell):
    with pytest.raises(UsageError, match=f"line 2, {column}: "):
        table(f"item,model,score,{column}\nq,A,1,{cell}\n")


def test_attempts_from_0_are_shifted_and_it_says_so(table):
    records = table("item,model,score,attempt\nq,A,1,0\nq,A,0,1\n")
    assert [row.attempt for row in records.results] == [1, 2]
    assert any("from 0" in note for note in records.sources[0].notes)


def test_a_reason_for_a_missing_score(table):
    records = table("item,model,score,missing\nq,A,,timeout\nr,A,1,\n")
    assert [row.missing for row in records.results] == ["timeout", ""]
    with pytest.raises(UsageError, match="line 2, missing: 'timeout', beside a score"):
        table("item,model,score,missing\nq,A,0,timeout\n")


def test_two_columns_that_could_be_the_item(table):
    text = "task,instance_id,model,score\nt,1,A,1\n"
    with pytest.raises(
        UsageError, match="--column item=task or --column item=instance_id"
    ) as error:
        table(text)
    assert "--column item=task+instance_id" in str(error.value)
    assert table(text, columns={"item": "task+instance_id"}).results[0].item == "t/1"
    assert table(text, columns={"item": "instance_id"}).results[0].item == "1"


def test_our_own_name_of_a_column_wins_over_another_of_its_names(table):
    records = table("item,id,model,score,success\nq,7,A,1,0\n")
    assert (records.results[0].item, records.results[0].score) == ("q", 1.0)


def test_a_column_can_be_left_alone(table):
    records = table("item,model,score,metric\nq,A,1,exact\n", columns={"metric": ""})
    assert records.results[0].metric == "score"


def test_an_unknown_field_or_column_names_the_nearest(table):
    with pytest.raises(UsageError, match="no field 'itm'; did you mean 'item'"):
        table(PLAIN, columns={"itm": "item"})
    with pytest.raises(UsageError, match="no column 'scor'; did you mean 'score'"):
        table(PLAIN, columns={"score": "scor"})


def test_columns_that_lack_are_named_with_the_next_step(table):
    with pytest.raises(
        UsageError, match="no column for item and model and score among 'a', 'b'"
    ) as e:
        table("a,b\n1,2\n")
    assert "--column item=COLUMN" in str(e.value)
    assert "--models" in str(e.value)


def test_a_table_of_one_model(table):
    assert table("item,score\nq,1\n", model="A").results[0].model == "A"
    with pytest.raises(UsageError, match="leave out --model 'A'"):
        table(PLAIN, model="A")


def test_a_wide_table(table):
    text = "subject,index,gpt-4,mixtral\nlaw,0,True,False\nlaw,1,,True\n"
    records = table(text, models=["gpt-4", "mixtral"], columns={"item": "subject+index"})
    assert [(row.item, row.model, row.score) for row in records.results] == [
        ("law/0", "gpt-4", 1.0),
        ("law/0", "mixtral", 0.0),
        ("law/1", "gpt-4", None),
        ("law/1", "mixtral", 1.0),
    ]
    with pytest.raises(UsageError, match="no column 'mixtrl'; did you mean 'mixtral'"):
        table(text, models=["mixtrl"], columns={"item": "subject+index"})


def test_rows_that_differ_in_a_column_nobody_named_are_not_merged(table):
    text = "question_id,turn,model,score\n1,1,A,9\n1,2,A,5\n2,1,A,7\n2,2,A,7\n"
    records = table(text)
    assert [row.score for row in records.results] == [9, 5, 7, 7]
    (note,) = [note for note in records.sources[0].notes if "repeat" in note]
    assert note.startswith("2 rows repeat a model, item and attempt, the first in line 3")
    assert "differ in 'turn': --column item=question_id+turn" in note
    apart = table(text, columns={"item": "question_id+turn"})
    assert not [note for note in apart.sources[0].notes if "repeat" in note]


def test_rows_that_repeat_exactly_are_not_merged_either(table):
    records = table("item,model,score\nq,A,1\nq,A,1\n")
    assert len(records.results) == 2
    assert "all are kept apart" in records.sources[0].notes[0]
    assert "differ" not in records.sources[0].notes[0]


@pytest.mark.parametrize(("row", "column"), [(",A,1", "item"), ("q,,1", "model")])
def test_an_empty_name_is_an_error(table, row, column):
    with pytest.raises(UsageError, match=f"line 2, {column}: it is empty"):
        table(f"item,model,score\n{row}\n")


def test_a_part_of_an_item_that_is_empty_is_an_error(table):
    with pytest.raises(UsageError, match="line 2, item: one of its columns is empty"):
        table("a,b,model,score\n1,,A,1\n", columns={"item": "a+b"})


def test_a_prompt_is_no_name(table):
    with pytest.raises(UsageError, match=r"line 2, item: .* has 2,000 characters"):
        table(f"query,model,score\n{'x' * 2000},A,1\n")


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\n\n").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.rstrip().encode(),
        gzip.compress(PLAIN.encode()),
    ],
    ids=["BOM", "CRLF", "blank lines", "semicolons", "no last newline", "gzipped"],
)
def test_ways_to_write_the_same_table(table, text):
    assert table(text).results == table(PLAIN).results


def test_tabs_and_names_with_commas_and_newlines(table):
    assert len(table(PLAIN.replace(",", "\t"), name="t.tsv").results) == 4
    row = table('item,model,score\n"a, ""b""\nc",A,1\n').results[0]
    assert row.item == 'a, "b"\nc'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"item,model,score\nq,A\n", "line 2 has 2 cells, the header 3"),
        (b"item,model,score\nq,A,1,2\n", "line 2 has 4 cells"),
        (b'item,model,score\n"q,A,1\n', "unexpected end of data"),
        (b"item,model,score\n\xff\xfe,A,1\n", "not UTF-8"),
        ("item,model,score\nq,A,1\n".encode("utf-16"), "UTF-16"),
        (b"item,model,score\nq\x00,A,1\n", "NUL"),
        (b"item,model,score\n", "no rows"),
        (b"\n\n", "no header"),
        (b"", "is empty"),
        pytest.param(gzip.compress(PLAIN.encode() * 99)[:60], "damaged", id="cut gzip"),
        (b"item,item,model,score\nq,r,A,1\n", "could each be the item"),
        (b"x,item,model,score,score\nq,r,A,1,1\n", "could each be the score"),
    ],
)
def test_broken_tables(table, text, says):
    with pytest.raises(UsageError, match=says):
        table(text)


def test_a_cell_that_never_ends(table):
    with pytest.raises(UsageError, match="field larger than field limit"):
        table(b'item,model,score\n"' + b"x" * (17 << 20) + b'",A,1\n')


def test_parquet(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    columns = {
        "id": [1, 2, 3],
        "model": ["A", "A", "A"],
        "score": [True, None, False],
        "cost": [0.5, float("nan"), 0.0],
        "other": [[1], [2], [3]],
    }
    parquet.write_table(arrow.table(columns), path)
    records = read_records(path)
    assert records.sources[0].kind == "parquet"
    assert [(row.item, row.score, row.cost_usd) for row in records.results] == [
        ("1", 1.0, 0.5),
        ("2", None, None),
        ("3", 0.0, 0.0),
    ]
    with pytest.raises(UsageError, match="column 'other' holds list"):
        read_records(path, columns={"item": "other"})
    columns = {"item": ["a", "a"], "model": ["A", "A"], "score": [1, 1]}
    for more in ({}, {"other": [[1], [2]]}):
        parquet.write_table(arrow.table(columns | more), path)
        notes = read_records(path).sources[0].notes
        assert any(note.startswith("1 rows repeat") and "row 2" in note for note in notes)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match="not readable as Parquet"):
        read_records(path)


names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8).filter(
    lambda text: text.strip() == text
)
scores = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32)


@settings(deadline=None)
@given(st.lists(st.tuples(names, names, scores), min_size=1, max_size=30))
def test_any_rows_come_back_as_they_were_written(tmp_path_factory, rows):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("item", "model", "score"))
    writer.writerows([(item, model, "" if s is None else repr(s)) for item, model, s in rows])
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
    read = [(row.item, row.model, row.score) for row in read_records(path).results]
    assert read == rows


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_a_plain_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_bytes(b"item,model,score\n" + data)
    try:
        records = read_records(path)
    except UsageError:
        return
    assert all(row.item and row.model for row in records.results)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_a_finite_number_or_an_error(text):
    try:
        value = number_of(text)
    except ValueError:
        return
    assert value is None or -1e309 < value < 1e309
