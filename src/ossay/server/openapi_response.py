"""The shapes of what the Responses API answers, for the OpenAPI document.

Knows nothing of how an answer is made.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from ossay.server.openapi_answers import CompletionDetails, Count, Exact


class ReasoningText(Exact, frozen=True):
    """What was thought."""

    type: Literal["reasoning_text"]
    text: str


class OutputText(Exact, frozen=True):
    """What was said."""

    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[Any]


ItemStatus = Literal["in_progress", "completed", "incomplete"]


class ReasoningItem(Exact, frozen=True, tag="reasoning"):
    """Thoughts; `encrypted_content` where it was asked for."""

    id: str
    status: ItemStatus
    summary: list[Any]
    content: list[ReasoningText]
    encrypted_content: str | None = None


class MessageItem(Exact, frozen=True, tag="message"):
    """An answer."""

    id: str
    status: ItemStatus
    role: Literal["assistant"]
    content: list[OutputText]


class CallItem(Exact, frozen=True, tag="function_call"):
    """A tool call."""

    id: str
    status: ItemStatus
    call_id: str
    name: str
    arguments: str


class CachedInput(Exact, frozen=True):
    """Of the tokens asked. Writing to the cache costs nothing here."""

    cached_tokens: Count
    cache_write_tokens: Count


class ResponseUsage(Exact, frozen=True):
    """Tokens."""

    input_tokens: Count
    input_tokens_details: CachedInput
    output_tokens: Count
    output_tokens_details: CompletionDetails
    total_tokens: Count


class Response(Struct, frozen=True, kw_only=True):
    """The answer of a Responses request; besides, it repeats the fields of its request."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    model: str
    output: list[ReasoningItem | MessageItem | CallItem]
    error: dict[str, Any] | None
    incomplete_details: dict[str, Any] | None
    usage: ResponseUsage | None
    parallel_tool_calls: bool
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    text: dict[str, Any]
    reasoning: dict[str, Any]
    metadata: dict[str, str]
    store: bool
    instructions: str | None
    previous_response_id: str | None
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None


class Deleted(Exact, frozen=True):
    """Says that a response is forgotten."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]


EVENTS = (
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
)
