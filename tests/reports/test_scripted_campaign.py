"""A campaign of scripted models, run and reported as a user would."""

import json
import os
import subprocess
import sys
from pathlib import Path

OSSAY = Path(sys.executable).with_name("ossay")

PLAN = """
name = "race"
models = ["scripted/reference", "scripted/do_nothing"]
suites = ["agentic-core"]
tasks = ["multi_step_plan", "minimal_fix"]
instances = 20
attempts = 1
concurrency = 2
forecaster = "ada"

[stop]

[[predict]]
statement = "The reference is better"
type = "comparison"
probability = 0.9
model = "scripted/reference"
over = "scripted/do_nothing"
"""


def ossay(*args, cwd):
    environ = {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data")}
    done = subprocess.run(
        [OSSAY, *args], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ledger_pack_page_and_table_say_the_same(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    summary = json.loads(ossay("run", "plan.toml", "--json", cwd=tmp_path))
    assert summary["stopped"] == "decided"
    assert summary["finished"] < 80
    (finding,) = summary["findings"]
    sentence = finding["verdict"]["sentence"]
    assert finding["verdict"]["kind"] == "a_better"
    assert finding["verdict"] == summary["followed"]["verdict"]
    assert [one["hit"] for one in summary["scored"]] == [True]
    assert summary["forecast"]["hits"] == 1
    words = " ".join(ossay("report", "race", cwd=tmp_path).split())
    folder = tmp_path / "ossay-reports" / "race"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count(sentence) == 3  # score, comparisons, decision
    for item in finding["differing"]:
        assert f'href="#run-{item["run_a"]}"' in page
        assert f'id="{item["run_a"]}"' not in page
    assert summary["committed"]["digest"] in page
    assert json.loads(ossay("report", str(folder), "--json", cwd=tmp_path)) == summary
    assert words.count(sentence) == 1
    assert "Prediction, hit: The reference is better" in words
