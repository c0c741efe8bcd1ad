"""`ossay predictions` as a user meets it: a campaign, a forecaster, everybody, JSON."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

OSSAY = Path(sys.executable).with_name("ossay")
PLAN = """
name = "night"
models = ["scripted/reference"]
suites = ["agentic-core"]
tasks = ["multi_step_plan"]
attempts = 1
forecaster = "ada"
[[predict]]
statement = "it [passes]"
type = "boolean"
probability = 0.9
model = "scripted/reference"
low = 0.5
[[predict]]
statement = "it fails"
type = "boolean"
probability = 0.2
model = "scripted/reference"
high = 0.5
"""


def ossay(*args, cwd):
    environ = {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data")}
    return subprocess.run(
        [OSSAY, *args], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("predictions")
    (place / "plan.toml").write_text(PLAN)
    done = ossay("run", "plan.toml", cwd=place)
    assert done.returncode == 0, done.stderr
    (place / "out.txt").write_text(done.stdout)
    (place / "err.txt").write_text(done.stderr)
    return place


def test_run_says_the_digest_first_and_the_score_last(place):
    digest = json.loads(ossay("predictions", "night", "--json", cwd=place).stdout)["committed"]
    assert f"SHA-256 {digest['digest']}" in (place / "err.txt").read_text()
    assert "1/2 predictions came true" in (place / "out.txt").read_text()


def test_a_campaign_s_predictions_one_by_one(place):
    done = ossay("predictions", "night", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "2 predictions of ada, committed" in done.stdout
    assert "hit   it [passes]" in done.stdout
    assert "miss  it fails" in done.stdout
    assert "1/2 came true, 1.1 were expected" in done.stdout
    listing = json.loads(ossay("predictions", "night", "--json", cwd=place).stdout)
    assert [found["hit"] for found in listing["scored"]] == [True, False]


def test_a_forecaster_s_record_with_its_intervals(place):
    for words in (("ada",), ()):
        done = ossay("predictions", *words, cwd=place)
        assert "ada: 1/2 came true in 1 campaign, 1.1 were expected; 0 open" in done.stdout
        assert "Wilson 9.5 to 90.5 %, Clopper-Pearson 1.3 to 98.7 %" in done.stdout
    (record,) = json.loads(ossay("predictions", "ada", "--json", cwd=place).stdout)
    assert (record["hits"], record["scored"], record["campaigns"]) == (1, 2, ["night"])


def test_a_name_that_is_neither(place):
    done = ossay("predictions", "adda", cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no campaign or forecaster 'adda'; did you mean 'ada'" in done.stderr


def test_a_changed_prediction_is_refused(place):
    (place / "other.toml").write_text(PLAN.replace("0.9", "0.99"))
    done = ossay("run", "other.toml", cwd=place)
    assert done.returncode == 2
    assert "predict: " in done.stderr
    assert "is another one" in done.stderr


def test_predictions_changed_in_the_ledger_spoil_no_other_campaign_s(place):
    (place / "morning.toml").write_text(PLAN.replace('"night"', '"morning"'))
    assert ossay("run", "morning.toml", cwd=place).returncode == 0
    with closing(sqlite3.connect(place / "data" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute(
            "UPDATE commitments SET predictions = replace(predictions, '0.9', '0.5') "
            "WHERE campaign = 'morning'"
        )
    for words in (("morning",), ("ada",), ()):
        done = ossay("predictions", *words, cwd=place)
        assert (done.returncode, done.stdout) == (2, "")
        assert "the predictions of campaign 'morning' were changed" in done.stderr
    assert "1/2 came true" in ossay("predictions", "night", cwd=place).stdout
