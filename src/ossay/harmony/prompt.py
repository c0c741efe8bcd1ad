"""The text of the system message and of the developer message.

Follows openai/harmony, docs/format.md. Knows nothing of token ids.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ossay.core.errors import UsageError
from ossay.core.types import Effort, Tool
from ossay.harmony.builtin_tools import PYTHON, browser
from ossay.harmony.comment import closed, lines_of
from ossay.harmony.typescript import takes_nothing, to_typescript

IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
KNOWLEDGE_CUTOFF = "2024-06"


def system_text(
    *,
    date: str | None = None,
    effort: Effort = "medium",
    with_browser: bool = False,
    with_python: bool = False,
    functions: bool = False,
) -> str:
    """Return the system message. `functions`: a developer message defines some."""
    top = [IDENTITY, f"Knowledge cutoff: {KNOWLEDGE_CUTOFF}"]
    if date:
        top.append(f"Current date: {date}")
    sections = ["\n".join(top), f"Reasoning: {effort}"]
    if with_browser or with_python:
        sections.append("# Tools")
    if with_browser:
        sections.append(namespace("browser", *browser()))
    if with_python:
        sections.append(namespace("python", PYTHON, ()))
    channels = (
        "# Valid channels: analysis, commentary, final. Channel must be included for every message."
    )
    if functions:
        channels += "\nCalls to these tools must go to the commentary channel: 'functions'."
    return "\n\n".join([*sections, channels])


def developer_text(
    instructions: str = "",
    tools: Sequence[Tool] = (),
    schema: dict[str, Any] | None = None,
    *,
    name: str = "",
) -> str:
    """Return the developer message, '' where there is nothing to say.

    `schema` is what the answer must follow, `name` what the caller calls it. Raises `UsageError`
    where it cannot be written as JSON.
    """
    sections = []
    if instructions:
        sections += ["# Instructions", instructions]
    if tools:
        sections += ["# Tools", namespace("functions", "", tools)]
    if schema is not None:
        sections += [
            "# Response Formats",
            f"## {' '.join(name.split()) or 'answer'}",
            response_format(schema),
        ]
    return "\n\n".join(sections)


def namespace(name: str, description: str, tools: Sequence[Tool]) -> str:
    """Return a section of tools; one without functions has its description as plain text."""
    if not tools:
        return "\n".join([f"## {name}\n", *lines_of(description)])
    out = [f"## {name}\n", *_comment(description), f"namespace {name} {{\n"]
    for tool in tools:
        out += _comment(tool.description)
        out.append(f"type {tool.name} = ({_taken(tool.parameters)}) => any;\n")
    return "\n".join([*out, f"}} // namespace {name}"])


def response_format(schema: dict[str, Any]) -> str:
    """Return a schema as one line of JSON, its description above it."""
    said = schema.get("description")
    try:
        text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(
            f"the schema of the answer cannot be written as JSON ({error}): send a plain one"
        ) from None
    return "\n".join([*(_comment(said) if isinstance(said, str) else []), text])


def _taken(parameters: dict[str, Any]) -> str:
    return "" if takes_nothing(parameters) else f"_: {closed(to_typescript(parameters))}"


def _comment(text: str) -> list[str]:
    return [f"// {line}" for line in lines_of(text)]
