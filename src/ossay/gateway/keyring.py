"""Keys: who asks, which routes they may ask, how often.

Only hashes are kept. Knows nothing of money: a key's budget is the router's.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from msgspec import Struct

from ossay.core.decision import Criticality
from ossay.core.errors import ConfigError
from ossay.server.errors import ApiError

_HASH_BYTES = 32
_MINUTE_S = 60.0


class Key(Struct, frozen=True):
    """One key.

    Attributes:
        name: As the log has it.
        sha256: Of the key, in hexadecimal.
        routes: The routes that it may ask; none named: all.
        criticality: What its requests are at least; None leaves it to the route.
        requests_per_minute: None for as many as it likes.
    """

    name: str
    sha256: str
    routes: tuple[str, ...] = ()
    criticality: Criticality | None = None
    requests_per_minute: int | None = None

    def may(self, route: str) -> bool:
        """Whether it may ask that route."""
        return not self.routes or route in self.routes


class Keyring:
    """The keys that are accepted; without any, everybody may ask.

    Args:
        keys: Each with a name and a hash of its own.
        monotonic: Returns seconds that only go up.

    Raises:
        ConfigError: a hash that is none, or that two keys share.
    """

    def __init__(self, keys: Iterable[Key], monotonic: Callable[[], float]) -> None:
        self._keys: dict[bytes, tuple[bytes, Key]] = {}
        self._buckets: dict[str, Bucket] = {}
        for key in keys:
            digest = _digest_of(key)
            if digest in self._keys:
                other = self._keys[digest][1].name
                raise ConfigError(f"keys {other!r} and {key.name!r} are the same; make another")
            self._keys[digest] = (digest, key)
            if key.requests_per_minute is not None:
                self._buckets[key.name] = Bucket(key.requests_per_minute, monotonic)

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def keys(self) -> list[Key]:
        """All of them."""
        return [key for _, key in self._keys.values()]

    def check(self, headers: Mapping[bytes, bytes]) -> Key | None:
        """Return who asks; None where no keys are kept.

        Raises:
            ApiError: 401, there is no key, or one that is not known.
        """
        if not self._keys:
            return None
        given = given_key(headers)
        if given is None:
            raise ApiError(
                401, "no API key: send 'Authorization: Bearer KEY'", code="invalid_api_key"
            )
        digest = sha256(given).digest()
        # Whoever asks cannot choose a digest, so finding one tells nothing of those that are near.
        known, key = self._keys.get(digest, (bytes(_HASH_BYTES), None))
        if not hmac.compare_digest(digest, known) or key is None:
            raise ApiError(401, "the API key is not known here", code="invalid_api_key")
        return key

    def admit(self, key: Key | None) -> None:
        """Count a request of that key. Raises `ApiError` 429 where it asks too often."""
        bucket = self._buckets.get(key.name) if key is not None else None
        if bucket is None or key is None:
            return
        wait_s = bucket.take()
        if wait_s:
            raise ApiError(
                429,
                f"the key {key.name!r} may ask {key.requests_per_minute} times a minute; wait "
                f"{math.ceil(wait_s)} s",
                code="rate_limit_exceeded",
                retry_after_s=math.ceil(wait_s),
            )


class Bucket:
    """A token bucket: it holds a minute's requests, and fills at that rate."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._most = float(per_minute)
        self._per_s = per_minute / _MINUTE_S
        self._monotonic = monotonic
        self._left = self._most
        self._at = monotonic()

    def take(self) -> float:
        """Take one; returns 0.0, or the seconds until there is one."""
        now = self._monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1.0:
            return (1.0 - self._left) / self._per_s
        self._left -= 1.0
        return 0.0


def given_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key that a request brings; header names are in lower case."""
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and key.strip():
        return key.strip()
    return headers.get(b"x-api-key", b"").strip() or None


def _digest_of(key: Key) -> bytes:
    try:
        digest = bytes.fromhex(key.sha256)
    except ValueError:
        digest = b""
    if len(digest) != _HASH_BYTES:
        raise ConfigError(
            f"key {key.name!r}: sha256 = {key.sha256!r} must be 64 hexadecimal digits; "
            f"'ossay gateway --new-key {key.name}' makes a key and prints them"
        )
    return digest
