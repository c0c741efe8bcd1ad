"""`ossay report` of a campaign that was rated: the ledger's ratings, by the rubric of today."""

import asyncio
import json
from contextlib import chdir

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from ossay.cli.judge import _against
from ossay.cli.report import report
from ossay.core.rating import Form
from ossay.core.score import rated
from ossay.store.ledger import open_ledger
from ossay.suites.rubrics import rubric_of

VIZ = rubric_of("benchmark_visualization")
ANSWERS = [
    (model, "benchmark_visualization", seed, "<script>\x1b[2J", {"runs": True, "characters": 20})
    for seed in range(1, 5)
    for model in ("lab/oak-7b", "lab/elm-7b")
]


@pytest.fixture
def run(tmp_path, answered):
    """Rates oak by a person and elm by a judge, then runs `ossay report`."""
    url = str(tmp_path / "ledger.sqlite")
    answered(url, ANSWERS)

    async def enter(ledger):
        await ledger.keep_rubric(VIZ)
        for answer in ledger.answers("night"):
            oak = "oak" in answer.key.model
            form = Form(
                "night", answer.run, "anna" if oak else "lab/judge", "human" if oak else "model",
                ("side_by_side",), 1.0, answer.run,
            )  # fmt: skip
            await ledger.rate(rated(VIZ, form, answer.facts, id_=answer.run))

    with open_ledger(url, create=True) as ledger:
        asyncio.run(enter(ledger))

    def run(*words):
        with chdir(tmp_path):
            done = CliRunner().invoke(report, ["night", "--ledger", url, *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


def test_the_summary_has_people_and_judge_apart(run):
    data = json.loads(run("--json"))
    assert [one["model"] for one in data["ratings"]["averages"]] == ["lab/oak-7b"]
    assert [one["model"] for one in data["judge_ratings"]["averages"]] == ["lab/elm-7b"]
    assert data["ratings"]["raters"] == ["anna"]


def test_the_table_and_the_page_show_them(run, tmp_path):
    said = run()
    assert "mean rating by people" in said
    assert "mean by a judge model" in said
    page = (tmp_path / "ossay-reports/night/report.html").read_text(encoding="utf-8")
    assert '<section id="ratings"' in page
    assert '<section id="answers"' in page


def test_what_became_of_older_ratings_is_told_of_those_who_made_them(run, tmp_path):
    newer = replace(VIZ, version="9")

    async def again(ledger):
        await ledger.keep_rubric(newer)
        answer = next(one for one in ledger.answers("night") if "oak" in one.key.model)
        form = Form("night", answer.run, "bo", "human", ("side_by_side",), 2.0, "again")
        await ledger.rate(rated(newer, form, answer.facts, id_="again"))

    with open_ledger(str(tmp_path / "ledger.sqlite"), create=False) as ledger:
        asyncio.run(again(ledger))
    data = json.loads(run("--json"))
    (told,) = (note for note in data["ratings"]["notes"] if "older version" in note)
    assert told.startswith("4 ratings were made")
    assert not any("older version" in note for note in data["judge_ratings"]["notes"])


def test_a_judge_is_held_against_people_by_one_version_of_the_rubric(run, tmp_path):
    tiers = tuple(replace(one, points=one.points - 3) for one in VIZ.tiers)
    newer = replace(VIZ, version="9", tiers=tiers)

    async def beside(ledger):
        await ledger.keep_rubric(newer)
        for answer in ledger.answers("night"):
            if "elm" in answer.key.model:  # what the judge has said of each, by the older version
                id_ = f"bo-{answer.run}"
                form = Form("night", answer.run, "bo", "human", ("side_by_side",), 2.0, id_)
                await ledger.rate(rated(newer, form, answer.facts, id_=id_))

    with open_ledger(str(tmp_path / "ledger.sqlite"), create=False) as ledger:
        asyncio.run(beside(ledger))
        (as_judge_says,) = _against(ledger, "night")
    (judged,) = json.loads(run("--json"))["judge_ratings"]["judged"]
    assert (judged["shared"], judged["overall"]["value"]) == (4, 0.0)
    assert as_judge_says.overall.value == 0.0
    (own,) = json.loads(run("--json"))["judge_ratings"]["averages"]
    assert own["value"] == 8.5  # by the version that the judge used, as compare has it
    said = run()
    page = (tmp_path / "ossay-reports/night/report.html").read_text(encoding="utf-8")
    assert "+3.00" not in said + page
