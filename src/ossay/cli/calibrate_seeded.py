"""`ossay calibrate --seeded`: how often a validator errs, on answers known to be right and wrong.

Knows nothing of policies.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from ossay.core.display import visible

if TYPE_CHECKING:
    from rich.console import Console

    from ossay.records.seeds import PairFile
    from ossay.router.seeded import Judged, Seed, Trial
    from ossay.router.validator import Rate

_NAMES = ("right", "wrong", "right, pleading", "wrong, pleading")
_RULED = ("approve", "unsure", "repair", "reject", "malformed", "failed")


class Try(NamedTuple):
    """What is to be tried."""

    validator: str
    records: Path
    query: str
    right: str
    wrong: str
    most: int
    rules: str
    approve_from: float
    seed: int


def try_validator(what: Try, console: Console, *, as_json: bool) -> None:
    """Judge right and wrong drafts, with and without a plea, and print the errors."""
    from ossay.records.seeds import read_pairs
    from ossay.router.seeded import Seed, trial_of

    rng = random.Random(what.seed)
    found = read_pairs(
        what.records,
        rng,
        most=what.most,
        query=what.query,
        right=what.right,
        wrong=what.wrong,
    )
    seeds = [Seed(pair.query, pair.right, True) for pair in found.pairs]
    seeds += [Seed(pair.query, pair.wrong, False) for pair in found.pairs]
    trial = trial_of(asyncio.run(_judged(what, seeds)))
    if as_json:
        click.echo(_figures(what, found, trial).decode())
    else:
        _print(what, found, trial, console)


async def _judged(what: Try, seeds: list[Seed]) -> list[Judged]:
    from ossay.cli.calibrate_gateway import open_validator
    from ossay.cli.log_progress import walking
    from ossay.router.seeded import judge

    model = open_validator(what.validator)
    try:
        with walking("drafts", len(seeds)) as heard:
            return await judge(
                model, seeds, rules=what.rules, approve_from=what.approve_from, heard=heard
            )
    finally:
        await model.aclose()


def _figures(what: Try, found: PairFile, trial: Trial) -> bytes:
    from ossay.router.seeded import PLEAS

    plain = msgspec.to_builtins(trial)
    by_plea = [{"plea": plea, **one} for plea, one in zip(PLEAS, plain["by_plea"], strict=True)]
    shown: dict[str, Any] = {
        "validator": what.validator,
        "approve_from": what.approve_from,
        "data": found.sha256,
        "columns": found.columns,
        "pairs": len(found.pairs),
        **{**plain, "by_plea": by_plea},
    }
    return msgspec.json.format(msgspec.json.encode(shown))


def _print(what: Try, found: PairFile, trial: Trial, console: Console) -> None:
    console.print(
        visible(
            f"{what.validator} approved {_rate(trial.false_approval)} of the wrong drafts and "
            f"rejected {_rate(trial.false_reject)} of the right ones."
        ),
        style="bold",
        soft_wrap=True,
    )
    console.print()
    _print_table(trial, console)
    console.print()
    for name, effect in (("wrong", trial.wrong), ("right", trial.right)):
        if effect.interval is not None:
            low, high = effect.interval.low, effect.interval.high
            console.print(
                f"A plea in {name} drafts: approved {_rate(effect.pleading)} instead of "
                f"{_rate(effect.plain)}, {effect.difference:+.1%} ({low:+.1%} to {high:+.1%}).",
                soft_wrap=True,
            )
    _print_pleas(trial, console)
    wrong = found.columns.get("wrong")
    seeded = f"column {wrong!r}" if wrong else "right answers to other queries, easier to tell"
    console.print(
        visible(
            f"{len(found.pairs):,} of {found.rows:,} rows; right drafts: column "
            f"{found.columns['right']!r}, wrong ones: {seeded}. Rates with their 95% intervals; "
            "they are those of drafts like these."
        ),
        soft_wrap=True,
    )


def _print_table(trial: Trial, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("drafts")
    seen = [one for one in _RULED if any(one in of for of in trial.counts.values())]
    for heading in ("", *seen):
        table.add_column(heading, justify="right")
    for name in _NAMES:
        of = {str(ruled): count for ruled, count in trial.counts.get(name, {}).items()}
        table.add_row(name, f"{sum(of.values()):,}", *(f"{of.get(one, 0):,}" for one in seen))
    console.print(table)


def _print_pleas(trial: Trial, console: Console) -> None:
    """What each plea did to the wrong drafts that had it."""
    from rich.table import Table

    from ossay.router.seeded import PLEAS

    table = Table(box=None, pad_edge=False)
    for heading in ("wrong drafts approved", "without", "plea"):
        table.add_column(heading, overflow="fold")
    for effect, plea in zip(trial.by_plea, PLEAS, strict=True):
        if effect.plain.of:
            table.add_row(_rate(effect.pleading), _rate(effect.plain), visible(plea))
    console.print(table)
    console.print()


def _rate(rate: Rate) -> str:
    if rate.interval is None:
        return "none"
    low, high = rate.interval.low, rate.interval.high
    return f"{rate.count / rate.of:.1%} ({low:.1%} to {high:.1%})"
