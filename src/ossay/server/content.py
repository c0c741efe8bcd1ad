"""Messages of the wire into messages of the house.

Knows nothing of tools that are offered, sampling or streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ossay.core.types import Message, Role, ToolCall
from ossay.server.chat_body import WireCall, WireMessage
from ossay.server.errors import ApiError
from ossay.server.fields import invalid

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_TEXT_PARTS = ("text", "input_text", "output_text")


def messages_of(wire: Sequence[WireMessage], param: str = "messages") -> tuple[Message, ...]:
    """Translate a conversation. Raises `ApiError` with the place of what is wrong."""
    if not wire:
        raise invalid(param, "must hold at least one message")
    called: set[str] = set()
    messages = []
    for at, message in enumerate(wire):
        place = f"{param}[{at}]"
        messages.append(_message(message, place, called))
        called.update(call.id for call in messages[-1].tool_calls)
    return tuple(messages)


def text_of(content: str | Sequence[dict[str, Any]], place: str) -> str:
    """Join the text of parts; refuse what is not text."""
    if isinstance(content, str):
        return content
    return "".join(_part(part, f"{place}[{at}]") for at, part in enumerate(content))


def not_text(kind: object, place: str) -> ApiError:
    """Return the error for an image, a sound or a file."""
    return invalid(
        place,
        f"content of type {kind!r} is not supported: this model reads text only",
        code="unsupported_content",
    )


def _message(wire: WireMessage, place: str, called: set[str]) -> Message:
    if wire.role == "function" or wire.function_call:
        raise invalid(
            f"{place}.role" if wire.role == "function" else f"{place}.function_call",
            "functions became tools: send tool_calls, and results as role 'tool'",
        )
    role = _ROLES.get(wire.role)
    if role is None:
        raise invalid(f"{place}.role", f"{wire.role!r} is not one of {', '.join(_ROLES)}")
    if wire.audio:
        raise not_text("audio", f"{place}.audio")
    if wire.content is None and role != "assistant":
        raise invalid(f"{place}.content", f"must be text in a message of role {wire.role!r}")
    content = text_of(wire.content or wire.refusal or "", f"{place}.content")
    if role == "assistant":
        return Message(
            role,
            content,
            reasoning=wire.reasoning or wire.reasoning_content or "",
            tool_calls=_calls(wire.tool_calls or [], place),
        )
    if role == "tool":
        return Message(role, content, tool_call_id=_answered(wire, place, called))
    return Message(role, content)


def _answered(wire: WireMessage, place: str, called: set[str]) -> str:
    """The call that a tool message answers."""
    if not wire.tool_call_id:
        raise invalid(f"{place}.tool_call_id", "is missing", code="missing_required_parameter")
    if wire.tool_call_id not in called:
        raise invalid(
            f"{place}.tool_call_id",
            f"{wire.tool_call_id!r} answers no tool call of an earlier message",
        )
    return wire.tool_call_id


def _calls(calls: Sequence[WireCall], place: str) -> tuple[ToolCall, ...]:
    found = []
    for at, call in enumerate(calls):
        if call.type != "function" or call.function is None:
            raise invalid(f"{place}.tool_calls[{at}]", f"a call of type {call.type!r} is unknown")
        found.append(ToolCall(call.id, call.function.name, call.function.arguments))
    return tuple(found)


def _part(part: dict[str, Any], place: str) -> str:
    kind = part.get("type")
    if kind == "refusal":
        text = part.get("refusal")
    elif kind in _TEXT_PARTS:
        text = part.get("text")
    else:
        raise not_text(kind, place)
    if not isinstance(text, str):
        raise invalid(place, f"a part of type {kind!r} needs its text")
    return text
