"""POST /v1/chat/completions: a body into a question for a route, its answer into bytes.

Knows nothing of how a route answers; its router does.
"""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ossay.core.types import Delta
from ossay.gateway.asking import Asking
from ossay.gateway.passing import pass_on
from ossay.router.router import Router
from ossay.router.serving import Serving
from ossay.router.work import Caller
from ossay.server.answer import Answer
from ossay.server.body import Gone
from ossay.server.chat import AskedChat, Chat
from ossay.server.chat_stream import ChatEncoder

_LARGE = 512 * 1024  # bytes above which a body is decoded by a thread: some 2 ms of the loop's time
_BEAT = b": waiting\n\n"
_chat = Chat("")


async def chat(asking: Asking) -> None:
    """Answer one chat. Raises what the client is to be told, and `Gone`."""
    house, key = asking.house, asking.key
    house.keyring.admit(key)
    header = asking.declared()
    body = await asking.body()
    with house.admission.place():
        if len(body) < _LARGE:
            asked = _chat.decode(body)
        else:
            asked = await asyncio.to_thread(_chat.decode, body)
        lane = house.lane_of(asked.model, key)
        asking.route = lane.name
        caller = Caller(header=header)
        if key is not None:
            caller = Caller(key.name, key.criticality, header)
        request = replace(asked.request, deadline_s=house.options.deadline_s)
        serving = lane.router.ask(request, caller)
        asking.serving = asking.decided = serving
        # What stands in front of a router reads the pieces.
        flat = isinstance(serving, Serving) and isinstance(lane.router, Router)
        if not (flat and await pass_on(asking, body, show_usage=asked.include_usage)):
            await _answer(asking, asked)


class _Encoder(ChatEncoder):
    """Says in a stream that a held answer is still on its way."""

    def piece(self, delta: Delta) -> bytes:
        """As `ChatEncoder`; a comment for an empty delta, which clients skip."""
        return super().piece(delta) or (b"" if delta.reply is not None else _BEAT)


async def _answer(asking: Asking, asked: AskedChat) -> None:
    """Answer from the router's pieces."""
    house, serving = asking.house, asking.serving
    assert serving is not None
    encoder = _Encoder(
        id=f"chatcmpl-{serving.id}",
        created=int(house.now()),
        model=asked.model,
        fingerprint="",
        include_usage=asked.include_usage,
    )
    answer = Answer(encoder, asking.send, [], house.monotonic)
    with asking.watch() as watch:
        answer.give_up = lambda: watch.stop(Gone())
        answer.ended = watch.look_away
        deltas = serving.stream()
        await (answer.stream(deltas) if asked.stream else answer.whole(deltas))
