"""Scripts spoken through the real thing: `played/NAME` is `scripted/NAME` token by token.

The script's message is written in harmony, kernels without weights are taught to say it, and from
there on all is as with a model: the engine's scheduler and cache, the parser, the kept tokens. So
a whole server can be tried without weights. Knows nothing of what the scripts say.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import msgspec

from ossay.core.settings import Settings
from ossay.core.task import Instance
from ossay.core.types import Completion, Message, ModelCard, Request, ToolCall
from ossay.engine import Engine
from ossay.engine.kernels.null import Null
from ossay.engine.shape import ModelShape
from ossay.engine.sizing import sizes_for
from ossay.harmony.vocabulary import VOCABULARY_SIZE, Vocabulary, find_file, load
from ossay.models.caller import arguments_of
from ossay.models.clock import Clock, SystemClock
from ossay.models.json_example import example
from ossay.models.local import LoadOptions, load_options
from ossay.models.local_model import Local
from ossay.models.local_phases import forces_answer, forces_call
from ossay.models.local_prompt import Loaded
from ossay.models.local_words import CALL, END, RETURN, Words
from ossay.models.scripted import FREE, Rehearsal, Scripted, scripted

_CACHE_BYTES = 16 << 20  # of kernels without weights: about 800,000 positions
_SLOTS = 64

# What is said where a grammar or a limit has led away from the script: ids of o200k for RETURN,
# CALL, END and then `"`, `}`, `]`, `1`, which bring any JSON to its end.
_ENDINGS = (RETURN, CALL, END, 1, 92, 60, 16)

# Two layers, one that sees everything and one that slides: all that the cache can tell apart.
SHAPE = ModelShape(
    layers=2,
    hidden=32,
    intermediate=32,
    experts=1,
    experts_per_token=1,
    heads=1,
    kv_heads=1,
    head_dim=2,
    vocab=VOCABULARY_SIZE,
    window=128,
    sliding=(True, False),
)


class Stage:
    """An engine without weights, made when first asked for, and what it is taught.

    Args:
        vocabulary: Reads it.
        options: `context` and `slots` of them count.
    """

    def __init__(
        self, vocabulary: Callable[[], Vocabulary], options: LoadOptions | None = None
    ) -> None:
        options = options or LoadOptions()
        self.context = options.context or SHAPE.max_positions
        self.slots = options.slots or _SLOTS
        self.kernels = Null(SHAPE, endings=_ENDINGS)
        self._vocabulary = vocabulary
        self._opening = threading.Lock()
        self._loaded: Loaded | None = None

    def open(self) -> Loaded:
        """Return the engine, the same each time."""
        with self._opening:
            if self._loaded is None:
                sizes = sizes_for(
                    self.kernels, _CACHE_BYTES, context=self.context, max_sequences=self.slots
                )
                vocabulary = self._vocabulary()
                engine = Engine(self.kernels, sizes)
                self._loaded = Loaded(engine, vocabulary)
            return self._loaded

    @contextmanager
    def playing(self, prompt: list[int], answer: list[int]) -> Iterator[None]:
        """Have `answer` follow `prompt`, until the context ends."""
        lesson = self.kernels.teach(prompt, answer[: SHAPE.max_positions - len(prompt)])
        try:
            yield
        finally:
            self.kernels.forget(lesson)


class Prompter:
    """Teaches a stage what a script says."""

    def __init__(self, stage: Stage, script: Scripted | Rehearsal) -> None:
        self._stage = stage
        self._script = script

    async def teach(
        self, asked: Request | Completion, prompt: list[int]
    ) -> AbstractContextManager[None]:
        """Make the script's answer follow `prompt`, until the context ends."""
        words = Words(self._stage.open().vocabulary)
        if isinstance(asked, Completion):
            text = asked.prompt if isinstance(asked.prompt, str) else words.read(asked.prompt)
            said = (await self._script.reply(Request((Message("user", text),)))).message
            answer = [*words.text(said.content), RETURN]
        else:
            seen = as_prompted(asked, prompt, words)
            said = _obedient((await self._script.reply(seen)).message, asked)
            thinks = forces_call(asked) or forces_answer(asked)
            answer = spoken(said, words, thinks=thinks)
        return self._stage.playing(prompt, answer)


class Played(Local):
    """Speaks what a script says, see the module."""

    def __init__(
        self,
        name: str,
        script: Scripted | Rehearsal,
        stage: Stage,
        *,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        card = ModelCard(
            f"played/{name}",
            price=FREE,
            context_tokens=stage.context,
            details={"backend": "null", "slots": str(stage.slots)},
        )
        super().__init__(card, stage.open, clock=clock, rng=rng, teacher=Prompter(stage, script))
        self._name = name
        self._script = script
        self._stage = stage

    def rehearse(self, instance: Instance) -> Played:
        """Return the player of this instance's script; it shares this one's engine."""
        if not isinstance(self._script, Rehearsal):
            return self
        script = self._script.rehearse(instance)
        return Played(self._name, script, self._stage, clock=self._clock, rng=self._rng)


def open_played(
    name: str, settings: Settings, environ: Mapping[str, str], rng: random.Random | None = None
) -> Played:
    """Open `played/NAME`; `?context=` and `?slots=` as of `local/`.

    Raises `UsageError` where the vocabulary is not here.
    """
    base, _, query = name.partition("?")
    stage = Stage(partial(load, find_file(settings, environ)), load_options(name, query))
    script = scripted(base)
    return Played(name, script, stage, clock=SystemClock(), rng=rng or random.SystemRandom())


def as_prompted(request: Request, prompt: Sequence[int], words: Words) -> Request:
    """Return the request with the thoughts that its prompt holds: the kept ones, not the dropped.

    A script must see what a model would. Turns are told apart by what others say between them.
    """
    turns: list[str] = []
    ours = False
    for author, channel, text in words.messages(prompt):
        if author == "assistant":
            turns += [] if ours else [""]
            turns[-1] += text if channel == "analysis" else ""
        ours = author == "assistant"
    thoughts = iter(turns)
    messages: list[Message] = []
    for message in request.messages:
        if message.role == "assistant":
            first = not messages or messages[-1].role != "assistant"
            thought = next(thoughts, "") if first else ""
            message = msgspec.structs.replace(message, reasoning=thought)
        messages.append(message)
    return msgspec.structs.replace(request, messages=tuple(messages))


def spoken(message: Message, words: Words, *, thinks: bool = False) -> list[int]:
    """Return what a model would generate after `<|start|>assistant` to say `message`.

    `thinks`: thoughts come first even where there are none.
    """
    parts: list[tuple[int, ...]] = []
    if message.reasoning or thinks:
        parts.append((*words.channel("analysis"), *words.text(message.reasoning), END))
    if message.content and message.tool_calls:
        parts.append((*words.channel("commentary"), *words.text(message.content), END))
    for call in message.tool_calls:
        parts.append((*words.call(call.name), *words.text(call.arguments), END))
    if not message.tool_calls:
        parts.append((*words.channel("final"), *words.text(message.content), RETURN))
    else:
        parts[-1] = (*parts[-1][:-1], CALL)
    return [*parts[0], *(token for part in parts[1:] for token in (*words.start, *part))]


def _obedient(message: Message, request: Request) -> Message:
    """Make the script do what a model is forced to: call a tool, or follow the answer's schema."""
    if forces_call(request):
        if message.tool_calls:
            return msgspec.structs.replace(message, content="", tool_calls=message.tool_calls[:1])
        named = [tool for tool in request.tools if tool.name == request.tool_choice]
        tool = (named or request.tools)[0]
        call = ToolCall("", tool.name, arguments_of(tool))
        return msgspec.structs.replace(message, content="", tool_calls=(call,))
    if request.response_schema is not None and not message.tool_calls:
        try:
            msgspec.json.decode(message.content)
        except (msgspec.DecodeError, RecursionError):
            said = json.dumps(example(request.response_schema), ensure_ascii=False)
            return msgspec.structs.replace(message, content=said)
    return message
