"""State: how the routes are right now: breakers, tripped strata, the log's queue.

Asked when somebody looks. Knows nothing of what is shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ossay.router.breaker import Breaker
from ossay.router.planner import Tripping
from ossay.router.stage import Upstream
from ossay.router.work import Parts


@runtime_checkable
class Queued(Protocol):
    """A log that says how it keeps up, as `store.decisions.DecisionLog` does."""

    @property
    def waiting(self) -> int:
        """Entries on their way to the disk."""
        ...

    @property
    def lost(self) -> int:
        """Entries that could not be written."""
        ...

    @property
    def trouble(self) -> str:
        """Why the last of them could not be, '' where none was lost."""
        ...


class State:
    """Looks at the parts of all routes.

    Args:
        parts: One for each route.
        more: Models that routes ask besides, as for embeddings.
        log: The log that all of them write; None where there is none.
    """

    def __init__(
        self, parts: Iterable[Parts], log: Queued | None = None, more: Iterable[Upstream] = ()
    ) -> None:
        self.parts = tuple(parts)
        self._more = tuple(more)
        self.log = log

    def upstreams(self) -> dict[str, Upstream]:
        """Every model that a route asks while somebody waits, by reference."""
        found = {one.name: one for one in self._more}
        for parts in self.parts:
            named = [parts.cheap, *parts.strong]
            named += [parts.validator] if parts.validator is not None else []
            found.update((one.name, one) for one in named)
        return found

    def breakers(self) -> dict[str, Breaker]:
        """Model -> its breaker."""
        return {name: one.breaker for name, one in sorted(self.upstreams().items())}

    def tripped(self) -> dict[str, str]:
        """Stratum -> why it goes to the strong model only."""
        found: dict[str, str] = {}
        for parts in self.parts:
            if isinstance(parts.planner, Tripping):
                found.update(parts.planner.tripped)
        return found
