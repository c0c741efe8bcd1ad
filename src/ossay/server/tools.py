"""Tools that a request offers, which of them it wants called, and how the answer is to look.

Knows nothing of messages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from ossay.core.types import Tool
from ossay.server.chat_body import WireFormat, WireTool
from ossay.server.fields import invalid, unsupported

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as OpenAI has it
_MOST_TOOLS = 128  # as OpenAI has it
_MODES = ("auto", "none", "required")


def tools_of(wire: Sequence[WireTool] | None) -> tuple[Tool, ...]:
    """Translate the tools. Raises `ApiError` with the place of what is wrong."""
    found: dict[str, Tool] = {}
    for at, tool in enumerate(bounded(wire)):
        place = f"tools[{at}]"
        if tool.type != "function":
            raise unsupported(f"{place}.type", f"{tool.type!r} is unknown here; use 'function'")
        function = tool.function
        if function is None:
            raise invalid(f"{place}.function", "is missing", code="missing_required_parameter")
        if function.name in found:
            raise invalid(f"{place}.function.name", f"{function.name[:80]!r} is there twice")
        found[function.name] = function_tool(
            function.name, function.description, function.parameters,
            strict=bool(function.strict), place=f"{place}.function",
        )  # fmt: skip
    return tuple(found.values())


def bounded(wire: Sequence[T] | None) -> Sequence[T]:
    """Return the tools where there are not too many. Raises `ApiError`."""
    tools = wire or ()
    if len(tools) > _MOST_TOOLS:
        raise invalid("tools", f"has {len(tools)} tools; at most {_MOST_TOOLS} are allowed")
    return tools


def function_tool(
    name: str,
    description: str | None,
    parameters: dict[str, Any] | None,
    *,
    strict: bool,
    place: str,
) -> Tool:
    """Check one function and return it as a tool."""
    if not _NAME.fullmatch(name):
        raise invalid(f"{place}.name", f"{name[:80]!r} must be 1 to 64 letters, digits, '_' or '-'")
    schema = parameters or {"type": "object", "properties": {}}
    if schema.get("type", "object") != "object":
        raise invalid(
            f"{place}.parameters", f"must be a JSON Schema of type 'object', not {schema['type']!r}"
        )
    return Tool(name, description or "", schema, strict=strict)


def choice_of(wire: str | dict[str, Any] | None, tools: Sequence[Tool]) -> str:
    """Return 'auto', 'none', 'required' or the name of the tool that is to be called."""
    if wire is None:
        return "auto"
    if isinstance(wire, str):
        if wire not in _MODES:
            raise invalid("tool_choice", f"{wire!r} is not one of {', '.join(_MODES)}")
        if wire == "required" and not tools:
            raise invalid("tool_choice", "'required' needs tools")
        return wire
    kind = wire.get("type")
    if kind != "function":
        raise unsupported(
            "tool_choice.type",
            f"{kind!r} is unknown here; offer only the tools that are allowed, with "
            "'auto' or 'required'",
        )
    function = wire.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return named_choice(name, tools, "tool_choice.function.name")


def named_choice(name: object, tools: Sequence[Tool], place: str) -> str:
    """Check that a tool of that name is offered, and return the name."""
    if not isinstance(name, str):
        raise invalid(place, "is missing", code="missing_required_parameter")
    if all(tool.name != name for tool in tools):
        raise invalid(place, f"{name!r} is not among the tools")
    if name in _MODES:
        raise invalid(place, f"a tool called {name!r} cannot be asked for; give it another name")
    return name


def schema_of(wire: WireFormat | None) -> dict[str, Any] | None:
    """Return the JSON Schema that binds the answer, None where nothing does."""
    if wire is None or wire.type == "text":
        return None
    if wire.type == "json_object":
        return {"type": "object"}
    if wire.type != "json_schema":
        raise invalid(
            "response_format.type", f"{wire.type!r} is not one of text, json_object, json_schema"
        )
    if wire.json_schema is None:
        raise invalid(
            "response_format.json_schema", "is missing", code="missing_required_parameter"
        )
    schema = wire.json_schema.schema_
    return {"type": "object"} if schema is None else schema


def schema_name_of(wire: WireFormat | None) -> str:
    """Return what the client calls its schema, '' where there is none."""
    return wire.json_schema.name or "" if wire is not None and wire.json_schema is not None else ""
