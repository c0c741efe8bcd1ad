"""`ossay import`: what came in is said, nothing comes in twice, what is unknown is named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ossay.cli.import_ import import_
from ossay.core.errors import UsageError
from ossay.store.ledger import open_ledger

OSSAY = Path(sys.executable).with_name("ossay")
GOLDEN = Path(__file__).parents[1] / "records/golden"
TABLE = "item,model,score,cost\nq1,A,1,0.5\nq1,B,0,\nq2,A,,0.5\n"


@pytest.fixture
def run(tmp_path):
    """Arguments -> the command's lines; errors come as they are raised."""

    def call(*args):
        line = [*map(str, args), "--ledger", str(tmp_path / "ledger.db")]
        done = CliRunner().invoke(import_, line, catch_exceptions=False, standalone_mode=False)
        return done.output.splitlines()

    return call


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(TABLE)
    return path


def test_what_came_in_and_what_is_unknown(run, table):
    lines = [line.split(maxsplit=1) for line in run(table)]
    assert lines[0] == ["results:", "results.csv, read as csv"]
    said = {word: rest for word, rest in lines[1:]}
    assert said["models"] == "2: A, B"
    assert said["results"] == "3 over 2 items"
    assert said["metrics"] == "score"
    assert said["columns"] == "item = item, model = model, score = score, cost = cost"
    assert said["unknown"] == "cost_usd of 1, input_tokens, output_tokens, seconds, cluster"
    assert said["lacking"] == "items that another model has: B 1"
    assert said["note"] == "1 of 3 results have no score ('empty')."
    assert said["doubt"].startswith("1 of 2 results of 'A' have no score")
    assert said["next"] == "ossay compare A B --in results"


def test_it_is_in_the_ledger(run, table, tmp_path):
    run(table, "--name", "mine")
    with open_ledger(str(tmp_path / "ledger.db"), create=False) as ledger:
        records = ledger.records("mine")
    assert [(row.item, row.model, row.score) for row in records.results] == [
        ("q1", "A", 1.0),
        ("q1", "B", 0.0),
        ("q2", "A", None),
    ]
    assert records.sources[0].file == "results.csv"
    assert records.sources[0].read_at is not None
    assert str(tmp_path) not in repr(records)


def test_the_same_file_again(run, table):
    run(table)
    assert run(table) == ["results: results.csv is there already; nothing was written."]
    with pytest.raises(UsageError, match="was imported before, as 'results'"):
        run(table, "--name", "other")
    assert run(table, "--name", "other", "--again")[0] == "other: results.csv, read as csv"


def test_several_files_come_in_together_or_not_at_all(run, table, tmp_path):
    broken = tmp_path / "broken.csv"
    broken.write_text("item,model,score\nq,A,good\n")
    with pytest.raises(UsageError, match=r"'broken\.csv': line 2, score: 'good' is no number"):
        run(table, broken)
    assert run("--list") == ["Nothing was imported yet. Start: ossay import FILE"]
    run(*sorted(GOLDEN.glob("*.eval")), *sorted(GOLDEN.glob("*.jsonl")))
    assert len(run("--list")) == 6


def test_json(run, table):
    (one,) = json.loads("\n".join(run(table, "--json")))
    assert (one["name"], one["already"], one["results"], one["items"]) == ("results", False, 3, 2)
    assert one["models"] == ["A", "B"]
    assert one["unknown"] == {
        "cost_usd": 1,
        "input_tokens": 3,
        "output_tokens": 3,
        "seconds": 3,
        "cluster": 3,
    }
    assert one["missing"] == {"empty": 1}
    assert one["source"]["columns"]["cost"] == "cost"
    (listed,) = json.loads("\n".join(run("--list", "--json")))
    assert (listed["name"], listed["kind"], listed["rows"]) == ("results", "csv", 3)
    (again,) = json.loads("\n".join(run(table, "--json")))
    assert again["already"] is True


def test_a_wide_table_and_counts(run, tmp_path):
    wide = tmp_path / "wide.csv"
    wide.write_text("a,b,x,y\nlaw,0,1,0\nlaw,1,1,1\n")
    lines = run(wide, "--models", "x,y", "--column", "item=a+b", "--column", "cluster=a")
    assert "  results   4 over 2 items" in lines
    counts = tmp_path / "counts.csv"
    counts.write_text("model,passes,runs\nA,23,30\nB,25,30\nC,20,30\n")
    lines = run(counts)
    assert "  counts    3; which items they are of is not known" in lines
    assert "  unknown   cost_usd" in lines
    assert lines[-1].split(maxsplit=1) == ["next", "ossay leaderboard --in counts"]


def test_a_log_says_how_it_was_made(run):
    lines = run(GOLDEN / "twice_one.eval")
    (made,) = [line for line in lines if line.startswith("  made with ")]
    assert "inspect_ai 0.3.285" in made
    assert "task version 3" in made
    assert not [line for line in lines if line.startswith("  columns")]


def test_forgetting(run, table):
    run(table)
    assert run("--forget", "results") == ["Forgot 'results'."]
    assert run("--list") == ["Nothing was imported yet. Start: ossay import FILE"]
    assert run(table)[0] == "results: results.csv, read as csv"


def test_names_out_of_a_file_cannot_act_on_the_terminal(run, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("item,model,score\nq,\x1b[31mred\u202e,1\n")
    lines = run(path)
    assert "\x1b" not in "".join(lines)
    assert "\u202e" not in "".join(lines)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "say what to import"),
        (("--list", "--forget", "x"), "say what to import"),
        (("a.csv", "b.csv", "--name", "x"), "--name 'x' is for one file, not 2"),
        (("a.csv", "--column", "item"), "write OURS=THEIRS"),
        (("nothing.csv",), "cannot read 'nothing.csv': No such file"),
        (("--forget", "x"), "x"),
    ],
)
def test_bad_usage(tmp_path, args, says):
    keep = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OSSAY_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [OSSAY, "import", *args], cwd=tmp_path, env=keep, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_summary_is_kept_with_the_rows(run, table, tmp_path):
    rows = [f"q{item},{model},{int(model == 'A')}" for item in range(12) for model in "AB"]
    table.write_text("\n".join(["item,model,score", *rows]) + "\n")
    summary = tmp_path / "summary.csv"
    summary.write_text("model,mean\nA,1.0\nB,0.9\n")
    options = ("--stated", summary, "--stated-column", "value=mean")
    lines = [line.split(maxsplit=1) for line in run(table, *options)]
    said = dict(lines[1:])
    assert said["stated"] == "2 of its own means; the rows are held against them"
    doubts = [rest for word, rest in lines[1:] if word == "doubt"]
    assert any("'B': its rows give 0 % over 12, its source states 90 %" in one for one in doubts)
    with open_ledger(str(tmp_path / "ledger.db"), create=False) as ledger:
        kept = ledger.records("results").stated
    assert [(one.model, one.value, one.source) for one in kept] == [
        ("A", 1.0, "results"),
        ("B", 0.9, "results"),
    ]
    with pytest.raises(UsageError, match="--stated is of one FILE, not of 2; import them apart"):
        run(table, table, *options)


def test_what_no_count_says_is_unknown(run, tmp_path):
    counts = tmp_path / "counts.csv"
    counts.write_text("model,passes,runs\nA,23,30\n")
    run(counts)
    (line,) = run("--list")
    assert "  1 model, items unknown, 1 row  " in line


def test_the_next_command_takes_any_name(run, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("item,model,score\nq,--json,1\nq,b,1\n")
    assert run(path)[-1].split(maxsplit=1) == ["next", "ossay compare --in x -- --json b"]
