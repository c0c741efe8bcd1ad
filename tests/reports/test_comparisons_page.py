"""Comparisons, decision and predictions in the page: all there, all linked, nothing acts."""

import html as text_of
import re
from html.parser import HTMLParser

import msgspec
import pytest

from ossay.campaign.stop import Stop
from ossay.core.predictions import Prediction
from ossay.reports import by_mark
from ossay.reports.html import html_report
from ossay.reports.summary import summarize

A, B = "x/a", "x/b"
EVIL = "x/</title></script><script>alert(1)</script>\"'><img src=x>{{7*7}}\x1b[31m\u202e"


def page(record):
    return html_report(record, lambda _: None)


def section(html, name):
    found = re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL)
    return found.group() if found else ""


def words(html):
    return " ".join(text_of.unescape(re.sub("<[^>]*>", " ", html)).split())


def test_every_verdict_is_there_word_for_word(make_campaign):
    record, transcripts = make_campaign(models=4)
    html = html_report(record, transcripts)
    found = words(section(html, "comparisons"))
    summary = summarize(record)
    assert len(summary.findings) == 6
    names = by_mark.names_of({model.reference: model.mark for model in summary.models})
    assert set(names.values()) == set("ABCD")  # one is too long for a sentence
    for one in summary.findings:
        assert by_mark.sentence_of(one, names) in found
    for model in summary.models:
        assert model.reference in found
    assert html.count('href="#comparisons"') == 3  # the contents, score and cost


def test_each_differing_item_links_to_the_two_runs_behind_it(make_contest):
    record = make_contest({A: "1100e", B: "10100"})
    shown = section(page(record), "comparisons")
    assert re.findall(r'href="#(run-[^"]*)">([^<]*)', shown) == [
        ("run-x%2Fa-1", "passed"), ("run-x%2Fb-1", "wrong answer"),
        ("run-x%2Fa-2", "wrong answer"), ("run-x%2Fb-2", "passed"),
    ]  # fmt: skip
    assert "infrastructure error 1. None counts as a failure." in words(shown)


def test_attempts_that_were_averaged_show_their_means(make_campaign):
    record, transcripts = make_campaign(models=2, tasks=6)
    few = msgspec.structs.replace(record, runs=record.runs[:-1])
    (one,) = summarize(few).findings
    shown = section(html_report(few, transcripts), "comparisons")
    if one.averaged:
        assert "mean " in words(shown)
    else:
        assert "attempt 3" in words(shown)


def test_fifty_items_a_pair_are_in_the_page_and_the_command_that_lists_all(make_contest):
    record = make_contest({A: "1" * 90, B: "0" * 80 + "1" * 10})
    shown = section(page(record), "comparisons")
    assert shown.count("passed</a>") == 50
    assert "30 items more on which they differ:" in words(shown)
    assert "ossay compare x/a x/b --in night --intersect --all" in words(shown)


def test_a_model_named_like_an_option_is_no_option_of_the_command(make_contest):
    record = make_contest({"-rf": "1" * 60, "b; ls": "0" * 60})
    shown = words(section(page(record), "comparisons"))
    assert "ossay compare --in night --intersect --all -- -rf 'b; ls'" in shown


def test_ranks_name_the_models_that_cannot_be_told_from_each(make_contest):
    record = make_contest({A: "1" * 30, B: "1" * 29 + "0", "x/c": "0" * 30})
    shown = words(section(page(record), "comparisons"))
    assert "A x/a 1–2 100%" in shown
    assert "B x/b 1–2 96.7%" in shown
    assert "C x/c 3 0%" in shown
    assert "nobody" in shown


def test_a_model_that_is_tied_with_all_others_says_so_once(make_contest):
    shown = words(
        section(page(make_contest({f"x/{n}": "10" * 9 for n in range(6)})), "comparisons")
    )
    assert shown.count("any of the others") == 6


def test_two_intervals_of_one_score_are_told_apart(make_contest):
    results = {A: "1" * 20, B: "10" * 10}
    said = "narrower"
    assert said in words(section(page(make_contest(results, tasks=5)), "comparisons"))
    assert said not in words(section(page(make_contest(results)), "comparisons"))


def test_the_decision_that_the_plan_asked_for_stands_with_the_score(make_contest):
    record = make_contest({A: "1" * 30, B: "0" * 30, "x/c": "0" * 30}, stop=Stop(compare=(A, B)))
    sentence = summarize(record).followed.verdict.sentence
    assert sentence in words(section(page(record), "score"))


def test_one_model_has_no_comparisons(make_campaign):
    html = html_report(*make_campaign(models=1, tasks=2))
    for name in ("comparisons", "stopping", "predictions"):
        assert section(html, name) == ""
        assert f'href="#{name}"' not in html


def test_twenty_five_models_are_a_small_page_with_what_is_decided(make_contest):
    results = {f"x/m{n}": "1" * (3 * n) + "0" * (72 - 3 * n) for n in range(25)}
    record = make_contest(results)
    html = page(record)
    shown = section(html, "comparisons")
    decided = sum(one.verdict.kind != "not_enough_data" for one in summarize(record).findings)
    assert 100 < decided < 290
    assert shown.count("<details") == decided + 10 + 1
    assert f"{290 - decided} more pairs far from a decision" in words(shown)
    assert len(shown) < 500_000
    assert shown.count("<svg") == 2


def test_the_decision_on_the_way_has_its_path_and_what_it_saved(make_contest):
    results = {A: "1" * 6 + "e" + "1" * 9 + "." * 84, B: "0" * 16 + "." * 84}
    record = make_contest(results, stop=Stop(), order="interleaved", stopped="decided")
    # The order of the plan is shuffled, so the runs are given to the items that it takes first.
    record = in_order(record)
    followed = summarize(record).followed
    assert (followed.reason, followed.without_result) == ("decided", 1)
    html = page(record)
    shown = words(section(html, "stopping"))
    assert followed.verdict.sentence in shown
    assert f"{followed.items} of 100 planned" in shown
    assert f"decided at item {followed.items}" in shown
    assert "Runs saved 168 of 200" in shown
    assert section(html, "stopping").count("<svg") == 1
    assert "Over as its plan asked" in words(html)


def in_order(record):
    """Move the finished runs to the first items of the plan's order."""
    from ossay.campaign.order import item_of, shuffled

    order = shuffled({item_of(run.key) for run in record.runs}, 1)
    places = {item: place for place, item in enumerate(order)}
    given = {(run.key.model, int(run.key.task[1:])): run for run in record.runs}
    runs = []
    for run in record.runs:
        like = given[run.key.model, places[item_of(run.key)]]
        runs.append(msgspec.structs.replace(run, state=like.state, outcome=like.outcome))
    return msgspec.structs.replace(record, runs=tuple(runs))


def test_a_campaign_that_watches_and_has_no_result_yet(make_contest):
    html = page(make_contest({A: "." * 9, B: "." * 9}, stop=Stop()))
    assert "Not enough data: no item has a result of both" in words(section(html, "stopping"))
    assert "<svg" not in section(html, "stopping")


FORECAST = (
    Prediction("A is good", "range", 0.8, A, low=0.9, high=1.0),
    Prediction("B is good", "boolean", 0.6, B, low=0.9),
    Prediction("A talks a lot", "range", 0.7, A, metric="output_tokens", low=1.0, high=2.0),
)


def test_predictions_are_shown_with_what_came_of_them(make_contest):
    record = make_contest({A: "1" * 10, B: "0" * 10}, forecast=FORECAST)
    html = page(record)
    shown = words(section(html, "predictions"))
    assert "1/2 predictions came true, 1.4 were expected by their probabilities, 1 open." in shown
    assert "95% interval: 9.5–90.5%" in shown
    assert "A is good score of x/a: 90% to 100% range 80% 100% hit 0.040 0.223" in shown
    assert "B is good score of x/b: at least 90% boolean 60% 0% miss 0.360 0.916" in shown
    assert "open: output_tokens of 10 runs of 'x/a' are not known range 70% – open – –" in shown
    assert record.committed.digest in shown
    assert "Made by ada and kept in the ledger on 2026-11-21 09:58 UTC" in shown


def test_predictions_that_were_changed_are_not_scored_and_it_is_said(make_contest):
    record = make_contest({A: "1" * 10, B: "0" * 10}, forecast=FORECAST)
    changed = msgspec.structs.replace(record.committed.predictions[0], probability=0.99)
    committed = msgspec.structs.replace(record.committed, predictions=(changed, *FORECAST[1:]))
    html = page(msgspec.structs.replace(record, committed=committed))
    assert "were changed after they were committed" in words(html)
    shown = words(section(html, "predictions"))
    assert "can't be believed, so nothing is scored" in shown
    assert "none can be added" not in shown
    assert "hit" not in shown


class Tags(HTMLParser):
    """The tags with the names of their attributes, and the text outside of script and style."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text, self._raw = [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, *(name for name, _ in attrs)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._raw = False

    def handle_data(self, data):
        self.text += "" if self._raw else data


@pytest.mark.parametrize("results", [("1" * 60, "0" * 60), ("." * 5, "." * 5), ("ee", "11")])
def test_hostile_names_and_statements_are_text_everywhere(make_contest, results):
    def made(name, family):
        other = f"{name}2"
        forecast = (
            Prediction(name, "comparison", 0.5, name, over=other, task="t0"),
            Prediction(f"{name}!", "range", 0.5, other, low=0.0, high=0.5, metric="seconds"),
        )
        return make_contest(
            dict(zip((name, other), results, strict=True)),
            forecast=forecast, stop=Stop(margin=0.1), families={family: ((name, other),)},
        )  # fmt: skip

    record = made(EVIL, "<b>")
    html = page(record)
    tags = Tags(html)
    assert tags.found == Tags(page(made("x/a", "b"))).found
    assert EVIL.replace("\x1b", "␛").replace("\u202e", "⟨U+202E⟩") in tags.text
    assert by_mark.decision_of(summarize(record).followed, {EVIL: "A", f"{EVIL}2": "B"}) in html
    assert "alert(1)" not in "".join(re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL))
    assert not {"\x1b", "\u202e"} & set(html)
    for drawing in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        assert "alert" not in drawing


def test_the_same_campaign_gives_the_same_bytes(make_contest):
    record = make_contest(
        {A: "10" * 40, B: "01" * 40}, tasks=20, forecast=FORECAST, stop=Stop(compare=(B, A))
    )
    assert page(record) == page(record)
