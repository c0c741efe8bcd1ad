"""What stands behind a lane: something that takes a request and answers it, with a decision.

A router does, and so does whatever is put around one: a cache, a redaction. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from ossay.core.decision import Decision, PlanName
from ossay.core.types import Delta, Request
from ossay.router.work import Caller, Parts


class Answering(Protocol):
    """One request being answered, see `router.serving.Serving`."""

    @property
    def id(self) -> str:
        """The decision's."""
        ...

    @property
    def plan(self) -> PlanName:
        """What was planned; there before the first delta."""
        ...

    @property
    def decision(self) -> Decision | None:
        """What was decided; there before the last delta."""
        ...

    def stream(self) -> AsyncGenerator[Delta, None]:
        """Yield the answer, once; the last delta carries the reply. Raises `ModelCallError`."""
        ...


class Asks(Protocol):
    """Answers requests of one route."""

    @property
    def parts(self) -> Parts:
        """What the route works with."""
        ...

    def ask(self, request: Request, caller: Caller) -> Answering:
        """Return the serving of one request."""
        ...

    async def aclose(self) -> None:
        """Break off what runs beside answers."""
        ...
