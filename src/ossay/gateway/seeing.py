"""GET / and GET /metrics: what the gateway has counted, for people and for Prometheus.

Both show all routes, so a key that may ask some of them only gets neither. A browser sends the key
as the password of any user. Knows nothing of what is on the page.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping

from ossay.gateway import exposition
from ossay.gateway.asking import Asking
from ossay.gateway.house import House
from ossay.gateway.state import State
from ossay.gateway.view import look
from ossay.server.errors import ApiError
from ossay.server.respond import send_body

_CHALLENGE = (b"www-authenticate", b'Basic realm="ossay gateway", charset="UTF-8"')
_GUARDS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
]


async def page(asking: Asking) -> None:
    """GET /: the page."""
    if not await _welcome(asking):
        return
    from ossay.gateway.page import render
    from ossay.gateway.published import published

    house = asking.house
    view = look(house.seen, _state(house), published(), in_flight=len(house.running))
    shown = await asyncio.to_thread(render, view)  # the first time reads the templates
    headers = [*_GUARDS, (b"content-security-policy", shown.policy.encode())]
    html = b"text/html; charset=utf-8"
    await send_body(asking.send, 200, shown.html, headers=headers, content_type=html)


async def metrics(asking: Asking) -> None:
    """GET /metrics: Prometheus' text."""
    if not await _welcome(asking):
        return
    house = asking.house
    text = exposition.text_of(
        house.seen.metrics,
        house.seen.tally.summary(),
        _state(house),
        in_flight=len(house.running),
        cache=house.seen.cache,
    )
    await send_body(asking.send, 200, text, headers=_GUARDS, content_type=exposition.CONTENT_TYPE)


def _state(house: House) -> State:
    lanes = house.lanes.values()
    embed = (lane.embeddings for lane in lanes if lane.embeddings is not None)
    return house.seen.state((lane.router.parts for lane in lanes), embed)


async def _welcome(asking: Asking) -> bool:
    """Whether whoever asks may look; else a browser is told to ask its user for a key.

    Only here is a key taken as a password: a browser sends one again by itself, with whatever
    another site makes it send, and that must not reach what costs money.
    """
    try:
        key = asking.house.keyring.check({**asking.headers, **_password(asking.headers)})
    except ApiError as error:
        await send_body(asking.send, error.status, error.body(), headers=[_CHALLENGE, *_GUARDS])
        return False
    if key is not None and key.routes:
        raise ApiError(
            403,
            f"the key {key.name!r} may ask some routes only, and this shows all of them; take a "
            "key without 'routes'",
            code="page_not_allowed",
        )
    return True


def _password(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The password of HTTP's basic authentication as a key."""
    scheme, _, given = fields.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return {}
    try:
        _, _, password = base64.b64decode(given.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return {}
    return {b"authorization": b"Bearer " + password.strip()}
