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
