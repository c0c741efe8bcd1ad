"""The published ratings as records: which averages come out, and what five tasks can show."""

from pathlib import Path

import pytest
from numpy.random import PCG64, Generator

from ossay.compare.board import rank_models
from ossay.compare.checks import problems_of
from ossay.compare.pair import compare_models
from ossay.core.results import Records
from ossay.records.read import read_records
from ossay.records.stated import read_stated

FOLDER = Path(__file__).parents[2] / "examples" / "published"


@pytest.fixture(scope="module")
def records():
    rows = read_records(FOLDER / "coding_ratings.csv")
    return Records(rows.sources, rows.results, stated=read_stated(FOLDER / "coding_averages.csv"))


def test_five_of_eight_averages_come_out(records):
    scores = {}
    for row in records.results:
        scores.setdefault(row.model, []).append(row.score)
    means = {model: sum(of) / len(of) for model, of in scores.items() if None not in of}
    stated = {one.model: one.value for one in records.stated}
    right = {model for model, mean in means.items() if mean == pytest.approx(stated[model])}
    assert right == {"gpt-oss-120b", "Claude Opus 4", "Claude Sonnet 4", "Grok 4", "GPT-4.1"}
    assert {model: means[model] for model in set(means) - right} == {
        "Gemini 2.5 Pro": pytest.approx(7.2),  # 7.25 is printed
        "Kimi K2": pytest.approx(7.25),  # 7.35 is printed
    }


def test_those_that_do_not_are_said(records):
    said = [one.text for one in problems_of(records) if one.kind == "unlike_stated"]
    assert len(said) == 3
    assert "'Gemini 2.5 Pro': its rows give 7.2 over 5, its source states 7.25" in said[0]
    assert "'Kimi K2': its rows give 7.25 over 5, its source states 7.35" in said[1]
    assert "'Qwen3 Coder': its rows give 5.75 over 3, its source states 6.8, over 5" in said[2]


@pytest.mark.parametrize(
    ("other", "p"),
    [
        ("Grok 4", 0.875),
        ("GPT-4.1", 1.0),
        ("Claude Sonnet 4", 0.1875),
        ("Claude Opus 4", 0.0625),
        ("Gemini 2.5 Pro", 0.875),
    ],
)
def test_no_pair_can_be_told_apart(records, other, p):
    found = compare_models(records, "gpt-oss-120b", other, rng=Generator(PCG64(1)))
    assert found.comparison.p == p
    assert found.verdict.kind == "not_enough_data"
    assert any("5 shared items can give no p below 0.0625" in note for note in found.notes)
    assert any("6 could" in note for note in found.notes)


def test_the_board_says_how_many_tasks_could(records):
    board = rank_models(records, rng=Generator(PCG64(1)))
    assert len(board.top) == 8
    assert any("11 could" in note for note in board.notes)
