"""Asking: one HTTP request on its way through the gateway, and what its answer's head says.

Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from starlette.types import Message, Receive, Scope, Send

from ossay.core.decision import Criticality, Decision, PlanName
from ossay.gateway.asks import Answering
from ossay.gateway.house import House
from ossay.gateway.keyring import Key
from ossay.server.body import Gone, check_body, read, read_in_time
from ossay.server.connection import Connection
from ossay.server.errors import ApiError
from ossay.server.respond import Headers, send_body
from ossay.server.watch import Watch

_LEVELS: dict[bytes, Criticality] = {b"low": "low", b"medium": "medium", b"high": "high"}
_CRITICALITY = b"x-ossay-criticality"


class Decided(Protocol):
    """What an answer's head tells of."""

    @property
    def id(self) -> str:
        """The decision's."""
        ...

    @property
    def plan(self) -> PlanName:
        """What was planned."""
        ...

    @property
    def decision(self) -> Decision | None:
        """What was decided, once it was."""
        ...


class Asking:
    """One request.

    Attributes:
        headers: Of its head, by name in lower case.
        key: Who asks; None where nobody needs a key.
        serving: What answers a chat, once there is one.
        decided: What the answer's head names the decision of.
        route: The lane's name.
        status: Of the answer, 0 until it has one.
        over: Whether all of the answer was sent.
    """

    __slots__ = ("_head", "_send", "decided", "headers", "house", "key", "line", "over", "receive",
                 "route", "scope", "serving", "status")  # fmt: skip

    def __init__(self, house: House, scope: Scope, receive: Receive, send: Send) -> None:
        self.house = house
        self.scope = scope
        self.receive = receive
        self._send = send
        self._head: Message | None = None
        self.line: Connection | None = scope.get("ossay.connection")
        self.headers: dict[bytes, bytes] = scope.get("ossay.fields") or dict(scope["headers"])
        self.key: Key | None = None
        self.serving: Answering | None = None
        self.decided: Decided | None = None
        self.route = ""
        self.status = 0
        self.over = False

    async def send(self, message: Message) -> None:
        """Send; an answer's head waits for the first of its body, and tells of its decision."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._head = message
            return
        more = message.get("more_body", False)
        head, self._head = self._head, None
        if head is None:
            await self._send(message)
        else:
            await self._begin(head, message, more=more)
        self.over = not more

    async def _begin(self, head: Message, message: Message, *, more: bool) -> None:
        fields = head["headers"]
        if self.decided is not None:
            fields = fields + self._of_decision(self.decided)
        if self.line is not None:
            await self.line.answer(self.status, fields, message.get("body", b""), more=more)
            return
        await self._send({**head, "headers": fields})
        await self._send(message)

    def watch(self) -> Watch:
        """Return a watch over the client, which `House.stop_all` ends too."""
        return self.house.watch(self.receive, self.line)

    async def body(self) -> bytes:
        """Read the body. Raises `ApiError` 408, 413, 415, 429, and `Gone`."""
        house = self.house
        limit = house.options.max_body
        check_body(self.headers, limit)
        if self.line is not None and self.line.whole:
            return await read(self.receive, limit)
        with house.admission.reading(), house.watch(None):
            return await read_in_time(self.receive, limit, house.options.body_s)

    def declared(self) -> Criticality | None:
        """What the head declares. Raises `ApiError` 400 where it is no level, or several."""
        said = self.headers.get(_CRITICALITY)
        if said is None:
            return None
        level = _LEVELS.get(said.strip().lower())
        if level is None:
            raise ApiError(
                400,
                f"{_CRITICALITY.decode()}: {said.decode('latin-1')[:80]!r} is not one of low, "
                "medium, high",
                code="invalid_value",
            )
        fields = self.scope["headers"]
        if len(fields) != len(self.headers) and [n for n, _ in fields].count(_CRITICALITY) > 1:
            raise ApiError(400, f"{_CRITICALITY.decode()} is there twice", code="invalid_value")
        return level

    async def fail(self, error: ApiError) -> None:
        """Say what went wrong, in the last event where the answer is a stream that has begun."""
        if self.over:
            return
        if self._head is not None or not self.status:
            headers: Headers = []
            if error.retry_after_s is not None:
                headers.append((b"retry-after", b"%d" % error.retry_after_s))
            await send_body(self.send, error.status, error.body(), headers=headers)
            return
        event = b"data: %b\n\n" % error.body()
        try:
            # A client that does not read it holds no place for long.
            with Watch(self.receive, self.house.running, self.line):
                async with asyncio.timeout(self.house.options.last_word_s):
                    await self.send({"type": "http.response.body", "body": event})
        except (TimeoutError, Gone):
            return

    def _of_decision(self, decided: Decided) -> Headers:
        id_ = decided.id.encode()
        said = [
            (b"x-request-id", id_),
            (b"x-ossay-decision", id_),
            (b"x-ossay-route", self.route.encode()),
            (b"x-ossay-plan", decided.plan.encode()),
        ]
        if decided.decision is not None:
            said.append((b"x-ossay-ending", decided.decision.ending.encode()))
        return said
