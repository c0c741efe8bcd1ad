"""A calibration in a terminal and as JSON: promise, gain, and what other ways would have said.

Knows nothing of how it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from ossay.core.display import visible
from ossay.router.promise import overall, promise, saved

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ossay.cli.calibrate_source import Source
    from ossay.router.calibrate import Calibrated
    from ossay.router.policy import Expected, Policy
    from ossay.router.stratum import Tuned
    from ossay.router.validator import Rate

# Strata listed; more are counted.
_LISTED = 40


def figures(found: Calibrated, source: Source) -> bytes:
    """All that was found but the gate's weights and the time, as JSON.

    Where nobody knows how often the strong model is right, all that rests on it is null.
    """
    policy = found.policy
    whole = overall(policy)
    shown: dict[str, Any] = {
        "promise": promise(policy),
        "feasible": policy.feasible,
        **{k: v for k, v in msgspec.to_builtins(policy).items() if k not in ("gate", "made_at")},
        "expected": msgspec.to_builtins(whole),
        "saved": saved(whole),
        "gate_auc": found.auc,
        "score_auc": found.auc_score,
        "naive": msgspec.to_builtins(found.naive),
        "conformal": msgspec.to_builtins(found.conformal),
        "validator_errors": msgspec.to_builtins(found.validator),
        "notes": source.notes,
        "strong_known": source.strong_known,
    }
    if not source.strong_known:
        for expected in (shown["expected"], *(one["expected"] for one in shown["strata"])):
            expected["policy"]["right"] = expected["always_strong"]["right"] = None
            expected["best_single"] = None
    return msgspec.json.format(msgspec.json.encode(shown))


def print_calibration(found: Calibrated, source: Source, console: Console) -> None:
    """Print the promise first, then what it rests on."""
    policy = found.policy
    console.print(visible(promise(policy)), style="bold", soft_wrap=True)
    console.print(
        f"estimand {policy.estimand}, alpha {policy.alpha:g}, delta {policy.delta:g}; "
        f"{policy.n:,} calibration rows, {policy.trained_on:,} others for the gate"
    )
    console.print()
    console.print(_strata(policy))
    console.print()
    console.print(_expected(policy, strong_known=source.strong_known))
    console.print()
    for line in _notes(found, source):
        console.print(visible(line), soft_wrap=True)


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("", "stratum") else "right")
    return table


def _strata(policy: Policy) -> Table:
    many = [name for name in ("stratum",) if len(policy.strata) > 1]
    validates = ["validated from"] if policy.validator else []
    table = _table(*many, "rows", "publish from", *validates, "published", "failures", "at most")
    for one in policy.strata[:_LISTED]:
        cuts = [one.thresholds.publish, *([one.thresholds.validate] if validates else [])]
        bound = "" if one.upper_bound is None else _percent(one.upper_bound, 2)
        table.add_row(
            *([visible(one.name, 60) or "(none)"] if many else []),
            f"{one.n:,}",
            *("never" if cut is None else f"{cut:.4f}" for cut in cuts),
            _percent(one.published),
            f"{one.failures:,} of {one.of:,}",
            bound,
        )
    return table


def _expected(policy: Policy, *, strong_known: bool) -> Table:
    whole = overall(policy)
    unit = "$ a request" if policy.unit == "USD" else f"cost ({policy.unit})"
    table = _table("", unit, "saved", "right", "seconds")
    best = policy.cheap if whole.best_single == whole.always_cheap else policy.strong
    rows = [
        ("this policy", whole.policy, strong_known),
        (f"always {policy.cheap}", whole.always_cheap, True),
        (f"always {policy.strong}", whole.always_strong, strong_known),
    ]
    if strong_known:
        rows.append((f"best single: {best}", whole.best_single, True))
    for name, one, known in rows:
        cost, saved, right, wait = _row(one, whole.always_strong)
        table.add_row(visible(name, 60), cost, saved, right if known else "unknown", wait)
    return table


def _row(one: Expected, strong: Expected) -> tuple[str, str, str, str]:
    part = 1.0 - one.cost / strong.cost if strong.cost else 0.0
    wait = "" if one.seconds is None else f"{one.seconds:.2f}"
    return f"{one.cost:.4g}", _percent(part), _percent(one.right), wait


def _notes(found: Calibrated, source: Source) -> Iterator[str]:
    policy = found.policy
    for one in policy.strata[:_LISTED]:
        if not one.feasible:
            yield f"Infeasible{_of(one.name)}: {one.infeasible}."
    if len(policy.strata) > _LISTED:
        yield f"{len(policy.strata) - _LISTED} more strata: --json lists them."
    for tuned in (*found.naive, *found.conformal)[:4]:
        yield _other(tuned, policy)
    for one in policy.strata[:_LISTED]:
        if one.break_even is not None:
            redone = "" if one.redone is None else f"; {_percent(one.redone)} were"
            yield (
                f"Validation{_of(one.name)} saves while fewer than {_percent(one.break_even)} of "
                f"the validated drafts are redone{redone}."
            )
    if found.validator is not None:
        accept, reject = found.validator.false_accept, found.validator.false_reject
        yield (
            f"{policy.validator} approved {_rate(accept)} of the wrong drafts and rejected "
            f"{_rate(reject)} of the right ones."
        )
    if found.auc is not None:
        yield (
            f"The gate tells a query that {policy.cheap} gets right from one it gets wrong "
            f"{_percent(found.auc)} of the time{_foreseen(found)}."
        )
    yield from source.notes
    if policy.feasible:
        yield "It holds for traffic like these rows; audits of served requests tell when it isn't."


def _other(tuned: Tuned, policy: Policy) -> str:
    how = "Tuning by hand" if tuned.method == "naive" else "Conformal risk control"
    if tuned.upper_bound is None:
        return f"{how}{_of(tuned.stratum)} would have published nothing either."
    seen = _percent(tuned.failures / max(tuned.of, 1), 2)
    said = (
        f"{how}{_of(tuned.stratum)} would have published {_percent(tuned.published)} and saved "
        f"{_percent(tuned.saved)}, with {seen} seen; these rows don't rule out "
        f"{_percent(tuned.upper_bound, 2)}"
    )
    return f"{said}, above {policy.alpha:.4g}." if tuned.upper_bound > policy.alpha else f"{said}."


def _foreseen(found: Calibrated) -> str:
    if found.policy.estimand != "escape" or found.auc_score is None:
        return ""
    return f", and an escape from none {_percent(found.auc_score)} (50% is chance)"


def _rate(rate: Rate) -> str:
    if rate.interval is None:
        return "none"
    low, high = _percent(rate.interval.low), _percent(rate.interval.high)
    return f"{_percent(rate.count / rate.of)} ({low} to {high})"


def _of(stratum: str) -> str:
    return f" in {stratum!r}" if stratum else ""


def _percent(share: float, digits: int = 1) -> str:
    return f"{share:.{digits}%}"
