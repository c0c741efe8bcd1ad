"""Bad input: one clear line on stderr, exit code 2, no traceback."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

OSSAY = Path(sys.executable).with_name("ossay")


def ossay(*args, cwd, **environ):
    """Run the real command in `cwd` with a home of its own."""
    keep = {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data")}
    return subprocess.run(
        [OSSAY, *args], cwd=cwd, env={**keep, **environ}, capture_output=True, text=True, timeout=60
    )


def refused(done):
    """Return the one line that a refusal printed."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


RUN = ("run", "agentic-core", "--model", "scripted/reference", "--quiet")


def test_an_unknown_key_in_a_plan(tmp_path):
    (tmp_path / "plan.toml").write_text(
        'name = "x"\nmodels = ["scripted/reference"]\nsuites = ["agentic-core"]\natempts = 3\n'
    )
    line = refused(ossay("run", "plan.toml", cwd=tmp_path))
    assert "plan.toml: unknown key 'atempts'; did you mean 'attempts'?" in line


def test_an_unknown_key_in_the_users_configuration(tmp_path):
    (tmp_path / "ossay.toml").write_text('[providers.mine]\nbase_ur = "http://127.0.0.1:1/v1"\n')
    line = refused(ossay("run", "agentic-core", "--model", "mine/x", cwd=tmp_path))
    assert "unknown key 'base_ur'" in line
    assert "did you mean 'base_url'?" in line


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("grok/gpt-oss-120b", "no provider 'grok'; did you mean 'groq'?"),
        ("gpt-oss-120b", "'gpt-oss-120b'"),
        ("llamacpp/no-such-model", "'no-such-model'"),
    ],
)
def test_an_unknown_model(tmp_path, model, says):
    assert says in refused(ossay("run", "agentic-core", "--model", model, cwd=tmp_path))


def test_a_missing_key_is_named_with_the_next_step(tmp_path):
    done = ossay("run", "agentic-core", "--model", "groq/openai/gpt-oss-120b", cwd=tmp_path)
    line = refused(done)
    assert "GROQ_API_KEY" in line
    assert "export" in line


def test_no_model_at_all(tmp_path):
    assert "--model" in refused(ossay("run", "agentic-core", cwd=tmp_path))


def test_no_such_suite(tmp_path):
    line = refused(ossay("run", "agentic-cor", "--model", "scripted/reference", cwd=tmp_path))
    assert "'agentic-cor'" in line
    assert "agentic-core" in line


def test_no_such_task(tmp_path):
    line = refused(ossay(*RUN, "--task", "minimal_fxi", cwd=tmp_path))
    assert "'minimal_fxi'; did you mean 'minimal_fix'?" in line


def test_no_such_campaign(tmp_path):
    made = ossay(*RUN, "--task", "multi_step_plan", "--attempts", "1", "--name", "a", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "'b'" in refused(ossay("report", "b", cwd=tmp_path))
    assert "'zz'" in refused(ossay("transcript", "zz", cwd=tmp_path))


def test_a_typing_error_leaves_no_ledger_behind(tmp_path):
    refused(ossay("run", "agentic-cor", cwd=tmp_path))
    assert not (tmp_path / "data" / "ledger.sqlite").exists()


def test_a_name_that_no_file_could_have(tmp_path):
    assert "aaaa" in refused(ossay("run", "a" * 300, cwd=tmp_path))
    assert "ledger" in refused(ossay("report", "a" * 300, cwd=tmp_path))


def test_a_scratch_folder_that_is_a_file(tmp_path):
    (tmp_path / f"ossay-{os.getuid()}").write_text("in the way")
    line = refused(ossay(*RUN, cwd=tmp_path, TMPDIR=str(tmp_path)))
    assert "TMPDIR" in line


def test_a_report_without_a_ledger(tmp_path):
    assert "ledger" in refused(ossay("report", "x", cwd=tmp_path))


def test_a_ledger_that_is_none(tmp_path):
    (tmp_path / "notes.txt").write_text("This is no database. " * 100)
    line = refused(ossay(*RUN, "--ledger", "notes.txt", cwd=tmp_path))
    assert "notes.txt" in line


def test_a_ledger_of_a_newer_version(tmp_path):
    path = tmp_path / "ledger.sqlite"
    run = (*RUN, "--task", "multi_step_plan", "--attempts", "1", "--ledger", str(path))
    assert ossay(*run, cwd=tmp_path).returncode == 0
    with sqlite3.connect(path) as database:
        database.execute("update meta set value = '999' where key = 'schema_version'")
    database.close()
    line = refused(ossay("campaigns", "--ledger", str(path), cwd=tmp_path))
    assert "newer" in line
    assert "999" in line


def test_options_that_belong_to_a_suite(tmp_path):
    (tmp_path / "plan.toml").write_text(
        'name = "x"\nmodels = ["scripted/reference"]\nsuites = ["agentic-core"]\n'
    )
    line = refused(ossay("run", "plan.toml", "--attempts", "5", cwd=tmp_path))
    assert "--attempts" in line


@pytest.mark.parametrize("command", ["run", "report", "pull", "transcript"])
def test_a_missing_argument_is_bad_usage(tmp_path, command):
    done = ossay(command, cwd=tmp_path)
    assert done.returncode == 2
    assert "Missing argument" in done.stderr


def test_a_command_that_does_not_exist(tmp_path):
    done = ossay("rnu", cwd=tmp_path)
    assert done.returncode == 2
    assert "rnu" in done.stderr
