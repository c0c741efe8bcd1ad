"""A caller's own body to an endpoint, and the endpoint's own bytes back, read along on the way.

Of the body the model's name is replaced, the limit on output is spelt as the provider spells it,
and a stream is asked to count its tokens. Fields that the house does not know stay behind: a list
of other models or a dearer service class would go past whatever judged the request. So would the
first of two equal names, which some readers take: all is written anew as it was read. Knows
nothing of the network, `h1` does, nor of how an answer is read, `passed` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ossay import __version__
from ossay.core.errors import ModelCallError
from ossay.core.types import ToolCall
from ossay.models import failures
from ossay.models.clock import Clock
from ossay.models.h1 import Pool
from ossay.models.h1_exchange import Exchange
from ossay.models.passed import EVENTS, JSON, PassedStream, PassedWhole
from ossay.models.providers import Provider
from ossay.models.secret import Secret

CHAT = "/chat/completions"
EMBEDDINGS = "/embeddings"
_ERROR_BODY_BYTES = 64 << 10
_WAITS = ("Retry-After", "retry-after-ms")

# What a caller may say to the endpoint. Lengths are spelt by the provider's row, and which model,
# how it is streamed and at what price it is served are not the caller's.
_CHAT_FIELDS = frozenset(
    [
        *("messages", "stream", "stop", "seed", "user", "prompt_cache_key", "safety_identifier"),
        *("temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty"),
        *("tools", "tool_choice", "parallel_tool_calls", "response_format"),
        *("reasoning_effort", "verbosity"),
    ]
)
_EMBEDDINGS_FIELDS = frozenset(["input", "encoding_format", "dimensions", "user"])
_LENGTHS = ("max_completion_tokens", "max_tokens")

_FIELDS = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode

Attached = list[tuple[ToolCall, Any]]


class Passage:
    """The way to one model at an endpoint, in bytes.

    Args:
        reference: `provider/model`, for errors.
        provider: Where it is, and its dialect.
        key: Sent as a bearer token.
        clock: Time.
        max_reply_bytes: A longer reply is an error.
        attached: Told what a provider attached to tool calls.
    """

    def __init__(
        self,
        reference: str,
        provider: Provider,
        key: Secret | None,
        clock: Clock,
        *,
        max_reply_bytes: int,
        attached: Callable[[Attached], None],
    ) -> None:
        self.reference = reference
        self.key = key
        self.clock = clock
        self.max_reply_bytes = max_reply_bytes
        self.attached = attached
        self._provider = provider
        self._model = reference.partition("/")[2]
        headers = {
            "Content-Type": JSON,
            "Accept": f"{EVENTS}, {JSON}",
            "Accept-Encoding": "identity",
            "User-Agent": f"ossay/{__version__}",
        }
        if key is not None:
            headers["Authorization"] = f"Bearer {key.reveal()}"
        self._pool = Pool(provider.base_url, headers)

    async def post(
        self, path: str, body: bytes, *, deadline_s: float, max_tokens: int | None, show_usage: bool
    ) -> PassedStream | PassedWhole:
        """See `core.model.Passes`."""
        exchange: Exchange | None = None
        try:
            said, streamed = self._body(path, body, max_tokens)
            began = self.clock.monotonic()
            exchange = await self._pool.ask(path, said, deadline_s)
            if exchange.status != 200:
                await self._refuse(exchange)
            _check_type(exchange, streamed=streamed)
        except ModelCallError as error:
            failure = error
            if exchange is not None and exchange.status == 200:
                failure.status = 200
        except BaseException:
            if exchange is not None:
                exchange.close()
            raise
        else:
            if streamed:
                return PassedStream(self, exchange, began, show_usage=show_usage)
            return PassedWhole(self, exchange, began, chat=path == CHAT)
        if exchange is not None:
            exchange.close()
        # Out here, so that nothing which knows the request's headers hangs on it.
        try:
            raise self.cleaned(failure)
        finally:
            del failure  # else it and this frame, with the request, would hold each other

    def cleaned(self, error: ModelCallError) -> ModelCallError:
        """An error that is safe to show."""
        return failures.cleaned(error, self.reference, self.key)

    def close(self) -> None:
        """Break off what is on its way."""
        self._pool.close()

    def _body(self, path: str, body: bytes, max_tokens: int | None) -> tuple[bytes, bool]:
        """(what is sent, whether a stream was asked for)."""
        provider = self._provider
        asked = _FIELDS.decode(body)
        chat = path == CHAT
        known = _CHAT_FIELDS if chat else _EMBEDDINGS_FIELDS
        said = {name: value for name, value in asked.items() if name in known}
        said["model"] = self._model
        if not chat:
            return _encode(said), False
        said = {**provider.body, **said}
        for name, applied in (
            ("response_format", provider.response_schema),
            ("reasoning_effort", provider.reasoning_effort),
        ):
            if asked.get(name) is not None and not applied:
                text = f"{provider.base_url!r} is known to ignore {name}; use another provider"
                raise ModelCallError("refused", text)
        given = [asked[name] for name in _LENGTHS if asked.get(name) is not None]
        if given or max_tokens is not None:
            said[provider.max_tokens_field] = given[0] if given else max_tokens
        streamed = said.get("stream") is True
        if streamed and provider.stream_usage:
            said["stream_options"] = _COUNT
        return _encode(said), streamed

    async def _refuse(self, exchange: Exchange) -> None:
        """Raise what another status than 200 means."""
        status = exchange.status
        try:
            text = await exchange.read() if not exchange.complete else b""
            while len(text) < _ERROR_BODY_BYTES and (more := await exchange.read()):
                text += more
        except ModelCallError:
            text = b""  # the status says enough
        now = self.clock.unix()
        headers = {name: exchange.headers.get(name.lower(), "") for name in _WAITS}
        raise failures.of_status(status, headers, text[:_ERROR_BODY_BYTES], now).error


_COUNT = {"include_usage": True}


def _check_type(exchange: Exchange, *, streamed: bool) -> None:
    kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = EVENTS if streamed else JSON
    if kind != wanted:
        raise ModelCallError("bad_response", f"the answer is {kind!r}, not {wanted!r}")
    coding = exchange.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise ModelCallError("bad_response", f"the answer is in the encoding {coding!r}")
