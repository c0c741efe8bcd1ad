"""The benchmark of the harness still runs; its numbers are no business of a test."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench"


def test_our_side_of_the_harness_benchmark_runs_and_checks_its_ledger():
    done = subprocess.run(
        [sys.executable, BENCH / "harness_ours.py", "instant", "20", "5"],
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout)
    assert len(result["latency_s"]) == 20
    assert result["seconds"] > 0
