"""Finished charts as HTML: the reference in three looks, and pages that only seem right.

`page` writes the chart with one script that reads the data; each cheat changes that text or the
data. Knows nothing of how charts are judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ossay.suites.coding.chart_world import Chart

Look = Literal["columns", "rows", "boxes"]
LOOKS: tuple[Look, ...] = ("columns", "rows", "boxes")

_PARTS = Path(__file__).with_name("chart")


def page(chart: Chart, look: Look) -> str:
    """The finished chart."""
    data = json.dumps(json.loads(chart.given()))
    pen = "boxes.js" if look == "boxes" else "svg.js"
    layout = f"{chart.layout}_{'columns' if look == 'columns' else 'rows'}.js"
    script = "".join((_PARTS / name).read_text("utf-8") for name in (pen, "data.js", layout))
    head = (_PARTS / "head.html").read_text("utf-8")
    return f"{head}const DATA = {data};\n{script}</script>\n</body>\n</html>\n"


# What has to be in the page -> what takes its place. Each makes a chart that is not what was asked.
_SWAPS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "own_scales": (
        (
            "((row.result - benchmark.from) / (benchmark.to - benchmark.from)) * 100",
            "(row.result / Math.max(...DATA.results.filter((one) => one.benchmark === "
            "benchmark.id).map((one) => one.result))) * 100",
        ),
    ),
    "ids_for_names": ((r'id.split("-").slice(0, -1).map((word) => word[0].toUpperCase() + '
                       r'word.slice(1)).join(" ")', 'id.replace(/-[^-]*$/, "")'),),
    "labels_none": (('(bar.top ? bar.value.toFixed(1) : "")', '""'),),
    "labels_all": (('(bar.top ? bar.value.toFixed(1) : "")', "bar.value.toFixed(1)"),),
    "labels_all_whole": (('(bar.top ? bar.value.toFixed(1) : "")',
                          "(bar.top ? bar.value.toFixed(1) : String(Math.round(bar.value)))"),),
    "labels_rounded": (("bar.value.toFixed(1)", "String(Math.round(bar.value))"),),
    "one_colour": (("fill) {", 'fill) {\n  fill = "#2f6fde";'),),
    "one_length": (("const percent = (row, benchmark) => ", "const percent = () => 55.5 || "),),
    "unsorted": (
        ("first(other) - first(one)", "0"),
        ("bar.place = place; bar.top", "bar.place = models.filter((id) => bars.some((one) => "
         "one.b === b && one.id === id)).indexOf(bar.id); bar.top"),
    ),
    "from_fifteen": (("const percent =", "const cut = 15;\nconst percent ="),
                     ("unit * bar.value", "unit * (bar.value - cut)")),
    "tiny_text": (("size = 13", "size = 7"), ("font: 14px", "font: 7px")),
    "faint_text": (("#1b1f24", "#c9ccd1"),),
    "piled_text": (("const worth", 'write(600, 884, "Source: own runs of every model");\n'
                    'write(640, 888, "Higher is better");\nconst worth'),),
    "off_screen": (('<main>', '<main style="margin-left:420px">'),),
    "script_error": (("const COLOURS", "setTimeout(() => document.nothing.here);\nconst COLOURS"),),
    "from_elsewhere": (("<script>\n", '<script src="https://cdn.invalid/d3.js"></script>\n<script>\n'),),
    "one_missing": (("row.result !== null)", "row.result !== null && row !== DATA.results[0])"),),
    "lies": (
        ("const percent = (row, benchmark) => ", "const percent = () => 55.5 || "),
        ("const COLOURS", "Element.prototype.getBoundingClientRect = function () { return "
         "{ left: 0, top: 0, right: 99, bottom: 99, width: 99, height: 99 }; };\nconst COLOURS"),
    ),
    "canvas": (("function mark(element, bar) {", "function mark(element, bar) {\n  return;"),),
}  # fmt: skip


def cheats(chart: Chart, look: Look) -> dict[str, str]:
    """Name -> a page that is not what was asked; those that would change nothing are left out."""
    right = page(chart, look)
    made: dict[str, str] = {}
    for name, swaps in _SWAPS.items():
        text = right
        for old, new in swaps:
            text = text.replace(old, new)
        if text != right:
            made[name] = text
    made["empty"] = re.sub(r"const COLOURS.*</script>", "</script>", right, flags=re.DOTALL)
    return made
