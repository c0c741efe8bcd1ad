"""The page as text: complete, self-contained, and nothing a model wrote is HTML in it."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser

import msgspec

from ossay.core.records import CampaignRecord, RunKey, RunRecord
from ossay.core.types import Message, ModelCard
from ossay.reports.html import html_report, write_html
from ossay.reports.summary import summarize


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of script and style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._raw = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._raw = False

    def handle_data(self, data):
        if not self._raw:
            self.text += data


def packed(html: str, run_id: str) -> list[dict[str, str]]:
    found = re.search(rf'data-run="{run_id}">([^<]*)<', html)
    return json.loads(gzip.decompress(base64.b64decode(found.group(1)))) if found else []


def test_it_needs_nothing_from_outside(make_campaign):
    page = Page(html_report(*make_campaign()))
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "style", "srcset", "background"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")


def test_its_policy_allows_its_own_style_and_script_only(make_campaign):
    html = html_report(*make_campaign(tasks=1))
    (policy,) = [
        attributes["content"]
        for tag, attributes in Page(html).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_every_part_of_the_report_is_there(make_campaign):
    record, transcripts = make_campaign()
    html = html_report(record, transcripts)
    page = Page(html)
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert ids >= {"score", "tasks", "repeat", "cost", "outcomes", "speed", "runs", "made"}
    model = summarize(record).models[0]
    for said in (
        f"{model.score.passed}/{model.score.n} runs", "exact:", "Not enough data: ",
        "pass^k", "Tokens/s", record.command, "concurrency = 5", "2026-11-20", "groq.com/pricing",
        "bubblewrap", "unknown", "seed 1, attempt 3",
    ):  # fmt: skip
        assert said in page.text or said in html, said
    assert html.count("<svg") == 3 + 1 + 1 + 3 + 3 + 2
    for run in record.runs:
        assert f'href="#run-{run.id}"' in html


def test_the_same_record_gives_the_same_page(make_campaign, tmp_path):
    record, transcripts = make_campaign(tasks=2)
    html = html_report(record, transcripts)
    assert html_report(record, transcripts) == html
    write_html(record, transcripts, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == html


EVIL = "evil/</title></script><script>alert(1)</script>\"'><img src=x>{{7*7}}\x1b[31m\u202e\ud800"


def test_text_from_outside_is_never_markup():
    key = RunKey(EVIL, EVIL, EVIL, 1, 1)
    run = RunRecord(EVIL, key, state="finished", reason=EVIL, error=EVIL)
    card = ModelCard(EVIL, details={EVIL: EVIL})
    record = CampaignRecord(EVIL, 0.0, EVIL, EVIL, (card,), {EVIL: EVIL}, {EVIL: EVIL}, (run,))
    html = html_report(record, lambda _: None)
    page = Page(html)
    own = Page(html_report(CampaignRecord("c", 0.0, "", "", (card,), {}, {}, ()), lambda _: None))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in own.tags} | {"a", "code"}
    assert "alert(1)" not in "".join(re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL))
    assert "{{7*7}}" in page.text
    assert not {"\x1b", "\u202e", "\ud800"} & set(html)


def test_a_transcript_is_carried_as_visible_text(make_campaign):
    record, transcripts = make_campaign(tasks=1)
    blocks = packed(html_report(record, transcripts), record.runs[0].id)
    said = [block["text"] for block in blocks if block["kind"] == "assistant"][-1]
    assert said.startswith("<script>document.title=")
    assert "␛]0;owned␇" in said
    assert "⟨U+202E⟩" in said


def test_failing_runs_come_first_and_what_is_left_out_is_said(make_campaign):
    record, transcripts = make_campaign(tasks=4)
    html = html_report(record, transcripts, embed_chars=8_000)
    embedded = {run.id for run in record.runs if f'data-run="{run.id}"' in html}
    failing = {
        run.id for run in record.runs if run.outcome not in ("passed", "infrastructure_error")
    }
    assert embedded
    assert embedded < failing
    assert f"{len(record.runs) - len(embedded)} transcripts did not fit into this page" in html
    assert "did not fit" not in html_report(record, transcripts)


def test_five_megabytes_of_output_stay_small(make_campaign):
    record, transcripts = make_campaign(tasks=1)
    known = transcripts(record.runs[0].id)
    reply = known.steps[0].reply
    message = Message("assistant", "A" * 5_000_000)
    step = msgspec.structs.replace(
        known.steps[0], reply=msgspec.structs.replace(reply, message=message)
    )
    long = msgspec.structs.replace(known, steps=(step,))
    html = html_report(record, lambda run_id: long if run_id == record.runs[0].id else None)
    assert len(html) < 500_000
    (text,) = [b["text"] for b in packed(html, record.runs[0].id) if b["kind"] == "assistant"]
    assert len(text) == 5_000_000


def test_a_campaign_without_results_is_a_page_that_says_so():
    key = RunKey("a/b", "s", "t", 1, 1)
    record = CampaignRecord(
        "planned", 0.0, "ossay run", "", (ModelCard("a/b"),), {"s": "1"}, {},
        (RunRecord("r1", key),), stopped="interrupted",
    )  # fmt: skip
    text = Page(html_report(record, lambda _: None)).text
    assert "the campaign was interrupted" in text
    assert "no run counts" in text
    assert "0%" not in text.replace("0%50%100%", "").replace("50%", "").replace("100%", "")


def test_many_attempts_show_round_ks_only(make_campaign):
    html = html_report(*make_campaign(models=1, tasks=1, attempts=40))
    rows = re.search(r'id="repeat".*?</section>', html, re.DOTALL)
    ks = re.findall(r'<tr>(?:\s*<th.*?</th>)?\s*<td class="num">(\d+)</td>', rows.group())
    assert ks[:7] == ["1", "2", "3", "4", "5", "10", "20"]
    assert len(ks) == 8
    assert "<svg" in rows.group()


def test_one_attempt_says_nothing_about_repetition(make_campaign):
    html = html_report(*make_campaign(models=1, tasks=2, attempts=1))
    assert "Every task was run once" in html
