"""Chunks put together into one reply.

Takes the data of one event, or the body of an answer that was not streamed. Knows nothing of the
network. Errors that a provider reports inside an answer are raised as `ModelCallError`; their text
is not yet cleaned of keys, `failures.cleaned` does that.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from ossay.core.errors import ModelCallError
from ossay.core.text import well_formed
from ossay.core.types import Finish, Message, ToolCall, Usage
from ossay.models.chunks import (
    Chunk,
    WireMessage,
    WireUsage,
    as_usage,
    decode_chunk,
    details_text,
    reported_error,
    split_content,
)
from ossay.models.failures import in_answer, unfinished_generation
from ossay.models.toolcalls import ToolCalls

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class Piece(Struct, frozen=True):
    """Text that one or more chunks added."""

    content: str = ""
    reasoning: str = ""

    def __add__(self, other: Piece) -> Piece:
        """This, then the other."""
        return Piece(self.content + other.content, self.reasoning + other.reasoning)


class Told(Struct):
    """What is known so far."""

    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    model: str = ""
    finish_reason: str | None = None
    usage: WireUsage | None = None
    choices: bool = False  # a choice was seen
    began: bool = False  # text or a tool call was seen
    done: bool = False  # the stream said that it is at its end
    size: int = 0  # characters of text and arguments


class Assembly:
    """Puts chunks together.

    Args:
        first_id: The number from which made-up tool call ids count ('call_3').
    """

    def __init__(self, first_id: int = 1) -> None:
        self.told = Told()
        self._calls = ToolCalls(first_id)

    @property
    def complete(self) -> bool:
        """Whether the provider said that the answer is whole."""
        return self.told.done or self.told.finish_reason is not None

    @property
    def acted(self) -> bool:
        """Whether a tool call was begun."""
        return bool(self._calls)

    def add(self, data: bytes) -> Piece:
        """Take the data of one event. Raises `ModelCallError` of kind 'bad_response'."""
        if data == b"[DONE]":
            self.told.done = True
            return Piece()
        return self.add_chunk(decode_chunk(data))

    def add_chunk(self, chunk: Chunk) -> Piece:
        """Take a decoded event. Raises `ModelCallError` of kind 'bad_response'."""
        told = self.told
        error = reported_error(chunk)
        if error is not None:
            return self._failed(error)
        if chunk.model:
            told.model = chunk.model
        usage = chunk.usage or (chunk.x_groq and chunk.x_groq.usage)
        if usage:
            told.usage = usage
        if not chunk.choices:
            return Piece()
        choice = chunk.choices[0]
        told.choices = True
        if choice.finish_reason:
            if choice.finish_reason == "error":
                raise ModelCallError("bad_response", "the answer ended with an error")
            told.finish_reason = choice.finish_reason
        part = choice.delta or choice.message
        return self._take(part) if part is not None else Piece()

    def add_text(self, text: str) -> Piece:
        """Take a whole answer that came outside the protocol."""
        self.told.choices = self.told.done = True
        return self._take(WireMessage(content=text))

    def message(self) -> Message:
        """The whole message. Raises `ModelCallError` where there was no choice at all."""
        if not self.told.choices:
            raise ModelCallError("bad_response", "the answer has no choices")
        return Message(
            "assistant",
            content=well_formed("".join(self.told.content)),
            reasoning=well_formed("".join(self.told.reasoning)),
            tool_calls=tuple(call for call, _ in self._calls.whole()),
        )

    def extras(self) -> list[tuple[ToolCall, Any]]:
        """Tool calls to which the provider attached something that it wants back."""
        return [(call, extra) for call, extra in self._calls.whole() if extra is not None]

    def finish(self) -> Finish:
        """Why the answer ended. Calls that end in 'stop' (Gemini) count as 'tool_calls'."""
        finish = _FINISH.get(self.told.finish_reason or "", "unknown")
        return "tool_calls" if self._calls and finish in ("stop", "unknown") else finish

    def usage(self) -> Usage:
        """The tokens as the provider counted them."""
        return as_usage(self.told.usage) if self.told.usage else Usage()

    def _take(self, part: WireMessage) -> Piece:
        told = self.told
        content, thought = split_content(part.content)
        if part.refusal:
            content += part.refusal
        reasoning = part.reasoning or part.reasoning_content or thought
        if not reasoning and part.reasoning_details:
            reasoning = details_text(part.reasoning_details)
        if content:
            told.content.append(content)
        if reasoning:
            told.reasoning.append(reasoning)
        told.size += len(content) + len(reasoning)
        if part.tool_calls:
            for delta in part.tool_calls:
                told.size += self._calls.add(delta)
        if content or reasoning or part.tool_calls:
            told.began = True
        return Piece(content, reasoning)

    def _failed(self, error: Any) -> Piece:
        said = unfinished_generation(error)
        if said is None:
            raise in_answer(error)
        return self.add_text(said)
