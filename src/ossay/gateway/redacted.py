"""Redacted: a decision log that keeps bodies without what is not to be kept.

An entry then names the redacted bodies' hashes, so that the log still proves what it holds. Where
bodies are not kept, its hashes are those of the text as it was. Knows nothing of patterns.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from ossay.core.decision import Audit, Decision, Entry, Log, canonical, digest
from ossay.gateway.hidden import MOST_CHARS
from ossay.gateway.redaction import Redaction

_HASHES = ("request_hash", "draft_hash", "verdict_hash", "answer_hash")
_MOST = 10_000  # answers whose audits may still come


class Redacted:
    """Satisfies `core.decision.Log` in front of another."""

    def __init__(self, log: Log, redaction: Redaction) -> None:
        self._log = log
        self._redaction = redaction
        # Hash of an answer -> hash of what is kept of it; its audit names it too.
        self._answers: OrderedDict[str, str] = OrderedDict()

    async def append(self, entry: Entry, bodies: Mapping[str, bytes], *, durable: bool) -> None:
        """Add an entry, see `Log`."""
        if bodies or (isinstance(entry, Audit) and entry.answer_hash in self._answers):
            renamed = {name: self._redact(body) for name, body in bodies.items()}
            names = {name: digest(body) for name, body in renamed.items()}
            entry = self._renamed(entry, names)
            bodies = {names[name]: body for name, body in renamed.items()}
        await self._log.append(entry, bodies, durable=durable)

    def _renamed(self, entry: Entry, names: dict[str, str]) -> Entry:
        if isinstance(entry, Decision):
            if entry.audited and entry.answer_hash in names:
                self._answers[entry.answer_hash] = names[entry.answer_hash]
                if len(self._answers) > _MOST:
                    self._answers.popitem(last=False)
        elif isinstance(entry, Audit):
            answer = entry.answer_hash
            names = {**names, answer: self._answers.get(answer, answer)}
        hashes = {name: getattr(entry, name, "") for name in _HASHES}
        return replace(
            entry,
            **{name: names[hash_] for name, hash_ in hashes.items() if hash_ in names},
        )

    def _redact(self, body: bytes) -> bytes:
        if len(body) > MOST_CHARS:
            return canonical(f"[{len(body)} bytes, too long to be redacted]")
        return redacted(body, self._redaction)


def redacted(body: bytes, redaction: Redaction) -> bytes:
    """A body without it: in the strings of JSON, where it is JSON, else in the text."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return redaction.redact(value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {redaction.redact(name): walk(item) for name, item in value.items()}
        return value

    try:
        return canonical(walk(msgspec.json.decode(body)))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return redaction.redact(body.decode("utf-8", "replace")).encode()
