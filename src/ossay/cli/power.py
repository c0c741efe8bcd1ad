"""`ossay power`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ossay.cli import place
from ossay.cli.sources import asked_of, gather, source_options
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.cli.sources import Asked
    from ossay.compare.need import Need, Wish


class Rate(click.ParamType[float]):
    """A rate as a share, in percent, or as k of n: 0.767, 76.7%, 23/30."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The share; fails where the text is none."""
        if isinstance(value, float):
            return value
        over, slash, under = str(value).partition("/")
        number = over.removesuffix("%")
        try:
            scale = float(under) if slash else 100.0 if number != over else 1.0
            return float(number) / scale
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is no rate; write 0.767, 76.7% or 23/30", param, ctx)


@click.command()
@click.option("--a", "rate_a", type=Rate(), help="Rate of the one model: 0.767, 76.7% or 23/30.")
@click.option("--b", "rate_b", type=Rate(), help="Rate of the other.")
@click.option("--paired", is_flag=True, help="Both run the same items.")
@click.option(
    "--differ", type=Rate(), help="Share of items on which the two differ; with --paired."
)
@click.option("--n", type=int, help="Items a model: how much do they show?")
@click.option("--like", nargs=2, metavar="A B", help="Take the rates from earlier records.")
@click.option("--metric", help="Metric of these records.")
@click.option("--intersect", is_flag=True, help="Leave out items that one of the two lacks.")
@click.option(
    "--power", type=float, default=0.8, show_default=True, help="Wanted chance to see it."
)
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Level of the test.")
@click.option("--clusters-of", "size", type=float, default=1.0, help="Items in a cluster.")
@click.option(
    "--icc", type=float, default=0.0, help="How much those of a cluster resemble: 0 to 1."
)
@click.option("--pairs-tested", "tested", type=int, default=1, help="Pairs corrected together.")
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def power(as_json: bool, **options: Any) -> None:
    """Say how many runs a comparison needs, before it is run.

    Two rates give the number of items for each model; --n with them gives the chance that so many
    show the difference; --n with one rate (or with --paired --differ) the least difference that
    they show.

    \b
    ossay power --a 0.767 --b 0.833
    ossay power --a 0.767 --b 0.833 --paired --differ 0.2
    ossay power --a 0.767 --n 30
    ossay power --like gpt-oss-120b Qwen2.5-Coder --records results.csv.gz --pairs-tested 300
    """  # noqa: D301  click reads the escape
    from ossay.compare.need import Wish
    from ossay.stats.design import Clustering

    asked = asked_of(options)
    try:
        clustering = Clustering(options.pop("size"), options.pop("icc"))
        wish = Wish(options.pop("power"), options.pop("alpha"), options.pop("tested"), clustering)
        if options["like"] is not None:
            need = _like(asked, wish, **options)
        else:
            need = _assumed(wish, **options)
    except ValueError as error:
        raise UsageError(str(error)) from error
    click.echo(json.dumps(_fields(need), indent=2)) if as_json else _print(need)


def _assumed(
    wish: Wish,
    *,
    rate_a: float | None,
    rate_b: float | None,
    paired: bool,
    differ: float | None,
    n: int | None,
    **records: Any,
) -> Need:
    """From rates that somebody assumed."""
    from ossay.compare.need import need_apart, need_paired

    if records["metric"] is not None or records["intersect"]:
        raise UsageError("--metric and --intersect are for earlier records: add --like A B")
    if differ is not None and not paired:
        raise UsageError(f"--differ {differ!r} is of models on the same items: add --paired")
    if paired and rate_a is None and rate_b is None and differ is not None and n is not None:
        return need_paired(None, differ, n, wish)
    if rate_a is None or (rate_b is None and (paired or n is None)):
        raise UsageError(
            "give --a and --b for the number of items, --a and --n for the least difference "
            "(with --paired: --differ and --n), or --like A B with --records FILE"
        )
    if paired and rate_b is not None:
        return need_paired((rate_a, rate_b), differ, n, wish)
    return need_apart(rate_a, rate_b, n, wish)


def _like(
    asked: Asked,
    wish: Wish,
    *,
    like: tuple[str, str],
    metric: str | None,
    intersect: bool,
    n: int | None,
    **assumed: Any,
) -> Need:
    """From what earlier records show."""
    from numpy.random import PCG64, Generator

    from ossay.cli.compare import SEED
    from ossay.compare.need import need_like
    from ossay.compare.pair import compare_models

    given = [name for name in ("rate_a", "rate_b", "paired", "differ") if assumed[name]]
    if given:
        name = given[0].removeprefix("rate_")
        raise UsageError(f"--like takes the rates from records: leave out --{name}")
    earlier = gather(asked, like)
    found = compare_models(
        earlier.records,
        *earlier.models,
        metric=metric,
        intersect=intersect,
        rng=Generator(PCG64(SEED)),
    )
    return need_like(found.comparison, n, wish)


def _fields(need: Need) -> dict[str, Any]:
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(need)
    clustering = fields.pop("clustering")
    needed = need.n if need.asked == "n" else None
    return fields | {
        "needed_n": needed,
        "cluster_size": clustering["size"],
        "icc": clustering["icc"],
    }


def _print(need: Need) -> None:
    from ossay.cli.compare_words import table, text

    console = place.console()
    console.print(text(_sentence(need), "bold"))
    console.print()
    shown = table("", "")
    for name, value in _rows(need):
        shown.add_row(text(name), text(value))
    console.print(shown)
    for note in need.notes:
        console.print(text(f"Note: {note}"))


def _sentence(need: Need) -> str:
    chance = f"{100 * need.power:.3g} %"
    if need.asked == "power":
        return f"{need.n:,} items a model show {_gap(need)} with a chance of {chance}."
    if need.asked == "difference":
        if need.difference is None:
            most = "" if need.differ is None else f" of up to {100 * need.differ:.1f} points"
            return f"{need.n:,} items a model show no difference{most} with a chance of {chance}."
        return f"The least that {need.n:,} items a model show is {_gap(need)}, at {chance} power."
    if need.n is None:
        return f"No number of items shows {_gap(need)}."
    return f"About {need.n:,} items a model show {_gap(need)}, at {chance} power."


def _gap(need: Need) -> str:
    gap = abs(need.difference or 0.0)
    if need.test == "sign flips of scores, same items":
        return f"a mean difference of {gap:.3g}"
    points = f"a difference of {100 * gap:.1f} points"
    if need.rate_a is None:
        return points
    to = need.rate_a + (need.difference or 0.0)
    return f"{points} ({100 * need.rate_a:.1f} % against {100 * to:.1f} %)"


def _rows(need: Need) -> list[tuple[str, str]]:
    rows = [("test", need.test), ("alpha", f"{need.alpha:.3g}")]
    if need.differ is not None:
        rows.append(("differ on", f"{100 * need.differ:.1f} % of the items"))
    if need.n is not None:
        both = "same items" in need.test
        runs = f"{need.n:,} items, {2 * need.n:,} runs"
        rows.append(("n", f"{runs}, both models on each" if both else f"{runs} in all"))
    return rows
