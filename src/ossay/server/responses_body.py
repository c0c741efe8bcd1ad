"""The body of a Responses request as it comes: its fields, their types, and what is refused.

Knows nothing of what the fields mean; the items of the input are `responses_items`'.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ossay.server.asked import Common, Positive
from ossay.server.fields import invalid, unsupported

_INCLUDABLE = (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
)


class WireReasoning(Struct, frozen=True):
    """How the model is to think. Summaries are not made here: the reasoning itself goes out."""

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class WireTextFormat(Struct, frozen=True, rename={"schema_": "schema"}):
    """How the answer is to look; the schema lies flat beside its name."""

    type: str
    name: str | None = None
    description: str | None = None
    schema_: dict[str, Any] | None = None
    strict: bool | None = None


class WireText(Struct, frozen=True):
    """Of the answer's text. `verbosity` changes nothing here."""

    format: WireTextFormat | None = None
    verbosity: str | None = None


class WireFlatTool(Struct, frozen=True):
    """A tool that may be used, its function's fields beside its type."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    function: Any = None


class ResponsesBody(Common, frozen=True, kw_only=True):
    """The body of POST /v1/responses.

    The last block is known and changes nothing here.
    """

    input: str | list[dict[str, Any]] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    tools: list[WireFlatTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Positive | None = None
    reasoning: WireReasoning | None = None
    text: WireText | None = None
    include: list[str] | None = None
    truncation: str | None = None
    metadata: dict[str, str] | None = None
    top_logprobs: int | None = None
    background: bool | None = None
    conversation: Any = None
    prompt: Any = None

    max_tool_calls: int | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None


def refuse(body: ResponsesBody) -> None:
    """Refuse what would change the answer and is not done here."""
    if body.background:
        raise unsupported("background", "this server answers at once; leave it out")
    if body.conversation is not None:
        raise unsupported("conversation", "send previous_response_id, or the items themselves")
    if body.prompt is not None:
        raise unsupported("prompt", "this server keeps no prompt templates; send the text")
    for at, name in enumerate(body.include or ()):
        if name not in _INCLUDABLE:
            raise invalid(f"include[{at}]", f"{name!r} is not one of {', '.join(_INCLUDABLE)}")
    if body.top_logprobs or "message.output_text.logprobs" in (body.include or ()):
        raise unsupported("top_logprobs", "this server returns no log probabilities; leave it out")
    if body.truncation not in (None, "auto", "disabled"):
        raise invalid("truncation", f"{body.truncation!r} is not one of auto, disabled")
    _check_metadata(body.metadata or {})


def _check_metadata(metadata: dict[str, str]) -> None:
    """The limits are OpenAI's."""
    if len(metadata) > 16:
        raise invalid("metadata", f"has {len(metadata)} pairs; at most 16 are allowed")
    for key, value in metadata.items():
        if len(key) > 64:
            raise invalid("metadata", f"the key {key[:64]!r}… is longer than 64 characters")
        if len(value) > 512:
            raise invalid(f"metadata.{key}", "is longer than 512 characters")
