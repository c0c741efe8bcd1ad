"""A caller's own body to an endpoint, and the endpoint's own bytes back, read along on the way.

Of the body the model's name is replaced, the limit on output is spelt as the provider spells it,
and a stream is asked to count its tokens. Fields that the house does not know stay behind: a list
of other models or a dearer service class would go past whatever judged the request. Of a stream
whole events are given, each written anew, so that a caller never sees half of one. Knows nothing
of the network; `h1` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from ossay import __version__
from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Reply, Timing, ToolCall, Usage
from ossay.models import failures
from ossay.models.assembly import Assembly
from ossay.models.chunks import Chunk, WireUsage, as_usage, decode_chunk
from ossay.models.clock import Clock
from ossay.models.h1 import Exchange, Pool
from ossay.models.providers import Provider
from ossay.models.secret import Secret
from ossay.models.sse import EventParser

CHAT = "/chat/completions"
EMBEDDINGS = "/embeddings"
EVENTS = "text/event-stream"
JSON = "application/json"
_ERROR_BODY_BYTES = 64 << 10
_WAITS = ("Retry-After", "retry-after-ms")
_DONE = b"data: [DONE]\n\n"

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
_NOTHING = b"null"

_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode

Attached = list[tuple[ToolCall, Any]]


class _Counted(Struct):
    """What is read of an answer that is no chat."""

    model: str = ""
    usage: WireUsage | None = None
    error: Any = None


_COUNTED = msgspec.json.Decoder(_Counted)


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
        self._model = Raw(_encode(reference.partition("/")[2]))
        self._fixed = {name: Raw(_encode(value)) for name, value in provider.body.items()}
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
        raise self.cleaned(failure)

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
        said = {name: raw for name, raw in asked.items() if name in known}
        said["model"] = self._model
        if not chat:
            return _encode(said), False
        said = {**self._fixed, **said}
        for name, applied in (
            ("response_format", provider.response_schema),
            ("reasoning_effort", provider.reasoning_effort),
        ):
            if name in asked and not applied and bytes(asked[name]) != _NOTHING:
                text = f"{provider.base_url!r} is known to ignore {name}; use another provider"
                raise ModelCallError("refused", text)
        lengths = [asked[name] for name in _LENGTHS if name in asked]
        given = [raw for raw in lengths if bytes(raw) != _NOTHING]
        if given or max_tokens is not None:
            said[provider.max_tokens_field] = given[0] if given else Raw(_encode(max_tokens))
        streamed = "stream" in said and bytes(said["stream"]) == b"true"
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
        refusal = failures.of_status(status, headers, text[:_ERROR_BODY_BYTES], now)
        raise refusal.error


_COUNT = Raw(b'{"include_usage":true}')


class PassedWhole:
    """An answer in one body, see `core.model.Passed`."""

    content_type = JSON
    streamed = False

    def __init__(self, passage: Passage, exchange: Exchange, began: float, *, chat: bool) -> None:
        self._passage = passage
        self._exchange = exchange
        self._began = began
        self._chat = chat
        self.began = self.acted = False
        self.reply: Reply | None = None

    async def read(self) -> bytes:
        """Return the body, then nothing."""
        if self.reply is not None:
            return b""
        failure: ModelCallError
        passage = self._passage
        try:
            body = await self._exchange.whole(passage.max_reply_bytes)
            self.reply = self._read(body)
        except ModelCallError as error:
            failure = error
        else:
            return body
        self.close()
        raise passage.cleaned(failure)

    def close(self) -> None:
        """Break it off."""
        self._exchange.close()

    def _read(self, body: bytes) -> Reply:
        passage = self._passage
        if not self._chat:
            message, usage, model = _counted(body)
            return Reply(message, usage, _timing(passage.clock, self._began), model=model)
        assembly = Assembly()
        assembly.add(body)
        reply = _reply(assembly, passage, self._began)
        self.began, self.acted = assembly.told.began, assembly.acted
        return reply


class PassedStream:
    """An answer as events, see `core.model.Passed`."""

    content_type = EVENTS
    streamed = True

    def __init__(
        self, passage: Passage, exchange: Exchange, began: float, *, show_usage: bool
    ) -> None:
        self._passage = passage
        self._exchange = exchange
        self._began = began
        self._show_usage = show_usage
        self._assembly = Assembly()
        self._parser = EventParser()
        self._first_s: float | None = None
        self.reply: Reply | None = None

    @property
    def began(self) -> bool:
        """See `core.model.Passed`."""
        return self._assembly.told.began

    @property
    def acted(self) -> bool:
        """See `core.model.Passed`."""
        return self._assembly.acted

    async def read(self) -> bytes:
        """Return the events that came."""
        if self.reply is not None:
            return b""
        failure: ModelCallError
        try:
            while True:
                data = await self._came()
                said = self._events(self._parser.feed(data) if data else self._parser.close())
                if not data and self.reply is None:
                    said += self._ended()
                if said:
                    return said
        except ModelCallError as error:
            failure = error
        self.close()
        failure.began, failure.acted = self.began, self.acted
        raise self._passage.cleaned(failure)

    def close(self) -> None:
        """Break it off; what is at its end keeps its connection."""
        if self.reply is not None:
            self._exchange.release()
        else:
            self._exchange.close()

    async def _came(self) -> bytes:
        try:
            return await self._exchange.read()
        except ModelCallError:
            if self._assembly.complete:
                return b""  # whole, but for the count of tokens
            raise

    def _events(self, events: list[bytes]) -> bytes:
        """Read events along and write them anew. Raises `ModelCallError`."""
        assembly = self._assembly
        said = []
        for event in events:
            if event == b"[DONE]":
                assembly.add(event)
                said.append(self._ended())
                break
            chunk = decode_chunk(event)
            piece = assembly.add_chunk(chunk)
            if self._first_s is None and (piece.content or piece.reasoning or assembly.acted):
                self._first_s = self._passage.clock.monotonic() - self._began
            if self._show_usage or not _counts_only(chunk):
                said.append(b"data: %b\n\n" % event.replace(b"\n", b"\ndata: "))
        size = assembly.told.size + self._parser.pending
        if size > self._passage.max_reply_bytes:
            text = f"the reply is longer than {self._passage.max_reply_bytes:,} bytes"
            raise ModelCallError("bad_response", text)
        return said[0] if len(said) == 1 else b"".join(said)

    def _ended(self) -> bytes:
        """Make the reply, and return the end of the stream. Raises `ModelCallError`."""
        if not self._assembly.complete:
            raise ModelCallError("cut_off", "the stream ended before the answer did")
        self.reply = _reply(self._assembly, self._passage, self._began, self._first_s)
        return _DONE


def _reply(
    assembly: Assembly, passage: Passage, began: float, first_s: float | None = None
) -> Reply:
    message = assembly.message()
    if message.tool_calls:
        passage.attached(assembly.extras())
    return Reply(
        message,
        assembly.usage(),
        _timing(passage.clock, began, first_s),
        finish=assembly.finish(),
        model=assembly.told.model,
    )


def _timing(clock: Clock, began: float, first_s: float | None = None) -> Timing:
    total_s = clock.monotonic() - began
    return Timing(clock.unix() - total_s, total_s, first_s)


def _counted(body: bytes) -> tuple[Message, Usage, str]:
    try:
        read = _COUNTED.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        shown = body[:200].decode("utf-8", "replace")
        raise ModelCallError("bad_response", f"not a JSON answer: {shown}") from None
    if read.error:
        raise failures.in_answer(read.error)
    usage = as_usage(read.usage) if read.usage else Usage()
    return Message("assistant"), usage, read.model


def _counts_only(chunk: Chunk) -> bool:
    return not chunk.choices and (chunk.usage is not None or chunk.x_groq is not None)


def _check_type(exchange: Exchange, *, streamed: bool) -> None:
    kind = exchange.headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = EVENTS if streamed else JSON
    if kind != wanted:
        raise ModelCallError("bad_response", f"the answer is {kind!r}, not {wanted!r}")
    coding = exchange.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise ModelCallError("bad_response", f"the answer is in the encoding {coding!r}")
