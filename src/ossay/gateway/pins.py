"""Pins: what a route asks today, as short texts to compare with those that a policy was made with.

A model's pin is its reference, then '#' and a hash of what is known of it: weights, place,
settings. A hosted model can change behind its name, and nothing here would tell. Knows nothing of
policies' thresholds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from ossay.core.types import ModelCard
from ossay.gateway.file import CheckTable, RouteTable
from ossay.router.policy import TASKS, Change, Policy, changed, untold
from ossay.router.validation import INSTRUCTIONS
from ossay.router.verdict import SCHEMA

# Details of a card that say how a model runs here, not which it is.
_HERE = frozenset({"backend", "context", "gpu", "isa", "slots", "xllamacpp"})
_MODELS = ("cheap", "strong", "validator")
_DIGITS = 16


def pins_of(
    route: RouteTable, cards: Mapping[str, ModelCard], check: bytes | None = None
) -> dict[str, str]:
    """What a policy for this route should pin: cheap, strong, validator, prompts, check.

    Args:
        route: As the file has it; of several strong models the first one counts.
        cards: By reference, as the file has it.
        check: The schema's text, or what else a check is made of; None where there is none.
    """
    pins = {
        "cheap": _model(route.cheap, cards[route.cheap]),
        "strong": _model(route.strongs[0], cards[route.strongs[0]]),
    }
    if route.validator is not None:
        pins["validator"] = _model(route.validator, cards[route.validator])
        pins["prompts"] = _hash([INSTRUCTIONS, SCHEMA, route.rules])
    if route.check is not None:
        pins["check"] = _hash([_plain(route.check), (check or b"").hex()])
    return pins


def changes_of(
    policy: Policy, route: RouteTable, cards: Mapping[str, ModelCard], check: bytes | None = None
) -> tuple[Change, ...]:
    """What is no longer as the policy pins it, see `changed`, or never was what a gateway can ask.

    A model that was pinned by its name alone is compared by its name alone. A gate that was trained
    with tasks can't be asked: a request names none.
    """
    now = pins_of(route, cards, check)
    references = {"cheap": route.cheap, "strong": route.strongs[0], "validator": route.validator}
    for what in _MODELS:
        reference, pinned = references[what], policy.pins.get(what, "")
        if reference is not None and pinned in (reference, cards[reference].reference):
            now[what] = pinned
    return (*changed(policy, now), *untold(policy))


def told(change: Change) -> str:
    """A change in words."""
    if change.what == TASKS:
        return f"its gate was trained with tasks ({change.pinned!r}), and requests name none"
    now = f"is {change.now!r}" if change.now else "nobody says what it is now"
    return f"{change.what} was {change.pinned!r} and {now}"


def _model(reference: str, card: ModelCard) -> str:
    known = {key: value for key, value in card.details.items() if key not in _HERE}
    return f"{reference}#{_hash(known)}" if known else reference


def _plain(check: CheckTable) -> object:
    """A check without what only bounds it."""
    return [check.schema, check.command, check.file, check.files, check.code]


def _hash(value: object) -> str:
    text = msgspec.json.encode(value, order="sorted")
    return hashlib.sha256(text).hexdigest()[:_DIGITS]
