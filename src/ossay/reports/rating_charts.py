"""Charts of ratings, verbosity and the trade-off of price, speed and quality, as SVG text.

Models appear as their marks ('A'), never by name: no text that a model, a rater or a provider wrote
gets in here. Knows nothing of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ossay.reports.charts import log_ticks
from ossay.reports.drawing import HEIGHT, WIDTH, Rows, colour, svg
from ossay.reports.rated import Mean
from ossay.reports.rated_pairs import RatedPair
from ossay.reports.tradeoff import Tradeoff

_LINE = 24  # pixels a model or a pair
_BAR_LENGTH = 180
_KINDS = {"better": "var(--accent)", "not enough data": "var(--muted)"}


def means_chart(
    means: Sequence[Mean],
    marks: Mapping[str, str],
    index: Mapping[str, int],
    scale: tuple[float, float],
) -> str:
    """One line a model on the raters' scale, with its interval; '' where nothing was rated."""
    import altair as alt

    known = [one for one in means if one.value is not None]
    if not known:
        return ""
    names = [marks[one.model] for one in means]
    colours = [colour(index[one.model]) for one in means]
    rows: Rows = [
        {
            "model": marks[one.model],
            "value": one.value,
            "low": one.interval.low if one.interval else one.value,
            "high": one.interval.high if one.interval else one.value,
        }
        for one in known
    ]
    base = alt.Chart(alt.Data(values=rows), width=WIDTH, height=_LINE * len(names)).encode(
        y=alt.Y("model:N")
        .title(None)
        .scale(domain=names)
        .axis(ticks=False, domain=False, labelLimit=0),
        color=alt.Color("model:N").legend(None).scale(domain=names, range=colours),
    )
    span = alt.Scale(domain=list(scale), nice=False)
    x = alt.X("low:Q").title(None).scale(span).axis(tickCount=5, labelFlush=False)
    bars = base.mark_bar(opacity=0.35, height=10, cornerRadius=2).encode(x=x, x2="high:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(x=alt.X("value:Q").scale(span))
    return svg(alt.layer(bars, dots))


def differences(pairs: Sequence[RatedPair], marks: Mapping[str, str]) -> str:
    """Differences of mean ratings with their intervals, a line a pair; '' of none."""
    import altair as alt

    if not pairs:
        return ""
    rows: Rows = [
        {
            "pair": f"{marks[one.a]} − {marks[one.b]}",
            "low": one.comparison.interval.low,
            "high": one.comparison.interval.high,
            "difference": one.comparison.difference,
            "kind": "not enough data" if one.verdict.kind == "not_enough_data" else "better",
        }
        for one in (pair.finding for pair in pairs)
    ]
    names = [row["pair"] for row in rows]
    most = 1.05 * max(*(abs(row[end]) for row in rows for end in ("low", "high")), 0.5)
    scale = alt.Scale(domain=[-most, most], nice=False)
    kinds = alt.Color("kind:N").legend(None).scale(domain=[*_KINDS], range=[*_KINDS.values()])
    base = alt.Chart(alt.Data(values=rows), width=WIDTH, height=_LINE * len(rows)).encode(
        y=alt.Y("pair:N").title(None).sort(names).axis(ticks=False, domain=False, labelLimit=0),
        color=kinds,
    )
    x = alt.X("low:Q").title("points of the scale").scale(scale)
    x = x.axis(tickCount=5, format="+.2~f", labelFlush=False)
    zero = alt.Chart(alt.Data(values=[{"at": 0}]))
    layers: list[Any] = [
        zero.mark_rule(color="var(--muted)", strokeWidth=1).encode(x=alt.X("at:Q").scale(scale)),
        base.mark_rule(strokeWidth=3, opacity=0.55).encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=alt.X("difference:Q").scale(scale)
        ),
    ]
    return svg(alt.layer(*layers))


def amounts(values: Mapping[str, float | None], index: Mapping[str, int]) -> str:
    """A bar a model, mark -> value, from nothing on; '' where none is known."""
    import altair as alt

    rows: Rows = [
        {"model": mark, "value": value} for mark, value in values.items() if value is not None
    ]
    if not rows:
        return ""
    names = list(values)
    most = max(row["value"] for row in rows)
    base = alt.Chart(alt.Data(values=rows), width=_BAR_LENGTH, height=_LINE * len(names)).encode(
        y=alt.Y("model:N")
        .title(None)
        .scale(domain=names)
        .axis(ticks=False, domain=False, labelLimit=0),
        # A third of the length is for the number that stands behind the longest bar.
        x=alt.X("value:Q").axis(None).scale(domain=[0, 1.4 * max(1.0, most)], nice=False),
    )
    colours = [colour(index[mark]) for mark in names]
    bars = base.mark_bar(height=14).encode(
        color=alt.Color("model:N").legend(None).scale(domain=names, range=colours)
    )
    labels = base.mark_text(align="left", dx=5, color="var(--ink)").encode(
        text=alt.Text("value:Q", format=",.0f")
    )
    return svg(alt.layer(bars, labels))


def tradeoff_map(
    found: Sequence[Tradeoff], marks: Mapping[str, str], index: Mapping[str, int]
) -> str:
    """Speed against the cost of a run, the quality written beside each; '' where fewer than two.

    Models that cost nothing have no place on a logarithmic scale and stand in a panel of their own.
    """
    import altair as alt

    rows = tradeoff_rows(found, marks, index)
    if len(rows) < 2:
        return ""
    free = [row for row in rows if row["usd"] == 0]
    paid = [row for row in rows if row["usd"] > 0]
    speeds = [row["speed"] for row in rows]
    ends = (min(speeds) / 1.6, max(speeds) * 1.6)
    panels = []
    room = max(72, 44 * len(free)) if free else 0
    if free:
        x = alt.X("index:O").title("no price").axis(labels=False, ticks=False)
        panels.append(_panel(free, x, room if paid else WIDTH, ends, first=True))
    if paid:
        costs = [row["usd"] for row in paid]
        domain = [min(costs) / 2, max(costs) * 3]  # room at the right for the quality
        ticks = log_ticks(domain[0], domain[1], 2 if free else 3)
        x = (
            alt.X("usd:Q")
            .title("USD a run, logarithmic")
            .scale(type="log", domain=domain, nice=False)
            .axis(values=ticks, format="$~r", grid=False)
        )
        panels.append(_panel(paid, x, WIDTH - (room + 12) * bool(free), ends, first=not free))
    return svg(alt.hconcat(*panels, spacing=12))


def tradeoff_rows(
    found: Sequence[Tradeoff], marks: Mapping[str, str], index: Mapping[str, int]
) -> Rows:
    """The models that have a place on the map: price, speed and quality are all known."""
    return [
        {
            "model": marks[one.model],
            "index": index[one.model],
            "colour": colour(index[one.model]),
            "usd": one.usd,
            "speed": one.tokens_per_s,
            "quality": quality_text(one),
        }
        for one in found
        if isinstance(one.usd, float)
        and isfinite(one.usd)
        and one.usd >= 0.0
        and one.tokens_per_s
        and isfinite(one.tokens_per_s)
        and one.quality is not None
    ]


def quality_text(one: Tradeoff) -> str:
    """'8.30' or '73%'; '' where there is none."""
    if one.quality is None:
        return ""
    return f"{one.quality:.2f}" if one.by == "rating" else f"{100 * one.quality:.0f}%"


def _panel(rows: Rows, x: Any, width: int, ends: tuple[float, float], *, first: bool) -> Any:
    import altair as alt

    axis = alt.Axis(values=log_ticks(*ends), format=",~r", labels=first)
    title = "output tokens/s, logarithmic" if first else None
    y = alt.Y("speed:Q").title(title).scale(type="log", domain=list(ends), nice=False).axis(axis)
    base = alt.Chart(alt.Data(values=rows), width=width, height=HEIGHT).encode(
        x=x, y=y, color=alt.Color("colour:N").scale(None).legend(None)
    )
    dots = base.mark_circle(size=330, opacity=1)
    names = base.mark_text(fontSize=11, fontWeight=700).encode(
        text="model:N", color=alt.value("var(--on-mark)")
    )
    said = base.mark_text(align="left", dx=12, fontSize=12, fontWeight=600).encode(text="quality:N")
    return alt.layer(dots, names, said)
