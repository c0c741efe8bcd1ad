"""Answers of POST /v1/chat/completions: one JSON body, or server-sent events.

What is the same in every event of a stream is encoded once; a piece encodes its text alone. Knows
nothing of HTTP.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ossay.core.text import well_formed
from ossay.core.types import Delta, Message, Reply, ToolCallDelta
from ossay.server.errors import ApiError
from ossay.server.spelling import DONE, finish_of, json_text, usage_of

_encode = msgspec.json.Encoder().encode


class ChatEncoder:
    """Writes one answer, see `wire.Encoder`."""

    def __init__(
        self, *, id: str, created: int, model: str, fingerprint: str, include_usage: bool
    ) -> None:
        self._fixed: dict[str, Any] = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "system_fingerprint": fingerprint,
        }
        self._include_usage = include_usage
        head = _encode(self._fixed)[:-1]
        self._head = b"data: " + head + b',"choices":[{"index":0,"delta":{'
        usage = b',"usage":null' if include_usage else b""
        self._after_delta = b'},"logprobs":null,"finish_reason":'
        self._after_choice = b"}]" + usage + b"}\n\n"
        self._tail = self._after_delta + b"null" + self._after_choice

    def whole(self, reply: Reply) -> bytes:
        """Return the body of an answer that is not streamed."""
        choice = {
            "index": 0,
            "message": _message(reply.message),
            "logprobs": None,
            "finish_reason": finish_of(reply.finish),
        }
        return _encode(
            {
                **self._fixed,
                "object": "chat.completion",
                "choices": [choice],
                "usage": usage_of(reply.usage),
            }
        )

    def begin(self) -> bytes:
        """Return the event that says who speaks."""
        return self._head + b'"role":"assistant","content":""' + self._tail

    def piece(self, delta: Delta) -> bytes:
        """Return the event of one piece; b'' for an empty one."""
        call = delta.tool_call
        if call is not None:
            return self._head + b'"tool_calls":[' + _call(call) + b"]" + self._tail
        if delta.content:
            text = json_text(delta.content)
            if not delta.reasoning:
                return self._head + b'"content":' + text + self._tail
        if delta.reasoning:
            thought = json_text(delta.reasoning)
            said = b'"reasoning":' + thought + b',"reasoning_content":' + thought
            if delta.content:
                said += b',"content":' + text
            return self._head + said + self._tail
        return b""

    def end(self, reply: Reply) -> bytes:
        """Return the events that end the stream."""
        finish = _encode(finish_of(reply.finish))
        last = self._head + self._after_delta + finish + self._after_choice
        if self._include_usage:
            body = {**self._fixed, "choices": [], "usage": usage_of(reply.usage)}
            last += b"data: " + _encode(body) + b"\n\n"
        return last + DONE

    def failed(self, error: ApiError) -> bytes:
        """Return the event that says why the stream ends early; no [DONE] follows."""
        return b"data: " + error.body() + b"\n\n"


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "role": "assistant",
        "content": well_formed(message.content),
        "refusal": None,
    }
    if message.reasoning:
        wire["reasoning"] = wire["reasoning_content"] = well_formed(message.reasoning)
    if message.tool_calls:
        wire["content"] = wire["content"] or None
        wire["tool_calls"] = [
            {
                "id": well_formed(call.id),
                "type": "function",
                "function": {
                    "name": well_formed(call.name),
                    "arguments": well_formed(call.arguments),
                },
            }
            for call in message.tool_calls
        ]
    return wire


def _call(call: ToolCallDelta) -> bytes:
    """The first piece of a call carries its id and name, the others arguments alone."""
    arguments = b'"arguments":' + json_text(call.arguments) + b"}}"
    index = b'{"index":%d,' % call.index
    if not call.id and not call.name:
        return index + b'"function":{' + arguments
    first = b'"id":%b,"type":"function","function":{"name":%b,'
    return index + first % (json_text(call.id), json_text(call.name)) + arguments
