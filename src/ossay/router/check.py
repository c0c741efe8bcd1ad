"""Check: something that runs and judges a draft: tests, a type check, a schema.

A check is the caller's; it is asked before any validator, and what it rejects is not published,
whatever a validator says. Knows nothing of models.
"""

from __future__ import annotations

from typing import Protocol

from ossay.core.types import Message, Request
from ossay.router.schema import Schema
from ossay.router.verdict import Verdict


class Check(Protocol):
    """An executable validator. Whatever it raises counts as no verdict."""

    async def __call__(self, request: Request, draft: Message) -> Verdict:
        """Judge a draft."""
        ...


class FollowsSchema:
    """Approves a draft whose text is one JSON value that follows a schema.

    Args:
        schema: Its keywords must be among those that `Schema` knows; raises `ConfigError`.
    """

    def __init__(self, schema: object) -> None:
        self._schema = Schema(schema)

    async def __call__(self, request: Request, draft: Message) -> Verdict:
        """Judge a draft; one that calls tools has no answer yet, and is rejected."""
        if draft.tool_calls:
            return Verdict("reject", 0.0, "it calls a tool instead of answering")
        wrong = self._schema.fault_of_text(draft.content)
        return Verdict("reject", 0.0, wrong) if wrong else Verdict("approve", 1.0, "it follows")
