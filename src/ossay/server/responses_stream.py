"""Answers of POST /v1/responses: one JSON body, or server-sent events.

A stream opens an item when its first piece comes, and closes a text when the next item opens; calls
stay open to the end, since pieces of several may alternate. What is the same in every event of an
item is encoded once. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from ossay.core.types import Delta, Reply, ToolCallDelta
from ossay.server.errors import ApiError
from ossay.server.responses_output import (
    Kind,
    OutputItem,
    Status,
    ending,
    pieces_of,
    usage_of,
)
from ossay.server.spelling import json_text

Keep = Callable[[bytes, Reply, list[dict[str, Any]]], None]

_encode = msgspec.json.Encoder().encode
_EVENTS: dict[Kind, str] = {
    "reasoning": "response.reasoning_text",
    "message": "response.output_text",
    "function_call": "response.function_call_arguments",
}
# Codes that OpenAI's clients know in a response's error.
_CODES = {400: "invalid_prompt", 429: "rate_limit_exceeded"}


class ResponsesEncoder:
    """Writes one answer, see `wire.Encoder`.

    Args:
        fixed: What the response says of its request.
        unique: Makes the ids of its items differ from any other's.
        sealed: Whether reasoning goes out as `encrypted_content` too.
        keep: Takes the body, the reply and the items of an answer that is whole.
    """

    def __init__(self, *, fixed: dict[str, Any], unique: str, sealed: bool, keep: Keep) -> None:
        self._fixed = _encode(fixed)[:-1] + b","
        self._created_at = fixed["created_at"]
        self._unique = unique
        self._sealed = sealed
        self._keep = keep
        self._number = 0
        self._items: list[OutputItem] = []
        self._calls: dict[int, OutputItem] = {}
        self._open: OutputItem | None = None  # the text that is being written
        self._last: OutputItem | None = None  # where the last piece went
        self._ended: dict[int, dict[str, Any]] = {}

    def whole(self, reply: Reply) -> bytes:
        """Return the body of an answer that is not streamed."""
        self._complete(reply)
        return self._finished(reply)

    def begin(self) -> bytes:
        """Return the events that say that the answer has begun."""
        response = Raw(self._response("in_progress", []))
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def piece(self, delta: Delta) -> bytes:
        """Return the events of one piece; b'' for an empty one."""
        if delta.tool_call is not None:
            return self._call_piece(delta.tool_call)
        if delta.reasoning:
            events = self._text_piece("reasoning", delta.reasoning)
            return events + self._text_piece("message", delta.content) if delta.content else events
        return self._text_piece("message", delta.content) if delta.content else b""

    def end(self, reply: Reply) -> bytes:
        """Return the events that end the stream: the open items, and the response."""
        events = self._complete(reply) + self._close_all(reply)
        body = Raw(self._finished(reply))
        return events + self._event(f"response.{ending(reply)[0]}", response=body)

    def failed(self, error: ApiError) -> bytes:
        """Return the events that say why the stream ends early."""
        said = {"code": _CODES.get(error.status, "server_error"), "message": str(error)}
        items = [
            self._ended.get(item.index) or self._item(item, "incomplete") for item in self._items
        ]
        return self._event(
            "error", code=error.code or said["code"], message=str(error), param=error.param
        ) + self._event(
            "response.failed", response=Raw(self._response("failed", items, error=said))
        )

    def _text_piece(self, kind: Kind, text: str) -> bytes:
        item = self._open
        if item is not None and item.kind == kind:
            return self._delta(item, text)
        item = OutputItem(kind, len(self._items), self._unique)
        events = self._start(item)
        self._open = item
        return events + self._delta(item, text)

    def _call_piece(self, call: ToolCallDelta) -> bytes:
        item = self._calls.get(call.index)
        events = b""
        if item is None:
            item = OutputItem(
                "function_call", len(self._items), self._unique, call_id=call.id, name=call.name
            )
            self._calls[call.index] = item
            events = self._start(item)
        return events + self._delta(item, call.arguments) if call.arguments else events

    def _delta(self, item: OutputItem, text: str) -> bytes:
        self._last = item
        item.texts.append(text)
        number = self._number
        self._number = number + 1
        return b'%b%b,"sequence_number":%d}\n\n' % (item.head, json_text(text), number)

    def _start(self, item: OutputItem) -> bytes:
        """Open an item, and close the text before it."""
        before, self._open = self._open, None
        events = b"" if before is None else self._done(before, "completed")
        self._items.append(item)
        self._last = item
        item.head = self._delta_head(item)
        events += self._event(
            "response.output_item.added", output_index=item.index, item=item.started()
        )
        if item.kind == "function_call":
            return events
        return events + self._event(
            "response.content_part.added", **self._place(item), part=item.part("")
        )

    def _close_all(self, reply: Reply) -> bytes:
        """Close what is open; the item that was being written when the tokens ran out is cut."""
        cut = None if ending(reply)[1] is None else self._last
        self._open = None
        return b"".join(
            self._done(item, "incomplete" if item is cut else "completed")
            for item in self._items
            if item.index not in self._ended
        )

    def _done(self, item: OutputItem, status: Status) -> bytes:
        wire = self._ended[item.index] = self._item(item, status)
        place, text = self._place(item), item.text()
        event = f"{_EVENTS[item.kind]}.done"
        if item.kind == "function_call":
            events = self._event(event, **place, name=wire["name"], arguments=text)
        else:
            logprobs: dict[str, Any] = {"logprobs": []} if item.kind == "message" else {}
            events = self._event(event, **place, text=text, **logprobs) + self._event(
                "response.content_part.done", **place, part=item.part(text)
            )
        return events + self._event("response.output_item.done", output_index=item.index, item=wire)

    def _complete(self, reply: Reply) -> bytes:
        """Write what a model did not stream: all of it, or the text that an answer must have."""
        if self._items:
            return b""
        events = b"".join(map(self.piece, pieces_of(reply.message)))
        if not self._items and ending(reply)[0] == "completed":
            events += self._start(OutputItem("message", 0, self._unique))
        return events

    def _finished(self, reply: Reply) -> bytes:
        """Return the body of the response at last, and have it kept."""
        if len(self._ended) < len(self._items):
            self._close_all(reply)
        items = [self._ended[item.index] for item in self._items]
        status, reason = ending(reply)
        body = self._response(status, items, reason=reason, reply=reply)
        self._keep(body, reply, items)
        return body

    def _item(self, item: OutputItem, status: Status) -> dict[str, Any]:
        return item.ended(status, sealed=self._sealed and item.kind == "reasoning")

    def _response(
        self,
        status: str,
        items: list[dict[str, Any]],
        *,
        reason: str | None = None,
        reply: Reply | None = None,
        error: dict[str, Any] | None = None,
    ) -> bytes:
        varying = {
            "status": status,
            "completed_at": (
                self._created_at + round(reply.timing.total_s)
                if reply is not None and status == "completed"
                else None
            ),
            "error": error,
            "incomplete_details": None if reason is None else {"reason": reason},
            "output": items,
            "usage": None if reply is None else usage_of(reply.usage),
        }
        return self._fixed + _encode(varying)[1:]

    def _event(self, kind: str, **fields: Any) -> bytes:
        number = self._number
        self._number = number + 1
        data = _encode({"type": kind, **fields, "sequence_number": number})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)

    def _place(self, item: OutputItem) -> dict[str, Any]:
        place: dict[str, Any] = {"item_id": item.id, "output_index": item.index}
        if item.kind != "function_call":
            place["content_index"] = 0
        return place

    def _delta_head(self, item: OutputItem) -> bytes:
        kind = f"{_EVENTS[item.kind]}.delta"
        fields = {"type": kind, **self._place(item)}
        if item.kind == "message":
            fields["logprobs"] = []
        return b'event: %b\ndata: %b,"delta":' % (kind.encode(), _encode(fields)[:-1])
