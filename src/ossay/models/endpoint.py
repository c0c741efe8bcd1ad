"""A model behind any OpenAI-compatible chat completions endpoint, streamed over HTTP.

Stamps when bytes arrive, and ends every call either in a reply that the provider said was whole or
in a `ModelCallError`. Which provider, which key and which dialect it is told; of tools and tasks it
knows nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import aiohttp

from ossay.core.errors import ModelCallError
from ossay.core.model import Passed, collect
from ossay.core.types import Delta, ModelCard, Reply, Request, Timing, ToolCall, ToolCallDelta
from ossay.models import failures
from ossay.models.assembly import Assembly, Piece
from ossay.models.clock import Clock, SystemClock
from ossay.models.connection import ERROR_BODY_BYTES, Call, Connection, read_at_most
from ossay.models.passing import Passage
from ossay.models.providers import Provider
from ossay.models.recorded import recorded
from ossay.models.retry import RetryPolicy
from ossay.models.secret import Secret
from ossay.models.sse import EventParser
from ossay.models.wire import encode_request

MAX_REPLY_BYTES = 16 << 20
# How long to wait for the end of a stream after [DONE], so that the connection can be kept.
_LINGER_S = 0.25
# Tool calls whose attachments are remembered, over all conversations at once.
_EXTRAS = 8192


class Endpoint:
    """A model at an endpoint. Serves any number of conversations at once.

    Args:
        reference: `provider/model`, as the user writes it.
        provider: Where it is and which dialect it speaks.
        key: The API key, None where the provider needs none.
        retry: When to try again.
        clock: Time, for stamps, deadlines and back-off.
        rng: For the jitter of the back-off.
        max_reply_bytes: A longer reply is an error.
    """

    def __init__(
        self,
        reference: str,
        provider: Provider,
        key: Secret | None = None,
        *,
        retry: RetryPolicy | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self._reference = reference
        self._model = reference.partition("/")[2]
        self._provider = provider
        self._key = key
        self._clock = clock or SystemClock()
        self._max_reply_bytes = max_reply_bytes
        self._connection = Connection(
            provider.base_url, key, retry or RetryPolicy(), self._clock, rng or random.Random()
        )
        self._extras: OrderedDict[ToolCall, Any] = OrderedDict()
        self._passage = Passage(
            reference,
            provider,
            key,
            self._clock,
            max_reply_bytes=max_reply_bytes,
            attached=self._remember,
        )
        self.card = ModelCard(
            reference,
            dialect=provider.dialect,
            price=provider.prices.get(self._model),
            details=recorded(provider, key),
        )

    def __repr__(self) -> str:
        return f"Endpoint({self._reference!r}, {self._provider.base_url!r})"

    async def reply(self, request: Request) -> Reply:
        """Answer one request."""
        async with aclosing(self.stream(request)) as deltas:
            return await collect(deltas)

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Answer one request piece by piece, one delta for each read that brought text.

        Each whole tool call is given once, before the last delta, which carries the reply.
        """
        began = self._clock.monotonic()
        call = Call(began, began + request.deadline_s)
        assembly = Assembly(1 + sum(len(message.tool_calls) for message in request.messages))
        failure: ModelCallError | None = None
        try:
            async with aclosing(self._deltas(request, assembly, call)) as deltas:
                async for delta in deltas:
                    yield delta
        except (ModelCallError, aiohttp.ClientError, OSError) as error:
            failure = failures.of_exception(error, answered=call.answered)
        if failure is not None:
            failure.attempts = max(call.attempt, 1)
            failure.began = assembly.told.began
            failure.acted = assembly.acted
            failure.waited_s = max(0.0, call.sent - call.began)
            if call.answered:
                failure.status = 200
            # Raised out here so that no exception which knows the request's headers hangs on it.
            try:
                raise failures.cleaned(failure, self._reference, self._key)
            finally:
                del failure  # else it and this frame, with the request, would hold each other

    async def pass_on(
        self,
        path: str,
        body: bytes,
        *,
        deadline_s: float,
        max_tokens: int | None = None,
        show_usage: bool = True,
    ) -> Passed:
        """Post a caller's own body, once; see `core.model.Passes`."""
        return await self._passage.post(
            path, body, deadline_s=deadline_s, max_tokens=max_tokens, show_usage=show_usage
        )

    async def aclose(self) -> None:
        """Close the connections."""
        self._passage.close()
        await self._connection.aclose()

    async def _deltas(
        self, request: Request, assembly: Assembly, call: Call
    ) -> AsyncGenerator[Delta]:
        body = encode_request(request, self._provider, self._model, self._extras)
        answer = await self._connection.answer(body, call)
        if isinstance(answer, str):
            call.last = self._clock.monotonic()
            yield _delta(assembly.add_text(answer))
        else:
            try:
                if answer.content_type == "text/event-stream":
                    async with aclosing(self._events(answer, assembly, call)) as deltas:
                        async for delta in deltas:
                            yield delta
                else:
                    yield await self._whole(answer, assembly, call)
            finally:
                answer.release()
        message = assembly.message()
        for index, made in enumerate(message.tool_calls):
            yield Delta(tool_call=ToolCallDelta(index, made.id, made.name, made.arguments))
        self._remember(assembly.extras())
        timing = Timing(
            started_at=call.started_at,
            total_s=call.last - call.sent,
            first_token_s=None if call.first is None else call.first - call.sent,
            waited_s=call.sent - call.began,
        )
        yield Delta(
            reply=Reply(
                message,
                assembly.usage(),
                timing,
                finish=assembly.finish(),
                model=assembly.told.model,
                attempts=call.attempt,
            )
        )

    async def _whole(
        self, response: aiohttp.ClientResponse, assembly: Assembly, call: Call
    ) -> Delta:
        """Read an answer that was not streamed although that was asked for."""
        kind = response.content_type
        if kind != "application/json":
            text = await read_at_most(response, ERROR_BODY_BYTES)
            raise ModelCallError(
                "bad_response",
                f"the answer is {kind!r}, not an event stream; is base_url right? It begins: "
                f"{text.decode('utf-8', 'replace')}",
            )
        body = await read_at_most(response, self._max_reply_bytes + 1)
        call.last = self._clock.monotonic()
        self._check_size(len(body))
        return _delta(assembly.add(body))

    async def _events(
        self, response: aiohttp.ClientResponse, assembly: Assembly, call: Call
    ) -> AsyncGenerator[Delta]:
        """Read a stream to its end. Raises `ModelCallError` where the answer is not whole."""
        told, clock, content = assembly.told, self._clock, response.content
        parser = EventParser()
        ended = False
        while not ended:
            try:
                data = await content.readany()
            except (aiohttp.ClientError, OSError):
                if assembly.complete:
                    return  # whole, but for the count of tokens
                raise
            now = clock.monotonic()
            piece = Piece()
            for event in parser.feed(data) if data else parser.close():
                piece += assembly.add(event)
                call.last = now
                ended = told.done
                if ended:
                    break
            if told.began and call.first is None:
                call.first = now
            self._check_size(told.size + parser.pending)
            if piece.content or piece.reasoning:
                yield _delta(piece)
            if not data:
                break
        if not assembly.complete:
            raise ModelCallError("cut_off", "the stream ended before the answer did")
        await _linger(response)

    def _check_size(self, size: int) -> None:
        if size > self._max_reply_bytes:
            raise ModelCallError(
                "bad_response", f"the reply is longer than {self._max_reply_bytes:,} bytes"
            )

    def _remember(self, extras: list[tuple[ToolCall, Any]]) -> None:
        """Keep what must go back with a tool call; the oldest goes when there is too much."""
        for tool_call, extra in extras:
            self._extras[tool_call] = extra
            self._extras.move_to_end(tool_call)
        while len(self._extras) > _EXTRAS:
            self._extras.popitem(last=False)


def _delta(piece: Piece) -> Delta:
    return Delta(content=piece.content, reasoning=piece.reasoning)


async def _linger(response: aiohttp.ClientResponse) -> None:
    """Read the rest of a finished stream, which is nothing, so that its connection is reused."""
    if response.content.at_eof():
        return
    with suppress(aiohttp.ClientError, OSError):
        async with asyncio.timeout(_LINGER_S):
            await response.content.readany()
