"""The models of a gateway: each opened once, behind one breaker, shared by all routes.

Knows nothing of what the routes do with them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ossay.agent.dialects import JsonAction
from ossay.cli.gateway_source import Source
from ossay.core.errors import UsageError
from ossay.core.model import Loads, Passes
from ossay.core.settings import Settings
from ossay.models.resolve import open_model
from ossay.models.retry import RetryPolicy
from ossay.models.scripted import Rehearsal
from ossay.router.breaker import Breaker
from ossay.router.stage import Upstream

if TYPE_CHECKING:
    from ossay.core.model import Model
    from ossay.core.types import ModelCard
    from ossay.gateway.file import RouteTable
    from ossay.gateway.lines import Path as Place

# A route says what is tried again, and counts it.
_ONCE = RetryPolicy(attempts=1)


class Models:
    """Opens what the file names; nothing is called yet. Close it, whatever happens.

    Raises:
        ConfigError: a reference that can't be opened, with its line: no such provider, no key in
            the environment, a script that needs a campaign, no endpoint to embed.
    """

    def __init__(self, source: Source, settings: Settings, environ: Mapping[str, str]) -> None:
        self._upstreams: dict[str, Upstream] = {}
        for name, table in source.file.routes.items():
            for place, reference in _named(name, table):
                if reference in self._upstreams:
                    continue
                with source.blaming(place, f" = {reference!r}"):
                    model = _open(reference, settings, environ)
                self._upstreams[reference] = Upstream(model, Breaker(time.monotonic, table.breaker))
            embeds = table.embeddings
            if embeds is not None and not isinstance(self[embeds].model, Passes):
                said = f"routes.{name}.embeddings = {embeds!r} is behind no OpenAI endpoint"
                source.fail(("routes", name, "embeddings"), f"{said}; name one that is")

    def __getitem__(self, reference: str) -> Upstream:
        return self._upstreams[reference]

    @property
    def cards(self) -> dict[str, ModelCard]:
        """What is known of each, by its reference in the file."""
        return {reference: one.model.card for reference, one in self._upstreams.items()}

    async def load(self) -> None:
        """Have those read their weights that have some. Raises `UsageError`."""
        for upstream in self._upstreams.values():
            if isinstance(upstream.model, Loads):
                from ossay.cli.serve_load import load

                await load(upstream.model)

    async def aclose(self) -> None:
        """Close them all; the first error is raised when all are closed."""
        failed: Exception | None = None
        for upstream in self._upstreams.values():
            try:
                await upstream.model.aclose()
            except Exception as error:  # noqa: BLE001  the others are closed as well
                failed = failed or error
        if failed is not None:
            raise failed


def _named(name: str, table: RouteTable) -> list[tuple[Place, str]]:
    """Each model that a route names, and where."""
    place: Place = ("routes", name)
    several = not isinstance(table.strong, str)
    found: list[tuple[Place, str | None]] = [
        ((*place, "cheap"), table.cheap),
        ((*place, "validator"), table.validator),
        *(
            ((*place, "strong", number) if several else (*place, "strong"), one)
            for number, one in enumerate(table.strongs)
        ),
        ((*place, "auditor"), table.auditor if table.audit_share else None),
        ((*place, "embeddings"), table.embeddings),
    ]
    return [(where, one) for where, one in found if one is not None]


def _open(reference: str, settings: Settings, environ: Mapping[str, str]) -> Model:
    model = open_model(reference, settings=settings, environ=environ, retry=_ONCE)
    if isinstance(model, Rehearsal):
        raise UsageError(
            "it plays in campaigns only; the scripts for a gateway are 'scripted/drafter', "
            "'scripted/validator', 'scripted/expert' and 'scripted/faulty'"
        )
    return JsonAction(model) if model.card.dialect == "json_action" else model
