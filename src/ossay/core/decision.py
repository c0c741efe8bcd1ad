"""Decision: how one request was answered, and why. Audit: how an answer did. Trip: what followed.

The router makes them, the store keeps them, reports and `ossay log` read them. They hold hashes,
never a text that somebody wrote. Knows nothing of SQL or HTTP.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct, field

from ossay.core.types import Usage

Criticality = Literal["low", "medium", "high"]
PlanName = Literal["cheap", "validate", "finalise", "strong"]
Ruling = Literal["approve", "repair", "reject"]
Step = Literal["draft", "check", "validate", "strong"]

_MOST_MS = (1 << 48) - 1

# What went out (the draft as it was, the draft repaired, a strong model's answer), or why nothing
# did: every way failed, a budget forbade it, the caller left first. What a strong model made of a
# draft is its answer.
Ending = Literal["draft", "repair", "strong", "failed", "refused", "left"]


class Called(Struct, frozen=True, omit_defaults=True):
    """One step of a plan.

    `ended` is 'answered', 'left' (the caller went first), 'malformed' (a verdict that is none),
    'not_asked' (the breaker was open, there was no money for it, or no time), a `CallErrorKind`,
    or for a check the error that it raised. `cost_usd` None: nobody knows.
    """

    step: Step
    model: str
    ended: str
    attempts: int = 1
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    status: int | None = None


class Decision(Struct, frozen=True, omit_defaults=True, tag="decision", tag_field="entry"):
    """One request.

    Attributes:
        id: Names the decision; no two have the same.
        at: Unix seconds when the request was taken.
        route, key: The route's name; the key's name, never the key.
        policy: Digest of the calibrated policy that chose the plan, '' without one.
        stratum: The part of the traffic that the policy saw it as.
        criticality: What the request was treated as.
        declared, declared_by: What was declared, and by whom: 'route', 'key' or 'header'.
        raised: Why detectors raised it, one sentence each.
        plan, plan_why: What was to be done, and why.
        score: The gate's, where a policy was asked.
        ending, why: See `Ending`; why it was not the draft, '' where it was.
        ruling, approval: The verdict and its score; '' and None without one.
        request_hash, draft_hash, verdict_hash, answer_hash: SHA-256 of the canonical JSON, '' where
            there was none. That of a malformed verdict is of the validator's own text.
        model: The model whose answer went out.
        calls: The steps, in the order in which they ended.
        cost_usd: Of all calls; None where one of them is unknown.
        seconds: From the request to the decision.
        audit_chance: The chance with which its answer was to be audited, decided beforehand.
        audited: Whether it was drawn.
        kept_until: Unix seconds until which its bodies are kept; 0 where they are not.
    """

    id: str
    at: float
    route: str
    criticality: Criticality
    declared: Criticality
    declared_by: str
    plan: PlanName
    plan_why: str
    ending: Ending
    request_hash: str
    key: str = ""
    policy: str = ""
    stratum: str = ""
    raised: tuple[str, ...] = ()
    score: float | None = None
    why: str = ""
    ruling: Ruling | Literal[""] = ""
    approval: float | None = None
    draft_hash: str = ""
    verdict_hash: str = ""
    answer_hash: str = ""
    model: str = ""
    calls: tuple[Called, ...] = ()
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    audit_chance: float = 0.0
    audited: bool = False
    kept_until: float = 0.0


class Audit(Struct, frozen=True, omit_defaults=True, tag="audit", tag_field="entry"):
    """What a strong model said of an answer that had gone out.

    Attributes:
        id: Names the audit.
        of: The decision's id.
        at: Unix seconds.
        chance: The propensity: the chance that this request had to be audited.
        wrong: Whether the answer was not approved; None where there was no verdict.
        ruling, approval: The verdict.
        answer_hash, verdict_hash: As in `Decision`.
        call: What it took.
        kept_until: As in `Decision`.
    """

    id: str
    of: str
    at: float
    chance: float
    wrong: bool | None
    answer_hash: str
    ruling: Ruling | Literal[""] = ""
    approval: float | None = None
    verdict_hash: str = ""
    call: Called | None = None
    kept_until: float = 0.0


class Trip(Struct, frozen=True, omit_defaults=True, tag="trip", tag_field="entry"):
    """A part of the traffic was sent back to the strong model: too much had escaped.

    Attributes:
        id: Names the trip.
        at: Unix seconds.
        route, stratum: Which part.
        cheap: The model that had drafted its answers.
        alpha, level: The rate that was promised; the chance of ever raising a false alarm.
        e_value: Evidence against the promise; at least 1 / level.
        requests, known: How many were seen, and of how many it is known whether they escaped.
        escapes: Escapes found, each over the chance of its audit.
        policy: Digest of the policy, '' where plans came from a table.
        kept_until: 0; a trip has no bodies.
    """

    id: str
    at: float
    route: str
    stratum: str
    cheap: str
    alpha: float
    level: float
    e_value: float
    requests: int
    known: int
    escapes: float
    policy: str = ""
    kept_until: float = 0.0

    @property
    def why(self) -> str:
        """In words."""
        return (
            f"about {self.escapes / max(self.requests, 1):.1%} of {self.requests:,} requests "
            f"escaped, {self.alpha:.1%} were promised"
        )


Entry = Decision | Audit | Trip


class Log(Protocol):
    """Where decisions go."""

    async def append(self, entry: Entry, bodies: Mapping[str, bytes], *, durable: bool) -> None:
        """Add an entry, and the bodies that it names by hash.

        `durable`: return only once it would survive the machine; else return when it is on its way.
        Raises `LedgerError` where it cannot be written.
        """
        ...


def entry_id(at: float, rng: random.Random) -> str:
    """Return a new id, 32 hexadecimal digits: the milliseconds of `at`, then 80 random bits.

    Ids of one moment lie side by side in an index, so a commit writes few of its pages.
    """
    return f"{int(at * 1e3) & _MOST_MS:012x}{rng.getrandbits(80):020x}"


def canonical(value: Any) -> bytes:
    """The JSON of a value, the same bytes for equal values."""
    try:
        return msgspec.json.encode(value, order="deterministic")
    except UnicodeEncodeError:  # an unpaired surrogate, which JSON can say in ASCII
        plain = msgspec.to_builtins(value, order="deterministic")
        return json.dumps(plain, separators=(",", ":")).encode()


def digest(body: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(body).hexdigest()
