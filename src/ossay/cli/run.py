"""`ossay run`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ossay.cli import place
from ossay.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ossay.campaign.plan import Plan

# Options that make a plan; with a plan file or a campaign to resume they have no meaning.
_PLAN_OPTIONS = (
    "model", "name", "task", "instances", "attempts", "seed", "turns", "max_output_tokens",
    "temperature", "effort", "stop_when_decided", "margin",
)  # fmt: skip

# Options that change no result, so any start may set them anew.
_LIMITS = ("max_usd", "max_minutes", "max_tokens")


@click.command()
@click.argument("target")
@click.option("--model", multiple=True, help="provider/name. Repeat for more.")
@click.option("--name", help="Name of the campaign. Default: suite and date.")
@click.option("--task", multiple=True, help="Only this task. Repeat for more.")
@click.option("--instances", type=click.IntRange(1), help="Instances (seeds) a task.  [default: 1]")
@click.option("--attempts", type=click.IntRange(1), help="Attempts an instance.  [default: 3]")
@click.option("--seed", type=int, help="The first instance's seed.  [default: 1]")
@click.option("--concurrency", type=click.IntRange(1), help="Runs at once.  [default: 4]")
@click.option("--turns", type=click.IntRange(1), help="Turns a run.  [default: the task's, 15]")
@click.option("--max-output-tokens", type=click.IntRange(1), help="Output tokens a turn.")
@click.option("--temperature", type=float, help="Sampling temperature. Default: the provider's.")
@click.option("--effort", type=click.Choice(["low", "medium", "high"]), help="Reasoning effort.")
@click.option(
    "--stop-when-decided",
    is_flag=True,
    default=None,
    help="Stop once the two models are told apart, or can't be.",
)
@click.option("--margin", type=float, help="With that: a tie is a difference below this share.")
@click.option("--max-usd", type=float, help="Stop when this much is spent.")
@click.option("--max-minutes", type=float, help="Stop after so many minutes.")
@click.option("--max-tokens", type=int, help="Stop after so many tokens, in and out.")
@click.option("--ledger", "url", help="Path or database URL of the ledger.")
@click.option("--trust-local", is_flag=True, help="Run what models write without a sandbox.")
@click.option("--quiet", is_flag=True, help="No progress display.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def run(
    target: str, url: str | None, trust_local: bool, quiet: bool,
    as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Run or resume a campaign.

    TARGET is a suite (`ossay run agentic-core --model groq/openai/gpt-oss-120b`), a plan file
    (`ossay run plan.toml`), or the name of a campaign to resume. Ctrl-C stops cleanly;
    `ossay run NAME` goes on where it stopped, with --max-usd and the like to raise a limit.

    With --stop-when-decided two models run the same instances, in an order that the seed gives, and
    the campaign ends at the first that decides which is better.

    Exit code 0 when all was run that was to be, 1 when every run failed for reasons of the machine,
    130 when it was interrupted.
    """
    from ossay.cli.conduct import conduct, exit_code, show

    plan = _plan(target, url, options)
    record = conduct(plan, url=url, trust_local=trust_local, quiet=quiet or as_json)
    show(record, as_json=as_json)
    raise SystemExit(exit_code(record))


def _plan(target: str, url: str | None, options: dict[str, Any]) -> Plan:
    from msgspec.structs import replace

    from ossay.campaign.plan import read_plan
    from ossay.suites.registry import SUITES

    given = {name: options[name] for name in _PLAN_OPTIONS if options[name] not in (None, ())}
    if target in SUITES.names():
        plan = _plan_of(target, given)
        if plan.name in SUITES.names() or plan.name.endswith(".toml"):
            raise UsageError(f"--name {plan.name!r} could not be resumed by; take another name")
    elif given:
        flag = "--" + next(iter(given)).replace("_", "-")
        raise UsageError(
            f"{flag} makes a plan for a suite, and {target!r} is none "
            f"(suites: {', '.join(SUITES.names())}); a campaign's plan stays as it began: "
            "change the plan file and its name"
        )
    elif target.endswith(".toml") or os.path.isfile(target):  # any text may come
        plan = read_plan(Path(target))
    else:
        plan = _plan_in_ledger(target, url, SUITES.names())
    limits = {name: options[name] for name in _LIMITS if options[name] is not None}
    plan = replace(plan, limits=replace(plan.limits, **limits))
    if options["concurrency"] is not None:
        plan = replace(plan, concurrency=options["concurrency"])
    return plan


def _plan_in_ledger(name: str, url: str | None, suites: list[str]) -> Plan:
    """Return the plan of a campaign that was started before."""
    from ossay.campaign.plan import parse_plan

    names: list[str] = []
    if place.has_ledger(url):
        with place.ledger(url) as ledger:
            names = [row.name for row in ledger.campaigns()]
            if name in names:
                return parse_plan(ledger.campaign(name).plan_toml, source=f"campaign {name!r}")
    hint = "TARGET is a suite, a plan file or a campaign"
    raise UnknownName.of("suite", name, [*suites, *names], hint=hint)


def _plan_of(suite: str, given: dict[str, Any]) -> Plan:
    """Build the plan that the options describe."""
    from datetime import UTC, datetime

    from ossay.campaign.plan import BudgetChange, Plan
    from ossay.core.types import Sampling

    if "model" not in given:
        raise UsageError("no model; name one with --model PROVIDER/NAME (see `ossay models`)")

    def pick(**names: str) -> dict[str, Any]:
        return {field: given[option] for field, option in names.items() if option in given}

    if given.get("stop_when_decided"):
        from ossay.campaign.stop import Stop

        given = {"attempts": 1, **given, "stop": Stop(margin=given.get("margin"))}
    elif "margin" in given:
        raise UsageError(
            f"--margin {given['margin']!r} is for --stop-when-decided, and for `ossay compare`"
        )
    today = datetime.now(UTC).date().isoformat()
    return Plan(
        name=given.get("name", f"{suite}-{today}"),
        models=tuple(given["model"]),
        suites=(suite,),
        sampling=Sampling(**pick(temperature="temperature", reasoning_effort="effort")),
        budget=BudgetChange(**pick(turns="turns", max_tokens="max_output_tokens")),
        **pick(
            tasks="task",
            instances="instances",
            attempts="attempts",
            seed="seed",
            stop="stop",
        ),
    )
