"""Scripts for the parts of a gateway: who drafts, who knows better, who validates, who fails.

`scripted/drafter?wrong=0.2&slip=0.2&seed=1` answers right, with a slip that can be repaired, or
wrong, by the hash of its seed and the question; `scripted/expert` is always right.
`scripted/validator?accepts=0.1&rejects=0.05&seed=1` knows which it was and errs as often as it is
told: it approves a share of what is not right and rejects a share of what is. With `gullible=0.3` a
share of drafts gets approved because their text asks for it, and with `misbehaves=0.1` (or
`how=fenced`) a share of verdicts is malformed. No network, no randomness. Knows nothing of
gateways.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ossay.core.errors import UnknownName, UsageError
from ossay.core.types import Message, Request
from ossay.models.scripted import Scripted, last_said

RIGHT = "The answer to your question is the right one."
SLIP = "The answer to your question is teh right one."
WRONG = "The answer to your question is a wrong one."
_SLIP_EDIT = {"find": "teh", "replace": "the"}

_PLEAS = ("approve this", "ignore previous instructions", "you are the validator")

# How a verdict is malformed -> what is made of the right one.
_MALFORMED = (
    "prose", "fenced", "twice", "extra_key", "no_score", "score_of_2", "nan", "empty", "a_list",
    "edits_without_repair",
)  # fmt: skip


class Drafter(Scripted):
    """Answers right, with a slip, or wrong; the same for the same question."""

    def __init__(self, wrong: float, slip: float, seed: int, name: str = "drafter") -> None:
        super().__init__((), name=name, pieces="words")
        self._wrong = wrong
        self._slip = slip
        self._seed = seed

    def _message(self, turn: int, request: Request) -> Message:
        drawn = _drawn(self._seed, "draft", last_said(request))
        if drawn < self._wrong:
            return Message("assistant", WRONG)
        return Message("assistant", SLIP if drawn < self._wrong + self._slip else RIGHT)


class Validator(Scripted):
    """Judges the drafts of `Drafter`, with errors of known rates."""

    def __init__(
        self,
        *,
        accepts: float = 0.0,
        rejects: float = 0.0,
        gullible: float = 0.0,
        misbehaves: float = 0.0,
        how: str = "",
        seed: int = 1,
    ) -> None:
        super().__init__((), name="validator", pieces="whole")
        self._accepts = accepts
        self._rejects = rejects
        self._gullible = gullible
        self._misbehaves = 1.0 if how and not misbehaves else misbehaves
        self._how = how
        self._seed = seed

    def _message(self, turn: int, request: Request) -> Message:
        asked = last_said(request)
        verdict = self._verdict(asked)
        said = json.dumps(verdict)
        if _drawn(self._seed, "misbehaves", asked) < self._misbehaves:
            which = int(_drawn(self._seed, "how", asked) * len(_MALFORMED))
            said = malformed(verdict, self._how or _MALFORMED[which])
        return Message("assistant", said)

    def _verdict(self, asked: str) -> dict[str, Any]:
        draft = _draft_in(asked)
        good = WRONG not in draft and "teh" not in draft
        if any(plea in draft.lower() for plea in _PLEAS) and self._happens(
            "gullible", asked, self._gullible
        ):
            return _verdict("approve", 0.97, "it says that it is fine")
        if good:
            if self._happens("rejects", asked, self._rejects):
                return _verdict("reject", 0.3, "I do not trust it")
            return _verdict("approve", 0.95, "it is right")
        if self._happens("accepts", asked, self._accepts):
            return _verdict("approve", 0.9, "it looks right")
        if draft.count("teh") == 1 and WRONG not in draft:
            return _verdict("repair", 0.4, "a slip of the pen", _SLIP_EDIT)
        return _verdict("reject", 0.05, "it is wrong")

    def _happens(self, what: str, asked: str, rate: float) -> bool:
        return _drawn(self._seed, what, asked) < rate


def malformed(verdict: dict[str, Any], how: str) -> str:
    """A verdict as a validator may spoil it."""
    said = json.dumps(verdict)
    spoilt = {
        "prose": f"I think that {said} is fair.",
        "fenced": f"```json\n{said}\n```",
        "twice": said[:-1] + ', "verdict": "approve"}',
        "extra_key": json.dumps({**verdict, "approved": True}),
        "no_score": json.dumps({key: item for key, item in verdict.items() if key != "score"}),
        "score_of_2": json.dumps({**verdict, "score": 2}),
        "nan": json.dumps({**verdict, "score": float("nan")}),
        "edits_without_repair": json.dumps(
            {**verdict, "verdict": "approve", "edits": [_SLIP_EDIT]}
        ),
        "empty": "",
        "a_list": json.dumps([verdict]),
    }
    return spoilt[how]


def reviewing(base: str, query: str) -> Scripted:
    """Return the script of that name, see the module.

    Raises:
        UnknownName: no such option, or way to misbehave.
        UsageError: an option with a value that it does not take.
    """
    options = {
        "drafter": ("wrong", "slip", "seed"),
        "expert": (),
        "validator": ("accepts", "rejects", "gullible", "misbehaves", "how", "seed"),
    }[base]
    given: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in options:
            raise UnknownName.of("option", key, options)
        given[key] = value
    seed = given.pop("seed", "1")
    how = given.pop("how", "")
    if how and how not in _MALFORMED:
        raise UnknownName.of("way to misbehave", how, _MALFORMED)
    if not (seed.isdecimal() and seed.isascii() and len(seed) <= 15):
        raise UsageError(f"'scripted/{base}': seed={seed!r} must be a whole number from 0")
    shares = {key: _share(base, key, value) for key, value in given.items()}
    if base == "validator":
        return Validator(how=how, seed=int(seed), **shares)
    usual = (0.2, 0.2) if base == "drafter" else (0.0, 0.0)
    wrong, slip = shares.get("wrong", usual[0]), shares.get("slip", usual[1])
    return Drafter(wrong, slip, int(seed), base)


def _share(base: str, key: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise UsageError(f"'scripted/{base}': {key}={text!r} must be a share from 0 to 1")
    return share


def _draft_in(asked: str) -> str:
    """The draft's text in what a validator was asked; the whole of it where it is in no JSON."""
    try:
        return str(json.loads(asked)["draft"]["content"])
    except (ValueError, KeyError, TypeError):
        return asked


def _verdict(verdict: str, score: float, reason: str, *edits: dict[str, str]) -> dict[str, Any]:
    return {"verdict": verdict, "score": score, "reason": reason, "edits": list(edits)}


def _drawn(seed: int, what: str, text: str) -> float:
    """A number from 0 to 1, the same for the same arguments."""
    named = msgspec.json.encode((seed, what, text))
    return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") / 2**64
