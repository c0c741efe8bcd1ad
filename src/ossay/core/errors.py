"""The errors of the house: one small tree.

    OssayError
    ├── UsageError            the user asked for something that cannot be; exit code 2
    │   ├── ConfigError         a file or option has an unknown key or a bad value
    │   ├── UnknownName         no such model, provider, suite, task, campaign
    │   ├── MissingKey          the environment variable with an API key is not set
    │   ├── LedgerError         the ledger cannot be read, or is from a newer version
    │   └── SandboxUnavailable  nothing here can confine what a model runs
    ├── ModelCallError        one call of a model failed; never an answer
    └── EnvironmentDefect     the machine lacks what a task needs; never the model's fault

Knows nothing of how an error is shown: `cli` prints the text and picks the exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

CallErrorKind = Literal[
    "connection",  # refused, reset, DNS: no HTTP answer
    "deadline",  # the call's own deadline passed
    "rate_limited",  # 429 after every retry that was allowed
    "server_error",  # 5xx
    "refused",  # 4xx: bad key, bad request, unknown model
    "cut_off",  # the stream ended before it said that it was finished
    "bad_response",  # not what the protocol promises: broken JSON, no choices, error in a 200
    "context_exhausted",  # the request is longer than the model's context
]


class OssayError(Exception):
    """The root: everything ossay raises on purpose."""


class UsageError(OssayError):
    """The user asked for something that cannot be. The text names the value and the next step."""


class ConfigError(UsageError):
    """A configuration file or option has an unknown key or a bad value."""


class UnknownName(UsageError):
    """No model, provider, suite, task or campaign of that name."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> UnknownName:
        """Build the error with the nearest known names, for example kind='suite'."""
        near = nearest(name, known)
        stop = "" if near.endswith("?") else "."
        return cls(
            f"no {kind} {name!r}{near}{f'{stop} {hint[:1].upper()}{hint[1:]}' if hint else ''}"
        )


class MissingKey(UsageError):
    """The environment variable that holds an API key is not set."""


class LedgerError(UsageError):
    """The ledger cannot be opened, is not a ledger, or was written by a newer version."""


class SandboxUnavailable(UsageError):
    """No sandbox works here, and the user did not say --trust-local."""


class ModelCallError(OssayError):
    """A call of a model that failed.

    Attributes:
        kind: What went wrong, see `CallErrorKind`.
        status: The HTTP status, where there was one.
        attempts: How many times the call was tried.
        began: Whether the model was seen at work: a piece of its answer had come, or, where it
            runs in this process, it had begun to read.
        waited_s: Seconds before the last attempt was sent: for a free slot, or after refusals.
        acted: Whether the model had begun to call a tool.
        retry_after_s: Seconds after which it is worth asking again, where somebody said so.
    """

    def __init__(
        self,
        kind: CallErrorKind,
        text: str,
        *,
        status: int | None = None,
        attempts: int = 1,
        began: bool = False,
        acted: bool = False,
        waited_s: float = 0.0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(text)
        self.kind: CallErrorKind = kind
        self.status = status
        self.attempts = attempts
        self.began = began
        self.acted = acted
        self.waited_s = waited_s
        self.retry_after_s = retry_after_s


class EnvironmentDefect(OssayError):
    """The machine lacks what a task needs (a test runner, sqlite): infrastructure, not model."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return '; did you mean 'x'?' or '; known: …' for an error text, '' when nothing is known."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(names)}" if names else ""
