"""What a caller holds of a sequence that it submitted: how far it is, and how it ended.

Written by the engine's stepping thread, read from any. Knows nothing of how tokens are made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ossay.engine.constraint import Guide
from ossay.engine.errors import GenerationError
from ossay.engine.sequence import Finish, Sequence, Token


class Handle:
    """A submitted sequence. All times are of the engine's clock, in seconds; None: not yet.

    Attributes:
        submitted: When it was handed in.
        started: When its first token was about to be computed.
        first_token: When its first token was generated.
        ended: When it ended.
        finish: How it ended; None while it goes on.
        error: Why it failed.
    """

    def __init__(
        self,
        sequence: Sequence,
        guide: Guide | None,
        on_token: Callable[[Token], None] | None,
        on_end: Callable[[Handle], None] | None,
        submitted: float,
    ) -> None:
        self.sequence = sequence
        self.guide = guide
        self.on_token = on_token
        self.on_end = on_end
        self.submitted = submitted
        self.started: float | None = None
        self.first_token: float | None = None
        self.ended: float | None = None
        self.finish: Finish | None = None
        self.error: Exception | None = None
        self.cancelling = False
        self.rows: list[NDArray[np.float32]] = []  # of a scoring sequence
        self._done = threading.Event()

    @property
    def prompt_tokens(self) -> int:
        """Tokens that were handed in."""
        return self.sequence.prompt

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that were found in the cache instead of being computed."""
        return self.sequence.cached or 0

    @property
    def generated_tokens(self) -> int:
        """Tokens generated so far."""
        return len(self.sequence.tokens) - self.sequence.prompt

    def result(self, timeout: float | None = None) -> list[int]:
        """Wait for the end and return the generated ids.

        Raises:
            TimeoutError: it had not ended after `timeout` seconds; it goes on.
            Exception: what it failed with.
        """
        if not self._done.wait(timeout):
            raise TimeoutError(f"the sequence has not ended after {timeout!r} s; wait or cancel it")
        if self.error is not None:
            raise self.error
        return self.sequence.generated

    def close(self, finish: Finish, error: Exception | None, now: float) -> None:
        """Note the end and tell those who wait; only the engine calls this, once."""
        self.finish, self.error, self.ended = finish, error, now
        try:
            if self.on_end is not None:
                self.on_end(self)
        except Exception as raised:  # noqa: BLE001  whoever waits must hear of it, and be woken
            self.error = self.error or raised
        except BaseException as raised:  # noqa: BLE001  sys.exit must not end the engine's thread
            self.error = self.error or GenerationError(f"its callback raised {raised!r}")
        finally:
            self._done.set()
