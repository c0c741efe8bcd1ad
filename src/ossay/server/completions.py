"""POST /v1/completions: plain text that goes on, outside any conversation.

Knows nothing of HTTP.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.text import well_formed
from ossay.core.types import Completion, Delta, Reply
from ossay.server.asked import Common, sampling_of
from ossay.server.errors import ApiError
from ossay.server.fields import invalid, read_fields, read_object, unknown_fields, unsupported
from ossay.server.spelling import DONE, finish_of, json_text, usage_of

_encode = msgspec.json.Encoder().encode
# What OpenAI takes where a request does not say.
_DEFAULT_TOKENS = 16


class CompletionBody(Common, frozen=True, kw_only=True):
    """The body. `prompt` is text, token ids, or a list with one of these."""

    prompt: str | list[Any]
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None
    logprobs: int | None = None


class AskedCompletion(Struct, frozen=True):
    """A decoded request, see `wire.Asked`."""

    model: str
    stream: bool
    request: Completion
    ignored: tuple[str, ...]
    include_usage: bool
    fingerprint: str

    def encoder(self, *, created: int, unique: str) -> CompletionEncoder:
        """Return a fresh encoder."""
        fixed = {
            "id": f"cmpl-{unique}",
            "object": "text_completion",
            "created": created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }
        return CompletionEncoder(fixed, self.include_usage)


class CompletionEncoder:
    """Writes one answer, see `wire.Encoder`."""

    def __init__(self, fixed: dict[str, Any], include_usage: bool) -> None:
        self._fixed = fixed
        self._include_usage = include_usage
        self._head = b"data: " + _encode(fixed)[:-1] + b',"choices":[{"index":0,"text":'
        self._middle = b',"logprobs":null,"finish_reason":'
        self._tail = b'}],"usage":null}\n\n' if include_usage else b"}]}\n\n"

    def whole(self, reply: Reply) -> bytes:
        """Return the body of an answer that is not streamed."""
        choice = {
            "index": 0,
            "text": well_formed(reply.message.content),
            "logprobs": None,
            "finish_reason": finish_of(reply.finish),
        }
        return _encode({**self._fixed, "choices": [choice], "usage": usage_of(reply.usage)})

    def begin(self) -> bytes:
        """Return nothing: there is no role to tell."""
        return b""

    def piece(self, delta: Delta) -> bytes:
        """Return the event of one piece."""
        if not delta.content:
            return b""
        return self._head + json_text(delta.content) + self._middle + b"null" + self._tail

    def end(self, reply: Reply) -> bytes:
        """Return the events that end the stream."""
        finish = _encode(finish_of(reply.finish))
        last = self._head + b'""' + self._middle + finish + self._tail
        if self._include_usage:
            body = {**self._fixed, "choices": [], "usage": usage_of(reply.usage)}
            last += b"data: " + _encode(body) + b"\n\n"
        return last + DONE

    def failed(self, error: ApiError) -> bytes:
        """Return the event that says why the stream ends early."""
        return b"data: " + error.body() + b"\n\n"


class Completions:
    """Plain completions.

    Args:
        fingerprint: Says which weights and settings answer.
    """

    path = "/v1/completions"

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint

    def decode(self, body: bytes) -> AskedCompletion:
        """Read a body. Raises `ApiError`."""
        wire = read_object(body)
        read = read_fields(wire, CompletionBody)
        _refuse(read)
        tokens = _DEFAULT_TOKENS if read.max_tokens is None else read.max_tokens
        return AskedCompletion(
            model=read.model,
            stream=bool(read.stream),
            request=Completion(_prompt(read.prompt), sampling_of(read, max_tokens=tokens)),
            ignored=unknown_fields(wire, CompletionBody),
            include_usage=bool(read.stream_options and read.stream_options.include_usage),
            fingerprint=self._fingerprint,
        )


def _refuse(read: CompletionBody) -> None:
    if read.suffix:
        raise unsupported("suffix", "this model cannot fill in the middle")
    if read.echo:
        raise unsupported("echo", "the prompt is not repeated; put it before the answer yourself")
    if read.logprobs is not None:
        raise unsupported("logprobs", "this server returns no log probabilities; leave it out")
    if read.best_of not in (None, 1):
        raise unsupported("best_of", f"{read.best_of} answers to one request: ask once for each")


def _prompt(prompt: str | list[Any]) -> str | tuple[int, ...]:
    """The text or the ids of the one prompt."""
    if isinstance(prompt, str):
        return prompt
    if prompt and isinstance(prompt[0], str | list):
        if len(prompt) > 1:
            raise unsupported("prompt", f"{len(prompt)} prompts in one request: send one for each")
        return _prompt(prompt[0])
    for at, token in enumerate(prompt):
        if isinstance(token, bool) or not isinstance(token, int) or not 0 <= token < 2**31:
            raise invalid(f"prompt[{at}]", "is not a token id")
    if not prompt:
        raise invalid("prompt", "is empty")
    return tuple(prompt)
