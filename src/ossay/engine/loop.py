"""The stepping thread: plan, compute, choose, tell; again, until closed.

It starts with the first sequence and sleeps when there is nothing to do. All callbacks come from
it, so for one sequence they never overlap and none comes after its end. Where something fails, the
sequences that it concerns fail with that error, the others go on, and nobody waits for ever.

Knows nothing of requests that are refused, or of what the numbers mean.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ossay.core.errors import UsageError
from ossay.engine.choosing import Chooser, choose
from ossay.engine.draw import Draw
from ossay.engine.errors import GenerationError
from ossay.engine.handle import Handle
from ossay.engine.kernels import Choices, Kernels
from ossay.engine.scheduler import Part, Scheduler, Step
from ossay.engine.sequence import Finish, Token

_log = logging.getLogger(__name__)


class Loop:
    """Runs a scheduler's steps on a backend.

    Attributes:
        changed: Guards the scheduler and all counts below.
        counts: steps, prompt, cached and generated tokens, and each way to end.
        watchers: Called after each step, when its tokens and ends have been told.
    """

    def __init__(
        self, kernels: Kernels, memory: Any, scheduler: Scheduler, clock: Callable[[], float]
    ) -> None:
        self.changed = threading.Condition()
        self.scheduler = scheduler
        self.counts: Counter[str] = Counter()
        self.clock = clock
        self.watchers: tuple[Callable[[], None], ...] = ()
        self._chooser = Chooser(kernels, memory)
        self._live: dict[int, Handle] = {}
        self._thread: threading.Thread | None = None
        self._closing = False
        self._arrived = 0
        self._process = os.getpid()

    def add(self, handle: Handle) -> None:
        """Queue a sequence; raises UsageError after `close`, and in a process that was forked."""
        if os.getpid() != self._process:  # fork(2) copies no thread: it would wait for ever
            raise UsageError(
                f"this engine was loaded by process {self._process!r}, and a forked process has "
                "none of its threads; load the model after the fork"
            )
        with self.changed:
            if self._closing:
                raise UsageError("this engine is closed; load the model again")
            self._arrived += 1
            handle.sequence.number = self._arrived
            self.scheduler.add(handle.sequence)
            self._live[self._arrived] = handle
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ossay-engine", daemon=True)
                self._thread.start()
                atexit.register(
                    self.close
                )  # native code must not run while Python takes itself down
            self.changed.notify_all()

    def cancel(self, handle: Handle) -> None:
        """End a sequence before the next step."""
        with self.changed:
            handle.cancelling = True
            self.changed.notify_all()

    def close(self) -> None:
        """Stop after the current step and fail whatever is left. May be called from a callback."""
        if os.getpid() != self._process:
            return  # the threads are another process's, and so may be the lock
        with self.changed:
            self._closing = True
            self.changed.notify_all()
            thread = self._thread
        atexit.unregister(self.close)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while True:
            with self.changed:
                while not self._live and not self._closing:
                    self.changed.wait()
                live = list(self._live.values())
                closing = self._closing
            if closing:
                for handle in live:
                    self._end(handle, "error", GenerationError("the engine was closed"))
                self._tell_watchers()
                return
            try:
                for handle in live:
                    if handle.cancelling:
                        self._end(handle, "cancelled")
                self._step()
            except Exception as error:  # noqa: BLE001  a fault of ours: nobody may be left waiting
                for handle in live:
                    self._fail(handle, error)
            self._tell_watchers()

    def _tell_watchers(self) -> None:
        for watcher in self.watchers:
            try:
                watcher()
            except Exception:  # noqa: BLE001  it concerns no sequence
                _log.exception("a watcher of the engine failed; the engine goes on")

    def _step(self) -> None:
        with self.changed:
            step = self.scheduler.plan()
            if step is None:
                if self._live:
                    raise GenerationError("no sequence can go on; this is a fault of the engine")
                return
            self.counts["steps"] += 1
            handles = [self._live[part.sequence.number] for part in step.parts]
            self._note_starts(handles)
        try:
            guides = [handle.guide for handle in handles]
            choices, draws = self._chooser.compute(step.batch, zip(step.parts, guides, strict=True))
        except Exception as error:  # noqa: BLE001  whatever it was, those in the batch must hear it
            for handle in handles:
                self._fail(handle, error)
            return
        with self.changed:
            self.scheduler.computed(step)
        self._deliver(step, handles, choices, draws)

    def _deliver(
        self, step: Step, handles: list[Handle], choices: Choices, draws: list[Draw | None]
    ) -> None:
        for part, handle in zip(step.parts, handles, strict=True):
            if handle.cancelling:
                continue
            try:
                if part.sequence.scoring:
                    self._score(handle, part, choices.logits(part.first, part.last))
                elif part.last > part.first:
                    self._choose(handle, part.first, choices, draws[part.first])
            except Exception as error:  # noqa: BLE001  it concerns this sequence only
                self._fail(handle, error)
            except BaseException as error:  # noqa: BLE001  sys.exit in a callback: as well
                self._fail(handle, GenerationError(f"its callback raised {error!r}"))

    def _score(self, handle: Handle, part: Part, rows: NDArray[np.float32]) -> None:
        if handle.sequence.computed == part.count:  # after a preemption it begins anew
            handle.rows.clear()
        if not (math.isfinite(rows.max()) and math.isfinite(rows.min())):  # NaN is either
            raise GenerationError(
                "the model gave logits that are not finite: its weights hold numbers too large to "
                "compute with; check the files (ossay pull MODEL)"
            )
        handle.rows.append(rows.copy())  # a backend may use its array again
        if handle.sequence.pending == 0:
            self._end(handle, "length")

    def _choose(self, handle: Handle, row: int, choices: Choices, draw: Draw | None) -> None:
        """Choose the next token of one sequence, hand it out, and end what is to end."""
        sequence, sampler = handle.sequence, handle.sequence.sampler
        assert sampler is not None  # else it would be scoring
        token, logprob, top = choose(choices, row, draw, sampler, handle.guide)
        finish: Finish | None = None
        if token in sampler.stops:
            finish = "stop"
        elif len(sequence.tokens) + 1 >= sequence.limit:
            finish = "length"
        with self.changed:
            sequence.tokens.append(token)
            self.counts["generated"] += 1
        if handle.first_token is None:
            handle.first_token = self.clock()
        if handle.on_token is not None:
            handle.on_token(Token(token, logprob, top, finish))
        if finish is not None:
            self._end(handle, finish)

    def _note_starts(self, handles: list[Handle]) -> None:
        for handle in handles:
            if handle.started is None:
                handle.started = self.clock()
                self.counts["prompt"] += handle.prompt_tokens
                self.counts["cached"] += handle.cached_tokens

    def _fail(self, handle: Handle, error: Exception) -> None:
        self._end(handle, "error", error)

    def _end(self, handle: Handle, finish: Finish, error: Exception | None = None) -> None:
        with self.changed:
            if self._live.pop(handle.sequence.number, None) is None:
                return
            self.scheduler.end(handle.sequence)
            self.counts[finish] += 1
        handle.close(finish, error, self.clock())
