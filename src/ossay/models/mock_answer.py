"""What the mock upstream says: a message as chat completion chunks, or as one completion.

Counts tokens as `scripted` does, four characters each. Knows nothing of faults or of HTTP.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from ossay.core.types import Message, Usage
from ossay.models.scripted import CHARS_PER_TOKEN

DONE = b"data: [DONE]\n\n"


class AskedMessage(Struct):
    """As much of a request's message as is counted."""

    role: str
    content: Any = None


class Ask(Struct):
    """As much of a request as the mock upstream reads."""

    model: str = ""
    stream: bool = False
    messages: list[AskedMessage] = field(default_factory=list)

    @property
    def turn(self) -> int:
        """How many assistant messages came before."""
        return sum(message.role == "assistant" for message in self.messages)

    def usage(self, message: Message) -> Usage:
        """The tokens of answering with `message`; what an earlier turn sent is cached."""
        sizes = [len(m.content) if isinstance(m.content, str) else 0 for m in self.messages]
        turns = [at for at, m in enumerate(self.messages) if m.role == "assistant"]
        reasoning = _tokens(len(message.reasoning))
        said = len(message.content) + sum(len(call.arguments) for call in message.tool_calls)
        return Usage(
            input_tokens=_tokens(sum(sizes)),
            cached_input_tokens=_tokens(sum(sizes[: turns[-1]])) if turns else 0,
            output_tokens=_tokens(said) + reasoning,
            reasoning_tokens=reasoning,
        )


_ASK = msgspec.json.Decoder(Ask)


def read_ask(body: bytes) -> Ask:
    """Decode a request. Raises `msgspec.DecodeError`."""
    return _ASK.decode(body)


class Answer:
    """One message, ready to be sent in pieces or whole.

    Args:
        message: What to say.
        ask: The request that it answers.
        pieces: Into how many chunks each text is cut.
    """

    def __init__(self, message: Message, ask: Ask, *, pieces: int = 8) -> None:
        self.usage = ask.usage(message)
        self._message = message
        self._model = ask.model
        self._pieces = pieces

    def head(self) -> list[bytes]:
        """The events that carry the message, without its end."""
        message = self._message
        events = [self._chunk({"role": "assistant", "content": ""})]
        events += [self._chunk({"reasoning": part}) for part in self._cut(message.reasoning)]
        events += [self._chunk({"content": part}) for part in self._cut(message.content)]
        for index, call in enumerate(message.tool_calls):
            first = {"name": call.name, "arguments": ""}
            begin = {"index": index, "id": call.id, "type": "function", "function": first}
            events.append(self._chunk({"tool_calls": [begin]}))
            for part in self._cut(call.arguments):
                more = {"index": index, "function": {"arguments": part}}
                events.append(self._chunk({"tool_calls": [more]}))
        return events

    def tail(self, *, usage: bool = True) -> list[bytes]:
        """The events that end the message."""
        events = [self._chunk({}, self._finish)]
        if usage:
            events.append(event({**self._frame("chat.completion.chunk"), **self._usage()}))
        return [*events, DONE]

    def whole(self) -> bytes:
        """The answer to a request that did not ask for a stream."""
        message = self._message
        wire: dict[str, Any] = {"role": "assistant", "content": message.content}
        if message.reasoning:
            wire["reasoning"] = message.reasoning
        if message.tool_calls:
            wire["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in message.tool_calls
            ]
        choice = {"index": 0, "message": wire, "finish_reason": self._finish}
        frame = self._frame("chat.completion", choice)
        return msgspec.json.encode({**frame, **self._usage()})

    @property
    def _finish(self) -> str:
        return "tool_calls" if self._message.tool_calls else "stop"

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event(self._frame("chat.completion.chunk", choice))

    def _frame(self, kind: str, *choices: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": "chatcmpl-mock",
            "object": kind,
            "created": 0,
            "model": self._model,
            "choices": choices,
        }

    def _cut(self, text: str) -> list[str]:
        size = max(1, -(-len(text) // self._pieces))
        return [text[at : at + size] for at in range(0, len(text), size)]

    def _usage(self) -> dict[str, Any]:
        usage = self.usage
        counts = {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
            "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        }
        return {"usage": counts}


class Body:
    """The same answer in one body, for a request that did not ask for events, in as many pieces."""

    def __init__(self, answer: Answer, *, pieces: int = 8) -> None:
        self.usage = answer.usage
        self.whole = answer.whole
        body = answer.whole()
        size = max(1, -(-len(body) // (pieces + 1)))
        self._pieces = [body[at : at + size] for at in range(0, len(body), size)]

    def head(self) -> list[bytes]:
        """All but its last piece."""
        return self._pieces[:-1]

    def tail(self, *, usage: bool = True) -> list[bytes]:
        """Its last piece."""
        return self._pieces[-1:]


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


def error(message: str, *, code: str | None = None, **more: str) -> dict[str, Any]:
    """An error object as OpenAI writes it."""
    inner = {"message": message, "type": "invalid_request_error", "code": code, **more}
    return {"error": inner}


def _tokens(chars: int) -> int:
    return -(-chars // CHARS_PER_TOKEN)
