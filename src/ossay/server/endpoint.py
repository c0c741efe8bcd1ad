"""One POST endpoint over HTTP: body, question, answer.

Knows nothing of what an API's bodies hold; `wire.Api` does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
from starlette.types import Receive, Scope, Send

from ossay.core.model import Completes
from ossay.core.types import Completion, Delta
from ossay.server.admission import draining
from ossay.server.answer import Answer
from ossay.server.body import Gone, read_body
from ossay.server.errors import ApiError, as_api_error
from ossay.server.house import House
from ossay.server.watch import Watch
from ossay.server.wire import Api, Asked

_log = logging.getLogger(__name__)
# Bytes above which a body is decoded by a thread: some 2 ms of the loop's time.
_LARGE = 512 * 1024
# Names of fields that go into the log, and characters of each.
_MANY = 20
_LONG = 60


class Endpoint:
    """An ASGI app that answers one `Api`'s requests."""

    def __init__(self, api: Api, house: House) -> None:
        self._api = api
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises `ApiError` where nothing has been sent yet."""
        house = self._house
        with house.admission.reading(), house.watch(None):
            body = await read_body(scope, receive, house.options.max_body)
        with house.admission.place():  # only now: a body that never ends must not hold a place
            began = house.monotonic()
            asked = await self._decode(body)
            house.names.check(asked.model)
            encoder = asked.encoder(created=int(house.now()), unique=house.unique())
            answer = Answer(encoder, send, scope["ossay.headers"], house.monotonic)
            await self._answer(asked, answer, receive)
            if answer.reply is not None:
                first = None if answer.first_at is None else answer.first_at - began
                house.metrics.answered(answer.reply.usage, house.monotonic() - began, first)

    async def _decode(self, body: bytes) -> Asked:
        if len(body) > _LARGE:
            asked = await asyncio.to_thread(self._api.decode, body)
        else:
            asked = self._api.decode(body)
        if asked.ignored and _log.isEnabledFor(logging.DEBUG):
            names = [name[:_LONG] for name in sorted(asked.ignored)[:_MANY]]
            _log.debug("%s: ignored fields: %r", self._api.path, names)
        return asked

    async def _answer(self, asked: Asked, answer: Answer, receive: Receive) -> None:
        """Answer; an error after the stream began ends it, one before goes to the caller."""
        try:
            with self._house.watch(receive) as watch:
                answer.give_up = lambda: watch.stop(Gone())
                answer.ended = watch.look_away
                deltas = self._deltas(asked)
                await (answer.stream(deltas) if asked.stream else answer.whole(deltas))
        except Exception as error:
            if answer.over:
                _log.warning("a model failed after its answer", exc_info=error)
                return
            if isinstance(error, Gone):
                raise
            failure = draining() if self._house.stopped else as_api_error(error)
            if not answer.begun:
                raise failure from error
            self._house.metrics.broken()
            await self._fail(answer, failure, receive)

    async def _fail(self, answer: Answer, failure: ApiError, receive: Receive) -> None:
        """Say why a stream ends; a client that does not read it holds no place for long."""
        try:
            with Watch(receive, self._house.running):
                async with asyncio.timeout(self._house.options.last_word_s):
                    await answer.fail(failure)
        except TimeoutError:
            raise Gone from None

    def _deltas(self, asked: Asked) -> AsyncIterator[Delta]:
        model, deadline_s = self._house.model, self._house.options.deadline_s
        request = msgspec.structs.replace(asked.request, deadline_s=deadline_s)
        if not isinstance(request, Completion):
            return model.stream(request)
        if not isinstance(model, Completes):
            raise ApiError(
                400,
                f"{model.card.reference!r} does not continue plain text; use /v1/chat/completions",
                code="unsupported_endpoint",
            )
        return model.complete(request)
