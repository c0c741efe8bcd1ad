"""The protocol that everything measured, served or routed to satisfies: Model.

Knows nothing of where the tokens come from.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ossay.core.errors import ModelCallError
from ossay.core.types import Delta, ModelCard, Reply, Request

if TYPE_CHECKING:
    from ossay.core.task import Instance


class Model(Protocol):
    """A language model. A failed call raises `ModelCallError`; it never returns a made-up reply."""

    @property
    def card(self) -> ModelCard:
        """What is known of the model before it is asked."""
        ...

    async def reply(self, request: Request) -> Reply:
        """Answer one request."""
        ...

    def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Answer one request piece by piece; the last delta carries the whole reply."""
        ...

    async def aclose(self) -> None:
        """Give back sockets, memory and threads."""
        ...


@runtime_checkable
class Rehearsed(Protocol):
    """A model that plays a script of the instance it is given, such as `scripted/reference`."""

    def rehearse(self, instance: Instance) -> Model:
        """Return the model that plays this instance's script."""
        ...


async def collect(stream: AsyncIterator[Delta]) -> Reply:
    """Drain a stream and return the reply of its last delta."""
    reply: Reply | None = None
    async for delta in stream:
        reply = delta.reply or reply
    if reply is None:
        raise ModelCallError("cut_off", "the stream ended without a reply")
    return reply
