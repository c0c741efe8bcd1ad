"""A script that fails: `scripted/faulty?faults=server_error,cut` fails in turn, then answers.

For whoever calls models and must bear what they do. Faults over HTTP are `mock_faults`'. No
network, no randomness. Knows nothing of who asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import parse_qsl

from ossay.core.errors import CallErrorKind, ModelCallError, UnknownName
from ossay.core.model import collect
from ossay.core.types import Delta, Message, Reply, Request, ToolCallDelta
from ossay.models.scripted import Scripted

_PAUSE_S = 0.01  # between the pieces of what never ends

# Before anything is said.
_REFUSALS: Mapping[str, tuple[CallErrorKind, int | None]] = {
    "rate_limited": ("rate_limited", 429),
    "server_error": ("server_error", 500),
    "refused": ("refused", 400),
    "bad_key": ("refused", 401),
    "connection": ("connection", None),
    "bad_response": ("bad_response", None),
    "context_exhausted": ("context_exhausted", 400),
}
# After a first piece.
_MIDWAY = ("cut", "cut_politely", "cut_after_call", "endless", "silent", "crash")

FAULTS = (*_REFUSALS, *_MIDWAY)


class Faulty(Scripted):
    """Plays faults, one a call, then answers.

    Attributes:
        asked: Every request, in order.
        left: How many answers were broken off by whoever asked.
        alive: Answers that are on their way.
    """

    def __init__(
        self, faults: Sequence[str] = (), message: Message | None = None, name: str = "faulty"
    ) -> None:
        super().__init__((), name=name, pieces="words")
        self._faults = list(faults)
        self._said = message or Message("assistant", "All is well in the end.")
        self.asked: list[Request] = []
        self.left = 0
        self.alive = 0

    def _message(self, turn: int, request: Request) -> Message:
        return self._said

    async def reply(self, request: Request) -> Reply:
        """Answer, or fail."""
        return await collect(self.stream(request))

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Answer, or fail before the first piece or after it."""
        fault = self._faults.pop(0) if self._faults else ""
        self.asked.append(request)
        if fault in _REFUSALS:
            kind, status = _REFUSALS[fault]
            raise ModelCallError(kind, f"{self.card.reference!r} plays {fault!r}", status=status)
        self.alive += 1
        try:
            if fault:
                async for delta in _broken(fault):
                    yield delta
            else:
                async for delta in super().stream(request):
                    yield delta
        except (asyncio.CancelledError, GeneratorExit):
            self.left += 1
            raise
        finally:
            self.alive -= 1


async def _broken(fault: str) -> AsyncIterator[Delta]:
    """A piece of an answer, and then no proper end."""
    yield Delta(content="All is ")
    if fault == "cut":
        raise ModelCallError("cut_off", "the connection dropped", began=True)
    if fault == "cut_after_call":
        yield Delta(tool_call=ToolCallDelta(0, "call_1", "pay", '{"eur":'))
        raise ModelCallError("cut_off", "the connection dropped", began=True)
    if fault == "crash":
        raise RuntimeError("a defect of the model's own code")
    if fault == "silent":
        await asyncio.Event().wait()
    while fault == "endless":
        await asyncio.sleep(_PAUSE_S)
        yield Delta(content="and ")


def faulty(query: str) -> Faulty:
    """Return the script with the faults of `query`. Raises `UnknownName`."""
    faults: list[str] = []
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key != "faults":
            raise UnknownName.of("option", key, ["faults"])
        faults += [fault for fault in value.split(",") if fault]
    for fault in faults:
        if fault not in FAULTS:
            raise UnknownName.of("fault", fault, FAULTS)
    return Faulty(faults)
