"""One answer of the engine: its phases run one after the other, and what they used is counted.

Knows nothing of how a request becomes a prompt, or of what the tokens mean.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import msgspec

from ossay.core.errors import ModelCallError
from ossay.core.types import Delta, Finish, Timing, Usage
from ossay.engine import Engine, Sampling
from ossay.models.clock import Clock
from ossay.models.local_delivery import Delivery
from ossay.models.local_phases import Phase, Phases
from ossay.models.local_run import Run
from ossay.models.local_text import Continuation
from ossay.models.local_turn import Turn

Spoken = Turn | Continuation


class Called:
    """When a call came, by Unix time, and how long it took until it was handed in."""

    def __init__(self, clock: Clock) -> None:
        self.at = clock.unix()
        self.prepared_s = 0.0
        self._began = clock.monotonic()

    def prepared(self, clock: Clock) -> None:
        """Note that it is handed in."""
        self.prepared_s = clock.monotonic() - self._began


class Speech:
    """An answer under way.

    Args:
        prompt: Token ids.
        sampling: The engine's; `max_tokens` counts over all phases.
        seconds: How long it may take from when the engine begins with it.

    Attributes:
        finish: Why it ended.
    """

    def __init__(
        self,
        engine: Engine,
        delivery: Delivery,
        prompt: Sequence[int],
        sampling: Sampling,
        seconds: float,
    ) -> None:
        self._engine = engine
        self._delivery = delivery
        self._prompt = prompt
        self._sampling = sampling
        self._seconds = seconds
        room = engine.sizes.context - len(prompt)
        if room < 1:
            raise ModelCallError(
                "context_exhausted",
                f"the prompt is {len(prompt)} tokens long and the context of this model "
                f"{engine.sizes.context}, the answer included; shorten the conversation",
            )
        self._room = room
        self._most = min(sampling.max_tokens or room, room)
        self._called = engine.now()
        self._started: float | None = None
        self._first_token: float | None = None
        self._cached = 0
        self._generated = 0
        self.finish: Finish = "stop"

    async def deltas(self, phases: Phases, turn: Spoken) -> AsyncGenerator[Delta]:
        """Run the phases; the first delta is empty, and says that the engine has taken the call."""
        phase: Phase | None = next(phases)
        taken = False
        while phase is not None:
            for delta in turn.feed(phase.given):
                yield delta
            left = self._left(turn)
            most = left - min(phase.spare, left // 2)
            if most < 1:
                self.finish = "length"
                break
            with Run(self._engine, self._delivery, self._seconds_left()) as run:
                await run.submit(
                    [*self._prompt, *turn.ids], self._sampling_of(most, phase), phase.constraint
                )
                if not taken:
                    yield Delta()
                    taken = True
                made: list[int] = []
                while not turn.over and (tokens := await run.take()):
                    made += tokens
                    if not phase.keep_stop and tokens[-1] in phase.stops:
                        del tokens[-1]
                    for delta in turn.feed(tokens):
                        yield delta
            self._note(run, len(made))
            self.finish = "length" if run.handle.finish == "length" else "stop"
            phase = None if turn.over else _following(phases, made)
        if turn.over:
            self.finish = "stop"
        for delta in turn.end():
            yield delta
        if turn.called and self.finish == "stop" and not turn.stopped:
            self.finish = "tool_calls"

    def usage(self, turn: Spoken) -> Usage:
        """Tokens: of the prompt, of it those found in the cache, generated, and of them thought."""
        return Usage(
            input_tokens=len(self._prompt),
            cached_input_tokens=self._cached,
            output_tokens=self._generated,
            reasoning_tokens=min(turn.reasoning_tokens, self._generated),
        )

    def timing(self, called_at: float, prepared_s: float) -> Timing:
        """Seconds since the engine began with it.

        `called_at` is the Unix time of the call, `prepared_s` what came before it was handed in.
        """
        started = self._called if self._started is None else self._started
        first = self._first_token
        return Timing(
            started_at=called_at + prepared_s + started - self._called,
            total_s=self._engine.now() - started,
            first_token_s=None if first is None else first - started,
            waited_s=prepared_s + started - self._called,
        )

    def _left(self, turn: Spoken) -> int:
        return min(self._most - self._generated, self._room - len(turn.ids))

    def _seconds_left(self) -> float:
        gone = 0.0 if self._started is None else self._engine.now() - self._started
        return self._seconds - gone

    def _sampling_of(self, most: int, phase: Phase) -> Sampling:
        return msgspec.structs.replace(self._sampling, max_tokens=most, stop_tokens=phase.stops)

    def _note(self, run: Run, made: int) -> None:
        handle = run.handle
        if self._started is None:
            self._started, self._first_token = handle.started, handle.first_token
            self._cached = handle.cached_tokens
        self._generated += made


def _following(phases: Phases, made: list[int]) -> Phase | None:
    try:
        return phases.send(tuple(made))
    except StopIteration:
        return None
