"""Driving a model that has no native tool calls: each turn is one JSON object, bound by a schema.

The model writes {"tool": "fs_read", "arguments": {…}} or {"tool": "finish", "answer": "…"};
the schema is handed down as `Request.response_schema`, so the server enforces it. Knows nothing of
which model it wraps. What cannot be read as such an object is passed on as plain text: a model that
describes a call but makes none is exactly that in the record.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from ossay.core.model import Model, collect
from ossay.core.text import well_formed
from ossay.core.types import (
    Delta,
    Message,
    ModelCard,
    Reply,
    Request,
    Tool,
    ToolCall,
    ToolCallDelta,
)

FINISH = "finish"

_INSTRUCTIONS = """

You act by answering with one JSON object and nothing else. First work with the tools:
{"tool": NAME, "arguments": {...}}
You are then shown the result and act again. The tools:
%s
Only when all the work has been done with the tools, end it:
{"tool": "finish", "answer": SUMMARY}"""


class JsonAction:
    """A Model with tool calls made from a Model without them."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def card(self) -> ModelCard:
        """The card of the model that is driven."""
        return self._model.card

    async def reply(self, request: Request) -> Reply:
        """Ask for one action and turn it into a message with a tool call or a final text."""
        return await collect(self.stream(request))

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Like `reply`; an action is of use only when it is whole, so it comes in one piece."""
        if not request.tools:
            async for delta in self._model.stream(request):
                yield delta
            return
        reply = await self._model.reply(as_action_request(request))
        turn = sum(message.role == "assistant" for message in request.messages) + 1
        message = read_action(reply.message, f"action_{turn}")
        finish = "tool_calls" if message.tool_calls else reply.finish
        yield Delta(content=message.content, reasoning=message.reasoning)
        for index, call in enumerate(message.tool_calls):
            yield Delta(tool_call=ToolCallDelta(index, call.id, call.name, call.arguments))
        yield Delta(reply=msgspec.structs.replace(reply, message=message, finish=finish))

    async def aclose(self) -> None:
        """Close the model that is driven."""
        await self._model.aclose()


def action_schema(tools: Sequence[Tool]) -> dict[str, Any]:
    """Return the JSON Schema of one action: a call of one of `tools`, or finish."""
    actions = [_action(tool.name, "arguments", tool.parameters) for tool in tools]
    return {"anyOf": [*actions, _action(FINISH, "answer", {"type": "string"})]}


def as_action_request(request: Request) -> Request:
    """Rewrite a request with tools as one whose answer is an action."""
    system = "\n".join(m.content for m in request.messages if m.role == "system")
    listed = "\n".join(
        f"- {tool.name}: {tool.description} arguments: {_arguments(tool)}" for tool in request.tools
    )
    told = [Message("system", system + _INSTRUCTIONS % listed)]
    names = {call.id: call.name for m in request.messages for call in m.tool_calls}
    for message in request.messages:
        if message.role == "tool":
            name = names.get(message.tool_call_id, "the tool")
            told.append(Message("user", f"Result of {name}:\n{message.content}"))
        elif message.role == "assistant" and message.tool_calls:
            told += [Message("assistant", _written(call)) for call in message.tool_calls]
        elif message.role != "system":
            told.append(message)
    return msgspec.structs.replace(
        request,
        messages=tuple(told),
        tools=(),
        tool_choice="auto",
        response_schema=action_schema(request.tools),
    )


def read_action(message: Message, call_id: str) -> Message:
    """Read an action out of a message's text; text that holds none stays text."""
    try:
        action = json.loads(message.content)
        if not isinstance(action, dict) or not isinstance(action.get("tool"), str):
            return message
        answer = str(action.get("answer", ""))
        arguments = json.dumps(action.get("arguments", {}), ensure_ascii=False)
    except (ValueError, RecursionError):
        return message
    if action["tool"] == FINISH:
        return msgspec.structs.replace(message, content=well_formed(answer))
    call = ToolCall(call_id, well_formed(action["tool"]), well_formed(arguments))
    return msgspec.structs.replace(message, content="", tool_calls=(call,))


def _action(name: str, key: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"tool": {"const": name}, key: schema},
        "required": ["tool", key],
        "additionalProperties": False,
    }


def _arguments(tool: Tool) -> str:
    properties: dict[str, dict[str, Any]] = tool.parameters.get("properties", {})
    shown = {name: schema.get("type", "any") for name, schema in properties.items()}
    return json.dumps(shown)


def _written(call: ToolCall) -> str:
    return f'{{"tool": {json.dumps(call.name)}, "arguments": {call.arguments}}}'
