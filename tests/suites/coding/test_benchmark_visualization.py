"""benchmark_visualization: charts of many kinds pass, and what they get wrong is told."""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.workspace import Workspace
from ossay.core.task import Step, Transcript
from ossay.core.types import Reply, Timing, Usage
from ossay.suites.coding.benchmark_visualization import BenchmarkVisualization
from ossay.suites.coding.chart_page import LOOKS, cheats, page
from ossay.suites.coding.chart_world import Scale, draw_chart, label, raw
from ossay.suites.grading import grade_run
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite

SANDBOX = find_sandbox()
TASK = BenchmarkVisualization(lambda: SANDBOX)
CHARTS = Path(__file__).with_name("charts")
LATER = ("grouped_flex", "panels_markup")


def drawn(layout):
    """The first seed with this layout and a result that is missing: its instance and its chart."""
    for seed in range(1, 100):
        chart = draw_chart(random.Random(f"{TASK.name}:{seed}"))
        if chart.layout == layout and len(chart.tenths) < 2 * len(chart.models):
            return TASK.instance(seed), chart
    raise AssertionError(layout)


def fenced(html):
    return f"The chart:\n\n```html\n{html}\n```\n\nOpen it in a browser."


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.long] if path.stem in LATER else [])
        for path in sorted(CHARTS.glob("*.html"))
    ],
)
def test_charts_made_by_others_pass(chromium, graded, path):
    instance, _ = drawn(path.stem.partition("_")[0])
    html = path.read_text("utf-8").replace("__DATA__", instance.files["results.json"].decode())
    grade = graded(TASK, instance, fenced(html))
    assert grade.passed, grade.reason
    assert grade.facts["least_contrast"] >= 4.5
    assert grade.artefacts["screenshot.png"].startswith(b"\x89PNG")
    assert grade.artefacts["page.html"].decode() == html + "\n"


def test_a_cut_scale_too_many_labels_and_a_script_that_fails_are_told(chromium, graded):
    instance, chart = drawn("grouped")
    wrong = cheats(chart, "rows")
    grade = graded(TASK, instance, fenced(wrong["from_fifteen"]))
    assert (grade.passed, grade.facts["lengths_right"], grade.done) == (False, False, 7)
    assert "px long" in grade.reason
    grade = graded(TASK, instance, fenced(wrong["labels_all_whole"]))
    assert (grade.passed, grade.facts["labels_right"], grade.done) == (False, False, 7)
    assert "not among the best" in grade.reason
    grade = graded(TASK, instance, fenced(wrong["script_error"]))
    assert (grade.passed, grade.facts["clean_console"]) == (False, False)
    assert (grade.facts["runs"], grade.facts["console_errors"]) == (True, 1)  # it is drawn


@pytest.mark.long
@pytest.mark.parametrize(
    "script",
    [
        "for (;;);",
        "setTimeout(() => { for (;;); }, 100)",
        "const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1));",
        "for (;;) alert(1);",
        "for (;;) console.error('x');",
        "for (;;) document.body.append('x');",
        "setInterval(() => { location.reload(); }, 10);",
        "location = 'chrome://crash';",
        "setInterval(() => document.body.append(document.createElement('p')), 1);",
    ],
)
def test_a_page_that_never_ends_is_wrong_and_no_defect(chromium, graded, script):
    instance, _ = drawn("panels")
    html = f"<!doctype html><body><p>wait</p><script>{script}</script>"
    grade = graded(TASK, instance, fenced(html))
    assert not grade.passed


def test_the_picture_leaves_the_grading_process(chromium, tmp_path):
    instance, _ = drawn("grouped")
    steps = (Step(Reply(instance.scripts["reference"][0], Usage(), Timing(0.0, 0.0))),)
    asked = (instance.task, instance.seed, "", instance.prompt, "answered")
    workspace = Workspace.create(tmp_path, instance.files)
    grade = asyncio.run(
        grade_run("coding", instance, workspace, Transcript(*asked, steps=steps), scratch=tmp_path)
    )
    assert grade.passed, grade.reason
    assert set(grade.artefacts) == {"page.html", "screenshot.png"}
    assert 10_000 < len(grade.artefacts["screenshot.png"]) < 1_000_000


def test_a_reply_without_a_page_has_none(graded):
    instance, _ = drawn("panels")
    grade = graded(TASK, instance, "```py\nprint('a chart')\n```")
    assert (grade.reason, grade.done) == ("the reply has no HTML file", 0)


def test_one_seed_holds(chromium):
    suite = open_suite("coding", lambda: SANDBOX)
    upsets = asyncio.run(check_suite(suite, [51], sandbox=SANDBOX, tasks=[TASK.name]))
    assert [(upset.seed, upset.script, upset.upset) for upset in upsets] == []


def test_results_are_exact_on_every_scale():
    for scale in (Scale(0, 5), Scale(0, 250), Scale(200, 800), Scale(0, 1000)):
        for tenths in (181, 634, 959):
            share = (raw(scale, tenths) - scale.low) / (scale.high - scale.low) * 100
            assert f"{share:.1f}" == label(tenths)


def test_every_chart_can_be_made():
    seen = set()
    for seed in range(200):
        chart = draw_chart(random.Random(seed))
        given = msgspec.json.decode(chart.given())
        assert len(given["results"]) == 2 * len(chart.models)
        nulls = sum(row["result"] is None for row in given["results"])
        assert nulls == 2 * len(chart.models) - len(chart.tenths)
        assert all(
            name in chart.given() for benchmark in chart.benchmarks for name in benchmark[:2]
        )
        for look in LOOKS:
            assert page(chart, look).count("<script>") == 1
            assert len(cheats(chart, look)) >= 16
        seen.add((chart.layout, chart.benchmarks[0].scale.high == 100, nulls))
    assert len(seen) == 8
