"""Sums over a decision log in a terminal and as JSON. Knows nothing of how they were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from ossay.cli.log_source import when
from ossay.core.decision import Criticality, Ending, PlanName
from ossay.core.display import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ossay.router.escaped import Escapes
    from ossay.router.spent import Money
    from ossay.router.tally import Summary, Verdicts

# Groups printed; --json has all.
_LISTED = 40
_PLANS: tuple[PlanName, ...] = ("cheap", "validate", "finalise", "strong")
_ENDINGS: tuple[Ending, ...] = ("draft", "repair", "strong", "failed", "refused", "left")
_LEVELS: tuple[Criticality, ...] = ("low", "medium", "high")
_STEPS = ("draft", "check", "validate", "strong", "request", "audit")


def figures(found: Mapping[str, Summary], by: str) -> bytes:
    """All sums as JSON: one object, or one for each group."""
    shown: object = found[""] if not by else {"by": by, "groups": found}
    return msgspec.json.format(msgspec.json.encode(shown))


def print_summaries(found: Mapping[str, Summary], by: str, console: Console) -> None:
    """One summary in full, or a line for each group."""
    if not by:
        print_summary(found[""], console)
        return
    table = _table(by, "requests", "published", "strong", "cost", "saved", "escaped", "at most")
    for name, one in list(found.items())[:_LISTED]:
        drafts = one.endings.get("draft", 0) + one.endings.get("repair", 0)
        estimate = one.escapes.estimate
        table.add_row(
            visible(name, 60) or "(none)",
            f"{one.requests:,}",
            _share(drafts, one.requests),
            _share(one.endings.get("strong", 0), one.requests),
            _usd(one.money.usd) + ("+" if one.money.unknown else ""),
            "" if one.money.saved is None else f"{one.money.saved:.1%}",
            "" if estimate is None else f"{estimate.rate:.2%}",
            "" if estimate is None else f"{estimate.at_most:.2%}",
        )
    console.print(table)
    if len(found) > _LISTED:
        console.print(f"{len(found) - _LISTED:,} more: --json lists them.")


def print_summary(one: Summary, console: Console) -> None:
    """Traffic, then money, then what went wrong, then waits."""
    if not one.requests or one.first_at is None or one.last_at is None:
        console.print("No requests.")
        return
    console.print(
        f"{one.requests:,} requests, {when(one.first_at)} to {when(one.last_at)} UTC", style="bold"
    )
    console.print()
    console.print(_traffic(one))
    levels = [f"{one.criticality.get(level, 0):,} {level}" for level in _LEVELS]
    raised = f"; detectors raised {one.raised:,}" if one.raised else ""
    console.print(f"Criticality: {', '.join(levels)}{raised}.")
    console.print()
    for line in (*_money(one.money), *_escapes(one), *_verdicts(one.verdicts)):
        console.print(visible(line), soft_wrap=True)
    for trip in one.trips:
        said = f"Tripped {when(trip.at)}: {trip.stratum}, {trip.why}."
        console.print(visible(said), style="bold", soft_wrap=True)
    console.print()
    console.print(_waits(one))
    for name, ended in one.failures.items():
        told = ", ".join(f"{count:,} {how}" for how, count in sorted(ended.items()))
        console.print(visible(f"{name}, calls that brought no answer: {told}"), soft_wrap=True)


def _traffic(one: Summary) -> Table:
    seen = [ending for ending in _ENDINGS if one.endings.get(ending)]
    table = _table("plan", "requests", "share", *seen)
    for plan in (*_PLANS, *(set(one.plans) - set(_PLANS))):
        if one.plans.get(plan):
            count, endings = one.plans[plan], one.endings_of[plan]
            cells = [f"{endings.get(ending, 0):,}" for ending in seen]
            table.add_row(plan, f"{count:,}", _share(count, one.requests), *cells)
    return table


def _money(money: Money) -> Iterator[str]:
    audits = f", audits {_usd(money.audits_usd)}" if money.audits_usd else ""
    lacking = f"; the cost of {money.unknown:,} requests is unknown" if money.unknown else ""
    yield f"Cost: {_usd(money.usd)}{audits}{lacking}."
    if money.always_strong_usd is None:
        yield "What always-strong would have cost is unknown: no strong call with a known cost."
        return
    ways = (
        (money.measured, "measured"),
        (money.by_ratio, "from the draft's cost times the route's ratio of strong to draft"),
        (money.by_mean, "from the route's mean strong call"),
    )
    how = ", ".join(f"{count:,} {way}" for count, way in ways if count)
    left = f"; {money.not_compared:,} requests can't be compared" if money.not_compared else ""
    saved = "" if money.saved is None else f": {money.saved:.1%} saved, audits counted as spent"
    yield (
        f"Always strong: about {_usd(money.always_strong_usd)} for what cost "
        f"{_usd(money.compared_usd)}{saved} ({how}{left})."
    )


def _escapes(one: Summary) -> Iterator[str]:
    seen = one.escapes
    estimate = seen.estimate
    if estimate is None:
        yield "Escapes: unknown, since no published draft had a chance of audit (audit_share)."
        return
    low, high = estimate.interval.low, estimate.interval.high
    yield (
        f"Escapes: {estimate.rate:.2%} of {seen.requests:,} requests ({low:.2%} to {high:.2%}), at "
        f"most {estimate.at_most:.2%} with {estimate.interval.level:.0%} confidence. "
        f"{_found(seen)}"
    )
    if seen.not_covered:
        yield (
            f"{seen.not_covered:,} published drafts had no chance of audit; nothing is said of "
            "them."
        )
    parts = (("cheap", one.cheap), ("validated", one.validated))
    for name, part in parts:
        if part.estimate is not None and 0 < part.labelled < seen.labelled:
            yield (
                f"  {name}: {part.estimate.rate:.2%}, at most {part.estimate.at_most:.2%}. "
                f"{_found(part)}"
            )


def _found(seen: Escapes) -> str:
    without = f", {seen.unlabelled:,} none" if seen.unlabelled else ""
    mend = f", {seen.mendable:,} of them for what a repair would mend" if seen.mendable else ""
    return (
        f"Of {seen.drawn:,} audits drawn, {seen.labelled:,} brought a verdict{without}; "
        f"{seen.wrong:,} did not approve{mend}."
    )


def _verdicts(said: Verdicts) -> Iterator[str]:
    if not said.asked:
        return
    of = said.asked
    rest = (
        (said.too_unsure, "approved with too low a score"),
        (said.malformed, "malformed verdicts"),
        (said.failed, "calls that failed"),
    )
    also = "".join(f", {count:,} {what}" for count, what in rest if count)
    yield (
        f"Validated: {of:,} drafts, {_share(said.approved, of)} approved, "
        f"{_share(said.repaired, of)} repaired, {_share(said.rejected, of)} rejected{also}; "
        f"{_share(said.redone, of)} redone."
    )
    if said.same_again:
        yield (
            f"False rejects: at least {said.same_again:,} of the refused drafts; the strong model "
            "gave the same answer word for word."
        )


def _waits(one: Summary) -> Table:
    table = _table("seconds", "calls", "mean", "p50", "p95")
    for step in (*_STEPS, *(set(one.latency) - set(_STEPS))):
        wait = one.latency.get(step)
        if wait is not None:
            times = (wait.mean_s, wait.p50_s, wait.p95_s)
            table.add_row(step, f"{wait.count:,}", *(f"{each:.3g}" for each in times))
    return table


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left")
    return table


def _share(part: int, of: int) -> str:
    return f"{part / of:.1%}" if of else ""


def _usd(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 100.0 else f"${amount:.4g}"
