"""Task benchmark_visualization: one HTML file that draws results in two scales as one bar chart.

The page is opened in headless Chromium inside the sandbox; what it shows is measured and compared
with the right numbers, which stay outside. Knows nothing of how the page draws, but for its marks.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

from ossay.agent.sandbox.base import Sandbox
from ossay.core.display import visible
from ossay.core.task import Budget, Grade, Instance, Transcript
from ossay.suites.coding.answer import Answer, read_answer
from ossay.suites.coding.browser import HEIGHT, WIDTH, Page, look_at
from ossay.suites.coding.chart_marks import find_marks, wrong_colour, wrong_length, wrong_order
from ossay.suites.coding.chart_page import LOOKS, cheats, page
from ossay.suites.coding.chart_texts import legible, wrong_label, wrong_name
from ossay.suites.coding.chart_world import TOP, Chart, Layout, draw_chart, label
from ossay.suites.coding.styles import Style, styled
from ossay.suites.scripting import Script, say

Facts = dict[str, bool | int | float | str]

DATA = "results.json"
BUDGET = Budget(turns=1, seconds=900.0, call_seconds=900.0, max_tokens=16_384)
_PARTS = 8  # that a chart is judged by
_MOST_KEPT = 400_000  # characters of a page that are kept beside the picture

_PROMPT = """\
Draw these benchmark results as a bar chart: one HTML file with everything in it (script, style \
and data), which opens in a browser without a network. `{file}`:

```json
{data}```

What it shows:

- One bar for each result, upright or lying. The two benchmarks have different scales (`from`, \
`to`): bring both to 0–100, so that `from` becomes 0 and `to` becomes 100. All bars have the same \
unit and begin at 0, so that equal results on that scale have equally long bars; 100 is at least \
200 px long. Where `result` is null there is no bar.
{layout}
- A model goes by its friendly name: maker, number and size without the date, so \
`{example.id}` is “{example.name}”. Each name stands at its bar or bars, the ids are not shown, \
and both benchmarks' titles can be read.
- The {top} best results of each benchmark have a label at their bar, its value on the scale of \
0–100 with one decimal, such as `{value}`. The other bars have no value, but an axis is welcome.

How it looks, at {width} × {height} pixels:

- Everything fits without scrolling, is drawn at once and does not move.
- Every text has at least 11 px and a contrast of at least 4.5 to what is behind it, and no two \
texts overlap. The font there is DejaVu Sans, which is wide.
- No errors on the console.

So that our tests find the bars and the words: draw bars as SVG or HTML elements, not on a canvas, \
and give the element that is the bar (and no other) the attributes `data-model` and \
`data-benchmark` with the ids of the data. Words are text in the page, not paths, pictures or CSS \
`content`.

Reply with the file in one code block.
"""

_LAYOUTS: dict[Layout, str] = {
    "grouped": """\
- One chart: the bars of a model stand beside each other, models are ordered by their result in \
{first}, the best first (from the left, or from the top). The colour tells the benchmark: all bars \
of one have the same, and a legend names them.""",
    "panels": """\
- Two charts beside each other, one for each benchmark, each ordered by its own results, the best \
first (from the left, or from the top). The colour tells the model: each has its own, the same in \
both charts.""",
}


class BenchmarkVisualization:
    """Draw results as a chart."""

    name = "benchmark_visualization"

    def __init__(self, sandbox: Callable[[], Sandbox], *, style: Style = "base") -> None:
        self._sandbox = sandbox
        self._style: Style = style

    def instance(self, seed: int) -> Instance:
        """Make up results."""
        chart = draw_chart(random.Random(f"{self.name}:{seed}"))
        data = chart.given()
        prompt = _PROMPT.format(
            file=DATA,
            data=data,
            layout=_LAYOUTS[chart.layout].format(first=chart.benchmarks[0].title),
            example=chart.models[0],
            top=("no", "one", "two", "three")[TOP],
            value=label(_example(chart)),
            width=WIDTH,
            height=HEIGHT,
        )
        return Instance(
            self.name,
            seed,
            styled(prompt, self._style, edits=False),
            files={DATA: data.encode()},
            protected=(DATA,),
            tools=(),
            needs=("node", "chromium"),
            budget=BUDGET,
            secret={"chart": chart},
            scripts=_scripts(chart, seed),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Open the page, measure it and keep its picture."""
        answer = read_answer(transcript.final_text)
        html, shown = _candidate(answer)
        facts: Facts = {**answer.facts, "candidates": shown, "runs": False}
        if html is None:
            return Grade(False, "the reply has no HTML file", 0, _PARTS, facts=facts)
        found = look_at(self._sandbox(), html)
        kept = {"page.html": html[:_MOST_KEPT].encode("utf-8", "replace")}
        if isinstance(found, str):
            return Grade(False, found, 0, _PARTS, facts=facts, artefacts=kept)
        kept["screenshot.png"] = found.picture
        problems, more = _problems(instance.secret["chart"], found)
        done = sum(not problem for problem in problems)
        wrong = [problem for problem in problems if problem]
        reason = "; ".join(wrong[:3]) or "the chart is right and can be read"
        return Grade(not wrong, reason, done, len(problems), facts=facts | more, artefacts=kept)


def _problems(chart: Chart, found: Page) -> tuple[list[str], Facts]:
    """What is wrong with each part, '' where nothing is, and the same as facts."""
    marks, missing = find_marks(chart, found)
    broken = found.errors[0] if found.errors else "" if found.still else "it goes on moving"
    no_bars = "" if marks else "(needs its bars)"
    reading = legible(found)
    text = reading.problem or ("" if found.texts else "the page shows no text")
    problems = {
        "clean_console": visible(broken, 200),
        "bars_right": missing,
        "lengths_right": wrong_length(chart, marks) if marks else no_bars,
        "order_right": wrong_order(chart, marks) if marks else no_bars,
        "colours_right": wrong_colour(chart, marks) if marks else no_bars,
        "labels_right": wrong_label(chart, found, marks) if marks else no_bars,
        "names_right": wrong_name(chart, found),
        "text_fits": text,
    }
    facts: Facts = {name: not problem for name, problem in problems.items()}
    facts |= {
        "runs": bool(found.bars) or not found.errors,
        "console_errors": len(found.errors),
        "canvases": found.canvases,
        "overlapping_texts": reading.overlapping,
        "texts_outside": reading.outside,
        "faint_texts": reading.faint,
        "small_texts": reading.small,
        "least_contrast": reading.least_contrast,
        "smallest_text": reading.smallest,
    }
    return list(problems.values()), facts


_HTML = re.compile(r"<!doctype html|<html\b|<body\b|<svg\b|<script\b", re.IGNORECASE)
_WHOLE = re.compile(r"<!doctype html|<html\b", re.IGNORECASE)


def _candidate(answer: Answer) -> tuple[str | None, int]:
    """The file that counts (the last whole one, else the last with tags), and how many blocks."""
    found = [block.text for block in answer.blocks if _HTML.search(block.text)]
    whole = [text for text in found if _WHOLE.search(text)]
    if not found:
        return None, 0
    text = (whole or found)[-1]
    start = None if answer.fenced else _HTML.search(text)  # words may stand before it
    return text[start.start() :] if start else text, len(found)


def _example(chart: Chart) -> int:
    """A value that is none of the results, in tenths."""
    return next(t for t in range(413, 1000, 7) if t % 10 and t not in chart.tenths.values())


def _scripts(chart: Chart, seed: int) -> dict[str, Script]:
    """The reference, idling, and four of the cheats: every cheat comes up with the seeds."""
    look = LOOKS[seed % 3]
    wrong = cheats(chart, look)
    names = list(wrong)
    drawn = [names[(seed + step) % len(names)] for step in (0, 5, 10, 15)]
    return {
        "reference": (say(_fenced(page(chart, look))),),
        "do_nothing": (say("The chart is done: open it in any browser."),),
        **{f"cheat_{name}": (say(_fenced(wrong[name])),) for name in drawn},
    }


def _fenced(html: str) -> str:
    return f"```html\n{html}```"
