"""Attempts: one request sent until it is answered, refused for good, or out of time.

Repeats what is safe to repeat: a connection that was never made, or that the server had given up
since it was last used; 429; and 5xx that came instead of an answer. Never once an answer began.
Knows nothing of what is asked or how an answer reads.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp

from ossay import __version__
from ossay.core.errors import ModelCallError
from ossay.models import failures
from ossay.models.clock import Clock
from ossay.models.failures import Refusal
from ossay.models.retry import RetryPolicy
from ossay.models.secret import Secret

ERROR_BODY_BYTES = 64 << 10
_CONNECT_S = 30.0


@dataclass(slots=True)
class Call:
    """One call as it goes: when it began, and its latest attempt. Seconds of the clock."""

    began: float
    deadline: float
    attempt: int = 0
    sent: float = 0.0
    started_at: float = 0.0  # Unix time of `sent`
    reused: bool = False  # the attempt went over a connection that was kept
    answered: bool = False  # a response with status 200 came
    first: float | None = None  # the first piece of the answer
    last: float = 0.0  # the latest piece


class Connection:
    """Posts to one URL over kept-alive connections, which it opens when first needed.

    Args:
        base_url: What comes before /chat/completions.
        key: Sent as a bearer token.
        retry: When to try again.
        clock: Time.
        rng: For the jitter of the back-off.
    """

    def __init__(
        self,
        base_url: str,
        key: Secret | None,
        retry: RetryPolicy,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._key = key
        self._retry = retry
        self._clock = clock
        self._rng = rng
        self._session: aiohttp.ClientSession | None = None

    async def answer(self, body: bytes, call: Call) -> aiohttp.ClientResponse | str:
        """Try until there is an answer, and note in `call` when the one that counts was sent.

        Returns:
            A response with status 200, for the caller to read and release; or the model's own text
            where the provider refused to pass it on.

        Raises:
            ModelCallError: The provider refused, or time is up.
            aiohttp.ClientError: What the client met once the request had left.
        """
        clock = self._clock
        refused: ModelCallError | None = None
        while True:
            call.sent = clock.monotonic()
            call.started_at = clock.unix()
            remaining = call.deadline - call.sent
            if remaining <= 0:
                raise refused or ModelCallError(
                    "deadline", "the deadline passed before the call was sent"
                )
            call.attempt += 1
            call.reused = False
            answer = await self._send(body, remaining, call)
            if not isinstance(answer, Refusal):
                call.answered = True
                return answer
            if answer.said is not None:
                return answer.said
            refused = answer.error
            await clock.sleep(self._wait_s(answer, call))

    async def aclose(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _wait_s(self, refusal: Refusal, call: Call) -> float:
        """Seconds until the next try; raises the refusal's error where there is none."""
        error = refusal.error
        wait = None
        # Whoever met nobody has not been refused: even one attempt is made on a new connection.
        if refusal.at_once and call.attempt <= self._retry.attempts:
            wait = 0.0
        elif refusal.again:
            wait = self._retry.wait_s(call.attempt, refusal.retry_after_s, self._rng)
        if wait is None:
            raise error
        if self._clock.monotonic() + wait >= call.deadline:
            note = f"not tried again: that would be in {wait:.1f} s, after the call's deadline"
            raise ModelCallError(
                error.kind,
                f"{error} ({note})",
                status=error.status,
                retry_after_s=error.retry_after_s,
            )
        return wait

    async def _send(
        self, body: bytes, remaining_s: float, call: Call
    ) -> aiohttp.ClientResponse | Refusal:
        timeout = aiohttp.ClientTimeout(total=remaining_s, sock_connect=_CONNECT_S)
        try:
            response = await self._open_session().post(
                self._url,
                data=body,
                timeout=timeout,
                allow_redirects=False,
                trace_request_ctx=call,
            )
        except aiohttp.ClientSSLError as error:
            return Refusal(failures.of_exception(error, answered=False))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Refusal(failures.of_exception(error, answered=False), again=True)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            # Some servers (llama.cpp's) promise to keep a connection and close it after the answer.
            # Then the request met nobody. On a new connection somebody may be at work on it.
            return Refusal(failures.of_exception(error, answered=False), at_once=call.reused)
        if response.status == 200:
            return response
        try:
            text = await read_at_most(response, ERROR_BODY_BYTES)
        except (aiohttp.ClientError, OSError):
            text = b""  # the status says enough
        finally:
            response.release()
        return failures.of_status(response.status, response.headers, text, self._clock.unix())

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {
                "Content-Type": "application/json",
                "Accept": "text/event-stream, application/json",
                # Compressed streams are held back until a block is full.
                "Accept-Encoding": "identity",
                "User-Agent": f"ossay/{__version__}",
            }
            if self._key is not None:
                headers["Authorization"] = f"Bearer {self._key.reveal()}"
            tracing = aiohttp.TraceConfig()
            tracing.on_connection_reuseconn.append(_note_reuse)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300),
                headers=headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[tracing],
            )
        return self._session


async def _note_reuse(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    params: aiohttp.TraceConnectionReuseconnParams,
) -> None:
    call: Call = context.trace_request_ctx
    call.reused = True


async def read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read the body up to `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    while size < limit and (data := await response.content.readany()):
        parts.append(data)
        size += len(data)
    return b"".join(parts)[:limit]
