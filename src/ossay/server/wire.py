"""What every API of the server has in common: a body becomes a question, a reply becomes bytes.

An API is three pure things, so that each can be read and tested without HTTP: `Api.decode` reads a
body, the `Asked` that it returns says what the model is to be asked, and `Asked.encoder` writes
what comes back, whole or piece by piece. Transport is `app`'s. Knows nothing of any one API.
"""

from __future__ import annotations

from typing import Protocol

from ossay.core.types import Completion, Delta, Reply, Request
from ossay.server.errors import ApiError


class Encoder(Protocol):
    """Writes one answer. A stream is `begin`, `piece`*, then `end` or `failed`."""

    def whole(self, reply: Reply) -> bytes:
        """Return the JSON body of an answer that is not streamed."""
        ...

    def begin(self) -> bytes:
        """Return the events before the first piece; b'' where there are none."""
        ...

    def piece(self, delta: Delta) -> bytes:
        """Return the events of one piece; b'' for an empty one."""
        ...

    def end(self, reply: Reply) -> bytes:
        """Return the events that end the stream, the terminator included."""
        ...

    def failed(self, error: ApiError) -> bytes:
        """Return the events that end a stream that had begun and cannot go on."""
        ...


class Asked(Protocol):
    """A decoded request."""

    @property
    def model(self) -> str:
        """The name that the client asks for."""
        ...

    @property
    def stream(self) -> bool:
        """Whether the answer is wanted as server-sent events."""
        ...

    @property
    def request(self) -> Request | Completion:
        """What the model is to be asked."""
        ...

    @property
    def ignored(self) -> tuple[str, ...]:
        """Fields of the body that this server does not know."""
        ...

    def encoder(self, *, created: int, unique: str) -> Encoder:
        """Return a fresh encoder; `created` is Unix time, `unique` makes its ids differ."""
        ...


class Api(Protocol):
    """One POST endpoint of the OpenAI wire. `path` is as in '/v1/chat/completions'."""

    path: str

    def decode(self, body: bytes) -> Asked:
        """Read a body. Raises `ApiError`."""
        ...
