"""Charts of comparisons as SVG text: a forest plot, the possible ranks, the path of a bet.

Models appear as their marks ('A'), never by name: no text that a model or provider wrote gets in
here. Knows nothing of the page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ossay.campaign.stopping import Followed
from ossay.campaign.watch import Look
from ossay.compare.finding import Finding, Standing
from ossay.reports.drawing import HEIGHT, WIDTH, Rows, colour, svg
from ossay.stats.confseq import difference_sequence
from ossay.stats.interval import Interval

_LINE = 24  # pixels a pair
_STEPS = 400  # points of a path; more look the same
_TOP = 1e6  # a bet beyond this is drawn at it: it decided long before

_KINDS = {
    "better": "var(--accent)",
    "tied": "var(--good)",
    "not enough data": "var(--muted)",
}


def forest(drawn: Sequence[Finding], marks: Mapping[str, str], followed: Followed | None) -> str:
    """Differences in points with their intervals, a line a pair, the margin as a band; '' of none.

    The two models of a `[stop]` have their confidence sequence: what holds at every look.
    """
    import altair as alt

    if not drawn:
        return ""
    rows = [_line(one, marks, followed) for one in drawn]
    names = [row["pair"] for row in rows]
    kinds = alt.Color("kind:N").legend(None).scale(domain=[*_KINDS], range=[*_KINDS.values()])
    ends = [abs(row[key]) for row in rows for key in ("low", "high")]
    margin = next((one.verdict.margin for one in drawn if one.verdict.margin is not None), None)
    most = max(*ends, 100 * (margin or 0.0), 1.0) * 1.05
    scale = alt.Scale(domain=[-most, most], nice=False)
    height = _LINE * len(rows)
    base = alt.Chart(alt.Data(values=rows), width=WIDTH, height=height).encode(
        y=alt.Y("pair:N").title(None).sort(names).axis(ticks=False, domain=False, labelLimit=0),
        color=kinds,
    )
    x = (
        alt.X("low:Q")
        .title("points")
        .scale(scale)
        .axis(tickCount=5, format="+.1~f", labelFlush=False)
    )
    layers: list[Any] = []
    if margin is not None:
        band = alt.Data(values=[{"low": -100 * margin, "high": 100 * margin}])
        layers.append(
            alt.Chart(band)
            .mark_rect(color="var(--good)", opacity=0.18)
            .encode(x=alt.X("low:Q").scale(scale), x2="high:Q")
        )
    zero = alt.Chart(alt.Data(values=[{"at": 0}]))
    layers += [
        zero.mark_rule(color="var(--muted)", strokeWidth=1).encode(x=alt.X("at:Q").scale(scale)),
        base.mark_rule(strokeWidth=3, opacity=0.55).encode(x=x, x2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=alt.X("difference:Q").scale(scale)
        ),
    ]
    return svg(alt.layer(*layers))


def _line(one: Finding, marks: Mapping[str, str], followed: Followed | None) -> dict[str, Any]:
    interval, difference = interval_shown(one, followed), one.comparison.difference
    if is_followed(one, followed) and followed and followed.pairs:
        difference = (followed.only_a - followed.only_b) / followed.pairs
    kind = {"tied": "tied", "not_enough_data": "not enough data"}.get(one.verdict.kind, "better")
    return {
        "pair": f"{marks[one.a]} − {marks[one.b]}",
        "low": 100 * interval.low,
        "high": 100 * interval.high,
        "difference": 100 * difference,
        "kind": kind,
    }


def is_followed(one: Finding, followed: Followed | None) -> bool:
    """Whether these are the two models of the plan's `[stop]`."""
    return followed is not None and (one.a, one.b) == (followed.a, followed.b)


def interval_shown(one: Finding, followed: Followed | None) -> Interval:
    """The interval of the difference that holds: a sequence where the campaign stops by it."""
    if followed is None or not followed.pairs or not is_followed(one, followed):
        return one.comparison.interval
    return difference_sequence(
        followed.only_a, followed.only_b, followed.pairs, 1.0 - followed.alpha
    )


def ranks(standings: Sequence[Standing], marks: Mapping[str, str], index: Mapping[str, int]) -> str:
    """The ranks that are possible for each model, a line a model; `index` is that of its colour."""
    import altair as alt

    if len(standings) < 2:
        return ""
    rows: Rows = [
        {
            "model": marks[one.model],
            "low": one.best - 0.25,
            "high": one.worst + 0.25,
            "place": place,
        }
        for place, one in enumerate(standings, 1)
    ]
    names = [row["model"] for row in rows]
    colours = [colour(index[one.model]) for one in standings]
    count = len(rows)
    base = alt.Chart(alt.Data(values=rows), width=WIDTH, height=_LINE * count).encode(
        y=alt.Y("model:N").title(None).sort(names).axis(ticks=False, domain=False, labelLimit=0),
        color=alt.Color("model:N").legend(None).scale(domain=names, range=colours),
    )
    scale = alt.Scale(domain=[0.5, count + 0.5], nice=False)
    step = math.ceil(count / 10)
    ticks = sorted({1, *range(step, count + 1, step)})
    axis = alt.Axis(values=ticks, format="d")
    x = alt.X("low:Q").title("rank").scale(scale).axis(axis)
    bars = base.mark_bar(opacity=0.4, height=10, cornerRadius=3).encode(x=x, x2="high:Q")
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(x=alt.X("place:Q").scale(scale))
    return svg(alt.layer(bars, dots))


def evidence_path(followed: Followed) -> str:
    """The bet's e-value against the items, on a logarithmic axis, with the bar at 1 / alpha."""
    import altair as alt

    if not followed.path:
        return ""
    bar = 1.0 / followed.alpha
    rows: Rows = [{"items": 0, "value": 1.0}]
    rows += [{"items": look.items, "value": _drawn(look)} for look in _thinned(followed.path)]
    values = [row["value"] for row in rows]
    domain = [min(0.5, *values) / 1.3, max(2 * bar, *values) * 1.3]
    y = alt.Y("value:Q").title("e-value, logarithmic").scale(type="log", domain=domain, nice=False)
    y = y.axis(values=_powers(*domain), format="~g", grid=True)
    x = alt.X("items:Q").title("items, in the order of the plan")
    x = x.scale(domain=[0, max(1, followed.items)], nice=False).axis(
        format="d", tickCount=min(5, max(1, followed.items)), grid=False
    )
    base = alt.Chart(alt.Data(values=rows), width=WIDTH, height=HEIGHT)
    limit = alt.Chart(alt.Data(values=[{"bar": bar}]))
    layers: list[Any] = [
        limit.mark_rule(color="var(--bad)", strokeWidth=2, strokeDash=[5, 4]).encode(y="bar:Q"),
        base.mark_line(color="var(--accent)", strokeWidth=2, interpolate="step-after").encode(
            x=x, y=y
        ),
    ]
    if followed.decided_at is not None:
        layers.append(
            alt.Chart(alt.Data(values=rows[-1:]))
            .mark_point(filled=True, size=110, opacity=1, color="var(--accent)")
            .encode(x="items:Q", y="value:Q")
        )
    return svg(alt.layer(*layers))


def _drawn(look: Look) -> float:
    return min(_TOP, max(1.0 / _TOP, look.e_value))


def _thinned(path: Sequence[Look]) -> list[Look]:
    """At most so many looks, evenly spread; the last is always one of them."""
    step = max(1, math.ceil(len(path) / _STEPS))
    return list(path[::-step][::-1])


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten between the two, every so many that at most six are left."""
    powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    return [10.0**power for power in powers if not power % max(1, math.ceil(len(powers) / 6))]
