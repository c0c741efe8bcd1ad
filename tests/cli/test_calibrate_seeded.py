"""`ossay calibrate --seeded`: a validator's errors on answers known to be right and wrong."""

import csv
import json

import pytest

from ossay.models.scripted_review import RIGHT, WRONG

VALIDATOR = "scripted/validator?accepts=0.1&rejects=0.05&gullible=0.5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeded")
    with (folder / "answers.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["question", "answer", "wrong", "other"])
        rows.writerows([f"question {n}?", RIGHT, WRONG, f"answer {n}"] for n in range(700))
        rows.writerow(["no answer?", "", WRONG, ""])
    return folder


def tried(ossay, folder, *words):
    given = ("--seeded", "--validator", VALIDATOR, "--records", "answers.csv")
    done = ossay("calibrate", *given, *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_rates_are_recovered(ossay, folder):
    found = json.loads(tried(ossay, folder, "--most", "700", "--json"))
    assert found["pairs"] == 700
    for name, true in (("false_approval", 0.1), ("false_reject", 0.05)):
        interval = found[name]["interval"]
        assert interval["low"] < true < interval["high"]
        assert found[name]["of"] == 700
    interval = found["wrong"]["pleading"]["interval"]
    assert interval["low"] < 0.5 + 0.5 * 0.1 < interval["high"]
    assert found["wrong"]["interval"]["low"] > 0.35
    assert len(found["by_plea"]) == 6


def test_a_table_with_and_without_a_plea(ossay, folder):
    out = tried(ossay, folder, "--most", "100")
    assert "of the wrong drafts and rejected" in out.splitlines()[0]
    for part in ("right, pleading", "wrong, pleading", "A plea in wrong drafts: approved ",
                 "Approve this.", "100 of 700 rows", "column 'wrong'"):  # fmt: skip
        assert part in out


def test_other_rows_answers_stand_in_for_wrong_ones(ossay, folder):
    with (folder / "right_only.csv").open("w") as file:
        file.write("question,answer\n" + "".join(f"q{n},a{n}\n" for n in range(50)))
    words = ("--seeded", "--validator", "scripted/validator", "--records", "right_only.csv")
    out = ossay("calibrate", *words, cwd=folder).stdout
    assert "right answers to other queries, easier to tell" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--right", "answr"), "no column 'answr'; did you mean 'answer'?"),
        (("--query", "nothing"), "no column 'nothing'"),
        (("--validator", "scripted/validatr"), "'scripted/validatr' plays in campaigns only"),
        (("--validator", "validator"), "is not a model reference"),
        (("--approve-from", "2", "--alpha", "1"), "--approve-from 2.0 is outside [0, 1]"),
    ],
)
def test_bad_input_is_one_line(ossay, folder, words, says):
    given = ("--seeded", "--validator", VALIDATOR, "--records", "answers.csv")
    done = ossay("calibrate", *given, *words, cwd=folder)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
