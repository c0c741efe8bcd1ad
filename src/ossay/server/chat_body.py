"""The body of a chat request as it comes: which fields there are, and of what type.

Knows nothing of what they mean.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ossay.server.asked import Common, Positive


class WireFunction(Struct, frozen=True):
    """What an assistant called."""

    name: str
    arguments: str = ""


class WireCall(Struct, frozen=True):
    """A tool call in the history."""

    id: str
    type: str = "function"
    function: WireFunction | None = None


class WireMessage(Struct, frozen=True):
    """One message. `content` is text, a list of parts, or null."""

    role: str
    content: str | list[dict[str, Any]] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[WireCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    audio: Any = None
    function_call: Any = None


class WireToolFunction(Struct, frozen=True):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class WireTool(Struct, frozen=True):
    """A tool that may be used. `function` is there where `type` is 'function'."""

    type: str
    function: WireToolFunction | None = None


class WireSchema(Struct, frozen=True, rename={"schema_": "schema"}):
    """A JSON Schema that the answer is to follow."""

    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = None
    strict: bool | None = None


class WireFormat(Struct, frozen=True):
    """How the answer is to look."""

    type: str
    json_schema: WireSchema | None = None


class ChatBody(Common, frozen=True, kw_only=True):
    """The body of POST /v1/chat/completions.

    The last block is known and changes nothing here.
    """

    messages: list[WireMessage]
    max_completion_tokens: Positive | None = None
    tools: list[WireTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: WireFormat | None = None
    reasoning_effort: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    modalities: list[str] | None = None
    audio: Any = None
    functions: Any = None
    function_call: Any = None
    web_search_options: Any = None

    metadata: Any = None
    store: bool | None = None
    service_tier: str | None = None
    prediction: Any = None
    verbosity: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
