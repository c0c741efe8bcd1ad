"""Models that play a script: the fake that ships, and the reference solver among them.

`scripted/reference`, `scripted/do_nothing` and every other script that an instance carries are
played by name; `scripted/echo` repeats the last user message, and `scripted/caller` (`caller`)
calls tools. These two stream word by word, or with `scripted/echo?pieces=whole` in one piece.
`scripted/sometimes?rate=0.7&seed=1` (`sometimes`) passes 7 of 10 instances; `scripted/judge`
(`judge`) rates answers; `scripted/drafter`, `expert` and `validator` (`scripted_review`) play a
gateway's parts, and `scripted/faulty` (`scripted_faults`) fails. No network, no randomness. Knows
nothing of what the scripts are for.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Literal
from urllib.parse import parse_qsl

from ossay.core.errors import ModelCallError, UnknownName, UsageError
from ossay.core.model import collect
from ossay.core.task import Instance
from ossay.core.types import (
    Delta,
    Message,
    ModelCard,
    Price,
    Reply,
    Request,
    Timing,
    ToolCallDelta,
    Usage,
)

# About four characters a token: a count for plumbing, not a tokenizer's.
CHARS_PER_TOKEN = 4
_AT_ONCE = 256  # pieces, and then others may run

Pieces = Literal["whole", "words"]
_WORD = re.compile(r"\S+\s*|\s+")  # the pieces joined are the text again

FREE = Price(input=0.0, output=0.0, date="2026-11-21", source="scripted: nothing is computed")


class Scripted:
    """Plays assistant messages, one a request; past the end it says so and stops.

    The turn is read off the request (how many assistant messages it holds), so one object serves
    any number of conversations at once.
    """

    def __init__(
        self, script: Sequence[Message], *, name: str = "script", pieces: Pieces = "whole"
    ) -> None:
        self.card = ModelCard(f"scripted/{name}", price=FREE)
        self._script = tuple(script)
        self._pieces = pieces

    async def reply(self, request: Request) -> Reply:
        """Play the message of this turn."""
        return await collect(self.stream(request))

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Play the message of this turn, in one piece or in words."""
        turn = sum(message.role == "assistant" for message in request.messages)
        message = self._message(turn, request)
        for at, piece in enumerate(self._cut(message.reasoning), 1):
            if at % _AT_ONCE == 0:
                await asyncio.sleep(0)
            yield Delta(reasoning=piece)
        for at, piece in enumerate(self._cut(message.content), 1):
            if at % _AT_ONCE == 0:
                await asyncio.sleep(0)
            yield Delta(content=piece)
        for index, call in enumerate(message.tool_calls):
            yield Delta(tool_call=ToolCallDelta(index, call.id, call.name, call.arguments))
        yield Delta(reply=_reply(message, request, self.card.reference))

    async def aclose(self) -> None:
        """Nothing to give back."""

    def _message(self, turn: int, request: Request) -> Message:
        if turn < len(self._script):
            return self._script[turn]
        return Message("assistant", "The script is at its end.")

    def _cut(self, text: str) -> Iterator[str]:
        if self._pieces == "words":
            return (found[0] for found in _WORD.finditer(text))
        return iter([text] if text else [])


class Echo(Scripted):
    """Repeats the last user message."""

    def __init__(self, pieces: Pieces = "words") -> None:
        super().__init__((), name="echo", pieces=pieces)

    def _message(self, turn: int, request: Request) -> Message:
        return Message("assistant", last_said(request))


class Rehearsal:
    """Plays the script of that name from each instance, such as 'reference' or 'do_nothing'."""

    def __init__(self, script: str) -> None:
        self.card = ModelCard(f"scripted/{script}", price=FREE)
        self._name = script

    def rehearse(self, instance: Instance) -> Scripted:
        """Return the player of this instance's script."""
        script = instance.scripts.get(self._name)
        if script is None:
            raise ModelCallError(
                "refused",
                f"{instance.task!r} has no script {self._name!r}; it has: "
                f"{', '.join(sorted(instance.scripts)) or 'none'}",
            )
        return Scripted(script, name=self._name)

    async def reply(self, request: Request) -> Reply:
        """Refuse: without an instance there is no script."""
        raise ModelCallError("refused", f"{self.card.reference!r} plays in campaigns only")

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Refuse: without an instance there is no script."""
        yield Delta(reply=await self.reply(request))

    async def aclose(self) -> None:
        """Nothing to give back."""


def scripted(name: str) -> Scripted | Rehearsal:
    """Return the scripted model of that name, see the module.

    Raises:
        UnknownName: no such option.
        UsageError: an option with a value that it does not take.
    """
    base, _, query = name.partition("?")
    if base in ("drafter", "expert", "validator"):
        from ossay.models.scripted_review import reviewing

        return reviewing(base, query)
    if base == "faulty":
        from ossay.models.scripted_faults import faulty

        return faulty(query)
    if base == "sometimes":
        from ossay.models.sometimes import sometimes

        return sometimes(query, f"scripted/{name}")
    if base == "judge":
        from ossay.models.judge import judge

        return judge(query)
    pieces: Pieces = "words"
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key != "pieces":
            raise UnknownName.of("option", key, ["pieces"])
        if value not in ("words", "whole"):
            raise UsageError(f"'scripted/{name}': pieces={value!r} must be 'words' or 'whole'")
        pieces = "words" if value == "words" else "whole"
    if base == "echo":
        return Echo(pieces)
    if base == "caller":
        from ossay.models.caller import Caller

        return Caller(pieces)
    return Rehearsal(base)


def last_said(request: Request) -> str:
    """Return the text of the last user message, '' where there is none."""
    said = (message.content for message in reversed(request.messages) if message.role == "user")
    return next(said, "")


def _reply(message: Message, request: Request, reference: str) -> Reply:
    said = len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
    asked = sum(len(m.content) for m in request.messages)
    return Reply(
        message,
        Usage(input_tokens=-(-asked // CHARS_PER_TOKEN), output_tokens=-(-said // CHARS_PER_TOKEN)),
        Timing(started_at=time.time(), total_s=0.0, first_token_s=0.0),
        finish="tool_calls" if message.tool_calls else "stop",
        model=reference,
    )
