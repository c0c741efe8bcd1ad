"""Items of a Responses input into messages of the house.

What an assistant thinks, says and calls arrives as separate items; those that follow each other are
one `Message`, as they were when the model wrote them. Knows nothing of tools that are offered,
sampling, or where a referenced item is kept.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ossay.core.types import Message, Role, ToolCall
from ossay.server.content import text_of
from ossay.server.errors import ApiError
from ossay.server.fields import invalid, unsupported

Item = Mapping[str, Any]
Find = Callable[[str], Item | None]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# The reasoning itself, encoded: it stands in clear beside this, so there is nothing to hide.
_SEALED = "ossay1."


def messages_of(
    wire: str | Sequence[Item],
    *,
    before: tuple[Message, ...] = (),
    find: Find = lambda _: None,
    most_bytes: int = 8 << 20,
) -> tuple[Message, ...]:
    """Translate an input that follows the messages `before`, and return all of them.

    Args:
        wire: Text of the user, or items.
        before: What an earlier response was asked and answered.
        find: Returns the item of an id, None where it is not kept.
        most_bytes: Of JSON, for all the items that ids stand for together.

    Raises:
        ApiError: 400 with the place of what is wrong, 404 for a reference to nothing.
    """
    if isinstance(wire, str):
        return (*before, Message("user", wire))
    reading = _Reading(before, find, most_bytes)
    for at, item in enumerate(wire):
        reading.take(item, f"input[{at}]")
    return reading.messages()


def seal(reasoning: str) -> str:
    """Return reasoning as a client may carry it in `encrypted_content`."""
    return _SEALED + base64.b64encode(reasoning.encode()).decode()


class _Reading:
    """What has been read so far; the last assistant message may still grow."""

    def __init__(self, before: tuple[Message, ...], find: Find, most_bytes: int) -> None:
        self._done = list(before)
        self._find = find
        self._most_bytes = most_bytes
        self._referenced_bytes = 0
        self._called = {call.id for message in before for call in message.tool_calls}
        self._reasoning: list[str] = []
        self._content: list[str] = []
        self._calls: list[ToolCall] = []
        self._open = False
        self._said = False  # whether the item before this one was text of the assistant

    def messages(self) -> tuple[Message, ...]:
        self._close()
        return tuple(self._done)

    def take(self, item: Item, place: str) -> None:
        kind = item.get("type")
        if kind is None:
            kind = "message" if "role" in item or "id" not in item else "item_reference"
        if kind == "item_reference":
            item = self._referenced(item, place)
            kind = item["type"]
        if kind == "message":
            self._message(item, place)
        elif kind == "reasoning":
            self._open = True
            self._said = False
            self._reasoning.append(_reasoning(item, place))
        elif kind == "function_call":
            self._call(item, place)
        elif kind == "function_call_output":
            self._output(item, place)
        else:
            raise unsupported(f"{place}.type", f"items of type {kind!r} cannot be read here")

    def _referenced(self, item: Item, place: str) -> Item:
        name = _text(item, "id", place)
        found = self._find(name)
        if found is None:
            raise ApiError(404, f"item with id {name!r} not found", param=f"{place}.id")
        self._referenced_bytes += len(msgspec.json.encode(found))
        if self._referenced_bytes > self._most_bytes:
            raise ApiError(
                413,
                f"the items referred to are larger than {self._most_bytes:,} bytes together, the "
                "limit of this server",
                code="request_too_large",
                param=f"{place}.id",
            )
        return found

    def _message(self, item: Item, place: str) -> None:
        said = _text(item, "role", place)
        role = _ROLES.get(said)
        if role is None:
            raise invalid(f"{place}.role", f"{said!r} is not one of {', '.join(_ROLES)}")
        content = text_of(_parts(item, "content", place), f"{place}.content")
        if role != "assistant":
            self._close()
            self._done.append(Message(role, content))
            return
        if self._said:  # two texts in a row are two messages: this server never writes them so
            self._close()
        self._open = self._said = True
        self._content.append(content)

    def _call(self, item: Item, place: str) -> None:
        call = ToolCall(
            id=_text(item, "call_id", place),
            name=_text(item, "name", place),
            arguments=_text(item, "arguments", place),
        )
        self._open = True
        self._said = False
        self._called.add(call.id)
        self._calls.append(call)

    def _output(self, item: Item, place: str) -> None:
        call = _text(item, "call_id", place)
        if call not in self._called:
            raise invalid(f"{place}.call_id", f"{call!r} answers no function_call before it")
        content = text_of(_parts(item, "output", place), f"{place}.output")
        self._close()
        self._done.append(Message("tool", content, tool_call_id=call))

    def _close(self) -> None:
        if self._open:
            self._done.append(
                Message(
                    "assistant",
                    "".join(self._content),
                    reasoning="".join(self._reasoning),
                    tool_calls=tuple(self._calls),
                )
            )
        self._reasoning, self._content, self._calls = [], [], []
        self._open = self._said = False


def _reasoning(item: Item, place: str) -> str:
    """What was thought: itself, else as this server sealed it, else its summary.

    What another server sealed cannot be read, and counts as nothing.
    """
    if item.get("content"):
        return _thoughts(item, "content", place)
    sealed = item.get("encrypted_content")
    if isinstance(sealed, str) and sealed.startswith(_SEALED):
        try:
            return base64.b64decode(sealed[len(_SEALED) :], validate=True).decode()
        except (binascii.Error, ValueError):
            raise invalid(f"{place}.encrypted_content", "was damaged on its way") from None
    return _thoughts(item, "summary", place) if item.get("summary") else ""


def _thoughts(item: Item, field: str, place: str) -> str:
    parts = item[field]
    if not isinstance(parts, list):
        raise invalid(f"{place}.{field}", "must be a list of parts")
    texts = []
    for at, part in enumerate(parts):
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            raise invalid(f"{place}.{field}[{at}]", "must be an object with its text")
        texts.append(part["text"])
    return ("" if field == "content" else "\n\n").join(texts)


def _parts(item: Item, field: str, place: str) -> str | list[dict[str, Any]]:
    """Text, or parts that are objects."""
    value = item.get(field)
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise invalid(f"{place}.{field}", "must be text or a list of parts")
    for at, part in enumerate(value):
        if not isinstance(part, dict):
            raise invalid(f"{place}.{field}[{at}]", "must be an object with a type")
    return value


def _text(item: Item, field: str, place: str) -> str:
    value = item.get(field)
    if value is None:
        raise invalid(f"{place}.{field}", "is missing", code="missing_required_parameter")
    if not isinstance(value, str):
        raise invalid(f"{place}.{field}", "must be a string")
    return value
