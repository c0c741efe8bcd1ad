"""Tools of a Responses request, which of them it wants called, and how the answer is to look.

They lie flat here, where a chat request nests them. Knows nothing of items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ossay.core.types import Tool
from ossay.server import tools
from ossay.server.fields import invalid, unsupported
from ossay.server.responses_body import WireFlatTool, WireText


def tools_of(wire: Sequence[WireFlatTool] | None) -> tuple[Tool, ...]:
    """Translate the tools. Raises `ApiError` with the place of what is wrong."""
    found: dict[str, Tool] = {}
    for at, tool in enumerate(tools.bounded(wire)):
        place = f"tools[{at}]"
        if tool.type != "function":
            raise unsupported(
                f"{place}.type",
                f"this server has no tool of type {tool.type!r}; offer a 'function' and run it "
                "yourself",
            )
        if tool.name is None:
            nested = "stands beside 'type' in this API, not inside 'function'"
            raise invalid(
                f"{place}.name",
                "is missing" if tool.function is None else nested,
                code="missing_required_parameter",
            )
        if tool.name in found:
            raise invalid(f"{place}.name", f"{tool.name!r} is there twice")
        found[tool.name] = tools.function_tool(
            tool.name, tool.description, tool.parameters, strict=bool(tool.strict), place=place
        )
    return tuple(found.values())


def choice_of(wire: str | dict[str, Any] | None, offered: Sequence[Tool]) -> str:
    """Return 'auto', 'none', 'required' or the name of the tool that is to be called."""
    if isinstance(wire, dict) and wire.get("type") == "function":
        return tools.named_choice(wire.get("name"), offered, "tool_choice.name")
    return tools.choice_of(wire, offered)


def schema_of(wire: WireText | None) -> dict[str, Any] | None:
    """Return the JSON Schema that binds the answer, None where nothing does."""
    kind = wire.format if wire is not None else None
    if kind is None or kind.type == "text":
        return None
    if kind.type == "json_object":
        return {"type": "object"}
    if kind.type != "json_schema":
        raise invalid(
            "text.format.type", f"{kind.type!r} is not one of text, json_object, json_schema"
        )
    for field, value in (("name", kind.name), ("schema", kind.schema_)):
        if value is None:
            raise invalid(f"text.format.{field}", "is missing", code="missing_required_parameter")
    return kind.schema_


def schema_name_of(wire: WireText | None) -> str:
    """Return what the client calls its schema, '' where there is none."""
    return wire.format.name or "" if wire is not None and wire.format is not None else ""
