"""Whether a chart's words are the right ones and can be read: labels, names, size, contrast, room.

Contrast is that of WCAG 2.2 between a text's colour and the commonest colour behind it. Letters are
smaller than the boxes that browsers give for them, so boxes are made smaller before they are
compared. Knows nothing of bars' lengths.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import hypot
from typing import NamedTuple

from ossay.core.display import visible
from ossay.suites.coding.browser import HEIGHT, WIDTH, Box, Page, Seen, Text
from ossay.suites.coding.chart_marks import SLACK, Marks
from ossay.suites.coding.chart_world import Chart, label, raw

SMALLEST = 11.0  # pixels of a font
CONTRAST = 4.5  # asked for: WCAG AA; what is near it passes, since pixels are not exact
_NEARLY = 0.92
_REACH = 40.0  # pixels from the end of a bar to its label
_INK = 4  # pixels that a text must show
_MOST_LINES = 800  # of text in a chart; what has more is not taken apart
_NUMBER = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*%?\s*")
_LABELLED = 3  # bars that have a value though they should not
_TRIM = 0.2  # of a line's height, above and below the letters

Corners = Sequence[tuple[float, float]]


class Legible(NamedTuple):
    """How well texts can be read; `problem` is a sentence, '' if all can."""

    problem: str
    overlapping: int
    outside: int
    faint: int
    small: int
    least_contrast: float
    smallest: float


def shown_texts(page: Page) -> list[tuple[Text, Seen]]:
    """The texts that leave a trace in the picture, or would after scrolling.

    What stands before the page's left or upper edge is meant for screen readers.
    """
    found = []
    for text, seen in zip(page.texts, page.seen, strict=False):
        if text.box[2] <= 0 or text.box[3] <= 0:
            continue
        if seen is None:
            found.append((text, Seen(page.ground, page.ground, 0, page.ground)))
        elif seen.other >= _INK or seen.farthest != seen.colour:
            found.append((text, seen))
    return found


def wrong_label(chart: Chart, page: Page, marks: Marks) -> str:
    """What is wrong with the labels of the best results, '' if nothing."""
    texts = [text for text, seen in shown_texts(page) if seen.other >= _INK]
    joined = " | ".join(text.text for text in texts)
    for benchmark in chart.benchmarks:
        top = chart.top(benchmark)
        for model in chart.order(benchmark):
            value = label(chart.tenths[model, benchmark.id])
            word = re.compile(rf"(?<![\d.,]){re.escape(value)}(?!\d)")
            if model not in top:
                if word.search(joined):
                    return f"{model} in {benchmark.title} is not among the best, but has a label"
                continue
            own = [text.box for text in texts if word.search(text.text)]
            if not own:
                return f"no label {value} for {model} in {benchmark.title}"
            bar = marks.bars[model, benchmark.id].box
            if not any(_belongs(box, bar, marks.lying) for box in own):
                return f"the label {value} is not at the bar for {model} in {benchmark.title}"
    return _labels_of_others(chart, texts, marks)


def _labels_of_others(chart: Chart, texts: Sequence[Text], marks: Marks) -> str:
    """Whether other bars have their values too, in other forms; one or two may be an axis's."""
    numbers = [(float(found[1]), t.box) for t in texts if (found := _NUMBER.fullmatch(t.text))]
    labelled = [
        model
        for benchmark in chart.benchmarks
        for model in chart.order(benchmark)
        for tenths in [chart.tenths[model, benchmark.id]]
        if model not in chart.top(benchmark)
        and any(
            min(abs(number - tenths / 10), abs(number - raw(benchmark.scale, tenths))) < 1.0
            and _belongs(box, marks.bars[model, benchmark.id].box, marks.lying)
            for number, box in numbers
        )
    ]
    if len(labelled) < _LABELLED:
        return ""
    return f"{len(labelled)} bars that are not among the best have a value, such as {labelled[0]}"


def wrong_name(chart: Chart, page: Page) -> str:
    """What is wrong with the names of models and benchmarks, '' if nothing."""
    words = "".join("".join(text.text.split()) for text, seen in shown_texts(page) if seen.other)
    words = words.casefold()
    for model in chart.models:
        if "".join(model.name.split()).casefold() not in words:
            return f"the name {model.name!r} cannot be seen"
        if model.id in words:
            return f"{model.id} is shown by its id"
    for benchmark in chart.benchmarks:
        if "".join(benchmark.title.split()).casefold() not in words:
            return f"the name {benchmark.title!r} cannot be seen"
    return ""


def legible(page: Page) -> Legible:
    """Look at every text that is shown."""
    texts = shown_texts(page)
    outside = [text for text, _ in texts if text.cut or _outside(text.box)]
    small = [text for text, _ in texts if text.font < SMALLEST - 0.05]
    contrasts = [(_contrast(text, seen), text) for text, seen in texts if seen.other >= _INK]
    faint = [text for contrast, text in contrasts if contrast < CONTRAST * _NEARLY]
    piled = _piled([text for text, _ in texts])
    told = (
        (f"does not fit into {WIDTH} x {HEIGHT} or its place", outside),
        (f"is smaller than {SMALLEST:g} px", small),
        (f"has a contrast below {CONTRAST:g}", faint),
        ("overlaps another", piled),
    )
    problem = next((f"the text {visible(f[0].text.strip(), 40)!r} {t}" for t, f in told if f), "")
    return Legible(
        problem,
        len(piled),
        len(outside),
        len(faint),
        len(small),
        round(min((contrast for contrast, _ in contrasts), default=21.0), 2),
        min((text.font for text, _ in texts), default=0.0),
    )


def _belongs(box: Box, bar: Box, lying: bool) -> bool:
    """Whether a label stands at the end of a bar, or in it."""
    along, across = (0, 1) if lying else (1, 0)
    middle = (box[across] + box[across + 2]) / 2
    room = max(10.0, (bar[across + 2] - bar[across]) / 2)
    if not bar[across] - room <= middle <= bar[across + 2] + room:
        return False
    gap = max(box[along], bar[along]) - min(box[along + 2], bar[along + 2])
    return gap <= _REACH


def _outside(box: Box) -> bool:
    left, top, right, bottom = box
    trim = _TRIM * (bottom - top)
    return (
        left < -SLACK
        or right > WIDTH + SLACK
        or top + trim < -SLACK
        or bottom - trim > HEIGHT + SLACK
    )


def _contrast(text: Text, seen: Seen) -> float:
    """WCAG's ratio of the lighter to the darker luminance, from 1 to 21."""
    ground = [channel / 255 for channel in seen.colour]
    if text.ink is None:  # a gradient: the pixel that differs most stands for it
        ink = [channel / 255 for channel in seen.farthest]
    else:
        opacity = text.ink[3]
        ink = [
            c / 255 * opacity + g * (1 - opacity) for c, g in zip(text.ink, ground, strict=False)
        ]
    light, dark = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Sequence[float]) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _piled(texts: Sequence[Text]) -> list[Text]:
    """Texts whose letters run into those of another; a text drawn twice in one place is one."""
    lines = [(at, _letters(line)) for at, text in enumerate(texts) for line in text.lines]
    if len(lines) > _MOST_LINES:
        return list(texts)
    lines.sort(key=lambda line: min(x for x, _ in line[1]))
    ends = [max(x for x, _ in line) for _, line in lines]
    piled: set[int] = set()
    for first, (one, line) in enumerate(lines):
        for other, beside in lines[first + 1 :]:
            if min(x for x, _ in beside) >= ends[first]:
                break
            twice = texts[one].text == texts[other].text and _near(line, beside)
            if one != other and not twice and _cross(line, beside):
                piled.add(other)
    return [texts[at] for at in sorted(piled)]


def _letters(line: Corners) -> Corners:
    """The corners of a line without the space above and below its letters."""
    (a, b, c, d) = line

    def between(
        one: tuple[float, float], other: tuple[float, float], share: float
    ) -> tuple[float, float]:
        return (one[0] + (other[0] - one[0]) * share, one[1] + (other[1] - one[1]) * share)

    return (between(a, d, _TRIM), between(b, c, _TRIM), between(c, b, _TRIM), between(d, a, _TRIM))


def _near(one: Corners, other: Corners) -> bool:
    return all(abs(p[i] - q[i]) <= SLACK for p, q in zip(one, other, strict=True) for i in (0, 1))


def _cross(one: Corners, other: Corners) -> bool:
    """Whether two convex shapes share more than 1.5 pixels in every direction of their sides."""
    for shape in (one, other):
        for (x1, y1), (x2, y2) in zip(shape, (*shape[1:], shape[0]), strict=True):
            away = (y1 - y2, x2 - x1)
            size = hypot(*away)
            if size < 0.5:
                continue
            spans = [[(x * away[0] + y * away[1]) / size for x, y in each] for each in (one, other)]
            if min(map(max, spans)) - max(map(min, spans)) <= 1.5:
                return False
    return True
