"""Failures of calls: what they mean to the breaker, to the bill and to the caller.

Knows nothing of how a call is made.
"""

from __future__ import annotations

from ossay.core.errors import ModelCallError
from ossay.router.breaker import Told

# Failures that say nothing of the model: the request is at fault.
_OF_THE_REQUEST = (400, 413, 422)
# Failures by which nothing can have been generated, unless a piece of it was seen.
_FREE = ("connection", "rate_limited", "refused", "server_error", "context_exhausted")


class NotAsked(ModelCallError):
    """The breaker is open: the model was left alone."""

    def __init__(self, name: str, wait_s: float) -> None:
        text = f"{name!r} keeps failing and is left alone for another {wait_s:.1f} s"
        super().__init__("server_error", text, status=503, attempts=0, retry_after_s=wait_s or None)


class NoTime(ModelCallError):
    """The deadline has passed before the model could be asked."""

    def __init__(self, name: str) -> None:
        super().__init__("deadline", f"no time is left to ask {name!r}", attempts=0)


class Withheld(ModelCallError):
    """There is a draft, or was to be one, and nothing came of it that may go out."""

    def __init__(self, why: str, failed: ModelCallError) -> None:
        text = f"nothing that may be published: {why}; then {failed}"
        super().__init__(failed.kind, text, status=503, retry_after_s=failed.retry_after_s)


def told_of(error: ModelCallError) -> Told:
    """What a failed call tells its breaker: nothing where the request was at fault."""
    of_the_request = error.kind == "context_exhausted" or error.status in _OF_THE_REQUEST
    return "no_matter" if of_the_request else "failed"


def free_of_charge(error: ModelCallError) -> bool:
    """Whether nothing can have been generated."""
    return error.kind in _FREE and not error.began
