"""The options of `ossay calibrate`. Knows nothing of what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.router.costs import Prices

Command = TypeVar("Command", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, dir_okay=False)


class Options(NamedTuple):
    """What the user gave; '' or None where nothing."""

    records: Path | None
    campaign: str | None
    log: str | None
    since: str | None
    ledger: str | None
    cheap: str
    strong: str
    alpha: float | None
    delta: float
    estimand: str | None
    cost_ratio: float | None
    prices: str | None
    query: str
    task: str
    stratum: str
    validator: str
    approve_from: float | None
    pins: tuple[str, ...]
    gateway: Path | None
    route: str
    seed: int
    out: Path | None
    seeded: bool
    right: str
    wrong: str
    most: int
    as_json: bool


_OPTIONS = (
    click.option("--records", type=_FILE, metavar="FILE",
                 help="CSV, .csv.gz or .jsonl: one query a row, a column for each model: right or "
                 "wrong."),
    click.option("--campaign", metavar="NAME", help="In the ledger: both models, same instances."),
    click.option("--log", metavar="LOG", help="A gateway's decision log: its audits are labels."),
    click.option("--since", metavar="WHEN", help="Of the log: from 24h, 7d before now, or a date."),
    click.option("--ledger", help="Path or database URL of the ledger."),
    click.option("--cheap", default="", metavar="NAME",
                 help="The cheap model: its column in FILE, else its reference."),
    click.option("--strong", default="", metavar="NAME", help="The strong model."),
    click.option("--alpha", type=float, help="The largest risk: 0.05 is 5 %.  [required]"),
    click.option("--delta", type=float, default=0.1, show_default=True,
                 help="Chance that the promise may fail."),
    click.option("--estimand", type=click.Choice(["escape", "selective"]),
                 help="escape: of all requests, wrong where the strong model is right. selective: "
                 "of the cheap answers, wrong.  [default: escape; of a log, selective]"),
    click.option("--cost-ratio", type=float, help="What a strong call costs, in cheap calls."),
    click.option("--prices", metavar="CHEAP,STRONG[,VALIDATOR]",
                 help="USD a request, instead of columns."),
    click.option("--query", default="", metavar="COLUMN",
                 help="The query.  [default: query, prompt…]"),
    click.option("--task", default="", metavar="COLUMN",
                 help="Kind of task.  [default: task, subject]"),
    click.option("--stratum", default="", metavar="COLUMN",
                 help="A promise for each of its values; of a campaign, suite or task."),
    click.option("--validator", default="", metavar="COLUMN",
                 help="The validator's score of the cheap draft."),
    click.option("--approve-from", type=float,
                 help="The validator's score from which it approves.  [default: the route's, else "
                 "0.5]"),
    click.option("--pin", "pins", multiple=True, metavar="WHAT=HASH",
                 help="The policy expires when it changes."),
    click.option("--gateway", type=_FILE, metavar="FILE", help="Pin what a route there asks."),
    click.option("--route", default="", metavar="NAME", help="That route."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the split."),
    click.option("--out", type=_FILE, help="Write the policy."),
    click.option("--seeded", is_flag=True,
                 help="Try a validator instead: --validator is a model, FILE has right and wrong "
                 "answers."),
    click.option("--right", default="", metavar="COLUMN",
                 help="Seeded: the right answer.  [default: right, answer…]"),
    click.option("--wrong", default="", metavar="COLUMN",
                 help="Seeded: a wrong one.  [default: wrong, else another row's answer]"),
    click.option("--most", type=click.IntRange(1), default=200, show_default=True,
                 help="Seeded: rows, four calls each."),
    click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON."),
)  # fmt: skip


def calibrate_options(command: Command) -> Command:
    """Add all of them; `Options(**options)` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def prices_of(ratio: float | None, prices: str | None) -> Prices | None:
    """Read --cost-ratio or --prices; raises `UsageError`."""
    from ossay.router.costs import Prices

    if ratio is not None and prices is not None:
        raise UsageError("--cost-ratio and --prices say the same thing twice; give one")
    if ratio is not None:
        if not 0.0 < ratio < float("inf"):
            raise UsageError(f"--cost-ratio {ratio!r} is not above 0")
        return Prices.of_ratio(ratio)
    if prices is None:
        return None
    try:
        amounts = [float(one) for one in prices.split(",")]
    except ValueError:
        amounts = []
    if len(amounts) not in (2, 3) or not all(0.0 <= one < float("inf") for one in amounts):
        raise UsageError(
            f"--prices {prices!r} is not CHEAP,STRONG or CHEAP,STRONG,VALIDATOR in USD a request"
        )
    return Prices(amounts[0], amounts[1], amounts[2] if len(amounts) > 2 else 0.0)


def pin_of(text: str) -> tuple[str, str]:
    """Read one --pin; raises `UsageError`."""
    what, equals, value = text.partition("=")
    if not (what and equals and value):
        raise UsageError(f"--pin {text!r} is not WHAT=HASH, such as prompts=3f9a…")
    if what in ("gate", "data"):
        raise UsageError(f"--pin {text!r}: the {what} is hashed here, it can't be given")
    return what, value
