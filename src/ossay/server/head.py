"""The head of a request: what is wrong with it before anybody asks what it wants.

What could be read in two ways llhttp refuses already, but for what is here. Knows nothing of
sockets.
"""

from __future__ import annotations

from collections.abc import Mapping

from ossay.server.errors import ApiError
from ossay.server.respond import Headers

# More than any client sends; proxies draw the line at 8 to 32 KiB and at 100 fields.
MOST_HEAD = 32 * 1024
MOST_FIELDS = 100
# Fields that a reader before us could have taken the other one of.
_SINGLE = frozenset(
    (b"authorization", b"content-encoding", b"content-type", b"host", b"origin", b"x-api-key")
)


def fault_of(
    headers: Headers, fields: Mapping[bytes, bytes], url: bytes, version: str, method: bytes
) -> ApiError | None:
    """Return what is wrong, None for nothing.

    Args:
        headers: Names in lower case, and values.
        fields: The same by name.
        url: The target.
        version: Such as '1.1'.
        method: Such as b'POST'.
    """
    if len(headers) > MOST_FIELDS:
        return too_much(f"{len(headers)} fields", f"{MOST_FIELDS} are the limit")
    size = len(url) + sum([len(name) + len(value) for name, value in headers])
    if size > MOST_HEAD:
        return too_much(f"{size:,} bytes", f"{MOST_HEAD:,} are the limit")
    if len(fields) != len(headers):
        seen: set[bytes] = set()
        for name, _ in headers:
            if name in _SINGLE and name in seen:
                return ApiError(400, f"the field {name.decode()!r} is there twice")
            seen.add(name)
    if version == "1.1":
        if b"host" not in fields:
            return ApiError(400, "the field 'host' is missing")
    elif version != "1.0":
        return ApiError(400, f"HTTP/{version} is not spoken here; use HTTP/1.1")
    coding = fields.get(b"transfer-encoding")
    if coding is not None and (version == "1.0" or coding.strip().lower() != b"chunked"):
        return ApiError(400, "this transfer encoding is not understood here; use 'chunked'")
    if method == b"CONNECT":
        return ApiError(405, "this is no proxy")
    return None


def too_much(said: str, limit: str) -> ApiError:
    """Return the error for a head that is too large."""
    return ApiError(431, f"the head of the request has {said}; {limit}", code="request_too_large")
