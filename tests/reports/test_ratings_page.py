"""The page's sections of ratings, map, verbosity and answers, and the same in a terminal."""

import base64
import gzip
import io
import json
import re

from msgspec.structs import replace
from rich.console import Console

from ossay.reports.html import html_report
from ossay.reports.judgements import Judgements
from ossay.reports.summary import summarize
from ossay.reports.terminal import print_report
from ossay.reports.tradeoff import tradeoffs


def unpacked(html, mark):
    (found,) = re.findall(rf"<script[^>]*{mark}>([^<]*)<", html)
    return json.loads(gzip.decompress(base64.b64decode(found)))


def printed(summary, width=80):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    print_report(summary, console)
    return console.file.getvalue()


def test_every_section_is_there_with_its_numbers(make_rated):
    record, transcripts, said = make_rated()
    html = html_report(record, transcripts, said)
    for name in ("ratings", "map", "verbosity", "answers"):
        assert f'<section id="{name}"' in html
        assert f'href="#{name}"' in html
    summary = summarize(record, said)
    assert f"{summary.ratings.averages[0].value:.2f}" in html
    assert "can give no p below 0.0625" in html
    assert "7 could, if all of them went one way" in html
    assert "2026-11-20" in html.partition('id="map"')[2]


def test_a_judge_is_named_one_and_stands_apart(make_rated):
    record, transcripts, said = make_rated()
    html = html_report(record, transcripts, said)
    assert html.index("Ratings by a judge model") > html.index("Which differences are real")
    assert "They are not people&#39;s" in html
    only = Judgements(tuple(r for r in said.ratings if r.kind == "model"), said.rubrics)
    html = html_report(record, transcripts, only)
    assert "There are no ratings by people here" in html
    assert "Which differences are real" not in html


def test_a_campaign_of_another_kind_has_none_of_it(make_campaign):
    html = html_report(*make_campaign(tasks=1))
    for name in ("ratings", "verbosity", "answers"):
        assert f'id="{name}"' not in html


def test_answers_come_with_checks_and_ratings_all_visible(make_rated):
    html = html_report(*make_rated())
    problems = unpacked(html, 'id="problems"')
    assert len(problems) == 5
    assert all(len(runs) == 3 for runs in problems)
    about = unpacked(html, 'id="about"')
    answer = about[problems[0][0]]
    assert ["prose characters", "0"] in answer["checks"]
    people = [one for one in answer["ratings"] if not one["judge"]]
    assert len(people) == 2
    assert any("points" in item or "(+" in item for item in people[0]["items"])
    assert "⟨U+202E⟩" in people[1]["who"]
    assert "\u202e" not in json.dumps(about, ensure_ascii=False)


def test_facts_of_anyone_are_shown_and_none_acts(make_rated):
    record, transcripts, said = make_rated(models=1)
    facts = {"\u202e<img src=x>": 10**5000, "b\x1b]0;": float("nan"), "characters": -1}
    runs = tuple(replace(run, facts=facts) for run in record.runs)
    html = html_report(replace(record, runs=runs), transcripts, said)
    checks = unpacked(html, 'id="about"')["c0000"]["checks"]
    assert checks[0] == ["⟨U+202E⟩<img src=x>", "a very large number"]
    assert "\x1b" not in checks[1][0]
    assert 'id="verbosity"' not in html


def test_pictures_are_allowed_only_where_there_are_some_and_no_picture_is_no_picture(make_rated):
    record, transcripts, said = make_rated()
    html = html_report(record, transcripts, said)
    assert "img-src data:;" in html
    assert html.count("data-picture=") == 3
    fake = Judgements(said.ratings, said.rubrics, lambda run, name: b"<svg onload=alert(1)>")
    html = html_report(record, transcripts, fake)
    assert "img-src" not in html
    assert "data-picture=" not in html.replace("script[data-picture]", "")


def test_pictures_take_only_what_transcripts_leave(make_rated):
    html = html_report(*make_rated(), embed_chars=0)
    assert 'data-picture="' not in html
    assert 'data-run="' not in html


def test_the_terminal_says_the_same(make_rated):
    record, _, said = make_rated()
    summary = summarize(record, said)
    text = " ".join(printed(summary).split())
    assert "mean rating by people" in text
    assert "mean by a judge model" in text
    assert f"{summary.ratings.averages[0].value:.2f}" in text
    assert "can give no p below 0.0625" in text
    assert "They are not people's" in text
    assert "characters" in text
    assert all(len(line) <= 80 for line in printed(summary).split("\n"))


def test_the_map_goes_by_ratings_only_where_all_models_have_some(make_rated):
    record, _, said = make_rated()
    summary = summarize(record, said)
    assert {one.by for one in summary.tradeoffs} == {"rating"}
    assert summary.tradeoffs[0].quality == summary.ratings.averages[0].value
    first = {run.id for run in record.runs if run.key.model == record.models[0].reference}
    some = Judgements(tuple(r for r in said.ratings if r.run in first), said.rubrics)
    found = tradeoffs(summary.models, summarize(record, some).ratings)
    assert {one.by for one in found} == {"score"}
    assert found[0].quality == summary.models[0].score.rate
