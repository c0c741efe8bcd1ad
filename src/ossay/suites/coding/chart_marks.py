"""Whether a chart's bars are the right ones: how many, how long, in which order and colours.

Works on boxes and colours that a browser measured, and on the numbers they should show; upright and
lying bars are the same to it. Knows nothing of texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

from ossay.core.display import visible
from ossay.suites.coding.browser import HEIGHT, WIDTH, Bar, Box, Colour, Page
from ossay.suites.coding.chart_world import Chart

Key = tuple[str, str]  # model id, benchmark id

SLACK = 3.0  # pixels that an edge may be off
_SHARE = 0.015  # of the axis that a length may be off
_SHORTEST_AXIS = 190.0  # pixels from 0 to 100; the prompt says 200
_SAME, _OTHER = 60.0, 24.0  # distances of colours; black to white is 442


class Marks(NamedTuple):
    """The bars that were found, by what they stand for. `lying`: their length is their width.

    A colour is the mean of a bar's box, since bars may have gradients.
    """

    bars: Mapping[Key, Bar]
    colours: Mapping[Key, Colour]
    lying: bool


def find_marks(chart: Chart, page: Page) -> tuple[Marks | None, str]:
    """One bar for each result, and none besides; None and a sentence where that is not so."""
    models = {word: m.id for m in chart.models for word in (m.id, m.name)}
    benchmarks = {word: b.id for b in chart.benchmarks for word in (b.id, b.title)}
    bars: dict[Key, Bar] = {}
    colours: dict[Key, Colour] = {}
    hidden = ""
    for bar, seen in zip(page.bars, page.seen[len(page.texts) :], strict=True):
        if not bar.shown or seen is None or _flat(bar.box):
            continue
        key = (models.get(bar.model.strip(), ""), benchmarks.get(bar.benchmark.strip(), ""))
        name = f"{visible(bar.model, 60)} in {visible(bar.benchmark, 60)}"
        if key not in chart.tenths:
            return None, f"a bar for {name}, which has no result"
        if key in bars:
            return None, f"two bars for {name}"
        bars[key], colours[key] = bar, seen.mean
        if not any(_distance(seen.mean, colour) >= _OTHER for colour in seen.around):
            hidden = f"the bar for {' in '.join(key)} has the colour of what is around it"
    missing = [key for key in chart.tenths if key not in bars]
    if missing:
        drawn = " and draws on a canvas" if not bars and page.canvases else ""
        found = f"{len(bars)} of {len(chart.tenths)} bars can be seen{drawn}"
        return None, f"{found}; none for {' in '.join(missing[0])}"
    if hidden:
        return None, hidden
    for key, bar in bars.items():
        left, top, right, bottom = bar.box
        if min(left, top) < -SLACK or right > WIDTH + SLACK or bottom > HEIGHT + SLACK:
            return None, f"the bar for {' in '.join(key)} is not inside {WIDTH} x {HEIGHT}"
    for one, other in combinations(bars, 2):
        if overlap(bars[one].box, bars[other].box) > SLACK:
            return None, f"the bars for {' in '.join(one)} and {' in '.join(other)} overlap"
    return Marks(bars, colours, _lying(chart, bars)), ""


def wrong_length(chart: Chart, marks: Marks) -> str:
    """What is wrong with the lengths, '' if nothing: one unit for all, from one line."""
    unit = median(_length(marks.bars[key].box, marks.lying) / t for key, t in chart.tenths.items())
    if unit * 1000 < _SHORTEST_AXIS:
        return f"100 would be only {unit * 1000:.0f} px long"
    for key, tenths in chart.tenths.items():
        length = _length(marks.bars[key].box, marks.lying)
        if abs(length - unit * tenths) > max(SLACK, _SHARE * unit * 1000):
            return (
                f"the bar for {' in '.join(key)} is {length:.0f} px long where the others' unit "
                f"makes it {unit * tenths:.0f}"
            )
    groups = [list(chart.tenths)]
    if chart.layout == "panels":
        groups = [[k for k in chart.tenths if k[1] == b.id] for b in chart.benchmarks]
    for group in groups:
        near, far = (0, 2) if marks.lying else (1, 3)
        edges = [[marks.bars[key].box[side] for key in group] for side in (near, far)]
        if all(max(side) - min(side) > SLACK for side in edges):
            return "bars do not begin at one line"
    return ""


def wrong_order(chart: Chart, marks: Marks) -> str:
    """What is wrong with the places of the bars, '' if nothing."""
    for benchmark in chart.benchmarks:
        wanted = chart.order(benchmark)
        found = sorted(wanted, key=lambda m: _across(marks.bars[m, benchmark.id].box, marks.lying))
        if found != wanted:
            at = next(
                n for n, pair in enumerate(zip(found, wanted, strict=True)) if len({*pair}) > 1
            )
            return f"place {at + 1} in {benchmark.title} has {found[at]}, not {wanted[at]}"
    if chart.layout == "panels":
        boxes = [
            _around([bar.box for key, bar in marks.bars.items() if key[1] == b.id])
            for b in chart.benchmarks
        ]
        return "the two panels overlap" if overlap(*boxes) > SLACK else ""
    keys = sorted(marks.bars, key=lambda key: _across(marks.bars[key].box, marks.lying))
    runs = [key[0] for at, key in enumerate(keys) if at == 0 or keys[at - 1][0] != key[0]]
    if len(runs) > len(set(runs)):
        return "the two bars of a model do not stand beside each other"
    return ""


def wrong_colour(chart: Chart, marks: Marks) -> str:
    """What is wrong with the colours, '' if nothing: one for each benchmark, or each model."""
    part = 0 if chart.layout == "panels" else 1
    groups: dict[str, list[Colour]] = {}
    for key, colour in marks.colours.items():
        groups.setdefault(key[part], []).append(colour)
    for name, colours in groups.items():
        if any(_distance(one, other) > _SAME for one, other in combinations(colours, 2)):
            return f"the bars of {name} differ in colour"
    for one, other in combinations(groups, 2):
        if _distance(_middle(groups[one]), _middle(groups[other])) < _OTHER:
            return f"{one} and {other} have one colour"
    return ""


def overlap(one: Box, other: Box) -> float:
    """How many pixels two boxes share in the direction in which it is less; below 0 apart."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return min(wide, high)


def _flat(box: Box) -> bool:
    return box[2] - box[0] < 1 or box[3] - box[1] < 1


def _length(box: Box, lying: bool) -> float:
    return box[2] - box[0] if lying else box[3] - box[1]


def _across(box: Box, lying: bool) -> float:
    return (box[1] + box[3]) / 2 if lying else (box[0] + box[2]) / 2


def _lying(chart: Chart, bars: Mapping[Key, Bar]) -> bool:
    """Whether widths follow the results more closely than heights do."""

    def spread(lying: bool) -> float:
        units = [_length(bars[key].box, lying) / tenths for key, tenths in chart.tenths.items()]
        middle = median(units)
        return sum(abs(unit / middle - 1) for unit in units)

    return spread(True) < spread(False)


def _around(boxes: Sequence[Box]) -> Box:
    sides = list(zip(*boxes, strict=True))
    return (min(sides[0]), min(sides[1]), max(sides[2]), max(sides[3]))


def _middle(colours: Sequence[Colour]) -> Colour:
    red, green, blue = (round(median(channel)) for channel in zip(*colours, strict=True))
    return (red, green, blue)


def _distance(one: Colour, other: Colour) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)
