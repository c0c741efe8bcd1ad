"""`ossay compare` as its user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OSSAY = Path(sys.executable).with_name("ossay")
GOLDEN = [
    ("gpt-oss-120b", "Qwen2.5-Coder", 99, 14, 6.13e-17),
    ("Claude 4.5 Opus", "Gemini 3 Pro", 29, 28, 1.0),
    ("Claude 4.5 Opus", "Claude 4.5 Sonnet", 42, 23, 0.0248),
    ("GPT-5 mini", "o3", 48, 41, 0.525),
]


def process(*args, cwd):
    keep = {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data")}
    return subprocess.run(
        [OSSAY, *map(str, args)], cwd=cwd, env=keep, capture_output=True, text=True, timeout=120
    )


def refused(done):
    assert done.returncode == 2, done
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.fixture(scope="session")
def swebench():
    data = os.environ.get("OSSAY_DATA") or Path(__file__).parents[3] / "shared/data"
    folder = Path(data) / "records/swebench_bash_only"
    if not folder.is_dir():
        pytest.skip("the records are not beside this checkout; set OSSAY_DATA to their folder")
    return folder


@pytest.fixture
def table(tmp_path):
    """A small table of results: a right on 9 of 12 items, b on 4, c on 4."""
    lines = ["item,model,score,cost_usd"]
    right = {"a": range(9), "b": range(4), "c": range(2, 6)}
    for model, own in right.items():
        lines += [f"t{item},{model},{int(item in own)},{(item + 1) / 100}" for item in range(12)]
    file = tmp_path / "table.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize(("a", "b", "only_a", "only_b", "p"), GOLDEN)
def test_straight_from_a_file(ossay, tmp_path, swebench, a, b, only_a, only_b, p):
    file = swebench / "per_instance.csv.gz"
    done = ossay("compare", a, b, "--records", file, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (found["n"], found["b"], found["c"]) == (500, only_a, only_b)
    assert found["p_exact"] == pytest.approx(p, rel=2e-3)
    assert found["p_mid"] <= found["p_exact"]
    low, high = found["interval"]
    assert low < found["difference"] < high
    assert len(found["differing"]) == only_a + only_b
    assert not (tmp_path / "data").exists()  # no ledger is made


def test_json_holds_what_it_promises(ossay, tmp_path, table):
    done = ossay("compare", "a", "b", "--records", table, "--margin", "0.1", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    promised = (
        "n b c p_exact p_mid difference interval verdict sentence needed_n model_a model_b metric "
        "p alpha margin family family_size p_adjusted differing only_in_a only_in_b missing "
        "sources notes"
    )
    assert set(promised.split()) <= set(found)
    assert (found["b"], found["c"], found["p_exact"]) == (5, 0, 0.0625)
    assert found["verdict"] == "not_enough_data"
    assert found["needed_n"] > 12
    assert found["odds_ratio"] is None  # infinite: JSON knows no such number
    assert found["missing"] == {"a": {}, "b": {}}
    assert found["differing"][0] == {
        "item": "t4",
        "attempt": 1,
        "cluster": None,
        "score_a": 1.0,
        "score_b": 0.0,
        "run_a": "",
        "run_b": "",
    }


def test_the_verdict_comes_first_and_the_items_after(ossay, tmp_path, table):
    out = ossay("compare", "a", "b", "--records", table, cwd=tmp_path).stdout
    assert out.startswith("Not enough data: a is 41.7 points above b")
    assert "5 items on which a is better:" in out
    assert "t4" in out.split("a is better:")[1]
    assert "4, 5, 0, 3" in out
    assert "Source table: table.csv, csv; date unknown; how it was made is unknown." in out
    assert "ossay transcript" not in out  # there are no runs behind it


def test_a_family_is_corrected(ossay, tmp_path, table):
    words = ("compare", "a", "b", "--records", table, "--family", "all-pairs", "--json")
    found = json.loads(ossay(*words, cwd=tmp_path).stdout)
    assert (found["family"], found["family_size"]) == ("all-pairs", 3)
    assert found["p_adjusted"] == pytest.approx(3 * 0.0625)
    line = refused(ossay(*words[:-2], "mine", cwd=tmp_path))
    assert "no family 'mine'" in line


def test_costs(ossay, tmp_path, table):
    words = ("--records", table, "--metric", "cost_usd")
    out = ossay("compare", "a", "b", *words, cwd=tmp_path).stdout
    assert out.startswith("Not enough data: a took as much as b")
    assert "$0.0650 (" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("a", "nobody"), "no model 'nobody'; known: a, b, c"),
        (("a", "a"), "compared with itself"),
        (("a", "b", "--metric", "scor"), "no metric 'scor'; did you mean 'score'?"),
        (("a", "b", "--metric", "seconds"), "--column seconds=NAME"),
        (("a", "b", "--margin", "5"), "margin=5"),
        (("a", "b", "--alpha", "0.5"), "alpha=0.5"),
        (("a", "b", "--column", "score"), "write OURS=THEIRS"),
    ],
)
def test_bad_usage_names_the_next_step(ossay, tmp_path, table, words, says):
    assert says in refused(ossay("compare", *words, "--records", table, cwd=tmp_path))


@pytest.mark.parametrize("command", ["compare", "leaderboard", "power", "import", "claims"])
def test_help_shows_whole_lines(ossay, tmp_path, command):
    out = ossay(command, "--help", cwd=tmp_path).stdout
    lines = [line for line in out.splitlines() if line.startswith(f"  ossay {command} ")]
    assert len(lines) >= 2


def test_with_neither_file_nor_name(ossay, tmp_path):
    line = refused(ossay("compare", "a", "b", cwd=tmp_path))
    assert "there is no ledger yet; give a file of results with --records FILE" in line


def test_nothing_in_a_file_acts_on_the_terminal(tmp_path):
    evil = "\x1b[31m[bold]evil[/bold]\u202e"
    file = tmp_path / "table.csv"
    rows = [
        f"{evil}{item},{model},{value}"
        for item in range(3)
        for model, value in ((evil, 1), ("b", 0))
    ]
    file.write_text("item,model,score\n" + "\n".join(rows) + "\n")
    done = process("compare", "evil", "b", "--records", file, cwd=tmp_path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "[bold]evil[/bold]" in done.stdout
    done = process("compare", "evil", "b", "--records", file, "--json", cwd=tmp_path)
    assert done.stdout.isascii()
    assert json.loads(done.stdout)["model_a"] == evil


PLAN = """
name = "one"
models = ["scripted/reference", "scripted/do_nothing"]
suites = ["agentic-core"]
tasks = ["fix_failing_test", "minimal_fix"]
attempts = 1
[families]
mine = [["scripted/reference", "scripted/do_nothing"]]
"""


def test_a_campaign_of_ours(ossay, tmp_path):
    """Two models run, found by their names alone; the items lead to the runs."""
    (tmp_path / "plan.toml").write_text(PLAN)
    done = process("run", "plan.toml", "--quiet", "--trust-local", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = ossay("compare", "reference", "do_nothing", cwd=tmp_path)
    assert "2 shared items, 2 against 0 where they differ" in " ".join(done.stdout.split())
    assert "Read a run: ossay transcript RUN" in done.stdout
    assert "Source one: campaign; made" in done.stdout
    words = ("compare", "reference", "do_nothing", "--json")
    found = json.loads(ossay(*words, "--family", "mine", cwd=tmp_path).stdout)
    assert (found["family"], found["family_size"]) == ("mine", 1)
    run_id = found["differing"][0]["run_a"]
    assert ossay("transcript", run_id[:12], cwd=tmp_path).returncode == 0
    line = refused(ossay(*words, "--family", "min", cwd=tmp_path))
    assert "no family 'min'; did you mean 'mine'?" in line
    (tmp_path / "plan.toml").write_text(PLAN.replace("one", "two"))
    done = process("run", "plan.toml", "--quiet", "--trust-local", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    line = refused(ossay(*words, cwd=tmp_path))
    assert "2 places in the ledger hold both 'reference' and 'do_nothing': 'one', 'two'" in line
    assert "--in" in line
    assert json.loads(ossay(*words, "--in", "two", cwd=tmp_path).stdout)["sources"] == ["two"]
    line = refused(ossay(*words, "--in", "three", cwd=tmp_path))
    assert "no campaign or import 'three'" in line


def test_one_model_in_two_imports(ossay, tmp_path):
    """Found by the names of the sources alone, or in files; the same in `power` and the board."""
    for name, right in (("low", 4), ("high", 11)):
        lines = [f"t{item},org/m,{int(item < right)}" for item in range(12)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["item,model,score", *lines]) + "\n")
    both = ("--records", "low.csv", "--records", "high.csv")
    assert "name two models, or 'org/m@low' and 'org/m@high'" in refused(
        ossay("compare", "m", "m", *both, cwd=tmp_path)
    )
    found = json.loads(ossay("compare", "m@low", "m@high", *both, "--json", cwd=tmp_path).stdout)
    assert (found["model_a"], found["b"], found["c"]) == ("org/m@low", 0, 7)
    assert ossay("import", "low.csv", "high.csv", cwd=tmp_path).returncode == 0
    again = json.loads(ossay("compare", "m@low", "m@high", "--json", cwd=tmp_path).stdout)
    assert again == found
    words = ("leaderboard", "--in", "low", "--in", "high", "--model", "m@low", "--model", "m@high")
    assert (
        "2 models by score, on 12 items: org/m@high is first." in ossay(*words, cwd=tmp_path).stdout
    )
    out = ossay("power", "--like", "m@low", "m@high", cwd=tmp_path).stdout
    assert "58.3 points (33.3 % against 91.7 %)" in out


def test_files_that_name_no_model(ossay, tmp_path):
    for name, right in (("x", 9), ("y", 2)):
        (tmp_path / name).mkdir()
        lines = [f"t{item},{int(item < right)}" for item in range(12)]
        (tmp_path / name / "table.csv").write_text("\n".join(["item,score", *lines]) + "\n")
    line = refused(ossay("compare", "x", "y", "--records", "x/table.csv", cwd=tmp_path))
    assert "--records-of NAME FILE" in line
    words = ("--records-of", "x", "x/table.csv", "--records-of", "y", "y/table.csv")
    found = json.loads(ossay("compare", "x", "y", *words, "--json", cwd=tmp_path).stdout)
    assert (found["b"], found["c"], found["sources"]) == (7, 0, ["table", "table-2"])
