"""What comes back: chat completion chunks and whole completions, decoded into Structs.

What a reply does not need is skipped, not checked. Knows nothing of the network, nor of how chunks
make a reply; `assembly` does.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.errors import ModelCallError
from ossay.core.types import Usage
from ossay.models.toolcalls import CallDelta

Count = int | float | None

# Above this a count is not one (2**53, the largest integer that JSON carries everywhere).
_MAX_COUNT = 1 << 53


class WirePromptDetails(Struct):
    """Part of usage."""

    cached_tokens: Count = None


class WireCompletionDetails(Struct):
    """Part of usage."""

    reasoning_tokens: Count = None


class WireUsage(Struct):
    """Token counts. `prompt_cache_hit_tokens` and `cached_tokens` are older spellings."""

    prompt_tokens: Count = None
    completion_tokens: Count = None
    total_tokens: Count = None
    prompt_tokens_details: WirePromptDetails | None = None
    completion_tokens_details: WireCompletionDetails | None = None
    prompt_cache_hit_tokens: Count = None
    cached_tokens: Count = None


class WireGroq(Struct):
    """Groq's own part of a chunk."""

    usage: WireUsage | None = None
    error: str | None = None


class WireMessage(Struct):
    """A delta, or a whole message. `content` is text or a list of parts."""

    content: Any = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    reasoning_details: Any = None
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None


class WireChoice(Struct):
    """One choice; only the first is asked for."""

    delta: WireMessage | None = None
    message: WireMessage | None = None
    finish_reason: str | None = None


class Chunk(Struct):
    """A chunk of a stream, or a whole completion.

    `object` and `message` are read for older vLLM, which reports errors in them.
    """

    object: Any = None
    message: Any = None
    model: str | None = None
    choices: list[WireChoice] | None = None
    usage: WireUsage | None = None
    x_groq: WireGroq | None = None
    error: Any = None


def reported_error(chunk: Chunk) -> Any:
    """The error that a chunk carries, None where it carries none."""
    if chunk.error:
        return chunk.error
    if chunk.x_groq is not None and chunk.x_groq.error:
        return chunk.x_groq.error
    return (chunk.message or "no text") if chunk.object == "error" else None


def as_usage(usage: WireUsage) -> Usage:
    """Translate token counts; a count that cannot be one is unknown.

    Some providers (Gemini, xAI) leave reasoning out of completion_tokens and have it in the total:
    output is then the total less the prompt.
    """
    prompt, output = _count(usage.prompt_tokens), _count(usage.completion_tokens)
    total = _count(usage.total_tokens)
    if prompt is not None and output is not None and total is not None:
        output = max(output, total - prompt)
    cached: Count = None
    if usage.prompt_tokens_details is not None:
        cached = usage.prompt_tokens_details.cached_tokens
    if cached is None:
        cached = usage.prompt_cache_hit_tokens
    if cached is None:
        cached = usage.cached_tokens
    details = usage.completion_tokens_details
    return Usage(
        input_tokens=prompt,
        cached_input_tokens=_count(cached),
        output_tokens=output,
        reasoning_tokens=_count(details.reasoning_tokens) if details is not None else None,
    )


_CHUNK = msgspec.json.Decoder(Chunk)


def decode_chunk(data: bytes) -> Chunk:
    """Decode one chunk. Raises `ModelCallError` of kind 'bad_response'."""
    try:
        return _CHUNK.decode(data)
    except msgspec.ValidationError as error:
        problem = str(error)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        problem = ""
    if not problem:
        try:
            # json takes half of a surrogate pair, which some proxies cut an emoji into.
            return msgspec.convert(json.loads(data), Chunk)
        except (ValueError, RecursionError) as error:
            problem = str(error)
    shown = data[:200].decode("utf-8", "replace")
    raise ModelCallError("bad_response", f"not a chat completion ({problem}): {shown}")


def split_content(content: Any) -> tuple[str, str]:
    """Split content into text and thinking. Content may be a list of parts (Mistral)."""
    if isinstance(content, str):
        return content, ""
    if not isinstance(content, list):
        return "", ""
    text, thinking = [], []
    for part in content:
        if not isinstance(part, dict):
            continue
        if isinstance(part.get("text"), str):
            text.append(part["text"])
        elif "thinking" in part:
            thinking.append(split_content(part["thinking"])[0])
    return "".join(text), "".join(thinking)


def details_text(details: Any) -> str:
    """The readable part of OpenRouter's reasoning_details."""
    if not isinstance(details, list):
        return ""
    found = (
        detail.get("text") or detail.get("summary")
        for detail in details
        if isinstance(detail, dict)
    )
    return "".join(text for text in found if isinstance(text, str))


def _count(value: Count) -> int | None:
    if value is None or not 0 <= value <= _MAX_COUNT:
        return None
    return int(value)
