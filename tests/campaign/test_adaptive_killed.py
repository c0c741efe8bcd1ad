"""An adaptive campaign as a user runs it, killed with -9 and resumed: the same decision.

Real processes, sandbox and ledger; the models play scripts.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ossay.campaign.stopping import follow
from ossay.store.ledger import open_ledger

OSSAY = Path(sys.executable).with_name("ossay")
MODELS = ("scripted/sometimes?rate=0.95&seed=1", "scripted/sometimes?rate=0.2&seed=2")


def start(place, concurrency=4):
    words = ["agentic-core", "--task", "multi_step_plan", "--instances", "60", "--name", "night"]
    for model in MODELS:
        words += ["--model", model]
    return subprocess.Popen(
        [OSSAY, "run", *words, "--stop-when-decided", "--concurrency", str(concurrency)],
        cwd=place,
        env={"PATH": os.environ["PATH"], "HOME": str(place), "OSSAY_HOME": str(place / "data"),
             "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def finished(place):
    try:
        with sqlite3.connect(f"file:{place}/data/ledger.sqlite?mode=ro", uri=True) as ledger:
            query = "SELECT count(*) FROM runs WHERE state = 'finished'"
            return int(ledger.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # not there yet


def through(place, concurrency=4):
    place.mkdir(exist_ok=True)
    process = start(place, concurrency)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    with open_ledger(str(place / "data" / "ledger.sqlite"), create=False) as ledger:
        record = ledger.campaign("night")
    assert record.stopped == "decided"
    assert {run.state for run in record.runs} == {"planned", "finished"}
    found = follow(record)
    assert " better: " in out
    assert "runs saved" in out
    return found.winner, found.decided_at, found.path


def killed(place, rng, kills):
    place.mkdir(exist_ok=True)
    for _ in range(kills):
        process = start(place)
        goal = finished(place) + rng.randrange(1, 8)
        while finished(place) < goal and process.poll() is None:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
    return through(place)


@pytest.mark.parametrize("kills", [2, pytest.param(15, marks=pytest.mark.long)])
def test_killed_and_resumed_it_decides_as_if_nothing_had_happened(tmp_path, kills):
    decision = through(tmp_path / "through", concurrency=1)
    assert decision[0] == "a"
    assert killed(tmp_path / "killed", random.Random(kills), kills) == decision
