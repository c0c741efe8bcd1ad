"""Entries of a decision log as text: a line each, or one in full with all that is known of it.

Whatever a caller or a model wrote is made visible. Knows nothing of the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ossay.cli.log_source import when
from ossay.core.decision import Audit, Called, Decision, Entry, Trip
from ossay.core.display import visible

if TYPE_CHECKING:
    from ossay.store.decisions_find import Found

Body = Callable[[str], bytes | None]

_ID = 16  # characters of an id in a line, four of them random; `show` takes any start of one
_SHOWN = 4_000  # characters of a text
_KINDS = ("request", "draft", "verdict", "answer")


def line(found: Found) -> str:
    """One line: when, which, where, what was planned and became of it, cost and time, why."""
    entry = found.entry
    if isinstance(entry, Audit):
        said = {None: "no label", True: "wrong", False: "right"}[entry.wrong]
        parts = [when(entry.at), entry.id[:_ID], f"audit of {entry.of[:_ID]}", said]
        parts += [_judged(entry.ruling, entry.approval), f"chance {entry.chance:.3g}"]
        parts += [_cost(entry.call.cost_usd), _ended(entry.call)] if entry.call else []
    elif isinstance(entry, Trip):
        parts = [when(entry.at), entry.id[:_ID], f"{entry.stratum} tripped", entry.why]
    else:
        went = f"{entry.plan} -> {entry.ending}"
        parts = [when(entry.at), entry.id[:_ID], f"{entry.route}/{entry.criticality}", went]
        parts += [_judged(entry.ruling, entry.approval), _cost(entry.cost_usd)]
        parts += [f"{entry.seconds:.2f} s", entry.why, *(["audited"] if entry.audited else [])]
    return visible("  ".join(part for part in parts if part), 400)


def in_full(found: Found, audits: Sequence[Found], body: Body | None) -> str:
    """All that the log holds of one entry, and of the audits of it; texts where `body` is given."""
    lines = [f"row {found.head.seq}, hash {found.head.hash}", *_fields(found.entry)]
    if body is not None:
        lines += ["", *texts(found.entry, body)]
    for audit in audits:
        lines += ["", f"row {audit.head.seq}, an audit of it", *_fields(audit.entry)]
        if body is not None:
            lines += ["", *texts(audit.entry, body, kinds=("verdict",))]
    return "\n".join(lines)


def texts(entry: Entry, body: Body, *, kinds: Sequence[str] = _KINDS) -> Iterator[str]:
    """What was said, indented under its name, or that it is not kept."""
    for kind in kinds:
        name = getattr(entry, f"{kind}_hash", "")
        if not name:
            continue
        said = body(name)
        if said is None:
            yield f"    {kind}: not kept"
            continue
        shown = visible(said.decode("utf-8", "replace"), _SHOWN)
        yield f"    {kind}:"
        yield "\n".join(f"      {one}" for one in shown.splitlines())


def json_line(found: Found, body: Body | None) -> str:
    """The entry, its place in the chain and, where `body` is given, its texts; plain ASCII."""
    shown: dict[str, Any] = {"seq": found.head.seq, "hash": found.head.hash}
    shown |= msgspec.to_builtins(found.entry)
    if body is not None:
        names = {kind: getattr(found.entry, f"{kind}_hash", "") for kind in _KINDS}
        kept = {kind: body(name) for kind, name in names.items() if name}
        shown["bodies"] = {
            kind: None if said is None else said.decode("utf-8", "replace")
            for kind, said in kept.items()
        }
    return json.dumps(shown)


def _fields(entry: Entry) -> Iterator[str]:
    calls: tuple[Called, ...] = ()
    if isinstance(entry, Audit):
        pairs, calls = _audit(entry), (entry.call,) if entry.call is not None else ()
    elif isinstance(entry, Trip):
        pairs = _trip(entry)
    else:
        pairs, calls = _decision(entry), entry.calls
    for name, value in pairs:
        if value != "":
            yield visible(f"  {name + ':':<13} {value}", 1_000)
    if calls:
        yield "  calls:"
    for call in calls:
        yield visible(f"    {_call(call)}", 400)
    for kind in _KINDS:
        name = getattr(entry, f"{kind}_hash", "")
        if name:
            yield visible(f"  {kind + ' hash:':<13} {name}", 100)


def _decision(entry: Decision) -> Iterator[tuple[str, str]]:
    yield "id", entry.id
    yield "at", f"{when(entry.at)} UTC"
    yield "route", entry.route
    yield "key", entry.key
    declared = f"{entry.declared} by {entry.declared_by}"
    yield "criticality", f"{entry.criticality} (declared {declared})"
    for one in entry.raised:
        yield "raised", one
    yield "plan", f"{entry.plan}: {entry.plan_why}"
    yield "policy", entry.policy
    yield "stratum", entry.stratum
    yield "gate score", "" if entry.score is None else f"{entry.score:.4g}"
    yield "verdict", _judged(entry.ruling, entry.approval)
    yield "ending", f"{entry.ending}: {entry.why}" if entry.why else entry.ending
    yield "answered by", entry.model
    yield "cost", _cost(entry.cost_usd)
    yield "took", f"{entry.seconds:.3f} s"
    drawn = "drawn" if entry.audited else "not drawn"
    yield "audit", f"chance {entry.audit_chance:.3g}, {drawn}" if entry.audit_chance else ""
    yield "bodies until", f"{when(entry.kept_until)} UTC" if entry.kept_until else "not kept"


def _audit(entry: Audit) -> Iterator[tuple[str, str]]:
    yield "id", entry.id
    yield "of", entry.of
    yield "at", f"{when(entry.at)} UTC"
    yield "label", {None: "none", True: "wrong", False: "right"}[entry.wrong]
    yield "verdict", _judged(entry.ruling, entry.approval)
    yield "chance", f"{entry.chance:.3g}"


def _trip(entry: Trip) -> Iterator[tuple[str, str]]:
    yield "id", entry.id
    yield "at", f"{when(entry.at)} UTC"
    yield "route", entry.route
    yield "stratum", entry.stratum
    yield "tripped", f"{entry.why}; all of it goes to the strong model"
    yield "drafted by", entry.cheap
    yield "evidence", f"{entry.e_value:.1f}, an alarm from {1.0 / max(entry.level, 1e-9):.0f} on"
    yield "audited", f"{entry.known:,} known"
    yield "policy", entry.policy


def _call(call: Called) -> str:
    used = call.usage
    tokens = ", ".join(
        f"{count:,} {word}"
        for count, word in ((used.input_tokens, "in"), (used.output_tokens, "out"))
        if count is not None
    )
    tries = f"{call.attempts} attempts" if call.attempts > 1 else ""
    parts = (f"{call.step:<9} {call.model}", _ended(call), tries, tokens, _cost(call.cost_usd))
    return "  ".join(part for part in (*parts, f"{call.seconds:.3f} s") if part)


def _ended(call: Called) -> str:
    return call.ended if call.status is None else f"{call.ended} ({call.status})"


def _judged(ruling: str, score: float | None) -> str:
    return ruling if not ruling or score is None else f"{ruling} {score:.2f}"


def _cost(usd: float | None) -> str:
    if usd is None:
        return "cost unknown"
    return f"${usd:.6f}" if usd else "$0"
