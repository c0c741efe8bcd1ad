"""Tool calls out of fragments.

A call arrives as fragments of one index, whole, without an index, or with the same index as its
sister (Gemini); with or without an id. Arguments stay the text that the model wrote, valid JSON or
not. Knows nothing of any tool.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.text import well_formed
from ossay.core.types import ToolCall


class FunctionDelta(Struct):
    """A piece of a name and of arguments. Some servers send arguments as an object."""

    name: str | None = None
    arguments: Any = None


class CallDelta(Struct):
    """A piece of a tool call. `extra_content` is Gemini's: it wants it back with the call."""

    index: int | None = None
    id: str | None = None
    function: FunctionDelta | None = None
    extra_content: Any = None


class _Call(Struct):
    id: str = ""
    name: str = ""
    arguments: list[str] = []
    extra: Any = None


class ToolCalls:
    """Collects fragments.

    Args:
        first_id: The number from which made-up ids count.
    """

    def __init__(self, first_id: int) -> None:
        self._first_id = first_id
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, delta: CallDelta) -> int:
        """Take one fragment; return how many characters it added."""
        function = delta.function or FunctionDelta()
        arguments = _arguments_text(function.arguments)
        call = self._call_of(delta, function)
        if delta.id and not call.id:
            call.id = delta.id
        added = len(arguments)
        if function.name and function.name != call.name:
            call.name += function.name
            added += len(function.name)
        if arguments:
            call.arguments.append(arguments)
        if delta.extra_content is not None:
            call.extra = delta.extra_content
        return added

    def whole(self) -> list[tuple[ToolCall, Any]]:
        """All calls with what was attached to them; ids that were missing are made up."""
        return [
            (
                ToolCall(
                    call.id or f"call_{self._first_id + number}",
                    well_formed(call.name),
                    well_formed("".join(call.arguments)),
                ),
                call.extra,
            )
            for number, call in enumerate(self._calls)
        ]

    def _call_of(self, delta: CallDelta, function: FunctionDelta) -> _Call:
        """The call that this fragment belongs to, begun where it is a new one."""
        if delta.index is None:
            open_call = self._calls[-1] if self._calls else None
        else:
            open_call = self._by_index.get(delta.index)
        if open_call is None or _begins_another(open_call, delta, function):
            open_call = _Call(arguments=[])
            self._calls.append(open_call)
            if delta.index is not None:
                self._by_index[delta.index] = open_call
        return open_call


def _begins_another(call: _Call, delta: CallDelta, function: FunctionDelta) -> bool:
    """Whether a named fragment is the start of a new call rather than more of `call`."""
    if not function.name or not call.name:
        return False
    if delta.id and call.id:
        return delta.id != call.id
    if delta.index is None:
        return True
    return _is_json("".join(call.arguments))


def _arguments_text(arguments: Any) -> str:
    if arguments is None:
        return ""
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
