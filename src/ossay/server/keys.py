"""API keys: who may ask. Only hashes are kept, and compared in constant time.

Knows nothing of where keys come from.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256

from ossay.server.errors import ApiError

Headers = Iterable[tuple[bytes, bytes]]


class Keys:
    """The keys that are accepted; without any, everybody may ask."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._hashes = tuple(sha256(key.encode()).digest() for key in keys if key)

    @classmethod
    def from_text(cls, text: str) -> Keys:
        """Read keys separated by commas."""
        return cls(key.strip() for key in text.split(","))

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def check(self, headers: Headers) -> None:
        """Raise `ApiError` 401 unless a key is there and known."""
        if not self._hashes:
            return
        given = _given(headers)
        if given is None:
            raise ApiError(
                401, "no API key: send 'Authorization: Bearer KEY'", code="invalid_api_key"
            )
        digest = sha256(given).digest()
        # Every key is compared, so that the time tells nothing of which one was near.
        if not any([hmac.compare_digest(digest, known) for known in self._hashes]):
            raise ApiError(401, "the API key is not known here", code="invalid_api_key")


def _given(headers: Headers) -> bytes | None:
    """The key of a request; header names are in lower case."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            if scheme.lower() == b"bearer" and key.strip():
                return key.strip()
        elif name == b"x-api-key" and value.strip():
            return value.strip()
    return None
