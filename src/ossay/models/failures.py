"""What went wrong with a call, in the words of `core.errors`: kind, text, whether to try again.

A provider's own text is kept, but cut, with its key hidden and its control characters shown.
Knows nothing of aiohttp sessions or streams.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from msgspec import Struct

from ossay.core.display import visible
from ossay.core.errors import CallErrorKind, ModelCallError
from ossay.models.retry import retry_after_s
from ossay.models.secret import Secret

# How much of a provider's text enters an error.
TEXT_CHARS = 300

_CONTEXT = re.compile(
    r"context_length_exceeded"  # OpenAI, Groq, Cerebras, and gateways that follow them
    r"|exceed_context_size_error"  # llama.cpp
    r"|maximum context length"  # OpenAI, vLLM, OpenRouter
    r"|prompt is too long"  # Anthropic
    r"|input token count .{0,40}exceeds the maximum"  # Gemini
    r"|exceed\w* .{0,60}context (?:length|size|window)"  # Ollama, LM Studio, Fireworks
    r"|(?:prompt|context)_?\s?(?:length|tokens?) .{0,60}max_?seq_?len"  # Fireworks, older servers
    r"|reduce the length of the (?:messages|prompt|input)",  # Groq, Mistral
    re.IGNORECASE | re.DOTALL,
)

# Providers that check a model's output themselves refuse it with these (Groq).
_GENERATION_CODES = ("tool_use_failed", "json_validate_failed")

_HINTS = {
    401: "check the key",
    402: "check the account's credit",
    403: "check what the key may do",
    404: "check the model's name and the provider's base_url",
    429: "use less concurrency, or wait",
}


class Refusal(Struct, frozen=True):
    """An attempt that got no answer.

    Attributes:
        error: What went wrong.
        again: Whether it may be repeated after a while.
        at_once: Whether it may be repeated without waiting.
        retry_after_s: The wait that the server asked for.
        said: What the model wrote, where the provider refused to pass it on.
    """

    error: ModelCallError
    again: bool = False
    at_once: bool = False
    retry_after_s: float | None = None
    said: str | None = None


def of_status(status: int, headers: Mapping[str, str], body: bytes, now_unix: float) -> Refusal:
    """Judge an HTTP answer other than 200. `body` may be cut."""
    text = body.decode("utf-8", "replace")
    details = _details(text)
    message = f"HTTP {status}: {_message(details, text)}"
    kind, again = _kind(status)
    if status >= 400 and _CONTEXT.search(text):
        kind, again = "context_exhausted", False
    hint = "" if kind == "context_exhausted" else _hint(status)
    if hint:
        message = f"{message.rstrip('. ')}; {hint}"
    asked_s = retry_after_s(headers, now_unix)
    return Refusal(
        ModelCallError(kind, message, status=status, retry_after_s=asked_s),
        again=again,
        retry_after_s=asked_s,
        said=unfinished_generation(details) if status == 400 else None,
    )


def in_answer(error: Any) -> ModelCallError:
    """Judge an error that came inside an answer with status 200."""
    try:
        text = error if isinstance(error, str) else json.dumps(error)
    except RecursionError:
        text = "nested too deeply to show"
    kind: CallErrorKind = "context_exhausted" if _CONTEXT.search(text) else "bad_response"
    return ModelCallError(kind, f"an error inside the answer: {_message(error, text)}")


def unfinished_generation(error: Any) -> str | None:
    """What a model wrote where its provider refused it, for example a tool call it cannot parse.

    That is the model's answer and is kept as such: counting it as the provider's failure would
    take the model's mistakes out of its score.
    """
    if isinstance(error, dict) and error.get("code") in _GENERATION_CODES:
        said = error.get("failed_generation")
        if isinstance(said, str):
            return said
    return None


def of_exception(error: Exception, *, answered: bool) -> ModelCallError:
    """Judge what the client raised; `answered` says whether a status had come by then."""
    kind: CallErrorKind
    if isinstance(error, ModelCallError):
        return error
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return ModelCallError("connection", f"no connection: {error}; is the server running?")
    if isinstance(error, TimeoutError):
        return ModelCallError("deadline", "no whole answer before the call's deadline")
    if isinstance(error, aiohttp.ClientPayloadError):
        kind = "cut_off"
    elif isinstance(error, aiohttp.ClientConnectionError | OSError):
        kind = "cut_off" if answered else "connection"
    else:
        kind = "bad_response"
    return ModelCallError(kind, f"{type(error).__name__}: {error}")


def cleaned(error: ModelCallError, reference: str, key: Secret | None) -> ModelCallError:
    """Return an error that is safe to show and to keep: named, cut, without the key."""
    text = str(error)
    if key is not None:
        text = key.redact(text)
    text = visible(" ".join(text.split()))
    if len(text) > TEXT_CHARS:
        text = text[: TEXT_CHARS - 1] + "…"
    if key is not None and error.status in (401, 403):
        text = f"{text} (the key in {key.variable!r})"
    return ModelCallError(
        error.kind,
        f"{reference!r}: {text}",
        status=error.status,
        attempts=error.attempts,
        began=error.began,
        acted=error.acted,
        waited_s=error.waited_s,
        retry_after_s=error.retry_after_s,
    )


def _kind(status: int) -> tuple[CallErrorKind, bool]:
    if status == 429:
        return "rate_limited", True
    if status >= 500:
        return "server_error", True
    if status >= 400:
        return "refused", False
    return "bad_response", False


def _hint(status: int) -> str:
    if 300 <= status < 400:
        return "redirects are not followed, as they would carry the key along; check base_url"
    return _HINTS.get(status, "")


def _details(text: str) -> Any:
    """The error object of a body, None where there is none. Gemini wraps it in a list."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict):
        return body.get("error") or body
    return None


def _inner(details: dict[str, Any]) -> str:
    """What the provider behind a gateway said (OpenRouter)."""
    metadata = details.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return f": {raw}" if isinstance(raw, str) else ""


def _message(details: Any, text: str) -> str:
    if isinstance(details, str):
        return details
    if isinstance(details, dict):
        for key in ("message", "detail", "error"):
            if isinstance(details.get(key), str):
                return f"{details[key]}{_inner(details)}"
    return text[: TEXT_CHARS * 4] or "no text"
