"""A script that uses tools as a model would: thinks, calls one, and answers with what came back.

`scripted/caller`. Its last answer quotes the tool's result and the thoughts that it finds in the
history, so that whoever serves it can see that both arrived. Knows nothing of any wire.
"""

from __future__ import annotations

import json
import re

from ossay.core.types import Message, Request, Tool, ToolCall
from ossay.models.json_example import example
from ossay.models.scripted import Pieces, Scripted, last_said

_READ = 10_000  # characters of a message in which names of tools are looked for


class Caller(Scripted):
    """Calls a tool for each user message, where tools are offered.

    It takes the tool that `tool_choice` names, else those that the message names (all of them
    where several may be called), else the first; its arguments follow the tool's schema.
    """

    def __init__(self, pieces: Pieces = "words") -> None:
        super().__init__((), name="caller", pieces=pieces)

    def _message(self, turn: int, request: Request) -> Message:
        last = request.messages[-1] if request.messages else Message("user")
        must = request.tool_choice not in ("auto", "none")
        if request.tools and request.tool_choice != "none" and (must or last.role != "tool"):
            return _calling(request)
        if request.response_schema is not None:
            said = json.dumps(example(request.response_schema), ensure_ascii=False)
            return Message("assistant", said, reasoning="The answer is to follow a schema.")
        if last.role == "tool":
            return _quoting(request)
        return Message(
            "assistant",
            f"You said {last_said(request)!r}, and I have no tool to call.",
            reasoning="No tool is offered, so I answer at once.",
        )


def _calling(request: Request) -> Message:
    text = last_said(request)
    chosen = _chosen(request.tools, request.tool_choice, text)
    if request.parallel_tool_calls is not True:
        chosen = chosen[:1]
    before = sum(len(message.tool_calls) for message in request.messages)
    names = " and ".join(tool.name for tool in chosen)
    return Message(
        "assistant",
        reasoning=f"Thought {before + 1}: the user says {text[:200]!r}, so I call {names}.",
        tool_calls=tuple(
            ToolCall(
                f"call_{before + at}",
                tool.name,
                arguments_of(tool),
            )
            for at, tool in enumerate(chosen, 1)
        ),
    )


def arguments_of(tool: Tool) -> str:
    """Return arguments that follow the tool's schema."""
    return json.dumps(example({"type": "object", **tool.parameters}), ensure_ascii=False)


def _chosen(tools: tuple[Tool, ...], choice: str, text: str) -> list[Tool]:
    by_choice = [tool for tool in tools if tool.name == choice]
    text = text[:_READ]
    named = [tool for tool in tools if tool.name in text]  # first: a pattern costs 100 us
    named = [tool for tool in named if re.search(rf"\b{re.escape(tool.name)}\b", text)]
    return by_choice or named or [tools[0]]


def _quoting(request: Request) -> Message:
    """Answer with the results since the last user message, and the thoughts that led to them."""
    results: list[str] = []
    thoughts: list[str] = []
    for message in reversed(request.messages):
        if message.role == "user":
            break
        if message.role == "tool":
            results.append(message.content)
        elif message.reasoning:
            thoughts.append(message.reasoning)
    said = "; ".join(reversed(results))
    thought = "; ".join(reversed(thoughts)) or "nothing that I can see"
    return Message(
        "assistant",
        f"The tool said: {said}. I had thought: {thought}",
        reasoning="The tool has answered, so I can.",
    )
