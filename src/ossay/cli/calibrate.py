"""`ossay calibrate`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from ossay import __version__
from ossay.cli import place
from ossay.cli.calibrate_options import Options, calibrate_options, pin_of, prices_of
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.cli.calibrate_gateway import ForRoute
    from ossay.cli.calibrate_source import Source
    from ossay.router.calibrate import Aim, Calibrated
    from ossay.router.costs import Prices

# The validator's score from which it approves, where neither option nor route says another.
_APPROVE_FROM = 0.5


@click.command()
@calibrate_options
def calibrate(**given: Any) -> None:
    """Set the thresholds from which a cheap model's answers may go out, with a promise.

    One half of the rows trains a gate, which tells from a query's text how likely the cheap model
    is right; the other half tests thresholds, so that the risk is at most --alpha but for a chance
    of --delta. Where that can't be had, it says so, and all goes to the strong model.

    Rows come from a file, from a campaign, or from a gateway's log, whose audits were drawn by
    chance and are weighted by it. Costs are read from columns named after a model's, such as
    MODEL:cost_usd and MODEL:seconds.

    With --gateway FILE --route NAME the policy pins that route's models and prompts, and its strata
    are the gateway's, NAME/low and so on: give it to the route as `policy`, and it serves. Tasks of
    rows are left out then: no request names its task.

    With --seeded a validator is tried on answers known to be right and wrong, each with and without
    a text aimed at it, so that its errors are measured and not assumed.
    """
    from ossay.router.policy_file import encode_policy

    options = Options(**given)
    made_for = _route(options)
    if options.seeded:
        _seeded(options, made_for)
        return
    if options.alpha is None:
        raise UsageError("give the largest risk that you accept: --alpha 0.05 is 5 %")
    paid = prices_of(options.cost_ratio, options.prices)
    pins = dict(pin_of(one) for one in options.pins)
    source = _source(options, made_for)
    if made_for is not None:
        from ossay.cli.calibrate_gateway import as_asked

        source = as_asked(source, made_for)
    aim = _aim(options, options.alpha, made_for, strong_known=source.strong_known)
    found = _fit(options, source, aim, made_for, pins, paid)
    if options.out is not None:
        options.out.write_bytes(encode_policy(found.policy))
    _print(options, found, source)


def _fit(
    options: Options,
    source: Source,
    aim: Aim,
    made_for: ForRoute | None,
    pins: dict[str, str],
    prices: Prices | None,
) -> Calibrated:
    # Small matrices: threads only wait for each other, 20 times as long on a busy machine.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy as np

    from ossay.router.calibrate import Provenance
    from ossay.router.calibrate import calibrate as fit

    own = {"cheap": source.cheap, "strong": source.strong}
    own |= {"validator": options.validator} if options.validator else {}
    own = own if made_for is None else dict(made_for.pins)
    made = Provenance(
        source.cheap,
        source.strong,
        options.validator,
        own | pins | {"data": source.data},
        time.time(),
        __version__,
    )
    rng = np.random.default_rng(options.seed)  # noqa: TID251
    return fit(source.rows, aim, made, rng, prices=prices)


def _aim(options: Options, alpha: float, made_for: ForRoute | None, *, strong_known: bool) -> Aim:
    from ossay.router.calibrate import Aim

    estimand = options.estimand or ("escape" if strong_known else "selective")
    return Aim(
        alpha,
        options.delta,
        "escape" if estimand == "escape" else "selective",
        _approve_from(options, made_for),
    )


def _print(options: Options, found: Calibrated, source: Source) -> None:
    from ossay.cli.calibration_text import figures, print_calibration

    if options.as_json:
        click.echo(figures(found, source).decode())
        return
    print_calibration(found, source, place.console())
    if options.out is not None:
        click.echo(f"Policy:    {options.out}")


def _source(options: Options, made_for: ForRoute | None) -> Source:
    from ossay.cli.calibrate_source import Asked, from_campaign, from_log, from_records

    sources = (options.records, options.campaign, options.log)
    if sum(one is not None for one in sources) != 1:
        raise UsageError("give one source: --records FILE, --campaign NAME or --log LOG")
    if options.since is not None and options.log is None:
        raise UsageError("--since is a time of --log; leave it out")
    asked = Asked(*(getattr(options, name) for name in Asked._fields))
    if options.records is not None:
        return from_records(options.records, asked)
    if made_for is not None:
        asked = asked._replace(
            cheap=asked.cheap or made_for.cheap,
            strong=asked.strong or made_for.strong,
            route=made_for.name,
        )
    if options.campaign is not None:
        return from_campaign(options.campaign, options.ledger, asked)
    assert options.log is not None  # one of the three was given
    return from_log(options.log, options.since, options.seed, asked)


def _seeded(options: Options, made_for: ForRoute | None) -> None:
    from ossay.cli.calibrate_seeded import Try, try_validator

    validator = options.validator or (made_for.table.validator if made_for is not None else None)
    if options.records is None or not validator:
        raise UsageError(
            "--seeded needs a model and answers: --validator PROVIDER/NAME --records FILE"
        )
    what = Try(
        validator,
        options.records,
        options.query,
        options.right,
        options.wrong,
        options.most,
        made_for.table.rules if made_for is not None else "",
        _approve_from(options, made_for),
        options.seed,
    )
    try_validator(what, place.console(), as_json=options.as_json)


def _route(options: Options) -> ForRoute | None:
    if options.gateway is None:
        if options.route and options.log is None:
            raise UsageError("--route is one of a gateway's file: give that with --gateway FILE")
        return None
    from ossay.cli.calibrate_gateway import for_route

    return for_route(options.gateway, options.route)


def _approve_from(options: Options, made_for: ForRoute | None) -> float:
    if options.approve_from is not None:
        if not 0.0 <= options.approve_from <= 1.0:
            raise UsageError(f"--approve-from {options.approve_from!r} is outside [0, 1]")
        return options.approve_from
    return _APPROVE_FROM if made_for is None else made_for.table.approve_from
