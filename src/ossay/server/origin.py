"""Whether a request may come from a web page that is none of ours.

Without keys a server listens on this machine alone, but a browser on it runs the pages of others. A
page whose name was made to point here (DNS rebinding) still sends that name as its Host. Knows
nothing of keys.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from ossay.server.errors import ApiError

Headers = Iterable[tuple[bytes, bytes]]


def check_host(headers: Headers) -> None:
    """Raise `ApiError` 403 unless the Host is this machine; programs may leave it out."""
    for name, value in headers:
        if name == b"host" and not _is_here(value.decode("latin-1").strip()):
            raise ApiError(
                403,
                f"the Host {value.decode('latin-1')[:200]!r} is not this machine: a server without "
                "API keys answers to localhost and 127.0.0.1 alone; start it with keys",
                code="host_not_allowed",
            )


@lru_cache(maxsize=256)
def _is_here(host: str) -> bool:
    """Whether a Host, with or without its port, is this machine's own name or address."""
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
    else:
        name, _, port = host.partition(":")
        port = port and f":{port}"
    if port and not (port[0] == ":" and (port[1:] or "0").isdecimal()):
        return False
    return is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether a host, without a port, is reached from this machine alone."""
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
