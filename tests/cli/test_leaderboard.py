"""`ossay leaderboard` as its user runs it."""

import json
import os
from io import StringIO
from pathlib import Path

import pytest
from numpy.random import PCG64, Generator
from rich.console import Console

from ossay.cli.leaderboard_text import print_board
from ossay.compare.board import rank_models
from ossay.records.read import read_records


@pytest.fixture(scope="session")
def data():
    folder = Path(os.environ.get("OSSAY_DATA") or Path(__file__).parents[3] / "shared/data")
    if not (folder / "records").is_dir():
        pytest.skip("the records are not beside this checkout; set OSSAY_DATA to their folder")
    return folder


def test_the_broken_model_is_left_out_with_the_reason(ossay, tmp_path, data):
    folder = data / "records/swebench_bash_only"
    words = ("--records", folder / "per_instance.csv.gz", "--stated", folder / "models.json")
    found = json.loads(ossay("leaderboard", *words, "--json", cwd=tmp_path).stdout)
    assert len(found["models"]) == 24
    assert found["left_out"][0]["model"] == "Claude 3.7 Sonnet (20250219)"
    assert "10.2 %" in found["left_out"][0]["why"]
    assert "52.8 %" in found["left_out"][0]["why"]
    noted = [note for note in found["notes"] if "source states" in note]
    assert len(noted) == 2
    assert (found["models"][0]["best"], found["models"][0]["worst"]) == (1, 3)
    out = ossay("leaderboard", *words, cwd=tmp_path).stdout
    assert "1–3    Claude 4.5 Opus medium (20251101)" in out
    assert "Left out: 'Claude 3.7 Sonnet (20250219)': its rows give 10.2 %" in out


def test_dearer_and_worse(ossay, tmp_path, data):
    file = data / "records/routerarena/results.csv.gz"
    words = ("leaderboard", "--records", file, "--column", "metric=")
    out = ossay(*words, cwd=tmp_path).stdout
    assert (
        "claude-3-haiku-20240307 costs more an attempt than gemini-2.0-flash-001 and does worse."
    ) in " ".join(out.split())
    assert "Left out: 'gpt-4o-mini' has no score for 200 of 203 results." in out
    found = json.loads(ossay(*words, "--json", cwd=tmp_path).stdout)
    cheap, dear = found["models"]
    assert dear["dominated_by"] == [cheap["model"]]
    assert (round(cheap["value"], 3), round(dear["value"], 3)) == (0.69, 0.523)
    assert (round(cheap["cost_usd"], 3), round(dear["cost_usd"], 3)) == (0.038, 0.142)


def test_counts_out_of_an_article(ossay, tmp_path, data):
    file = data / "published/agentic_core_campaigns.csv"
    found = json.loads(ossay("leaderboard", "--records", file, "--json", cwd=tmp_path).stdout)
    assert len(found["models"]) == 21
    words = ("--model", "Claude Sonnet", "--model", "Opus 4.7", "--model", "120B run1")
    done = ossay("leaderboard", "--records", file, *words, cwd=tmp_path)
    assert done.stdout.startswith(
        "3 models by score, by up to 30 runs, not paired: none can be told from all others."
    )


def test_items_that_a_model_lacks(ossay, tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("item,model,score\nx,a,1\ny,a,0\nx,b,1\n")
    done = ossay("leaderboard", "--records", file, cwd=tmp_path)
    assert done.returncode == 2
    assert "'b', which lacks 1 of 2 ('y')" in done.stderr
    done = ossay("leaderboard", "--records", file, "--intersect", cwd=tmp_path)
    assert done.returncode == 0
    assert "1 items that not all models have were left out" in done.stdout
    done = ossay("leaderboard", "--records", file, "--model", "z", cwd=tmp_path)
    assert done.returncode == 2
    assert "no model 'z'" in done.stderr


def test_a_narrow_terminal_gets_the_short_table(tmp_path, data):
    """Names fit into 80 columns beside their numbers: ties are counted, one n for all left out."""
    records = read_records(data / "records/swebench_bash_only/per_instance.csv.gz")
    board = rank_models(records, rng=Generator(PCG64(1)))
    shown = {}
    for width in (80, 200):
        console = Console(width=width, file=StringIO(), highlight=False, markup=False)
        print_board(board, records, console)
        shown[width] = console.file.getvalue()
    first = "74.4 % (70.4 to 78.0)"
    assert f"1–3    Claude 4.5 Opus medium      {first}  2     $360.62  $0.969" in shown[80]
    assert f"{first}  Gemini 3 Pro Preview (2025-11-18), " in shown[200]
    assert "  500  $360.62" in shown[200]
