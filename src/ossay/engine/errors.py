"""Errors of the engine, below the house's tree.

    UsageError
    ├── CheckpointError   the files are not a whole gpt-oss model; the text names the tensor or key
    └── RequestError      token ids or sampling that cannot be served (`code` says which kind)
    OssayError
    └── GenerationError   a sequence that had begun and cannot go on

Knows nothing of HTTP.
"""

from __future__ import annotations

from typing import Literal

from ossay.core.errors import OssayError, UsageError

RequestCode = Literal["empty_prompt", "context_overflow", "bad_token", "bad_sampling", "bad_schema"]


class CheckpointError(UsageError):
    """The files are not a whole, sound gpt-oss model. Names the tensor, key or file."""


class RequestError(UsageError):
    """A request that the engine refuses before any arithmetic."""

    def __init__(self, code: RequestCode, text: str) -> None:
        super().__init__(text)
        self.code: RequestCode = code


class GenerationError(OssayError):
    """A sequence that had begun and cannot go on: NaN, a grammar's dead end, failed arithmetic."""
