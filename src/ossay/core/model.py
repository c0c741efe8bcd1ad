"""The protocol that everything measured, served or routed to satisfies: Model.

`Rehearsed`, `Completes`, `Loads`, `Gauged` and `Passes` are what some models can do besides.

Knows nothing of where the tokens come from.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ossay.core.errors import ModelCallError
from ossay.core.types import Completion, Delta, ModelCard, Reply, Request

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


@runtime_checkable
class Completes(Protocol):
    """A model that also goes on with plain text, outside the chat format."""

    def complete(self, completion: Completion) -> AsyncIterator[Delta]:
        """Go on piece by piece, in `content`; the last delta carries the whole reply."""
        ...


@runtime_checkable
class Loads(Protocol):
    """A model that takes a while to be ready, and can be asked to be."""

    async def load(self) -> None:
        """Return once it is ready. Raises `UsageError` that says what is wrong."""
        ...


@runtime_checkable
class Gauged(Protocol):
    """A model that can say how it is doing."""

    def gauges(self) -> Mapping[str, float]:
        """Return what holds right now, by name ('running', 'waiting', 'cache_used_ratio')."""
        ...


class Passed(Protocol):
    """An answer as bytes, while it comes. Close it, whatever happens.

    Attributes:
        content_type: Of the answer: 'application/json' or 'text/event-stream'.
        streamed: Whether it comes as events.
        began: Whether a piece of the answer came: text, reasoning or a tool call.
        acted: Whether the model has begun to call a tool.
        reply: The whole answer, once `read` has returned its last bytes; None before.
    """

    @property
    def content_type(self) -> str: ...  # noqa: D102  see above

    @property
    def streamed(self) -> bool: ...  # noqa: D102

    @property
    def began(self) -> bool: ...  # noqa: D102

    @property
    def acted(self) -> bool: ...  # noqa: D102

    @property
    def reply(self) -> Reply | None: ...  # noqa: D102

    async def read(self) -> bytes:
        """Return what came, of a stream whole events only; b'' after the last.

        Raises `ModelCallError` where the answer breaks off or reports an error.
        """
        ...

    def close(self) -> None:
        """Break off what has not come; a second time it does nothing."""
        ...


@runtime_checkable
class Passes(Protocol):
    """A model behind the OpenAI wire, which takes a request's body and answers in bytes."""

    async def pass_on(
        self,
        path: str,
        body: bytes,
        *,
        deadline_s: float,
        max_tokens: int | None = None,
        show_usage: bool = True,
    ) -> Passed:
        """Post a body that is known to be a JSON object, and return once an answer begins.

        The body goes up as it was read, of equal names the last, but for the model's name and for
        fields that nobody has judged.
        It is tried once.

        Args:
            path: Such as '/chat/completions' or '/embeddings'.
            body: As the caller sent it.
            deadline_s: Bounds the whole answer.
            max_tokens: Bounds the output where the body does not.
            show_usage: Whether a stream's event with nothing but the count of tokens is given.

        Raises:
            ModelCallError: no connection, another status than 200, another content type.
        """
        ...


async def collect(stream: AsyncIterator[Delta]) -> Reply:
    """Drain a stream and return the reply of its last delta."""
    reply: Reply | None = None
    async for delta in stream:
        reply = delta.reply or reply
    if reply is None:
        raise ModelCallError("cut_off", "the stream ended without a reply")
    return reply
