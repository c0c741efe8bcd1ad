"""A core.Model over one GGUF file: calls of llama.cpp in threads, answers token by token.

Time to first token is stamped when the token is made. Knows nothing of files or references.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from ossay.core.errors import CallErrorKind, ModelCallError
from ossay.core.model import collect
from ossay.core.types import Delta, ModelCard, Reply, Request, Timing
from ossay.models import failures
from ossay.models.assembly import Assembly
from ossay.models.llama_server import LlamaServer, schema_error
from ossay.models.providers import Provider
from ossay.models.wire import encode_request

# The event that wakes a call whose slot is free.
_GRANTED = b""

# Of all schemas of a request, in bytes: an enum of 20,000 values (250 KB) takes minutes.
_LARGEST_SCHEMAS = 64 << 10


@dataclass(slots=True)
class _Call:
    """One call as it goes. Seconds of the monotonic clock."""

    events: asyncio.Queue[tuple[float, bytes | ModelCallError | None]]
    loop: asyncio.AbstractEventLoop
    began: float
    seconds: float  # that it may take once it has its slot
    deadline: float | None = None  # None while it waits for its slot
    at_work: bool = False  # llama.cpp has said something of it
    sent: float = 0.0
    started_at: float = 0.0  # Unix time of `sent`
    first: float | None = None
    last: float = 0.0
    stop: bool = False

    def put(self, event: bytes | ModelCallError | None) -> None:
        """Hand an event to the loop, from any thread; None is the end."""
        self.loop.call_soon_threadsafe(self.events.put_nowait, (time.monotonic(), event))

    def granted(self) -> None:
        """Note that its slot is free: its time counts from here."""
        self.started_at, self.sent = time.time(), time.monotonic()
        self.deadline = self.sent + self.seconds
        self.put(_GRANTED)

    def on_event(self, data: bytes) -> bool:
        """Take an event from llama.cpp; True stops it."""
        if not self.stop:
            self.put(data)
        return self.stop


class LlamaCpp:
    """A core.Model over one GGUF file. As many calls as it has slots run at once, others wait."""

    def __init__(self, card: ModelCard, server: LlamaServer, provider: Provider) -> None:
        self.card = card
        self._server = server
        self._provider = provider
        self._threads = ThreadPoolExecutor(server.options.slots, thread_name_prefix="llama.cpp")
        self._under_way: dict[int, _Call] = {}
        self._closed = False

    async def reply(self, request: Request) -> Reply:
        """Answer one request."""
        async with aclosing(self.stream(request)) as deltas:
            return await collect(deltas)

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Answer one request token by token; the last delta carries the reply.

        Loading the file and waiting for a free slot count as waiting. The deadline begins after
        that: no call fails because there are many.
        """
        began = time.monotonic()
        events: asyncio.Queue[tuple[float, bytes | ModelCallError | None]] = asyncio.Queue()
        call = _Call(events, asyncio.get_running_loop(), began, request.deadline_s)
        try:
            _check_schemas(request)
            body = encode_request(request, self._provider, self._server.options.name, {})
            async with aclosing(self._deltas(body, call)) as deltas:
                async for delta in deltas:
                    yield delta
        except ModelCallError as error:
            error.began = call.at_work
            error.waited_s = (call.sent or time.monotonic()) - began
            raise failures.cleaned(error, self.card.reference, None) from None

    async def aclose(self) -> None:
        """Stop what is under way, end the threads and free the memory."""
        self._closed = True
        for call in self._under_way.values():
            call.stop = True
            with suppress(RuntimeError):  # its loop is closed: nobody waits
                call.put(_closed())
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._server.close)

    async def _deltas(self, body: bytes, call: _Call) -> AsyncGenerator[Delta]:
        if self._closed:
            raise _closed()
        assembly = Assembly()
        self._under_way[id(call)] = call
        future = self._threads.submit(self._ask, body, call)
        try:
            while (event := await _next(call)) is not None:
                piece = assembly.add(event)
                if piece.content or piece.reasoning:
                    yield Delta(content=piece.content, reasoning=piece.reasoning)
                if assembly.told.began and call.first is None:
                    call.first = call.last
        finally:
            call.stop = True
            future.cancel()
            del self._under_way[id(call)]
        if not assembly.complete:
            raise ModelCallError("cut_off", "llama.cpp stopped before the answer was whole")
        yield Delta(reply=self._reply(assembly, call))

    def _ask(self, body: bytes, call: _Call) -> None:
        """Run in a thread of ours: wait for the load, ask, and say when it is over."""
        end: ModelCallError | None = None
        try:
            self._server.load()
            if not call.stop:
                call.granted()
                self._server.ask(body, call.on_event)
        except ModelCallError as error:
            end = error
        except Exception as error:  # noqa: BLE001  # else the call would wait for ever
            end = ModelCallError("server_error", f"{type(error).__name__}: {error}")
        if not call.stop:
            call.put(end)

    def _reply(self, assembly: Assembly, call: _Call) -> Reply:
        return Reply(
            assembly.message(),
            assembly.usage(),
            Timing(
                started_at=call.started_at,
                total_s=call.last - call.sent,
                first_token_s=None if call.first is None else call.first - call.sent,
                waited_s=call.sent - call.began,
            ),
            finish=assembly.finish(),
            model=assembly.told.model,
        )


async def _next(call: _Call) -> bytes | None:
    """Wait for the next event, None at the end; raises what went wrong instead."""
    event: bytes | ModelCallError | None = _GRANTED
    while event == _GRANTED:
        left = None if call.deadline is None else call.deadline - time.monotonic()
        try:
            stamp, event = await asyncio.wait_for(call.events.get(), left)
        except TimeoutError:
            raise ModelCallError("deadline", "no whole answer before the call's deadline") from None
    if isinstance(event, ModelCallError):
        raise event
    if event is None:
        return None
    call.last = stamp
    if event.startswith(b'{"error"'):
        raise _failure(event)
    call.at_work = True
    return event


def _closed() -> ModelCallError:
    return ModelCallError("refused", "this model was closed; open it again")


class _Error(Struct):
    """What llama.cpp says went wrong."""

    message: str = "no text"
    type: str = ""
    code: int = 500


class _Failed(Struct):
    error: _Error


def _failure(event: bytes) -> ModelCallError:
    error = msgspec.json.decode(event, type=_Failed).error
    if error.type == "exceed_context_size_error":
        return ModelCallError("context_exhausted", error.message, status=error.code)
    if (schema := schema_error(error.message)) is not None:
        return schema
    kind: CallErrorKind = "refused" if 400 <= error.code < 500 else "server_error"
    return ModelCallError(kind, error.message, status=error.code)


def _check_schemas(request: Request) -> None:
    """Refuse schemas that llama.cpp would compile for minutes, when nothing can stop it."""
    schemas = {f"tool {tool.name!r}": tool.parameters for tool in request.tools}
    if request.response_schema is not None:
        schemas["response_format"] = request.response_schema
    total = 0
    for of, schema in schemas.items():
        total += len(msgspec.json.encode(schema))
        if total > _LARGEST_SCHEMAS:
            raise ModelCallError(
                "refused",
                f"with the schema of {of} this request has {total} bytes of schemas, and llama.cpp "
                f"takes {_LARGEST_SCHEMAS} at most; use smaller ones",
            )
