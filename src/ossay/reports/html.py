"""The report as one HTML file that needs nothing else: no network, no server, no second file.

All text goes through `visible` and is escaped by the template engine; transcripts travel as
compressed data and are shown as text only; the page's own policy forbids every other script, style
and connection. Knows nothing of how a number is computed.
"""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from ossay.core.display import visible
from ossay.core.records import CampaignRecord, RunRecord
from ossay.core.task import Transcript
from ossay.reports import by_mark, charts, figures, foretold, pair_charts, power_words, words
from ossay.reports.cell import Cell
from ossay.reports.compared import ALL_PAIRS
from ossay.reports.drawing import MODEL_COLOURS
from ossay.reports.embed import embed, pack
from ossay.reports.pair_card import PairCard, card_of, points
from ossay.reports.score import Rate
from ossay.reports.shortlist import ALL, Shortlist, shortlist_of
from ossay.reports.summary import Summary, summarize

# Characters of packed transcripts in one page.
EMBED_CHARS = 16 << 20

# What a person reads of a grader's reason or an error.
_REASON_CHARS = 2000


class HeatRow(Struct, frozen=True):
    """One line of the heat map: a task, or a whole suite where `task` is ''."""

    suite: str
    task: str
    cells: tuple[Cell, ...]


def write_html(
    record: CampaignRecord, transcripts: Callable[[str], Transcript | None], path: Path
) -> None:
    """Write the page to `path`. A link there is replaced, not followed."""
    page = html_report(record, transcripts)
    if path.is_symlink():  # a results folder may come from anyone
        path.unlink()
    path.write_text(page, encoding="utf-8")


def html_report(
    record: CampaignRecord,
    transcripts: Callable[[str], Transcript | None],
    *,
    embed_chars: int = EMBED_CHARS,
) -> str:
    """Return the whole page. Transcripts beyond `embed_chars` are named, not embedded."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    summary = summarize(record)
    shortlist = shortlist_of(summary.findings)
    embedded = embed(record.runs, transcripts, embed_chars)
    style, script = _asset("report.css"), _asset("report.js")
    environment = Environment(
        loader=PackageLoader("ossay.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(_filters())
    return environment.get_template("report.html.j2").render(
        summary=summary,
        record=record,
        embedded=embedded,
        about=Markup(pack({visible(run.id): _about(run) for run in record.runs})),  # base64
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        heat=list(_heat(summary)),
        marks={model.reference: model.mark for model in summary.models},
        slots={m.reference: i % MODEL_COLOURS for i, m in enumerate(summary.models)},
        cards=_cards(record, summary, shortlist),
        pairs_left_out=shortlist.left_out,
        fold=len(summary.findings) > ALL,
        drawn=len(shortlist.drawn),
        margin=next((one.verdict.margin for one in summary.findings if one.verdict.margin), None),
        families={one.family for one in summary.findings if one.family} - {ALL_PAIRS},
        tally=words.tally(summary),
        unmade=words.unmade(summary),
        decision=by_mark.decision_of(summary.followed, _names(summary)) if summary.followed else "",
        clustered=any(one.comparison.clusters is not None for one in summary.findings),
        power_said=power_words.said(summary.power) if summary.power else "",
        power_rows=power_words.rows(summary.power) if summary.power else [],
        foretold=foretold,
        stopped=words.stopped(summary),
        outcome_words=words.OUTCOMES,
        flag_words=words.FLAGS,
        shown_ks=_shown_ks(summary),
        mapped={row["model"] for row in charts.price_rows(summary)},
        svg=_charts(summary, shortlist),
    )


def _cards(record: CampaignRecord, summary: Summary, shortlist: Shortlist) -> list[PairCard]:
    """The pairs that are shown, each with the items on which the two differ."""
    names, followed = _names(summary), summary.followed
    outcomes = {run.id: words.plain(run.outcome) for run in record.runs if run.outcome}
    return [
        card_of(one, sample, by_mark.said(one, followed, names), record.name, outcomes, followed)
        for one, sample in zip(shortlist.shown, shortlist.samples, strict=True)
    ]


def _names(summary: Summary) -> dict[str, str]:
    return by_mark.names_of({model.reference: model.mark for model in summary.models})


def _charts(summary: Summary, shortlist: Shortlist) -> dict[str, Any]:
    """Every drawing of the page. They hold no text from outside, so they are not escaped."""
    from markupsafe import Markup

    marks = {model.reference: model.mark for model in summary.models}
    index = {model.reference: index for index, model in enumerate(summary.models)}
    standings = summary.board.standings if summary.board else ()
    followed = summary.followed
    return {
        "forest": Markup(pair_charts.forest(shortlist.drawn, marks, followed)),
        "ranks": Markup(pair_charts.ranks(standings, marks, index)),
        "path": Markup(pair_charts.evidence_path(followed) if followed else ""),
        "strips": [Markup(charts.score_strip(m, i)) for i, m in enumerate(summary.models)],
        "passes": Markup(charts.pass_chart(summary)),
        "prices": Markup(charts.price_map(summary)),
        "outcomes": [Markup(charts.outcome_bars(summary, model)) for model in summary.models],
        "flags": [Markup(charts.flag_bars(summary, model)) for model in summary.models],
    }


def _filters() -> dict[str, Callable[..., str]]:
    return {
        "percent": figures.percent,
        "span": figures.span,
        "fraction": figures.fraction,
        "usd": figures.usd,
        "spent": figures.spent,
        "tokens": figures.tokens,
        "seconds": figures.seconds,
        "speed": figures.speed,
        "count": figures.count,
        "moment": figures.moment,
        "plain": words.plain,
        "points": points,
        "e_value": figures.e_value,
        "shade": _shade,
        "anchor": _anchor,
    }


def _heat(summary: Summary) -> Iterator[HeatRow]:
    """Each suite's tasks, then the suite as a whole."""
    width = len(summary.models)
    for suite in dict.fromkeys(cell.suite for cell in summary.cells):
        for cells in (summary.cells, summary.suite_cells):
            here = [cell for cell in cells if cell.suite == suite]
            for start in range(0, len(here), width):
                row = tuple(here[start : start + width])
                yield HeatRow(suite, row[0].task, row)


def _shown_ks(summary: Summary) -> set[int]:
    """Which k the table of pass^k shows: all up to ten, then round ones and the last."""
    most = max((len(model.pass_curve) for model in summary.models), default=0)
    round_ones = {step * 10**power for power in range(1, 6) for step in (1, 2, 5)}
    return {k for k in range(1, most + 1) if k <= 5 or most <= 10 or k in round_ones or k == most}


def _about(run: RunRecord) -> dict[str, Any]:
    """What stands above a transcript: the run's facts, and the command that shows it."""
    facts = [
        ("Model", run.key.model),
        ("Task", f"{run.key.suite} / {run.key.task}"),
        ("Seed and attempt", f"seed {run.key.seed}, attempt {run.key.attempt}"),
        ("Outcome", words.plain(run.outcome) if run.outcome else f"no result yet: {run.state}"),
        ("Grader", run.reason),
        ("Error", run.error),
        ("Parts done", f"{run.done} of {run.of}" if run.of else ""),
        ("Flags", ", ".join(map(words.plain, run.flags))),
        ("Turns and tool calls", f"{run.turns} turns, {run.tool_calls} tool calls"),
        ("Time", figures.seconds(run.seconds)),
        ("Started", figures.moment(run.started_at)),
        ("Cost", figures.usd(run.cost_usd)),
        ("Tries", f"{run.tries}: earlier ones were cut off" if run.tries > 1 else ""),
    ]
    dashes = ["--"] if run.id.startswith("-") else []
    return {
        "facts": [(name, visible(value, _REASON_CHARS)) for name, value in facts if value],
        # Nobody's run id becomes an option of a command that is pasted.
        "command": visible(shlex.join(["ossay", "transcript", *dashes, run.id])),
    }


def _shown(value: Any) -> Any:
    """Make every plain string visible on its way into the page; what is Markup is our own."""
    return visible(value) if type(value) is str else value


def _shade(rate: Rate) -> str:
    """The class of a heat map cell: s0 for nothing passed to s10 for everything, '' for unknown."""
    return "" if rate.rate is None else f"s{round(10 * rate.rate)}"


def _anchor(run_id: str) -> str:
    return f"run-{quote(visible(run_id), safe='')}"


def _asset(name: str) -> str:
    return files("ossay.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """The source expression by which a Content-Security-Policy allows exactly this content."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
