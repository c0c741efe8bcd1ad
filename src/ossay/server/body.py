"""Reading a request's body, bounded in size and time. Knows nothing of what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive, Scope

from ossay.server.errors import ApiError

# For the whole body; who sends slower than this holds a place that others wait for.
_MOST_SECONDS = 60.0


class Gone(Exception):
    """The client has closed the connection."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read a JSON body of at most `limit` bytes.

    Raises:
        ApiError: 408 too slow, 413 too large, 415 no JSON.
        Gone: the client went away.
    """
    check_body(dict(scope["headers"]), limit)
    return await read_in_time(receive, limit, _MOST_SECONDS)


def check_body(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Raise `ApiError` where the head tells that a body is no JSON (415), or too large (413)."""
    _check_type(headers)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit:
        raise _too_large(limit)


async def read_in_time(receive: Receive, limit: int, seconds: float) -> bytes:
    """Read a body. Raises `ApiError` (408, 413), `Gone`."""
    try:
        async with asyncio.timeout(seconds):
            return await read(receive, limit)
    except TimeoutError:
        raise ApiError(
            408, f"the body did not come within {seconds:.0f} s", code="timeout"
        ) from None


async def read(receive: Receive, limit: int) -> bytes:
    """Read a body, however long that takes. Raises `ApiError` 413, `Gone`."""
    parts = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Gone
        part = event.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not event.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_type(headers: Mapping[bytes, bytes]) -> None:
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    # Without a type it may be JSON; curl's default type is what people forget to change. A web page
    # must say it, for then its browser asks first whether it may.
    untyped = kind == b"" and b"origin" not in headers
    if kind != b"application/json" and not untyped and not kind.endswith(b"+json"):
        raise ApiError(
            415, f"content type {kind.decode('latin-1')!r} is unknown here; send application/json"
        )
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b""):
        raise ApiError(
            415, f"content encoding {encoding.decode('latin-1')!r} is unknown here; send it plain"
        )


def _too_large(limit: int) -> ApiError:
    return ApiError(
        413, f"the body is larger than {limit:,} bytes, the limit of this server",
        code="request_too_large",
    )  # fmt: skip
