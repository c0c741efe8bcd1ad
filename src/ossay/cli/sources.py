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
from ossay.core.errors import UsageError
from ossay.core.results import RATING

if TYPE_CHECKING:
    from ossay.core.rating import RaterKind
    from ossay.core.records import CampaignRecord
    from ossay.core.results import Records, Stated
    from ossay.stats.many import Family

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class Asked(NamedTuple):
    """What the options of a command say of its sources."""

    files: tuple[Path, ...] = ()
    files_of: tuple[tuple[str, Path], ...] = ()
    names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    model_columns: str = ""
    stated: tuple[Path, ...] = ()
    stated_columns: tuple[str, ...] = ()
    fixed_clusters: bool = False
    raters: str | None = None
    ledger: str | None = None


class Found(NamedTuple):
    """The records, the campaigns among them by name, and the models asked for as they name them."""

    records: Records
    campaigns: dict[str, CampaignRecord]
    models: tuple[str, ...] = ()

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
                type=FILE,
                multiple=True,
                metavar="FILE",
                help="CSV, Parquet, Inspect or lm-eval log, table of counts. Repeatable.",
            ),
            click.option(
                *("--records-of", "files_of"),
                type=(str, FILE),
                multiple=True,
                metavar="MODEL FILE",
                help="The same, of a file that doesn't say whose results it holds. Repeatable.",
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
                type=FILE,
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
            click.option(
                "--fixed-clusters",
                is_flag=True,
                help="Ask about these tasks alone, not about others like them.",
            ),
            click.option(
                "--raters",
                type=click.Choice(("people", "models")),
                help="Take ratings of a campaign: people's, or a judge model's.",
            ),
            click.option("--ledger", help="Path or database URL of the ledger."),
        )
    ):
        command = option(command)
    return command


def asked_of(options: dict[str, Any]) -> Asked:
    """Take the options of `source_options` out of a command's keywords."""
    return Asked(**{field: options.pop(field) for field in Asked._fields})


def gather(asked: Asked, wanted: Sequence[str] = (), metric: str | None = None) -> Found:
    """Read what was asked for; with neither file nor name, find where `wanted` models are.

    A model may be asked for as 'model@source', as `compare.apart` tells. The metric 'rating' of a
    campaign is what people rated, unless models' ratings are asked for.

    Raises:
        UsageError: a file or name that can't be read, or no or several places that hold them, or
            ratings that are not known to be whose they are asked to be.
    """
    from ossay.cli import rated_by
    from ossay.cli.held import asked_for, from_ledger, holding
    from ossay.compare.apart import tell_apart
    from ossay.compare.selection import fix_clusters

    parts = []
    for part in _from_files(asked):
        rated_by.check(part, asked.raters, metric)
        parts.append(part)
    campaigns: dict[str, CampaignRecord] = {}
    if not (parts or asked.names or place.has_ledger(asked.ledger)):
        raise UsageError("there is no ledger yet; give a file of results with --records FILE")
    if asked.names or not parts:
        with place.ledger(asked.ledger) as ledger:
            names = asked.names or asked_for(ledger, wanted) or (holding(ledger, wanted),)
            for name in dict.fromkeys(names):
                records, campaign = from_ledger(ledger, name, _kind(asked.raters, metric))
                if campaign is None:
                    rated_by.check(records, asked.raters, metric)
                parts.append(records)
                campaigns |= {} if campaign is None else {name: campaign}
    stated = stated_in(asked.stated, asked.stated_columns)
    records, models = tell_apart(_joined(parts, stated), wanted)
    if asked.fixed_clusters:
        records = fix_clusters(records)
    return Found(records, campaigns, models)


def _kind(raters: str | None, metric: str | None) -> RaterKind | None:
    """Whose ratings are asked for, None where it is not about ratings."""
    if raters is None:
        return "human" if metric == RATING else None
    return "human" if raters == "people" else "model"


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
    from ossay.cli.rated_by import told
    from ossay.records.read import read_records

    columns = pairs_of(asked.columns, "--column")
    models = tuple(name.strip() for name in asked.model_columns.split(",") if name.strip())
    taken: set[str] = set()
    unnamed = [("", file) for file in asked.files]
    for model, file in (*unnamed, *asked.files_of):
        records = read_records(file, columns=columns, models=models, model=model)
        name = records.sources[0].name
        if name in taken:
            number = next(n for n in range(2, len(taken) + 3) if f"{name}-{n}" not in taken)
            name = f"{name}-{number}"
            records = read_records(file, name=name, columns=columns, models=models, model=model)
        taken.add(name)
        yield told(records, file)


def stated_in(files: Iterable[Path], columns: Iterable[str]) -> tuple[Stated, ...]:
    """The summaries in `files`, as --stated and --stated-column ask for them."""
    from ossay.records.stated import read_stated

    pairs = pairs_of(columns, "--stated-column")
    return tuple(one for file in files for one in read_stated(file, columns=pairs))


def _joined(parts: Sequence[Records], stated: tuple[Stated, ...]) -> Records:
    from ossay.core.results import Records

    return Records(
        tuple(source for part in parts for source in part.sources),
        tuple(row for part in parts for row in part.results),
        tuple(count for part in parts for count in part.counts),
        tuple(one for part in parts for one in part.stated) + stated,
    )
