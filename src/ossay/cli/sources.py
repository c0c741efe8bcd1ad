"""Where comparing commands take their records from: files, or names in the ledger.

With neither, the one place in the ledger that holds the models asked for. Knows nothing of what is
done with the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from ossay.cli import place
from ossay.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ossay.core.records import CampaignRecord
    from ossay.core.results import Records, Stated
    from ossay.stats.many import Family
    from ossay.store.ledger import Ledger

Command = TypeVar("Command", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class Asked(NamedTuple):
    """What the options of a command say of its sources."""

    files: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    model_columns: str = ""
    stated: tuple[Path, ...] = ()
    stated_columns: tuple[str, ...] = ()
    ledger: str | None = None


class Found(NamedTuple):
    """The records, and the campaigns among them by name."""

    records: Records
    campaigns: dict[str, CampaignRecord]

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that their plans declare."""
        from ossay.campaign.families import families_of
        from ossay.campaign.plan import parse_plan

        return tuple(
            family
            for name, record in self.campaigns.items()
            for family in families_of(
                parse_plan(record.plan_toml, source=f"plan of {name!r}").families
            )
        )


def source_options(command: Command) -> Command:
    """Add the options that say where records come from; `asked_of` reads them."""
    for option in reversed(
        (
            click.option(
                *("--records", "files"),
                type=_FILE,
                multiple=True,
                metavar="FILE",
                help="CSV, Parquet, Inspect or lm-eval log, table of counts. Repeatable.",
            ),
            click.option(
                *("--in", "names"),
                multiple=True,
                metavar="NAME",
                help="Campaign or import in the ledger. Repeatable.",
            ),
            click.option(
                *("--column", "columns"),
                multiple=True,
                metavar="OURS=THEIRS",
                help="Which column of FILE is our item, model, score, attempt, cluster, cost …",
            ),
            click.option(
                *("--models", "model_columns"),
                default="",
                metavar="COL,COL",
                help="The columns of a wide FILE, one a model.",
            ),
            click.option(
                "--stated",
                type=_FILE,
                multiple=True,
                metavar="FILE",
                help="Summary printed beside the rows, JSON or CSV: the rows are held against it.",
            ),
            click.option(
                "--stated-column",
                "stated_columns",
                multiple=True,
                metavar="OURS=THEIRS",
                help="Which column of it is our model, value, n.",
            ),
            click.option("--ledger", help="Path or database URL of the ledger."),
        )
    ):
        command = option(command)
    return command


def asked_of(options: dict[str, Any]) -> Asked:
    """Take the options of `source_options` out of a command's keywords."""
    return Asked(**{field: options.pop(field) for field in Asked._fields})


def gather(asked: Asked, wanted: Sequence[str] = ()) -> Found:
    """Read what was asked for; with neither file nor name, find where `wanted` models are.

    Raises:
        UsageError: a file or name that can't be read, or no or several places that hold them.
    """
    parts = [*_from_files(asked)]
    campaigns: dict[str, CampaignRecord] = {}
    if not (asked.files or asked.names or place.has_ledger(asked.ledger)):
        raise UsageError("there is no ledger yet; give a file of results with --records FILE")
    if asked.names or not asked.files:
        with place.ledger(asked.ledger) as ledger:
            names = asked.names or (_holding(ledger, wanted),)
            for name in dict.fromkeys(names):
                records, campaign = _from_ledger(ledger, name)
                parts.append(records)
                campaigns |= {} if campaign is None else {name: campaign}
    return Found(_joined(parts, _stated(asked)), campaigns)


def pairs_of(options: Iterable[str], option: str) -> dict[str, str]:
    """'ours=theirs' as a mapping; raises `UsageError` where there is no '='."""
    found: dict[str, str] = {}
    for text in options:
        ours, equals, theirs = text.partition("=")
        if not equals or not ours:
            raise UsageError(f"{option} {text!r}: write OURS=THEIRS, as in item=question_id")
        found[ours.strip()] = theirs.strip()
    return found


def _from_files(asked: Asked) -> Iterator[Records]:
    from ossay.records.read import read_records

    columns = pairs_of(asked.columns, "--column")
    models = tuple(name.strip() for name in asked.model_columns.split(",") if name.strip())
    taken: set[str] = set()
    for file in asked.files:
        records = read_records(file, columns=columns, models=models)
        name = records.sources[0].name
        if name in taken:
            number = next(n for n in range(2, len(taken) + 3) if f"{name}-{n}" not in taken)
            name = f"{name}-{number}"
            records = read_records(file, name=name, columns=columns, models=models)
        taken.add(name)
        yield records


def _stated(asked: Asked) -> tuple[Stated, ...]:
    if not asked.stated:
        return ()
    from ossay.records.stated import read_stated

    columns = pairs_of(asked.stated_columns, "--stated-column")
    return tuple(one for file in asked.stated for one in read_stated(file, columns=columns))


def _from_ledger(ledger: Ledger, name: str) -> tuple[Records, CampaignRecord | None]:
    """The records of that name, and the campaign where it is one."""
    from ossay.records.campaign import records_of

    campaigns = [row.name for row in ledger.campaigns()]
    imports = [row.name for row in ledger.imports()]
    if name in campaigns:
        record = ledger.campaign(name)
        return records_of(record), record
    if name in imports:
        return ledger.records(name), None
    raise UnknownName.of(
        "campaign or import", name, (*campaigns, *imports), hint="give a file with --records"
    )


def _holding(ledger: Ledger, wanted: Sequence[str]) -> str:
    """The one name in the ledger whose records hold all of these models."""
    names = [row.name for row in ledger.campaigns()] + [row.name for row in ledger.imports()]
    found = [name for name in names if _holds(ledger, name, wanted)]
    if len(found) == 1:
        return found[0]
    what = f"both {wanted[0]!r} and {wanted[1]!r}" if len(wanted) == 2 else "results"
    if found:
        raise UsageError(
            f"{len(found)} places in the ledger hold {what}: {', '.join(map(repr, found))}; name "
            "one with --in"
        )
    known = f"it has {', '.join(map(repr, names))}" if names else "it is empty"
    raise UsageError(
        f"nothing in the ledger holds {what}: {known}. Give a file with --records, or several "
        "--in NAME"
    )


def _holds(ledger: Ledger, name: str, wanted: Sequence[str]) -> bool:
    from ossay.compare.selection import find_model

    records, _ = _from_ledger(ledger, name)
    try:
        for model in wanted:
            find_model(records, model)
    except UnknownName:
        return False
    return bool(records.results or records.counts)


def _joined(parts: Sequence[Records], stated: tuple[Stated, ...]) -> Records:
    from ossay.core.results import Records

    return Records(
        tuple(source for part in parts for source in part.sources),
        tuple(row for part in parts for row in part.results),
        tuple(count for part in parts for count in part.counts),
        tuple(one for part in parts for one in part.stated) + stated,
    )
