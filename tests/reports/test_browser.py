"""The page in a real Chromium, opened from a file: it works, stays inside, and nothing acts."""

import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ossay.campaign.stop import Stop
from ossay.core.predictions import Prediction
from ossay.core.types import Message
from ossay.reports.html import html_report

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE_S = 30.0

# Chromium reads commands from file descriptor 3 and answers on 4.
AS_3_AND_4 = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Chromium:
    """A browser that speaks the DevTools protocol over two pipes, one page open in it."""

    def __init__(self, program: str, profile: Path) -> None:
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", AS_3_AND_4, str(commands), str(answers),
             program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(commands, answers), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._buffer = b""
        self._ids = itertools.count(1)
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def start(self) -> None:
        """Open the one page and listen to it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def evaluate(self, script: str) -> Any:
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until a script is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.evaluate(f"Boolean({script})"):
            assert time.monotonic() < deadline, f"never became true: {script}"
            time.sleep(0.02)

    def open(self, path: Path, *, width: int = 1280, scheme: str = "light", at: str = "") -> None:
        """Open a page, afresh."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.call("Page.navigate", url="about:blank")
        self.wait_for("location.href === 'about:blank' && document.readyState === 'complete'")
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri() + at)
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")

    def complaints(self) -> list[Any]:
        """Errors and messages on the console, and requests for anything but the page itself."""
        found: list[Any] = []
        for event in self.events:
            if event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                found.append(event["params"])
            elif event["method"] == "Log.entryAdded":
                found.append(event["params"]["entry"])
            elif event["method"] == "Network.requestWillBeSent":
                url = event["params"]["request"]["url"]
                page = url.startswith("file:") and url.partition("#")[0].endswith(".html")
                if not page and not url.startswith("data:image/png;base64,"):
                    found.append(url)
        return found

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._write, b'{"id": 0, "method": "Browser.close"}\0')
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], PATIENCE_S)
            data = os.read(self._read, 1 << 20) if ready else b""
            assert data, "the browser does not answer"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Chromium]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing = "no Chromium on this machine; Debian: apt-get install chromium"
        if "browser" in os.environ.get("OSSAY_REQUIRE", ""):
            pytest.fail(missing)
        pytest.skip(missing)
    chromium = Chromium(program, tmp_path_factory.mktemp("profile"))
    try:
        chromium.start()
        yield chromium
    finally:
        chromium.close()


@pytest.fixture(scope="module")
def page(make_campaign, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html_report(*make_campaign()), encoding="utf-8")
    return path


def failed_run(make_campaign) -> str:
    record, _ = make_campaign()
    return next(run.id for run in record.runs if run.outcome == "wrong_answer")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_wider_than_the_screen_and_nothing_is_asked_for(browser, page, width, scheme):
    browser.open(page, width=width, scheme=scheme)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    outside = """[...document.querySelectorAll('main *')].filter(e => {
        const box = e.getBoundingClientRect();
        return box.right > innerWidth + 1 && box.width && !e.closest('.scroll, svg, pre');
    }).length"""
    assert browser.evaluate(outside) == 0
    assert browser.complaints() == []


def test_light_and_dark_differ_and_both_are_readable(browser, page):
    brightness = """(property) => {
        const rgb = getComputedStyle(document.querySelector('section'))[property];
        return rgb.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
    }"""
    seen = {}
    for scheme in ("light", "dark"):
        browser.open(page, scheme=scheme)
        seen[scheme] = [
            browser.evaluate(f"({brightness})('{name}')") for name in ("backgroundColor", "color")
        ]
    assert seen["light"][0] - seen["light"][1] > 500
    assert seen["dark"][1] - seen["dark"][0] > 500


# Names in charts that reach beyond the chart's own frame.
CUT_OFF = """[...document.querySelectorAll('.chart text')].filter(text => {
    const box = text.getBoundingClientRect();
    const frame = text.ownerSVGElement.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1;
}).map(text => text.textContent)"""


def test_no_name_in_a_chart_is_cut_off(browser, page):
    browser.open(page, width=390)
    assert browser.evaluate(CUT_OFF) == []
    small = """Math.min(...[...document.querySelectorAll('.chart text')]
        .map(text => text.getBoundingClientRect().height))"""
    assert browser.evaluate(small) >= 10


def test_a_transcript_opens_and_hostile_text_stays_text(browser, page, make_campaign):
    run_id = failed_run(make_campaign)
    browser.open(page)
    title = browser.evaluate("document.title")
    browser.evaluate(f"document.querySelector('a[href=\"#run-{run_id}\"]').click()")
    browser.wait_for("document.querySelectorAll('#transcript .block').length > 3")
    text = browser.evaluate("document.getElementById('transcript').innerText")
    assert "<script>document.title='owned'</script>" in text
    assert "⟨U+202E⟩gnp.exe" in text
    assert "wrong answer" in text
    assert browser.evaluate("document.title") == f"Run {run_id} – {title}"
    assert (
        browser.evaluate("document.querySelectorAll('#transcript img, #transcript script').length")
        == 0
    )
    assert browser.evaluate("document.getElementById('report').hidden")
    browser.evaluate("history.back()")
    browser.wait_for("!document.getElementById('report').hidden")
    assert browser.evaluate("document.title") == title
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_link_to_a_transcript_opens_it_at_once(browser, page, make_campaign, width):
    browser.open(page, at=f"#run-{failed_run(make_campaign)}", width=width)
    browser.wait_for("document.querySelectorAll('#transcript .block').length > 3")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.complaints() == []


def test_a_link_to_no_run_says_so(browser, page):
    browser.open(page, at="#run-%3Cimg%20src=x%3E")
    browser.wait_for("document.querySelector('#transcript section')")
    text = browser.evaluate("document.getElementById('transcript').innerText")
    assert "Run <img src=x>" in text
    assert "knows no run of that name" in text
    assert browser.complaints() == []


def test_the_list_of_runs_is_filtered_by_a_choice_and_by_a_cell(browser, page, make_campaign):
    record, _ = make_campaign()
    shown = "[...document.querySelectorAll('.runs tbody tr')].filter(r => r.offsetParent).length"
    browser.open(page)
    assert browser.evaluate(shown) == len(record.runs)
    browser.evaluate("""{
        const choice = document.querySelector('.filters').elements.outcome;
        choice.value = 'failed';
        choice.dispatchEvent(new Event('input', { bubbles: true }));
    }""")
    failed = [r for r in record.runs if r.outcome not in ("passed", "infrastructure_error")]
    assert browser.evaluate(shown) == len(failed)
    assert f"{len(failed)} of {len(record.runs)}" in browser.evaluate(
        "document.querySelector('.filters output').textContent"
    )
    browser.evaluate("document.querySelector('.heat td a').click()")
    assert browser.evaluate(shown) == 3


def test_everything_that_can_be_chosen_can_be_reached_by_keyboard(browser, page):
    browser.open(page)
    reached = set()
    for _ in range(60):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", windowsVirtualKeyCode=9)
        reached.add(browser.evaluate("document.activeElement.closest('nav, section')?.id || 'nav'"))
    assert {"nav", "score", "tasks", "repeat", "cost"} <= reached


def test_five_megabytes_are_shown_piece_by_piece(browser, make_campaign, tmp_path):
    record, transcripts = make_campaign(tasks=1)
    run_id = record.runs[0].id
    known = transcripts(run_id)
    flood = Message("assistant", "<b>x\u202e\x1b[2J" * 500_000)
    reply = msgspec.structs.replace(known.steps[0].reply, message=flood)
    steps = (msgspec.structs.replace(known.steps[0], reply=reply, results=()),)
    long = msgspec.structs.replace(known, steps=steps)
    path = tmp_path / "report.html"
    path.write_text(html_report(record, {run_id: long}.get), encoding="utf-8")
    browser.open(path, at=f"#run-{run_id}", width=390)
    browser.wait_for("document.querySelector('#transcript .assistant button')")
    length = "document.querySelector('#transcript .assistant pre').textContent.length"
    assert browser.evaluate(length) == 20_000
    browser.evaluate("document.querySelector('#transcript .assistant button').click()")
    assert browser.evaluate(length) == 40_000
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert browser.evaluate("document.querySelectorAll('#transcript b').length") == 0
    assert browser.complaints() == []


def test_a_transcript_that_is_not_in_the_page_names_the_command(browser, make_campaign, tmp_path):
    record, transcripts = make_campaign(tasks=1)
    path = tmp_path / "report.html"
    path.write_text(html_report(record, transcripts, embed_chars=0), encoding="utf-8")
    browser.open(path, at=f"#run-{record.runs[0].id}")
    browser.wait_for("document.querySelector('#transcript pre')")
    shown = browser.evaluate("document.querySelector('#transcript pre').textContent")
    assert shown == f"ossay transcript {record.runs[0].id}"


@pytest.fixture(scope="module")
def contested(make_contest, tmp_path_factory) -> Path:
    """A page with comparisons, a decision and predictions, of models with long names."""
    names = [
        f"{'a-company-with-a-long-name/' * 2}a-model-{letter}-instruct-2611" for letter in "abc"
    ]
    forecast = (
        Prediction("The first one is better", "comparison", 0.8, names[0], over=names[1], by=0.1),
        Prediction("It talks " + "very " * 30 + "much", "range", 0.6, names[0],
                   metric="output_tokens", low=10.0, high=1000.0),
    )  # fmt: skip
    results = ["1" * 60, "1e0" * 20, "0001" * 15]
    record = make_contest(
        dict(zip(names, results, strict=True)),
        forecast=forecast, stop=Stop(compare=tuple(names[:2]), margin=0.1),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("contested") / "report.html"
    path.write_text(html_report(record, lambda _: None), encoding="utf-8")
    return path


OPEN_ALL = "for (const pair of document.querySelectorAll('.pair')) pair.open = true"

# WCAG 2.2, 1.4.3: contrast of every text with the first opaque background behind it.
CONTRASTS = """(() => {
    const canvas = document.createElement('canvas')
        .getContext('2d', { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const colour = rgba(getComputedStyle(node).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    const ids = '#comparisons, #stopping, #predictions, #ratings, #map, #verbosity, #answers';
    const onMark = getComputedStyle(document.querySelector('.mark')).color;
    for (const section of document.querySelectorAll(ids)) {
        const walker = document.createTreeWalker(section, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const node = walker.currentNode.parentElement;
            if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
            const style = getComputedStyle(node);
            // A mark in a chart has the two colours of a mark beside it, which is looked at.
            if (node.closest('svg') && style.fill === onMark) continue;
            const text = light(rgba(node.closest('svg') ? style.fill : style.color));
            const back = light(behind(node.closest('svg')?.parentElement ?? node));
            const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
            if (ratio < 4.5) found.push([ratio, walker.currentNode.data.trim()]);
        }
    }
    return found;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_comparisons_fit_and_can_be_read(browser, contested, width, scheme):
    browser.open(contested, width=width, scheme=scheme)
    browser.evaluate(OPEN_ALL)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    wider = """[...document.querySelectorAll('#comparisons *, #stopping *, #predictions *')]
        .filter(e => !e.closest('svg') && e.getBoundingClientRect().right > innerWidth).length"""
    assert browser.evaluate(wider) == 0
    assert browser.evaluate(CONTRASTS) == []
    assert browser.complaints() == []


def test_twenty_five_models_fit(browser, make_contest, tmp_path):
    results = {f"x/m{n}": "1" * (3 * n) + "0" * (72 - 3 * n) for n in range(25)}
    path = tmp_path / "report.html"
    path.write_text(html_report(make_contest(results), lambda _: None), encoding="utf-8")
    for width in (390, 1280):
        browser.open(path, width=width)
        browser.evaluate(OPEN_ALL)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.complaints() == []


def test_pairs_that_are_folded_are_printed(browser, make_contest, tmp_path):
    results = {f"x/m{n}": "1" * (9 * n) + "0" * (72 - 9 * n) for n in range(8)}
    path = tmp_path / "report.html"
    path.write_text(html_report(make_contest(results), lambda _: None), encoding="utf-8")
    browser.open(path)
    seen = """document.querySelector('.folded .pair .said').checkVisibility(
        {contentVisibilityAuto: true})"""
    assert browser.evaluate(seen) is False
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.wait_for(seen)  # what was skipped is laid out with the next frame, not before
    browser.call("Emulation.setEmulatedMedia", media="")


def test_a_run_behind_a_difference_is_opened_and_back_is_the_same_place(browser, contested):
    browser.open(contested)
    browser.evaluate(OPEN_ALL)
    browser.evaluate("document.querySelector('.pair:last-of-type .items a').scrollIntoView()")
    before = browser.evaluate("scrollY")
    assert before > 0
    browser.evaluate("document.querySelector('.pair:last-of-type .items a').click()")
    browser.wait_for("document.querySelector('#transcript section')")
    assert "seed 1, attempt 1" in browser.evaluate(
        "document.querySelector('#transcript').innerText"
    )
    browser.evaluate("history.back()")
    browser.wait_for("!document.getElementById('report').hidden")
    browser.wait_for(f"Math.abs(scrollY - {before}) < 2")
    assert browser.evaluate("document.querySelectorAll('.pair[open]').length") == 3
    assert browser.complaints() == []


def test_a_pair_is_opened_with_the_keyboard(browser, contested):
    browser.open(contested)
    browser.evaluate("document.querySelector('.pair summary').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                     windowsVirtualKeyCode=13)  # fmt: skip
    assert browser.evaluate("document.querySelector('.pair').open")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", windowsVirtualKeyCode=9)
    assert browser.evaluate("Boolean(document.activeElement.closest('.pair[open]'))")


@pytest.fixture(scope="module")
def rated_page(make_rated, tmp_path_factory) -> Path:
    """A page with ratings by people and a judge, a map, verbosity and answers side by side."""
    path = tmp_path_factory.mktemp("rated") / "report.html"
    path.write_text(html_report(*make_rated(models=4, seeds=2)), encoding="utf-8")
    return path


OPEN_PROBLEMS = """{
    const folded = '.problem-set, #ratings details, #verbosity details';
    for (const one of document.querySelectorAll(folded)) one.open = true;
    for (const set of document.querySelectorAll('.problem-set'))
        set.querySelector('.problem').open = true;
}"""
FILLED = "document.querySelectorAll('.problem[open] .beside').length === 5"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_ratings_and_answers_fit_and_can_be_read(browser, rated_page, width, scheme):
    browser.open(rated_page, width=width, scheme=scheme)
    browser.evaluate(OPEN_PROBLEMS)
    browser.wait_for(FILLED)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    wider = """[...document.querySelectorAll(
            '#ratings *, #map *, #verbosity *, #answers *')].filter(e =>
        !e.closest('svg, .scroll, pre') && e.getBoundingClientRect().right > innerWidth).length"""
    assert browser.evaluate(wider) == 0
    assert browser.evaluate(CONTRASTS) == []
    assert browser.complaints() == []


def test_no_name_in_a_chart_of_ratings_is_cut_off(browser, rated_page):
    browser.open(rated_page, width=390)
    assert browser.evaluate(CUT_OFF) == []


def test_a_problem_shows_all_answers_and_hostile_text_stays_text(browser, rated_page):
    browser.open(rated_page)
    title = browser.evaluate("document.title")
    browser.evaluate(OPEN_PROBLEMS)
    browser.wait_for(FILLED)
    first = "document.querySelector('.problem')"
    assert browser.evaluate(f"{first}.querySelectorAll('article').length") == 4
    text = browser.evaluate(f"{first}.innerText")
    assert "<script>document.title='owned'</script>" in text
    assert "⟨U+202E⟩gnp.exe" in text
    assert "judge model groq/openai/gpt-oss-20b" in text
    assert "rater ada" in text
    assert "export const x = 1;" in text
    assert (
        browser.evaluate(f"{first}.querySelectorAll('img, script, b:not(summary b)').length") == 0
    )
    assert browser.evaluate("document.querySelectorAll('.problem img').length") == 4
    loaded = "[...document.querySelectorAll('.problem img')].every(i => i.naturalWidth === 320)"
    browser.wait_for(loaded)
    assert browser.evaluate("document.title") == title
    assert browser.complaints() == []


def test_a_problem_is_opened_with_the_keyboard_and_its_run_is_a_link_away(browser, rated_page):
    browser.open(rated_page)
    browser.evaluate("document.querySelector('.problem-set').open = true")
    browser.evaluate("document.querySelector('.problem summary').focus()")
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                     windowsVirtualKeyCode=13)  # fmt: skip
    browser.wait_for("document.querySelectorAll('.problem[open] article').length === 4")
    browser.evaluate("document.querySelector('.problem article > a').click()")
    browser.wait_for("document.querySelector('#transcript .rating')")
    browser.evaluate("history.back()")
    browser.wait_for("!document.getElementById('report').hidden")
    assert browser.evaluate("document.querySelectorAll('.problem[open] article').length") == 4
    assert browser.complaints() == []


def test_an_answer_of_five_megabytes_is_shown_piece_by_piece(browser, make_rated, tmp_path):
    record, transcripts, said = make_rated(models=1)
    run_id = record.runs[0].id
    known = transcripts(run_id)
    flood = Message("assistant", "<b>x\u202e\x1b[2J" * 500_000)
    reply = msgspec.structs.replace(known.steps[0].reply, message=flood)
    steps = (msgspec.structs.replace(known.steps[0], reply=reply),)
    long = msgspec.structs.replace(known, steps=steps)
    path = tmp_path / "report.html"
    path.write_text(html_report(record, {run_id: long}.get, said), encoding="utf-8")
    browser.open(path, width=390)
    browser.evaluate(OPEN_PROBLEMS)
    first = "document.querySelector('.problem').querySelector('article > pre')"
    browser.wait_for(first)
    assert browser.evaluate(f"{first}.textContent.length") == 20_000
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    missing = "document.querySelectorAll('.problem-set')[1].innerText"
    browser.wait_for(f"{missing}.includes('ossay transcript')")
    assert browser.complaints() == []
