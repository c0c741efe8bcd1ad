"""What `ossay calibrate` calibrates on: a file, a campaign in the ledger, a decision log.

Knows nothing of gates or thresholds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.core.decision import Entry
    from ossay.core.graded import Graded
    from ossay.records.graded import GradedFile
    from ossay.router.observed import Observed


class Source(NamedTuple):
    """Rows, and what must be said of them.

    Attributes:
        rows: Graded queries.
        data: Names the rows: a hash, or where a log ended.
        cheap, strong: The models, as the source names them.
        notes: One sentence each.
        strong_known: Whether rows tell if the strong model is right; else it counts as right.
    """

    rows: tuple[Graded, ...]
    data: str
    cheap: str
    strong: str
    notes: tuple[str, ...]
    strong_known: bool = True


class Asked(NamedTuple):
    """What the options say of the source; '' where nothing was given."""

    cheap: str = ""
    strong: str = ""
    query: str = ""
    task: str = ""
    stratum: str = ""
    validator: str = ""
    route: str = ""


def from_records(path: Path, asked: Asked) -> Source:
    """A table of queries with a column for each model."""
    from ossay.records.graded import Named, read_graded

    cheap, strong = _both(asked, "--records needs the models' columns")
    named = Named(asked.query, asked.task, asked.stratum, asked.validator)
    found = read_graded(path, cheap=cheap, strong=strong, named=named)
    taken = ", ".join(f"{field}: {column!r}" for field, column in found.columns.items())
    notes = (f"Read as {taken}.", *_of_file(found, "rows without a result of both models"))
    return Source(found.rows, found.sha256, cheap, strong, notes)


def from_campaign(name: str, url: str | None, asked: Asked) -> Source:
    """A campaign in the ledger: both models on the same instances."""
    from ossay.cli import place
    from ossay.records.graded_runs import graded_runs

    cheap, strong = _both(asked, "--campaign needs the models' references")
    _no_columns(asked, "--campaign", "query", "task", "validator")
    with place.ledger(url) as ledger:
        found = graded_runs(
            ledger.campaign(name),
            ledger.transcript,
            cheap=cheap,
            strong=strong,
            stratum=asked.stratum,
        )
    tasks = len({row.task for row in found.rows})
    notes = (
        f"{len(found.rows):,} instances of {tasks:,} tasks, the first attempt of each that both "
        "finished. The promise is about traffic that is made up of such tasks in such shares.",
        *_of_file(found, "instances that not both finished"),
    )
    return Source(found.rows, found.sha256, cheap, strong, notes)


def from_log(url: str, since: str | None, seed: int, asked: Asked) -> Source:
    """A decision log: published drafts that were audited by chance."""
    from ossay.cli.log_source import open_log, since_of
    from ossay.router.observed import observe
    from ossay.store.decisions_find import Wanted

    _no_columns(asked, "--log", "query", "task", "stratum", "validator")
    wanted = Wanted(since=since_of(since, time.time()))
    with open_log(url) as log:
        head = log.head()

        def scan() -> Iterator[Entry]:
            return (one.entry for one in log.scan(wanted) if one.head.seq <= head.seq)

        rng = random.Random(seed)
        found = observe(scan, log.body, rng, cheap=asked.cheap, route=asked.route)
    if not found.rows:
        raise UsageError(f"the log gives nothing to calibrate on: {_why_nothing(found)}")
    strong = asked.strong or found.strong or "strong"
    notes = tuple(_of_log(found, strong))
    return Source(found.rows, f"log {head}", found.cheap, strong, notes, strong_known=False)


def _both(asked: Asked, need: str) -> tuple[str, str]:
    if not (asked.cheap and asked.strong):
        raise UsageError(f"{need}: --cheap and --strong")
    return asked.cheap, asked.strong


def _no_columns(asked: Asked, source: str, *fields: str) -> None:
    for field in fields:
        if getattr(asked, field):
            raise UsageError(f"--{field} names a column of --records; {source} has none")


def _of_file(found: GradedFile, lacking: str) -> Iterator[str]:
    if found.ungraded:
        yield f"{found.ungraded:,} {lacking} were left out."
    if found.repeated:
        yield (
            f"{found.repeated:,} rows repeat an earlier query. As traffic that is right; several "
            "tries at one query would make the promise look surer than it is."
        )


def _of_log(found: Observed, strong: str) -> Iterator[str]:
    yield (
        f"Right and wrong are an auditor's verdicts on drafts of {found.cheap} that went out. Of "
        f"{strong} the log has no such label: it is taken for right everywhere, so a rate of "
        "escapes is counted too high, never too low."
    )
    for part in found.parts:
        if not (part.labelled or part.unseen):
            continue
        said = f"{part.name}: {part.labelled:,} audited drafts, {part.wrong:,} of them wrong"
        if part.failed:
            said += f" ({part.failed:,} because their audit failed)"
        yield f"{said}, of {part.requests:,} requests."
        if part.unseen:
            yield (
                f"{part.name}: {part.unseen:,} rows are requests that a policy kept from going "
                "out. Nobody looked at their drafts; they count as wrong, so thresholds can't fall "
                "below that policy's by this log alone."
            )
    silent = [part for part in found.parts if not (part.labelled or part.unseen)]
    if silent:
        told = ", ".join(f"{part.name} ({part.requests:,} requests)" for part in silent[:10])
        yield f"No row of {told}: the policy sends them to the strong model."
    for why, count in sorted(found.left_out.items(), key=lambda one: (-one[1], one[0])):
        yield f"{count:,} requests left out: {why}."


def _why_nothing(found: Observed) -> str:
    if not found.left_out:
        return "no published draft was audited; set audit_share and keep_days, and wait"
    whys = sorted(found.left_out.items(), key=lambda one: -one[1])[:3]
    return "; ".join(f"{count:,} requests: {why}" for why, count in whys)
