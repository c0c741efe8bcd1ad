"""What `ossay gateway --check` says: what each route would do, by criticality, and what it costs.

Nothing is called and nothing written. Knows nothing of how routes are served.
"""

from __future__ import annotations

import asyncio
import shlex
from typing import TYPE_CHECKING, Any

import click
import msgspec
from msgspec import Struct

from ossay.cli.gateway_parts import Gateway
from ossay.core.display import visible
from ossay.core.types import Price, Usage
from ossay.gateway.pins import pins_of, told
from ossay.router.criticality import LEVELS

if TYPE_CHECKING:
    from ossay.cli.gateway_source import Source
    from ossay.core.decision import PlanName
    from ossay.core.types import ModelCard
    from ossay.gateway.file import RouteTable
    from ossay.router.policy import Stratum

# A request's tokens, in and out, for what a plan costs; a validator reads both and writes little.
_IN, _OUT = 1_000, 300
_PROMPT, _VERDICT = 400, 60


class RouteSaid(Struct, frozen=True):
    """One route.

    Attributes:
        does: Criticality -> what happens to such a request; those below the route's don't come.
        break_even: Share of validated drafts redone above which the strong model alone would cost
            less, for 1,000 tokens in and 300 out; None without a validator or its prices.
        policy: Its digest, '' without one.
        expired: Why the policy does not count any more.
        pins: What a policy for it must pin; `ossay calibrate --gateway` does.
    """

    name: str
    does: dict[str, str]
    break_even: float | None
    policy: str
    expired: tuple[str, ...]
    pins: dict[str, str]


def print_check(source: Source, *, as_json: bool) -> None:
    """Look at all of it, and print. Raises `UsageError`."""
    source.address()
    gateway = Gateway(source)
    try:
        routes = [_said(source, gateway, name) for name in source.file.routes]
    finally:
        asyncio.run(gateway.aclose())
    file = source.file
    if as_json:
        told: dict[str, Any] = {
            "file": str(source.path),
            "log": source.shown_log,
            "default": file.default,
            "keys": list(file.keys),
            "detectors": file.gateway.detectors,
            "routes": routes,
            "notes": gateway.notes,
        }
        click.echo(msgspec.json.encode(told))
        return
    click.echo("\n".join(_lines(source, routes)))


def _said(source: Source, gateway: Gateway, name: str) -> RouteSaid:
    table, parts = source.file.routes[name], gateway.parts(name)
    judges = parts.validator is not None or parts.check is not None
    least = LEVELS.index(table.criticality)
    policy, expired = gateway.policies[name], gateway.expired[name]
    does: dict[str, str] = {}
    for level in LEVELS[least:]:
        if policy is None:
            planned = table.plans.of(level)
            plan = _served(planned, judges=judges)
            what = _plan(table, plan)
            what += "; nobody is there to validate" if plan != planned else ""
        elif expired:
            what = f"{_plan(table, 'strong')}; the policy has expired"
        else:
            floor = _served(table.floor.of(level), judges=judges)
            what = _by_policy(table, policy.stratum(f"{name}/{level}"), floor)
        held = "; nothing goes out before its row is on disk" if level == "high" else ""
        does[level] = what + held
    return RouteSaid(
        name,
        does,
        _break_even(table, gateway.models.cards),
        "" if policy is None else policy.digest,
        tuple(map(told, expired)),
        pins_of(table, gateway.models.cards, gateway.check_made_of(name)),
    )


def _served(plan: PlanName, *, judges: bool) -> PlanName:
    """A plan as it is served: without anybody to validate, the strong model answers."""
    return "strong" if plan == "validate" and not judges else plan


def _by_policy(table: RouteTable, stratum: Stratum | None, floor: PlanName) -> str:
    """What a policy does with a part of the traffic, in one sentence."""
    if stratum is None:
        return f"{_plan(table, 'strong')}; the policy does not know this part of the traffic"
    if stratum.infeasible:
        return f"{_plan(table, 'strong')}; nothing could be promised: {stratum.infeasible}"
    shares = f"about {stratum.published:.0%} cheap, {stratum.validated:.0%} of drafts validated"
    return f"as the policy says ({shares}), at least {_plan(table, floor)}"


def _plan(table: RouteTable, plan: PlanName) -> str:
    """What a plan does, in one sentence."""
    strong = ", else ".join(table.strongs)
    redo = f"redone by {strong}"
    if plan == "cheap":
        return f"cheap: {table.cheap} answers at once; if it fails, {strong}"
    if plan == "strong":
        return f"strong: {strong} answers"
    if plan == "finalise":
        refused = " and the check must let it pass" if table.check is not None else ""
        return f"finalise: {table.cheap} drafts, {strong} makes the answer of it{refused}"
    judge = " then ".join(
        said
        for said in ("the check" if table.check is not None else "", table.validator or "")
        if said
    )
    return f"validate: {table.cheap} drafts, {judge} judges; published, repaired, or {redo}"


def _break_even(table: RouteTable, cards: dict[str, ModelCard]) -> float | None:
    from ossay.router.costs import break_even

    if table.validator is None:
        return None
    cheap, strong = cards[table.cheap].price, cards[table.strongs[0]].price
    validator = cards[table.validator].price
    if cheap is None or strong is None or validator is None:
        return None
    costs = [
        _usd(cheap, _IN, _OUT),
        _usd(strong, _IN, _OUT),
        _usd(validator, _PROMPT + _IN + _OUT, _VERDICT),
    ]
    return break_even(*costs) if costs[1] > 0.0 else None


def _usd(price: Price, sent: int, written: int) -> float:
    return price.cost(Usage(input_tokens=sent, output_tokens=written)) or 0.0


def _lines(source: Source, routes: list[RouteSaid]) -> list[str]:
    file = source.file
    keys = f"keys {', '.join(file.keys)}" if file.keys else "no keys: this machine alone"
    said = [f"{visible(str(source.path))} is sound. {keys}; log {visible(source.shown_log)}"]
    for one in routes:
        default = ", the default" if one.name == file.default else ""
        said += ["", f"route {one.name}{default}"]
        said += [f"  {level:<7} {what}" for level, what in one.does.items()]
        said += [f"  {what}" for what in _besides(source, file.routes[one.name], one)]
    if file.gateway.detectors:
        said += ["", f"raised by: {', '.join(file.gateway.detectors)}"]
    return said


def _besides(source: Source, table: RouteTable, said: RouteSaid) -> list[str]:
    lines = []
    if said.policy:
        lines.append(f"policy {said.policy[:12]}")
        lines += [f"the policy has expired, all goes to the strong model: {why}"
                  for why in said.expired]  # fmt: skip
    if said.break_even is not None:
        if said.break_even > 0.0:
            what = f"validating saves while less than {said.break_even:.0%} of drafts are redone"
        else:
            what = "validating costs more than the strong model alone, it buys quality only"
        lines.append(f"{what} ({_IN:,} tokens in, {_OUT} out)")
    if table.audit_share:
        lines.append(f"{table.audit_share:.1%} of published drafts are audited by {table.judge}")
    kept = f"for {table.keep_days:g} days" if table.keep_days else "as hashes only"
    lines.append(f"texts are kept {kept}")
    if not said.policy:
        file = shlex.quote(str(source.path))
        log = shlex.quote(source.shown_log.strip("'"))
        lines.append(
            f"a promise for it: ossay calibrate --log {log} --gateway {file} --route {said.name} "
            "--alpha 0.05 --out policy.json"
        )
    return lines
