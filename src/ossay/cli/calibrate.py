"""`ossay calibrate`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay import __version__
from ossay.cli import place
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.router.costs import Prices


@click.command()
@click.option(
    "--records",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="CSV, .csv.gz or .jsonl: one query a row, a column for each model: right or wrong.",
)
@click.option("--cheap", required=True, metavar="COLUMN", help="The cheap model's column.")
@click.option("--strong", required=True, metavar="COLUMN", help="The strong model's column.")
@click.option("--alpha", type=float, required=True, help="The largest risk: 0.05 is 5 %.")
@click.option(
    "--delta", type=float, default=0.1, show_default=True, help="Chance that the promise may fail."
)
@click.option(
    "--estimand",
    type=click.Choice(["escape", "selective"]),
    default="escape",
    show_default=True,
    help="escape: of all requests, wrong where the strong model is right. "
    "selective: of the cheap answers, wrong.",
)
@click.option("--cost-ratio", type=float, help="What a strong call costs, in cheap calls.")
@click.option(
    "--prices", metavar="CHEAP,STRONG[,VALIDATOR]", help="USD a request, instead of columns."
)
@click.option("--query", default="", metavar="COLUMN", help="The query.  [default: query, prompt…]")
@click.option(
    "--task", default="", metavar="COLUMN", help="Kind of task.  [default: task, subject]"
)
@click.option("--stratum", default="", metavar="COLUMN", help="A promise for each of its values.")
@click.option(
    "--validator", default="", metavar="COLUMN", help="The validator's score of the cheap draft."
)
@click.option(
    "--approve-from",
    type=float,
    default=0.5,
    show_default=True,
    help="The validator's score from which it approves.",
)
@click.option(
    "--pin", "pins", multiple=True, metavar="WHAT=HASH", help="The policy expires when it changes."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the split.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the policy.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def calibrate(  # noqa: PLR0913 - the command's options
    records: Path,
    cheap: str,
    strong: str,
    alpha: float,
    delta: float,
    estimand: str,
    cost_ratio: float | None,
    prices: str | None,
    query: str,
    task: str,
    stratum: str,
    validator: str,
    approve_from: float,
    pins: tuple[str, ...],
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Set the thresholds from which a cheap model's answers may go out, with a promise.

    One half of the rows trains a gate, which tells from a query's text how likely the cheap model
    is right; the other half tests thresholds, so that the risk is at most --alpha but for a chance
    of --delta. Where that can't be had, it says so, and all goes to the strong model.

    Costs are read from columns named after a model's, such as MODEL:cost_usd and MODEL:seconds.
    """
    import numpy as np

    from ossay.cli.calibration_text import figures, print_calibration
    from ossay.records.graded import Named, read_graded
    from ossay.router.calibrate import Aim, Provenance
    from ossay.router.calibrate import calibrate as fit
    from ossay.router.policy_file import encode_policy

    aim = Aim(alpha, delta, "escape" if estimand == "escape" else "selective", approve_from)
    paid = _prices(cost_ratio, prices)
    named = Named(query, task, stratum, validator)
    pinned = dict(_pin(one) for one in pins)
    graded = read_graded(records, cheap=cheap, strong=strong, named=named)
    made = Provenance(
        cheap,
        strong,
        validator,
        {"cheap": cheap, "strong": strong, **({"validator": validator} if validator else {})}
        | pinned
        | {"data": graded.sha256},
        time.time(),
        __version__,
    )
    found = fit(graded.rows, aim, made, np.random.default_rng(seed), prices=paid)  # noqa: TID251
    if out is not None:
        out.write_bytes(encode_policy(found.policy))
    if as_json:
        click.echo(figures(found).decode())
        return
    print_calibration(found, graded, place.console())
    if out is not None:
        click.echo(f"Policy:    {out}")


def _prices(ratio: float | None, prices: str | None) -> Prices | None:
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


def _pin(text: str) -> tuple[str, str]:
    what, equals, value = text.partition("=")
    if not (what and equals and value):
        raise UsageError(f"--pin {text!r} is not WHAT=HASH, such as prompts=3f9a…")
    if what in ("gate", "data"):
        raise UsageError(f"--pin {text!r}: the {what} is hashed here, it can't be given")
    return what, value
