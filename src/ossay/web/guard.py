"""Who may use the pages, and what a page may do.

The pages are for whoever started them: a secret in the first link becomes a cookie. It lasts over
restarts, so that a page that is open can still be sent. A post must come from a page of our own.
Knows nothing of ratings.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ossay.server.errors import ApiError
from ossay.server.origin import check_host

_YEAR_S = 365 * 24 * 3600
# Scripts and styles are files of ours; nothing else is fetched, framed or posted anywhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """An ASGI app in front of the pages.

    Args:
        app: The pages.
        secret: What the first link carries.
        loopback: Whether only this machine can reach it: then the Host must be this machine's.
    """

    def __init__(self, app: ASGIApp, secret: str, *, loopback: bool) -> None:
        self._app = app
        self._secret = secret
        self._loopback = loopback
        # Cookies are shared by all ports of a host: the name keeps studies apart.
        self._cookie = f"ossay_{sha256(secret.encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        refused = self._refusal(scope, headers)
        app: ASGIApp
        if refused:
            app = PlainTextResponse(f"{refused}\n", 403)
        elif scope["method"] == "GET" and self._is_secret(given):
            response = RedirectResponse(scope["path"], 303)
            response.set_cookie(
                self._cookie, self._secret, max_age=_YEAR_S, httponly=True, samesite="lax"
            )
            app = response
        elif self._is_secret(cookie_parser(headers.get("cookie", "")).get(self._cookie, "")):
            app = self._app
        else:
            app = PlainTextResponse("Open the link that `ossay rate` printed.\n", 403)
        await app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> str:
        """Why a request is refused whoever sends it; '' where it is not."""
        if self._loopback:
            try:
                check_host(scope["headers"])
            except ApiError as error:
                return str(error)
        if scope["method"] in ("GET", "HEAD"):
            return ""
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "A post from another site is not taken."
        origin = headers.get("origin")
        if origin is None or urlsplit(origin).netloc != headers.get("host", ""):
            return "A post must come from a page of this server."
        return ""

    def _is_secret(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._secret.encode())


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
