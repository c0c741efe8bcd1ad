"""A cheap answer to a client: its bytes go up, the model's come down, both as they are.

`router.passing` decides whether that may be and sees to its account, budget and row. Knows nothing
of what is in the bytes.
"""

from __future__ import annotations

from ossay.gateway.asking import Asking
from ossay.gateway.plain import plain
from ossay.router.passing import Passing, passing
from ossay.router.serving import Serving
from ossay.server.beat import Beat
from ossay.server.body import Gone
from ossay.server.respond import Headers, send_body
from ossay.server.watch import Watch

_CHAT = "/chat/completions"
_EVENTS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]
_NOTHING: Headers = []


async def pass_on(asking: Asking, body: bytes, *, show_usage: bool) -> bool:
    """Answer in bytes; False where that may not be, or failed with nothing seen.

    Then `asking.serving` goes on with what is left to try. `show_usage`: the client asked for a
    stream's count of tokens. Raises `Gone`, or what the client is to be told.
    """
    serving = asking.serving
    if not isinstance(serving, Serving):
        return False
    said = plain(body)
    if said is None:
        return False
    way = await passing(serving)
    if way is None:
        return False
    try:
        with asking.watch() as watch:
            first = await way.first(_CHAT, said, show_usage=show_usage)
            if first is None:
                return False
            if way.streamed:
                await _stream(asking, way, first, watch)
            else:
                await send_body(asking.send, 200, first, headers=_NOTHING)
            watch.look_away()
            return True
    finally:
        await way.close()


async def _stream(asking: Asking, way: Passing, data: bytes, watch: Watch) -> None:
    """Send what came first and whatever follows it."""
    beat = Beat(asking.send, lambda: watch.stop(Gone()))
    await asking.send({"type": "http.response.start", "status": 200, "headers": [*_EVENTS]})
    try:
        beat.start()
        while True:
            more = way.reply is None
            beat.sending = True
            await asking.send({"type": "http.response.body", "body": data, "more_body": more})
            beat.sending = False
            if not more:
                return
            data = await way.more()
    finally:
        beat.stop()
