"""The suite's reference solutions, spoken through the chat format, scheduler and parser of gpt-oss.

What a tool call or a reasoning loses on that way fails a task.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_every_task_passes_when_its_reference_is_played(tmp_path, vocabulary_environ):
    environ = {**os.environ, **vocabulary_environ, "OSSAY_HOME": str(tmp_path / "home")}
    ossay = Path(sys.executable).with_name("ossay")

    def run(*words):
        done = subprocess.run(
            [ossay, *words], cwd=tmp_path, env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    asked = ("--model", "played/reference", "--instances", "1", "--attempts", "1")
    run("run", "agentic-core", *asked, "--name", "played")
    report = json.loads(run("report", "played", "--json"))
    (model,) = report["models"]
    assert model["reference"] == "played/reference"
    assert model["score"]["passed"] == model["score"]["n"] == 10
