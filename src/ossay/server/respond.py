"""Plain responses over ASGI: a body with its length, an error in OpenAI's shape.

Knows nothing of what is in them.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.types import Send

from ossay.server.errors import ApiError

Headers = list[tuple[bytes, bytes]]


async def send_body(
    send: Send,
    status: int,
    body: bytes,
    *,
    headers: Headers,
    content_type: bytes = b"application/json",
) -> None:
    """Send a whole response."""
    start = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, value: Any, *, headers: Headers) -> None:
    """Send a value as JSON."""
    await send_body(send, status, msgspec.json.encode(value), headers=headers)


async def send_error(send: Send, error: ApiError, *, headers: Headers) -> None:
    """Send an error."""
    if error.retry_after_s is not None:
        headers = [*headers, (b"retry-after", b"%d" % error.retry_after_s)]
    await send_body(send, error.status, error.body(), headers=headers)


def refusal(error: ApiError) -> bytes:
    """Return all of an answer but its first line; the connection ends with it."""
    body = error.body()
    return (
        b"content-type: application/json\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
    )


def chunked(body: bytes, *, more: bool) -> bytes:
    """Return a piece of a body in HTTP/1.1's chunks."""
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return chunk if more else chunk + b"0\r\n\r\n"
