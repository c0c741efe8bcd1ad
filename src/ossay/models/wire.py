"""Requests as OpenAI-compatible chat completions want them, in each provider's dialect.

Knows nothing of the network or of what comes back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Request, Tool, ToolCall
from ossay.models.providers import Provider

# What strict servers refuse in the name of a function, and how long it may be.
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_NAME_CHARS = 64

# top_k and min_p are not OpenAI's; vLLM, SGLang and llama.cpp know them, OpenAI refuses them.
_SENT_AS_IS = (
    "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "seed",
)  # fmt: skip

# What a provider attached to a tool call and wants to see again with it.
Extras = Mapping[ToolCall, Any]


def encode_request(request: Request, provider: Provider, model: str, extras: Extras) -> bytes:
    """Return the JSON body that asks for a streamed answer.

    Raises `ModelCallError` of kind 'refused' where the request asks for something that the
    provider is known to ignore: a setting that was not applied must not be recorded as if it was.
    """
    body: dict[str, Any] = {
        **provider.body,
        "model": model,
        "messages": [_message(message, provider, extras) for message in request.messages],
        "stream": True,
    }
    if provider.stream_usage:
        body["stream_options"] = {"include_usage": True}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice != "auto":
            body["tool_choice"] = _tool_choice(request.tool_choice)
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.response_schema is not None:
        if not provider.response_schema:
            raise _ignored("a response schema", provider)
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {
                "name": request.response_name or "answer",
                "strict": True,
                "schema": request.response_schema,
            },
        }
    _add_sampling(body, request, provider)
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        # Unpaired surrogates, from undecodable tool output: UTF-8 cannot carry them.
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _add_sampling(body: dict[str, Any], request: Request, provider: Provider) -> None:
    sampling = request.sampling
    for name in _SENT_AS_IS:
        if (value := getattr(sampling, name)) is not None:
            body[name] = value
    if sampling.max_tokens is not None:
        body[provider.max_tokens_field] = sampling.max_tokens
    if sampling.stop:
        body["stop"] = sampling.stop
    if sampling.reasoning_effort is not None:
        if not provider.reasoning_effort:
            raise _ignored("reasoning_effort", provider)
        body["reasoning_effort"] = sampling.reasoning_effort


def _message(message: Message, provider: Provider, extras: Extras) -> dict[str, Any]:
    if message.role == "tool":
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id,
            "content": message.content,
        }
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.role == "assistant":
        if message.reasoning and provider.reasoning_field:
            wire[provider.reasoning_field] = message.reasoning
        if message.tool_calls:
            wire["content"] = message.content or None
            wire["tool_calls"] = [_tool_call(call, extras) for call in message.tool_calls]
    return wire


def _tool_call(call: ToolCall, extras: Extras) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "id": call.id,
        "type": "function",
        "function": {"name": _as_name(call.name), "arguments": _as_object(call.arguments)},
    }
    if call in extras:
        wire["extra_content"] = extras[call]
    return wire


def _as_name(name: str) -> str:
    """Return a name that every server takes; strict ones refuse a history that holds another.

    Only the wire sees it: the transcript keeps what the model wrote.
    """
    return _NOT_IN_A_NAME.sub("_", name)[:_NAME_CHARS] or "unnamed"


def _as_object(arguments: str) -> str:
    """Return arguments that parse as a JSON object; what does not is wrapped, nothing is `{}`.

    Servers that parse the history again (vLLM, llama.cpp, SGLang) refuse every later turn of a
    conversation that holds a broken call, which would turn the model's mistake into theirs.
    """
    if not arguments.strip():
        return "{}"
    try:
        if isinstance(msgspec.json.decode(arguments), dict):
            return arguments
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    return json.dumps({"invalid_arguments": arguments})


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
    }
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> Any:
    if choice in ("none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _ignored(what: str, provider: Provider) -> ModelCallError:
    return ModelCallError(
        "refused",
        f"{provider.base_url!r} is known to ignore {what}; leave it out, or use another provider",
    )
