"""Hidden: placeholders such as [EMAIL_1] in the place of what a model is not to see, and back.

The same text has the same placeholder throughout a request, in ids and stop strings too: a model
that writes placeholders is stopped by one. Names of tools and of a schema's fields stay as they
are. What the model makes of placeholders is its own affair: one that it spells otherwise is not put
back. Knows nothing of what is hidden.
"""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec.structs import replace

from ossay.core.decision import canonical
from ossay.core.errors import ModelCallError
from ossay.core.types import Delta, Message, Reply, Request, Tool, ToolCall, ToolCallDelta
from ossay.gateway.redaction import KINDS, Redaction, Span, replaced

# Characters of a request that are looked at; the slowest text takes about a second.
MOST_CHARS = 1 << 20

_NAMES = "|".join(sorted({*(kind.upper() for kind in KINDS), "TEXT"}))
_PLACEHOLDER = re.compile(rf"\[(?:{_NAMES})_(\d{{1,7}})\]")
_MAY_BEGIN = re.compile(r"\[(?:[A-Z]{1,5}(?:_\d{0,7})?)?\Z")
_LONGEST = 14  # characters that may begin a placeholder


def too_long() -> ModelCallError:
    """What a request gets that is longer than what is looked at."""
    text = (
        f"this route hides some text from its models, and looks at {MOST_CHARS:,} characters at "
        "most; send less"
    )
    return ModelCallError("refused", text, status=413, attempts=0)


class Hidden:
    """The placeholders of one request. Raises `ModelCallError` 413 where it is too long."""

    def __init__(self, redaction: Redaction, request: Request) -> None:
        self._redaction = redaction
        self._of: dict[str, str] = {}
        self._behind: dict[str, str] = {}
        self._looked = 0
        self._next = 1 + _highest(canonical(request).decode())
        self.request = self._request(request)

    def __bool__(self) -> bool:
        return bool(self._behind)

    def back(self, text: str, *, quoted: bool = False) -> str:
        """Put back what placeholders stand for; `quoted`: inside a JSON string."""
        if "[" not in text:
            return text

        def behind(match: re.Match[str]) -> str:
            found = self._behind.get(match[0], match[0])
            plain = not quoted or (found.isprintable() and '"' not in found)
            return found if plain else json.dumps(found, ensure_ascii=False)[1:-1]

        return _PLACEHOLDER.sub(behind, text)

    def message(self, message: Message) -> Message:
        """Put back what an answer's placeholders stand for."""
        calls = tuple(
            replace(call, id=self.back(call.id), arguments=self.back(call.arguments, quoted=True))
            for call in message.tool_calls
        )
        content, reasoning = self.back(message.content), self.back(message.reasoning)
        return replace(message, content=content, reasoning=reasoning, tool_calls=calls)

    def _hide(self, text: str) -> str:
        self._looked += len(text)
        if self._looked > MOST_CHARS:
            raise too_long()
        return replaced(text, self._redaction.spans(text), lambda span: self._name(text, span))

    def _name(self, text: str, span: Span) -> str:
        found = text[span.start : span.end]
        if found not in self._of:
            name = f"[{span.kind.upper()}_{self._next}]"
            self._next += 1
            self._of[found], self._behind[name] = name, found
        return self._of[found]

    def _request(self, request: Request) -> Request:
        messages = tuple(map(self._message, request.messages))
        stop = tuple(map(self._hide, request.sampling.stop))
        return replace(
            request,
            messages=messages,
            tools=tuple(map(self._tool, request.tools)),
            sampling=replace(request.sampling, stop=stop),
            response_schema=self._json(request.response_schema),
            response_name=self._hide(request.response_name),
        )

    def _message(self, message: Message) -> Message:
        calls = tuple(
            ToolCall(self._hide(call.id), call.name, self._hide(call.arguments))
            for call in message.tool_calls
        )
        return replace(
            message,
            content=self._hide(message.content),
            reasoning=self._hide(message.reasoning),
            tool_calls=calls,
            tool_call_id=self._hide(message.tool_call_id),
        )

    def _tool(self, tool: Tool) -> Tool:
        return replace(
            tool,
            description=self._hide(tool.description),
            parameters=self._json(tool.parameters),
        )

    def _json(self, value: Any) -> Any:
        """Hide in the strings of a JSON value, names of fields aside."""
        if isinstance(value, str):
            return self._hide(value)
        if isinstance(value, list):
            return [self._json(item) for item in value]
        if isinstance(value, dict):
            return {name: self._json(item) for name, item in value.items()}
        return value


class Restorer:
    """Puts back what placeholders stand for in a stream, wherever it was cut into pieces."""

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden
        self._content = ""
        self._reasoning = ""
        self._held_calls: dict[int, str] = {}

    def delta(self, delta: Delta) -> list[Delta]:
        """Return what may go out now; what may yet become a placeholder is held back."""
        if delta.reply is not None:
            return [*self._rest(), replace(delta, reply=self._reply(delta.reply))]
        if not (delta.content or delta.reasoning or delta.tool_call):
            return [delta]
        content, self._content = _split(self._content + delta.content)
        reasoning, self._reasoning = _split(self._reasoning + delta.reasoning)
        content, reasoning = self._hidden.back(content), self._hidden.back(reasoning)
        call = self._call(delta.tool_call) if delta.tool_call is not None else None
        return [Delta(content, reasoning, call)] if content or reasoning or call else []

    def _call(self, call: ToolCallDelta) -> ToolCallDelta | None:
        text = self._held_calls.get(call.index, "") + call.arguments
        ready, self._held_calls[call.index] = _split(text)
        ready = self._hidden.back(ready, quoted=True)
        if not (ready or call.id or call.name):
            return None
        return replace(call, id=self._hidden.back(call.id), arguments=ready)

    def _rest(self) -> list[Delta]:
        rest = [Delta(self._content, self._reasoning)] if self._content or self._reasoning else []
        calls = [(index, held) for index, held in self._held_calls.items() if held]
        return rest + [Delta(tool_call=ToolCallDelta(i, arguments=held)) for i, held in calls]

    def _reply(self, reply: Reply) -> Reply:
        return replace(reply, message=self._hidden.message(reply.message))


def _split(text: str) -> tuple[str, str]:
    """What is complete, and what may be the beginning of a placeholder."""
    tail = max(0, len(text) - _LONGEST)
    match = _MAY_BEGIN.search(text, tail)
    return (text, "") if match is None else (text[: match.start()], match[0])


def _highest(text: str) -> int:
    """The highest number of what looks like a placeholder already."""
    return max((int(match[1]) for match in _PLACEHOLDER.finditer(text)), default=0)
