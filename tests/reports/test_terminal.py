"""The table in a terminal: it fits 80 columns, and nothing in it acts."""

import io

import msgspec
import pytest
from rich.console import Console

from ossay.campaign.stop import Stop
from ossay.core.predictions import Prediction
from ossay.core.records import CampaignRecord
from ossay.core.types import ModelCard
from ossay.reports import by_mark
from ossay.reports.summary import summarize
from ossay.reports.terminal import print_report


def printed(record: CampaignRecord, width: int = 80) -> str:
    out = io.StringIO()
    print_report(summarize(record), Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.mark.parametrize("models", [1, 3, 4])
def test_it_fits_eighty_columns(make_campaign, models):
    text = printed(make_campaign(models=models)[0])
    assert max(map(len, text.splitlines())) <= 80


def test_it_shows_scores_with_intervals_and_what_is_unknown(make_campaign):
    record, _ = make_campaign()
    text = printed(record, width=120)
    model = summarize(record).models[0]
    assert f"{model.score.passed}/{model.score.n}" in text
    assert "Not enough data: " in text
    assert "unknown" in text
    assert "left out; counted as failures the score is" in text


def test_a_number_stands_beside_its_command_and_the_date_of_its_price(make_campaign):
    record, _ = make_campaign(models=4)
    lines = printed(record, width=200).splitlines()
    assert "A: price of 2026-11-20, https://groq.com/pricing." in lines
    assert "D: price of 2026-11-19, https://together.ai/pricing." in lines
    assert "C: $0 a token; the machine's own cost is not counted." in lines
    assert "B: no price is known." in lines
    assert lines[-1] == f"Made by: {record.command}"


def test_many_models_take_several_tables_rather_than_a_wide_one(make_campaign):
    record, _ = make_campaign(models=1, tasks=2)
    runs, cards = list(record.runs), list(record.models)
    for index in range(11):
        name = f"vendor/model-{index}"
        cards.append(ModelCard(name))
        runs += [
            msgspec.structs.replace(
                r, id=f"{r.id}-{index}", key=msgspec.structs.replace(r.key, model=name)
            )
            for r in record.runs
        ]
    text = printed(msgspec.structs.replace(record, models=tuple(cards), runs=tuple(runs)))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("passed of counted") == 3


def test_names_that_are_escapes_or_markup_are_shown_as_text():
    evil = "evil/\x1b]0;owned\x07[bold]name[/bold]\u202e"
    record = CampaignRecord("c\x1b[31m", 0.0, "", "", (ModelCard(evil),), {}, {}, ())
    text = printed(record, width=200)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert "␛]0;owned␇[bold]name[/bold]⟨U+202E⟩" in text


def test_an_empty_campaign_prints():
    record = CampaignRecord("nothing yet", 0.0, "", "", (), {"agentic-core": "1"}, {}, ())
    assert "0 of 0 runs finished" in printed(record)


def test_verdicts_are_printed_for_a_few_pairs_and_counted_for_many(make_contest):
    few = make_contest({f"x/{n}": "1" * n + "0" * (20 - n) for n in range(4)})
    text = " ".join(printed(few).split())
    for one in summarize(few).findings:
        assert " ".join(one.verdict.sentence.split()) in text
    many = make_contest({f"x/{n}": "1" * n + "0" * (20 - n) for n in range(20)})
    text = " ".join(printed(many).split())
    assert text.count("shared items") == 6
    assert "190 pairs of models: in " in text
    assert "the 6 pairs nearest to the line between decided and not" in text
    assert "Ranks that are possible: T 1–13, S 1–14, " in text


LONG = "openrouter/a-company-with-a-long-name/a-model-with-a-very-long-name-instruct"


def test_long_names_are_marks_in_verdicts_with_a_legend(make_contest):
    names = [f"{LONG}-{n}" for n in range(3)]
    results = dict(zip(names, ("1" * 30, "0" * 30, "10" * 15), strict=True))
    text = printed(make_contest(results, stop=Stop(compare=tuple(names[:2]))), width=100)
    lines = text.splitlines()
    assert [line for line in lines if line.startswith(("A: ", "B: ", "C: "))][:3] == [
        f"{mark}: {name}" for mark, name in zip("ABC", names, strict=True)
    ]
    assert "A better: 100.0 points above B (e-value " in text
    assert "A better: 50.0 points above C (95 % interval " in text
    assert text.count(LONG) == 3


def test_a_verdict_by_marks_is_the_verdict_with_other_names(make_contest):
    record = make_contest(
        {"x/1": "1" * 60, "x/2": "10" * 30, "x/3": "01" * 30, "x/4": "1" * 10 + "0" * 50},
        families={"main": (("x/1", "x/2"),)}, stop=Stop(compare=("x/2", "x/3"), margin=0.1),
    )  # fmt: skip
    summary = summarize(record)
    own = {name: name for name in record_models(record)}
    watched = summary.followed
    assert by_mark.decision_of(watched, own) == watched.verdict.sentence
    others = [one for one in summary.findings if (one.a, one.b) != (watched.a, watched.b)]
    assert len(others) == 5
    for one in others:
        assert by_mark.sentence_of(one, own) == one.verdict.sentence


def record_models(record):
    return [card.reference for card in record.models]


def test_a_decision_and_predictions_are_printed_once(make_contest):
    forecast = (Prediction("[red]A wins", "comparison", 0.8, "x/a", over="x/b"),)
    record = make_contest({"x/a": "1" * 30, "x/b": "0" * 30}, stop=Stop(), forecast=forecast)
    text = " ".join(printed(record).split())
    followed = summarize(record).followed
    assert text.count(followed.verdict.sentence) == 1
    assert f"{followed.items} of 30 planned items used." in text
    assert "Prediction, hit: [red]A wins (score of x/a above that of x/b; probability 0.8" in text
    assert "1/1 predictions came true" in text
    assert f"by ada, SHA-256 {record.committed.digest}." in text
