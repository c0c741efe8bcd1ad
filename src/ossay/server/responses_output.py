"""Items of a Responses answer: what was thought, said and called, in the order in which it came.

Knows nothing of streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from ossay.core.text import well_formed
from ossay.core.types import Delta, Message, Reply, ToolCallDelta, Usage
from ossay.server.responses_items import seal

Kind = Literal["reasoning", "message", "function_call"]
Status = Literal["in_progress", "completed", "incomplete"]

_PREFIXES: dict[Kind, str] = {"reasoning": "rs", "message": "msg", "function_call": "fc"}


class OutputItem:
    """One item, while it grows.

    Attributes:
        texts: Its pieces: reasoning, text, or arguments.
        head: What the event of each piece begins with.
    """

    __slots__ = ("call_id", "head", "id", "index", "kind", "name", "texts")

    def __init__(
        self, kind: Kind, index: int, unique: str, *, call_id: str = "", name: str = ""
    ) -> None:
        self.kind: Kind = kind
        self.index = index
        self.id = f"{_PREFIXES[kind]}_{unique}_{index}"
        self.call_id = well_formed(call_id)
        self.name = name
        self.texts: list[str] = []
        self.head = b""

    def text(self) -> str:
        """What it holds so far."""
        return well_formed("".join(self.texts))

    def part(self, text: str) -> dict[str, Any]:
        """Return its one content part."""
        if self.kind == "reasoning":
            return {"type": "reasoning_text", "text": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def started(self) -> dict[str, Any]:
        """Return it as it is before its first piece."""
        return self._with("in_progress", [], "", None)

    def ended(self, status: Status, *, sealed: bool) -> dict[str, Any]:
        """Return it as it is at last. `sealed`: reasoning goes out as `encrypted_content` too."""
        text = self.text()
        parts = [] if self.kind == "function_call" else [self.part(text)]
        return self._with(status, parts, text, seal(text) if sealed else None)

    def _with(
        self, status: Status, parts: list[dict[str, Any]], arguments: str, sealed: str | None
    ) -> dict[str, Any]:
        wire: dict[str, Any] = {"id": self.id, "type": self.kind, "status": status}
        if self.kind == "reasoning":
            wire.update(summary=[], content=parts)
            if sealed is not None:
                wire["encrypted_content"] = sealed
        elif self.kind == "message":
            wire.update(role="assistant", content=parts)
        else:
            wire.update(call_id=self.call_id, name=well_formed(self.name), arguments=arguments)
        return wire


def pieces_of(message: Message) -> Iterator[Delta]:
    """Yield a whole message as if it had come piece by piece: thought, said, called."""
    if message.reasoning:
        yield Delta(reasoning=message.reasoning)
    if message.content:
        yield Delta(content=message.content)
    for index, call in enumerate(message.tool_calls):
        yield Delta(tool_call=ToolCallDelta(index, call.id, call.name, call.arguments))


def ending(reply: Reply) -> tuple[str, str | None]:
    """Return the status of a response, and why it is incomplete."""
    if reply.finish == "length":
        return "incomplete", "max_output_tokens"
    if reply.finish == "content_filter":
        return "incomplete", "content_filter"
    return "completed", None


def usage_of(usage: Usage) -> dict[str, Any]:
    """Return the counts as OpenAI writes them; what is not known counts as 0."""
    asked, answered = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "input_tokens": asked,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens or 0,
            "cache_write_tokens": 0,
        },
        "output_tokens": answered,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": asked + answered,
    }
