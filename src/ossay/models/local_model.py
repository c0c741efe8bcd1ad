"""A core.Model over our own engine: messages to tokens, tokens to deltas.

    request -> harmony.conversation -> harmony.render -> engine -> harmony.parser -> deltas

Knows nothing of references, files or HTTP.
"""

from __future__ import annotations

import asyncio
import datetime
import random
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Protocol

import msgspec

from ossay.core.errors import ModelCallError, UsageError
from ossay.core.model import collect
from ossay.core.types import Completion, Delta, ModelCard, Reply, Request
from ossay.core.types import Sampling as Asked
from ossay.engine import RequestError, Sampling
from ossay.harmony.kept import Kept
from ossay.harmony.vocabulary import Vocabulary
from ossay.models.clock import Clock
from ossay.models.local_phases import free, phases
from ossay.models.local_prompt import Loaded, chat_prompt, rules_of, text_prompt
from ossay.models.local_sampling import engine_sampling
from ossay.models.local_speech import Called, Speech, Spoken
from ossay.models.local_text import Continuation
from ossay.models.local_turn import Turn

_KEPT = 250_000  # tokens of turns; a token takes some 36 bytes
_ID_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Teacher(Protocol):
    """Tells kernels without weights what to say."""

    async def teach(
        self, asked: Request | Completion, prompt: list[int]
    ) -> AbstractContextManager[None]:
        """Set what comes after `prompt`, until the context ends."""
        ...


class Local:
    """Speaks harmony with an engine. Loaded by the first call, or by `load`.

    Args:
        card: What is known before it is loaded.
        open: Loads; called once, in a thread.
        clock: Gives the date that the model is told, and when a call began.
        rng: Draws ids of tool calls.
        teacher: Of kernels without weights.
    """

    def __init__(
        self,
        card: ModelCard,
        open: Callable[[], Loaded],
        *,
        clock: Clock,
        rng: random.Random,
        teacher: Teacher | None = None,
    ) -> None:
        self._card = card
        self._open = open
        self._clock = clock
        self._rng = rng
        self._teacher = teacher
        self._kept = Kept(_KEPT)
        self._repairs = 0
        self._loading = threading.Lock()
        self._ending = threading.Lock()  # of `_closed` and `_loaded` together
        self._loaded: Loaded | None = None
        self._closed = False

    @property
    def card(self) -> ModelCard:
        """What is known of the model; the context is exact once it is loaded."""
        return self._card

    async def load(self) -> None:
        """Be ready for anything: weights in memory, grammars at hand.

        Raises `UsageError` that says what is wrong.
        """
        loaded = await self._ready()
        await asyncio.to_thread(loaded.grammars.prepare)

    async def reply(self, request: Request) -> Reply:
        """Answer one request."""
        async with aclosing(self.stream(request)) as deltas:
            return await collect(deltas)

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Answer one request token by token; the last delta carries the reply.

        The first delta is empty: the engine has taken the request. Closing the generator frees its
        place at once. Loading and waiting for a place are not part of the deadline.
        """
        called = Called(self._clock)
        try:
            loaded = await self._ready()
            rules = await rules_of(request, loaded)
            prompt = await chat_prompt(request, loaded, self._kept, self._today())
            speech = self._speech(loaded, prompt, request.sampling, request.deadline_s)
            called.prepared(self._clock)
            turn = self._turn(request, loaded.vocabulary)
            steps = phases(request, rules, loaded.vocabulary)
            with await self._taught(request, prompt):
                async with aclosing(speech.deltas(steps, turn)) as deltas:
                    async for delta in deltas:
                        yield delta
        except UsageError as error:
            raise _refused(error) from None
        self._repairs += turn.repairs
        if turn.whole and not turn.stopped:
            self._kept.remember(turn.message(), turn.ids)
        yield Delta(reply=self._reply(speech, turn, called))

    async def complete(self, completion: Completion) -> AsyncGenerator[Delta]:
        """Go on with a text; names of control tokens in it, such as `<|start|>`, are these tokens.

        The text ends where the model ends its turn. The last delta carries the reply.
        """
        called = Called(self._clock)
        try:
            loaded = await self._ready()
            prompt = await text_prompt(completion.prompt, loaded)
            sampling = completion.sampling
            speech = self._speech(loaded, prompt, sampling, completion.deadline_s)
            called.prepared(self._clock)
            text = Continuation(loaded.vocabulary, sampling.stop)
            with await self._taught(completion, prompt):
                async with aclosing(speech.deltas(free(), text)) as deltas:
                    async for delta in deltas:
                        yield delta
        except UsageError as error:
            raise _refused(error) from None
        yield Delta(reply=self._reply(speech, text, called))

    def gauges(self) -> dict[str, float]:
        """Return what holds now and counts since it was loaded, by name; empty before."""
        loaded = self._loaded
        if loaded is None:
            return {}
        stats, blocks = loaded.engine.stats(), loaded.engine.sizes.full_blocks
        return {
            "running": stats.running,
            "waiting": stats.waiting,
            "cache_used_ratio": 1 - stats.full_blocks_free / blocks,
            "steps": stats.steps,
            "preemptions": stats.preemptions,
            "prompt_tokens": stats.prompt_tokens,
            "cached_tokens": stats.cached_tokens,
            "generated_tokens": stats.generated_tokens,
            "format_repairs": self._repairs,
            **{f"ended_{how}": count for how, count in stats.ended.items()},
        }

    async def aclose(self) -> None:
        """Stop what runs, end the engine's thread and free the memory."""
        with self._ending:
            self._closed = True
            loaded, self._loaded = self._loaded, None
        if loaded is not None:
            await asyncio.to_thread(loaded.close)

    def _turn(self, request: Request, vocabulary: Vocabulary) -> Turn:
        return Turn(
            vocabulary,
            self._new_id,
            stops=request.sampling.stop,
            calls=bool(request.tools) and request.tool_choice != "none",
            several=request.parallel_tool_calls is True,
            json=request.response_schema is not None,
        )

    def _speech(self, loaded: Loaded, prompt: list[int], asked: Asked, seconds: float) -> Speech:
        sampling = Sampling(temperature=0.0) if self._teacher else engine_sampling(asked)
        if self._teacher:
            sampling = msgspec.structs.replace(sampling, max_tokens=asked.max_tokens)
        return Speech(loaded.engine, loaded.deliveries.here(), prompt, sampling, seconds)

    def _reply(self, speech: Speech, spoken: Spoken, called: Called) -> Reply:
        return Reply(
            spoken.message(),
            speech.usage(spoken),
            speech.timing(called.at, called.prepared_s),
            finish=speech.finish,
            model=self._card.reference,
        )

    async def _taught(
        self, asked: Request | Completion, prompt: list[int]
    ) -> AbstractContextManager[None]:
        if self._teacher is None:
            return nullcontext()
        return await self._teacher.teach(asked, prompt)

    async def _ready(self) -> Loaded:
        loaded = self._loaded
        if loaded is None and not self._closed:
            loaded = await asyncio.to_thread(self._load)
        if loaded is None or self._closed:
            raise ModelCallError("refused", "this model was closed; open it again")
        return loaded

    def _load(self) -> Loaded | None:
        """Load it unless it is; None where it was closed meanwhile."""
        with self._loading:
            if self._loaded is None and not self._closed:
                loaded = self._open()
                self._card = msgspec.structs.replace(
                    self._card, context_tokens=loaded.engine.sizes.context
                )
                self._keep(loaded)
            return self._loaded

    def _keep(self, loaded: Loaded) -> None:
        with self._ending:
            if not self._closed:
                self._loaded = loaded
                return
        loaded.close()

    def _today(self) -> str:
        now = datetime.datetime.fromtimestamp(self._clock.unix(), datetime.UTC)
        return now.date().isoformat()

    def _new_id(self) -> str:
        return "call_" + "".join(self._rng.choices(_ID_LETTERS, k=24))


def _refused(error: UsageError) -> ModelCallError:
    overflow = isinstance(error, RequestError) and error.code == "context_overflow"
    return ModelCallError("context_exhausted" if overflow else "refused", str(error))
