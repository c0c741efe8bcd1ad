"""One generation of the engine as an event loop sees it: submitted, taken piece by piece, ended.

Knows nothing of what the tokens mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from ossay.core.errors import ModelCallError
from ossay.engine import Constraint, Engine, GenerationError, Handle, Sampling
from ossay.models.local_delivery import Delivery

# Prompts above are handed in by a thread: checking ids takes a tenth of a microsecond each.
_LONG = 4096


class Run:
    """Leaves the engine at the end of its `with` block, whatever ended it.

    Args:
        seconds: How long it may take from when the engine begins with it.
    """

    def __init__(self, engine: Engine, delivery: Delivery, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._box = delivery.box()
        self._loop = delivery.loop
        self._timer: asyncio.TimerHandle | None = None
        self._handle: Handle | None = None

    @property
    def handle(self) -> Handle:
        """What the engine says of it; only after `submit`."""
        assert self._handle is not None
        return self._handle

    async def submit(
        self, prompt: Sequence[int], sampling: Sampling, constraint: Constraint | None
    ) -> None:
        """Hand it in. Raises `RequestError`, or `UsageError` where the engine is closed."""
        if constraint is None and len(prompt) <= _LONG:
            self._submit(prompt, sampling, constraint)
        else:  # a grammar may have to be compiled
            call = self._loop.run_in_executor(None, self._submit, prompt, sampling, constraint)
            try:
                await asyncio.shield(call)
            except asyncio.CancelledError:
                call.add_done_callback(self._abandoned)
                raise
        self._timer = self._loop.call_later(self._seconds, self._look_at_time)

    async def take(self) -> list[int]:
        """Return the next tokens, at least one; [] at the end.

        Raises `ModelCallError`: of kind deadline, or server_error where the engine failed.
        """
        tokens = await self._box.take()
        if self._box.expired:
            raise ModelCallError(
                "deadline", f"no whole answer within {self._seconds:g} s", began=self._began
            )
        if not tokens and (error := self.handle.error) is not None:
            text = str(error)
            if not isinstance(error, GenerationError):
                text = f"{type(error).__name__}: {text}"
            raise ModelCallError("server_error", text, began=self._began)
        return tokens

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._leave()

    @property
    def _began(self) -> bool:
        return self._handle is not None and self._handle.started is not None

    def _submit(
        self, prompt: Sequence[int], sampling: Sampling, constraint: Constraint | None
    ) -> None:
        self._handle = self._engine.submit(
            prompt, sampling, constraint, on_token=self._box.put, on_end=self._box.end
        )

    def _leave(self) -> None:
        if self._handle is not None:
            self._engine.cancel(self._handle)

    def _abandoned(self, submitted: asyncio.Future[None]) -> None:
        """It was cancelled while a thread handed it in, so it has a handle only now."""
        if not submitted.cancelled():
            submitted.exception()  # nobody waits for it any more
        self._leave()

    def _look_at_time(self) -> None:
        """Its time counts from when the engine began with it: no call fails for standing in line.

        The timer and the engine keep the same kind of time; where it began late, look again.
        """
        started = self.handle.started
        gone = 0.0 if started is None else self._engine.now() - started
        if gone < self._seconds:
            self._timer = self._loop.call_later(self._seconds - gone, self._look_at_time)
        else:
            self._box.expire()
