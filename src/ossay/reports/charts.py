"""Charts as SVG text: pass^k, price against quality, bars, and the strip of one interval.

Colours are CSS variables of the page, so one chart serves light and dark. Models appear as their
marks ('A'), never by name: no text that a model or provider wrote gets in here. Knows nothing of
the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ossay.core.outcome import Flag, Outcome
from ossay.reports.drawing import HEIGHT, WIDTH, Rows, colour, svg
from ossay.reports.summary import ModelSummary, Summary
from ossay.reports.words import plain

# Pixels.
_BAR = 22
_BAR_NAMES = 150  # room for the longest name in any font
_BAR_LENGTH = 130
_MARK_GAP = 0.08  # marks of lines that end closer together than this stand side by side


def score_strip(model: ModelSummary, index: int) -> str:
    """The interval of one score on a line from 0 to 100 %; '' where no run counts."""
    import altair as alt

    interval = model.score.wilson
    if interval is None:
        return ""
    data = alt.Data(values=[{"low": interval.low, "high": interval.high, "rate": model.score.rate}])
    scale = alt.Scale(domain=[0, 1], nice=False)
    base = alt.Chart(data, width=220, height=18)
    ticks = (
        alt.Chart(alt.Data(values=[{"at": at / 4} for at in range(5)]))
        .mark_tick(color="var(--line)", thickness=1, height=18)
        .encode(x=alt.X("at:Q", scale=scale, axis=None))
    )
    bar = base.mark_bar(color=colour(index), opacity=0.35, height=10, cornerRadius=2).encode(
        x=alt.X("low:Q", scale=scale, axis=None), x2="high:Q"
    )
    dot = base.mark_point(color=colour(index), filled=True, size=90, opacity=1).encode(
        x=alt.X("rate:Q", scale=scale, axis=None)
    )
    return svg(alt.layer(ticks, bar, dot))


def pass_chart(summary: Summary) -> str:
    """pass^k against k, a line a model; '' where no task was run twice."""
    import altair as alt

    rows: Rows = [
        {"k": point.k, "rate": point.pass_hat, "model": model.mark}
        for model in summary.models
        for point in model.pass_curve
        if point.pass_hat is not None
    ]
    ks = sorted({row["k"] for row in rows})
    if len(ks) < 2:
        return ""
    base = alt.Chart(alt.Data(values=rows), width=WIDTH, height=HEIGHT).encode(
        x=alt.X("k:Q")
        .title("k runs of one task, all passed")
        .scale(domain=[1, ks[-1]], nice=False)
        .axis(values=ks[:: math.ceil(len(ks) / 8)], format="d", grid=False, labelFlush=False),
        y=alt.Y("rate:Q").title(None).scale(domain=[0, 1]).axis(format="%", tickCount=5),
        color=_by_model(summary),
    )
    layers: list[Any] = [
        base.mark_line(strokeWidth=2),
        base.mark_point(filled=True, size=60 if len(ks) <= 12 else 10, opacity=1),
    ]
    ends = [[row for row in rows if row["model"] == model.mark][-1:] for model in summary.models]
    for index, end in enumerate(ends):
        near = [other for other in ends[:index] if end and other and _close(end[0], other[0])]
        layers.append(
            alt.Chart(alt.Data(values=end))
            .mark_text(align="left", dx=8 + 13 * len(near), fontSize=12, fontWeight=600)
            .encode(x="k:Q", y="rate:Q", text="model:N", color=_by_model(summary))
        )
    return svg(alt.layer(*layers))


def _close(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["k"] == other["k"] and abs(one["rate"] - other["rate"]) < _MARK_GAP)


def price_map(summary: Summary) -> str:
    """Score with its interval against the mean cost of a run; '' where no run cost anything.

    Runs that cost nothing have no place on a logarithmic scale and stand in a panel of their own.
    """
    import altair as alt

    rows = price_rows(summary)
    free = [row for row in rows if row["usd"] == 0]
    paid = [row for row in rows if row["usd"] > 0]
    panels = []
    if free:
        x = alt.X("index:O").title("no price").axis(labels=False, ticks=False)
        panels.append(_map_panel(summary, free, x, max(44, 30 * len(free)), first=True))
    if paid:
        costs = [row["usd"] for row in paid]
        domain = [min(costs) / 2, max(costs) * 2]
        x = (
            alt.X("usd:Q")
            .title("cost of one run, USD, logarithmic")
            .scale(type="log", domain=domain, nice=False)
            .axis(values=_log_ticks(*domain), format="$~r", grid=False)
        )
        width = WIDTH - (max(44, 30 * len(free)) + 12 if free else 0)
        panels.append(_map_panel(summary, paid, x, width, first=not free))
    if not paid:
        return ""
    return svg(alt.hconcat(*panels, spacing=12))


def _log_ticks(low: float, high: float) -> list[float]:
    """About four round numbers between the two: 1, 2, 5 of each power of ten, or 1 alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in powers for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= 4:
            break
    return ticks[:: max(1, len(ticks) // 4)]


def price_rows(summary: Summary) -> Rows:
    """The models that have a place on the price map."""
    return [
        {
            "model": model.mark,
            "index": index,
            "usd": model.cost.per_run_usd,
            "rate": model.score.rate,
            "low": model.score.wilson.low,
            "high": model.score.wilson.high,
        }
        for index, model in enumerate(summary.models)
        if model.score.wilson is not None and isinstance(model.cost.per_run_usd, float)
    ]


def outcome_bars(summary: Summary, model: ModelSummary) -> str:
    """How the runs of one model ended; every chart has the outcomes that any model had."""
    names = [o for o in Outcome if any(o in m.outcomes for m in summary.models)]
    colours = [
        "var(--good)" if o is Outcome.PASSED else "var(--bad)" if o.counts else "var(--infra)"
        for o in names
    ]
    most = max((max(m.outcomes.values(), default=0) for m in summary.models), default=0)
    return _bars([str(name) for name in names], model.outcomes, colours, most)


def flag_bars(summary: Summary, model: ModelSummary) -> str:
    """How many runs of one model show each flag that any model's runs show."""
    names = [flag for flag in Flag if any(flag in m.flags for m in summary.models)]
    most = max((max(m.flags.values(), default=0) for m in summary.models), default=0)
    return _bars([str(name) for name in names], model.flags, ["var(--accent)"] * len(names), most)


def _bars(names: Sequence[str], counts: dict[str, int], colours: Sequence[str], most: int) -> str:
    import altair as alt

    if not names:
        return ""
    words = [plain(name) for name in names]
    rows = [{"name": plain(name), "n": counts.get(name, 0)} for name in names]
    base = alt.Chart(alt.Data(values=rows), width=_BAR_LENGTH, height=_BAR * len(names)).encode(
        y=alt.Y("name:N")
        .title(None)
        .sort(words)
        .axis(ticks=False, domain=False, labelLimit=0, minExtent=_BAR_NAMES, maxExtent=_BAR_NAMES),
        # A fifth of the length is for the count that stands behind the longest bar.
        x=alt.X("n:Q").axis(None).scale(domain=[0, 1.25 * max(1, most)], nice=False),
    )
    bars = base.mark_bar(height=14).encode(
        color=alt.Color("name:N").legend(None).scale(domain=words, range=list(colours))
    )
    labels = base.mark_text(align="left", dx=5, color="var(--ink)").encode(text="n:Q")
    return svg(alt.layer(bars, labels))


def _map_panel(summary: Summary, rows: Rows, x: Any, width: int, *, first: bool) -> Any:
    import altair as alt

    axis = alt.Axis(format="%", tickCount=5, labels=first)
    base = alt.Chart(alt.Data(values=rows), width=width, height=HEIGHT).encode(
        x=x, color=_by_model(summary)
    )
    y = alt.Y("rate:Q").title(None).scale(domain=[0, 1]).axis(axis)
    spans = base.mark_rule(strokeWidth=3, opacity=0.4).encode(
        y=alt.Y("low:Q").title(None).scale(domain=[0, 1]).axis(axis), y2="high:Q"
    )
    dots = base.mark_circle(size=330, opacity=1).encode(y=y)
    marks = base.mark_text(fontSize=11, fontWeight=700).encode(
        y=y, text="model:N", color=alt.value("var(--on-mark)")
    )
    return alt.layer(spans, dots, marks)


def _by_model(summary: Summary) -> Any:
    import altair as alt

    marks = [model.mark for model in summary.models]
    colours = [colour(index) for index in range(len(marks))]
    return alt.Color("model:N").legend(None).scale(domain=marks, range=colours)
