"""Router: a Model that drafts cheaply, validates, and publishes only what may go out.

It is one route with its models. `ask` tells it who asks; as a plain Model it serves a caller that
nothing is known of. Knows nothing of HTTP, of files, or of where its models run.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from ossay.core.errors import ConfigError
from ossay.core.model import collect
from ossay.core.types import Delta, ModelCard, Reply, Request
from ossay.router.serving import Serving
from ossay.router.work import Caller, Parts


class Router:
    """Serves one route, see the module. Its models are closed by whoever made them.

    Raises:
        ConfigError: a route without a strong model, or with budgets over a model without a price.
    """

    def __init__(self, parts: Parts) -> None:
        name = parts.route.name
        if not parts.strong:
            raise ConfigError(f"route {name!r} has no strong model; name one")
        asked = [parts.cheap, *parts.strong]
        asked += [parts.validator] if parts.validator is not None else []
        unpriced = [one.name for one in asked if one.model.card.price is None]
        if parts.budgets and unpriced:
            raise ConfigError(
                f"route {name!r}: budgets need the price of {unpriced[0]!r}; give it in ossay.toml"
            )
        if parts.route.audit_share and parts.auditor is None:
            raise ConfigError(f"route {name!r}: audit_share needs an auditor and a log")
        limits = [one.model.card.context_tokens for one in parts.strong]
        known = [limit for limit in limits if limit is not None]
        self.parts = parts
        self.card = ModelCard(
            f"router/{name}",
            context_tokens=min(known, default=None),
            details={"cheap": parts.cheap.name, "strong": parts.strong[0].name},
        )

    def ask(self, request: Request, caller: Caller) -> Serving:
        """Return the serving of one request; iterate its `stream`."""
        return Serving(self.parts, request, caller)

    async def reply(self, request: Request) -> Reply:
        """Answer one request."""
        async with aclosing(self.stream(request)) as deltas:
            return await collect(deltas)

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Answer piece by piece; what is held comes at once, after heartbeats."""
        async with aclosing(self.ask(request, Caller()).stream()) as deltas:
            async for delta in deltas:
                yield delta

    async def aclose(self) -> None:
        """Break off the audits that are on their way."""
        if self.parts.auditor is not None:
            await self.parts.auditor.aclose()
