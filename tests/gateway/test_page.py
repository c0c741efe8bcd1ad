"""The page at GET /: what it says, in what words, and that nothing in it acts."""

import re
from html.parser import HTMLParser

import pytest

from ossay.core.decision import Audit, Called, Decision
from ossay.core.errors import ConfigError
from ossay.core.types import Usage
from ossay.gateway import figures
from ossay.gateway.map import Dot, draw
from ossay.gateway.page import render
from ossay.gateway.published import published, read_figures
from ossay.gateway.seen import Seen
from ossay.gateway.view import look
from ossay.router.planner import ByTable
from ossay.router.route import Route

HOSTILE = "<script>document.title='owned'</script>\u202egnp\x1b[2J"


class Text(HTMLParser):
    """The text of a page by section, and the tags that it has."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.sections, self._at = set(), {"": []}, ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "section":
            self._at = dict(attrs)["id"]
            self.sections[self._at] = []

    def handle_data(self, data):
        self.sections[self._at].append(data)

    def __getitem__(self, section):
        return " ".join(" ".join(self.sections[section]).split())


def decision(number, **more):
    call = Called("draft", "scripted/cheap", "answered", usage=Usage(100, None, 50),
                  cost_usd=1e-4, seconds=0.5)  # fmt: skip
    fields = {
        "id": f"{number:032x}", "at": 1.7e9 + number, "route": "support", "criticality": "low",
        "declared": "low", "declared_by": "route", "plan": "cheap", "plan_why": "low criticality",
        "ending": "draft", "request_hash": "h", "calls": (call,), "cost_usd": 1e-4, "seconds": 0.5,
    }  # fmt: skip
    return Decision(**{**fields, **more})


@pytest.fixture
def shown(house):
    """(entries) -> the page of a gateway that has counted them."""

    def show(*entries, route=None, planner=None):
        seen = Seen(None, now=lambda: 1.7e9, monotonic=lambda: 5.0)

        async def write():
            for entry in entries:
                await seen.log.append(entry, {}, durable=False)

        house.run(write())
        parts = house.lane(Route(route or "support"), planner=planner or ByTable()).router.parts
        page = render(look(seen, seen.state([parts]), published(), in_flight=2))
        return page, Text(page.html.decode())

    return show


def test_without_a_request_it_says_what_to_do_and_what_is_unknown(shown):
    _, text = shown()
    assert "No request yet." in text["traffic"]
    assert "Nothing is known" in text["escapes"]
    assert "audit_share" in text["escapes"]
    assert "No draft was judged yet." in text["validator"]
    assert "Nothing was timed yet." in text["latency"]
    assert "None: no part of the traffic" in text["strata"]
    assert "None yet." in text["recent"]
    assert "unknown" in text[""]


def test_traffic_is_told_by_plan_and_ending(shown):
    validated = [
        decision(n, plan="validate", ending="repair", ruling="repair", why="repaired")
        for n in range(10, 13)
    ]
    _, text = shown(*map(decision, range(5)), decision(5, ending="left"), *validated)
    assert "Cheap 6 5 draft as it was , 1 caller left" in text["traffic"]
    assert "Draft and validate 3 3 draft repaired" in text["traffic"]
    assert "Drafts judged 3" in text["validator"]
    assert "2023-11-14 22:13:32 UTC" in text["recent"]
    assert "repaired" in text["recent"]


def test_the_bound_on_escapes_has_its_sentence(shown):
    drafts = [decision(n, audit_chance=1.0, audited=True, answer_hash="a") for n in range(200)]
    audits = [Audit(f"a{n}", drafts[n].id, 1.8e9, 1.0, n == 0, "a") for n in range(200)]
    _, text = shown(*drafts, *audits)
    said = re.search(r"At most ([\d.]+)% of 200 answers were wrong, as the auditor judges\.",
                     text["escapes"])  # fmt: skip
    assert 0.5 < float(said[1]) < 6.0
    assert "with 95% confidence at every moment, however often you look" in text["escapes"]
    assert "The estimate is 0.5%." in text["escapes"]


def test_cost_is_set_against_always_strong(shown):
    strong = Called("strong", "scripted/strong", "answered", usage=Usage(100, None, 50),
                    cost_usd=1e-2, seconds=2.0)  # fmt: skip
    both = [
        decision(n, plan="validate", ending="strong", calls=(decision(n).calls[0], strong),
                 cost_usd=1.01e-2)
        for n in range(10)
    ]  # fmt: skip
    _, text = shown(*both, *map(decision, range(10, 100)))
    assert "The strong model alone, about $1.00" in text["cost"]
    assert "Saved, audits counted as spent 89%" in text["cost"]


def test_a_tripped_stratum_is_told_at_the_top(shown):
    planner = ByTable()
    planner.trip("support/low", "about 7.1% of 1,240 requests escaped, 5.0% were promised")
    _, text = shown(planner=planner)
    assert "1 of the strata is tripped" in text[""]
    assert "support/low : about 7.1% of 1,240 requests" in text["strata"]


def test_a_cached_answer_says_so(shown):
    _, text = shown(decision(1, why="cached: the answer of 0000", calls=(), cost_usd=0.0))
    assert "from the cache" in text["recent"]
    assert "1 from the cache" in text[""]


def test_names_from_a_file_stay_text(shown):
    page, text = shown(decision(1, route=HOSTILE, key=HOSTILE, plan_why=HOSTILE, why=HOSTILE),
                       route=HOSTILE)  # fmt: skip
    assert not {"script", "img", "iframe", "object", "form"} & text.tags
    assert "<script>document.title='owned'</script>⟨U+202E⟩gnp␛[2J" in text["recent"]
    assert "\u202e" not in page.html.decode()
    assert "\x1b" not in page.html.decode()


def test_the_policy_allows_the_page_its_style_and_nothing_else(shown):
    page, _ = shown()
    assert page.policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in page.policy
    assert "frame-ancestors 'none'" in page.policy
    html = page.html.decode()
    assert " style=" not in html
    assert "http-equiv" not in html
    assert set(re.findall(r'(?:src|href)="([^"]*)"', html)) <= {
        "data:,", "/", *(f"#{name}" for name in
                         ("traffic", "cost", "escapes", "validator", "latency", "models", "strata",
                          "map", "recent")),
    }  # fmt: skip


def test_every_published_figure_has_a_date_and_a_source(shown):
    _, text = shown()
    for one in published():
        for what in (one.price, one.speed, one.quality):
            if what is not None:
                assert f"{what.source}, {what.date}" in text["map"]
    assert {one.model for one in published()} == {"gpt-oss-120b", "gpt-oss-20b"}


@pytest.mark.parametrize(("date", "source"), [("", "x"), ("2026", "x"), ("2026-11-21", " ")])
def test_a_figure_without_date_or_source_is_refused(date, source):
    text = f"""
        [[figures]]
        model = "m"
        host = "h"
        speed = {{ value = 1.0, date = "{date}", source = "{source}" }}
    """
    with pytest.raises(ConfigError, match="needs a date"):
        read_figures(text, source="own.toml")


def test_own_models_are_on_the_map_once_they_were_timed(shown, house):
    _, before = shown(decision(1))
    assert "scripted/cheap $0.00 in, $0.00 out" in before["map"]
    assert "unknown" in before["map"]
    page, after = shown(*map(decision, range(5)))
    assert "100 measured here, 5 answers" in after["map"]
    assert page.html.count(b'<g class="own">') == 1


def test_the_map_keeps_marks_apart_and_inside():
    dots = [Dot(str(n), True, 0.2, 100.0, 50.0) for n in range(8)]
    dots += [Dot("F", False, 0.0, 1e6), Dot("G", False, 1e4, 0.1, 99.0)]
    drawn = draw(dots)
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    assert len(places) == len(set(places)) == len(dots)
    assert all(0 < x < 330 and 0 < y < 260 for x, y in places)
    assert ">free<" in drawn
    assert draw([]) == draw([Dot("A", True, 1.0, 0.0)]) == ""


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (figures.percent, 0.0, "0%"), (figures.percent, 1e-9, "<0.1%"),
        (figures.percent, 0.9999, ">99.9%"), (figures.percent, None, "unknown"),
        (figures.usd, None, "unknown"), (figures.usd, 0.00012345, "$0.000123"),
        (figures.usd, 1234.5, "$1,234.50"), (figures.price, 0.075, "$0.075"),
        (figures.price, 0.6, "$0.60"), (figures.seconds, 0.0004, "0.4 ms"),
        (figures.seconds, 0.35, "350 ms"), (figures.seconds, 200.0, "3 min 20 s"),
        (figures.seconds, float("nan"), "unknown"), (figures.moment, 1e30, "unknown"),
        (figures.speed, 1234.0, "1,234"), (figures.speed, 0.1234, "0.123"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(write, value, text):
    assert write(value) == text
