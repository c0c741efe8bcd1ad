"""What a file is read as, what its records are called, and what is kept of where they came from."""

import hashlib

import pytest

from ossay.core.errors import UsageError
from ossay.records.read import read_records

TABLE = "item,model,score\nq,A,1\n"


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        (TABLE, "a.csv", "csv"),
        (TABLE, "a.txt", "csv"),
        (TABLE.replace(",", "\t"), "a.tsv", "csv"),
        ("model,passed,n\nA,1,2\n", "a.csv", "counts"),
        ("task,model,passed,runs\nt,A,1,2\n", "a.csv", "counts"),
        ("instance_id,model,resolved,trials\ni,A,1,2\n", "a.csv", "csv"),
        ('{"doc_id": 1, "acc": 1}\n', "a.jsonl", "lm_eval"),
    ],
)
def test_the_kind_is_told_by_what_a_file_holds(table, text, name, kind):
    model = "A" if kind == "lm_eval" else ""
    assert table(text, name, model=model).sources[0].kind == kind


def test_the_kind_can_be_said(table):
    text = "item,model,score,passed,n\nq,A,1,1,2\n"
    assert table(text).results
    assert table(text, kind="counts").counts
    with pytest.raises(UsageError, match="no kind of records 'inspct'; did you mean 'inspect'"):
        table(text, kind="inspct")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("results.csv.gz", "results"),
        ("My results (2).csv", "My-results-2"),
        (".csv", "records"),
        ("é.csv", "records"),
        ("a" * 150 + ".csv", "a" * 100),
    ],
)
def test_a_source_is_called_as_its_file(table, file, name):
    assert table(TABLE, file).sources[0].name == name


def test_a_name_is_checked(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    assert read_records(path, name="mine").sources[0].name == "mine"
    with pytest.raises(UsageError, match="'a b' cannot name records"):
        read_records(path, name="a b")


def test_provenance(table, tmp_path):
    (source,) = table(TABLE, read_at=12.5).sources
    assert source.file == "table.csv"
    assert source.sha256 == hashlib.sha256(TABLE.encode()).hexdigest()
    assert source.read_at == 12.5
    assert source.made_at is None
    assert source.made_with == {}
    assert str(tmp_path) not in repr(source)


def test_progress_is_told_in_bytes(table):
    told = []
    text = "item,model,score\n" + "".join(f"q{n},A,1\n" for n in range(20_000))
    table(text, progress=lambda done, total: told.append((done, total)))
    assert len(told) > 3
    assert all(0 <= done <= total == len(text) for done, total in told)
