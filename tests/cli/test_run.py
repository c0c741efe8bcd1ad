"""`ossay run` as a user meets it: stop, resume, raise a limit, exit codes, JSON, brackets."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ossay.cli.conduct import command_line

OSSAY = Path(sys.executable).with_name("ossay")
ONE = ("--task", "multi_step_plan", "--attempts", "1")


def environ(cwd):
    return {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data")}


def ossay(*args, cwd):
    return subprocess.run(
        [OSSAY, *args], cwd=cwd, env=environ(cwd), capture_output=True, text=True, timeout=120
    )


def results(*args, cwd):
    done = ossay("run", *args, "--json", cwd=cwd)
    return done.returncode, json.loads(done.stdout)


def test_a_campaign_runs_and_a_second_start_repeats_nothing(tmp_path):
    words = ("agentic-core", "--model", "scripted/reference", *ONE, "--name", "x")
    code, first = results(*words, cwd=tmp_path)
    assert (code, first["finished"], first["models"][0]["score"]["passed"]) == (0, 1, 1)
    started = [run["started_at"] for run in pack(tmp_path)["runs"]]
    assert results("x", cwd=tmp_path)[1]["finished"] == 1
    assert [run["started_at"] for run in pack(tmp_path)["runs"]] == started


def pack(cwd):
    assert ossay("report", "x", "--out", "r", cwd=cwd).returncode == 0
    return json.loads((cwd / "r" / "pack" / "campaign.json").read_text())


def test_a_limit_stops_and_can_be_raised(tmp_path):
    words = ("agentic-core", "--model", "scripted/reference", "--task", "multi_step_plan")
    limited = (*words, "--attempts", "6", "--concurrency", "1", "--name", "x", "--max-tokens", "1")
    done = ossay("run", *limited, cwd=tmp_path)
    assert done.returncode == 0
    assert "ossay run x --max-tokens MORE" in done.stderr
    code, again = results("x", "--max-tokens", "1000000", cwd=tmp_path)
    assert (code, again["finished"], again["stopped"]) == (0, 6, "")


def test_ctrl_c_stops_cleanly_with_130_and_the_rest_is_run_later(tmp_path):
    words = ("agentic-core", "--model", "scripted/reference", "--attempts", "8", "--name", "x")
    process = subprocess.Popen(
        [OSSAY, "run", *words, "--concurrency", "1"], cwd=tmp_path, env=environ(tmp_path),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "data" / "ledger.sqlite-wal").exists():
        time.sleep(0.02)
        assert process.poll() is None
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Stopping" in err
    assert "Go on: ossay run x" in err
    assert "Traceback" not in out + err
    code, rest = results("x", "--concurrency", "4", cwd=tmp_path)
    assert (code, rest["finished"], rest["planned"], rest["stopped"]) == (0, 80, 80, "")
    assert rest["models"][0]["score"]["passed"] == 80


def test_a_campaign_of_nothing_but_errors_is_no_success(tmp_path):
    (tmp_path / "ossay.toml").write_text('[providers.gone]\nbase_url = "http://127.0.0.1:9/v1"\n')
    (tmp_path / "plan.toml").write_text(
        'name = "x"\nmodels = ["gone/m"]\nsuites = ["agentic-core"]\nattempts = 1\n'
        'tasks = ["multi_step_plan"]\n[budget]\ncall_seconds = 1.0\n'
    )
    done = ossay("run", "plan.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert "infrastructure error" in done.stdout


def test_brackets_in_names_are_text(tmp_path):
    (tmp_path / "ossay.toml").write_text(
        '[providers.mine]\nbase_url = "http://127.0.0.1:9/v1"\n[providers.mine.prices."q[/b][4]"]\n'
        'input = 1.0\noutput = 2.0\ndate = "2026-11-21"\nsource = "mine"\n'
    )
    done = ossay("models", cwd=tmp_path)
    assert done.returncode == 0
    assert "mine/q[/b][4]" in done.stdout


def test_a_reader_that_leaves_is_no_failure(tmp_path):
    line = f"set -o pipefail; {OSSAY} models | head -1"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, env=environ(tmp_path), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_ledgers_password_is_not_in_the_command():
    said = command_line(["run", "x", "--ledger=postgresql://me:hunter2secret@db/x"])
    assert said == "ossay run x '--ledger=postgresql://me:***@db/x'"


def test_two_models_run_until_they_are_told_apart(tmp_path):
    models = ("--model", "scripted/reference", "--model", "scripted/do_nothing")
    words = ("agentic-core", *models, "--task", "multi_step_plan", "--instances", "30")
    done = ossay("run", *words, "--stop-when-decided", "--name", "x", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "scripted/reference better: 100.0 points above scripted/do_nothing" in done.stdout
    assert "11 of 30" in done.stdout
    assert "Nothing more of x is run" in done.stderr
    again = ossay("run", "x", cwd=tmp_path)
    assert (again.returncode, "decided" in again.stderr) == (0, True)


def test_a_margin_is_for_stopping(tmp_path):
    done = ossay("run", "agentic-core", "--model", "a/b", "--margin", "0.1", cwd=tmp_path)
    assert done.returncode == 2
    assert "--margin 0.1 is for --stop-when-decided" in done.stderr
