"""What is long is not rendered on the event loop, and what cannot fit is refused."""

import asyncio
import threading

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Request, Tool, ToolCall
from ossay.harmony.kept import Kept
from ossay.models.local_delivery import Deliveries
from ossay.models.local_prompt import Loaded, chat_prompt, rules_of
from ossay.models.played import Stage

USER = Message("user", "Hello")
LONG = "word " * 8000
CALL = ToolCall("call_1", "f", "{}")
THINK = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant"
DO = "<|channel|>commentary to=functions.f<|message|>{}<|call|>"


class Watched:
    """A vocabulary that knows whether the event loop's thread has used it."""

    def __init__(self, vocabulary):
        self._vocabulary = vocabulary
        self.loops = threading.current_thread()
        self.on_loop = False

    def __getattr__(self, name):
        self.on_loop = self.on_loop or threading.current_thread() is self.loops
        return getattr(self._vocabulary, name)


@pytest.fixture(scope="module")
def stage(vocabulary):
    """An engine without weights."""
    stage = Stage(lambda: vocabulary)
    yield stage
    stage.open().close()


@pytest.fixture
def loaded(stage, vocabulary):
    return Loaded(stage.open().engine, Watched(vocabulary), stage.open().grammars)


def prompt(loaded, *messages, kept=None):
    request = Request((USER, *messages))
    return asyncio.run(chat_prompt(request, loaded, kept or Kept(), "2026-11-21"))


def calling(**fields):
    call = {"id": "call_1", "name": "f", "arguments": "{}", **fields}
    return Message("assistant", tool_calls=(ToolCall(**call),))


def test_what_is_short_is_rendered_at_once(loaded):
    prompt(loaded, calling())
    assert loaded.vocabulary.on_loop


@pytest.mark.parametrize(
    "message",
    [
        Message("user", LONG),
        Message("assistant", "", LONG),
        calling(arguments=LONG),
        calling(name=LONG),
    ],
)
def test_what_is_long_is_rendered_by_a_thread(loaded, message):
    assert len(prompt(loaded, message)) > 50
    assert not loaded.vocabulary.on_loop


def test_the_tokens_that_are_kept_of_a_turn_count(loaded, vocabulary):
    kept = Kept()
    thoughts = Message("assistant", "", LONG, (CALL,))
    ids = vocabulary.encode(THINK.replace("{}", LONG) + DO, special=True)
    kept.remember(thoughts, ids)
    assert len(prompt(loaded, calling(), kept=kept)) > len(ids)
    assert not loaded.vocabulary.on_loop


@pytest.mark.parametrize("field", ["arguments", "name"])
def test_calls_that_cannot_fit_are_refused_before_they_are_split_to_the_end(loaded, field):
    with pytest.raises(ModelCallError, match=r"more than 1\d* tokens long") as caught:
        prompt(loaded, calling(**{field: "a b c d " * 250_000}))
    assert caught.value.kind == "context_exhausted"
    assert not loaded.vocabulary.on_loop


def test_a_kept_call_that_a_client_wrote_longer_still_fits(loaded, vocabulary):
    kept = Kept()
    kept.remember(calling(), vocabulary.encode(DO, special=True))
    spaced = calling(arguments="{" + " \n\t" * 300_000 + "}")
    assert len(prompt(loaded, spaced, kept=kept)) < 200


def test_grammars_are_compiled_in_threads_of_their_own(loaded):
    names = set()

    class Naming:
        tokens = property(lambda self: self)

        def matcher(self, grammar):
            names.add(threading.current_thread().name.rpartition("_")[0])

    loaded.grammars = Naming()
    request = Request((USER,), tools=(Tool("f", "", {}),))
    asyncio.run(rules_of(request, loaded))
    assert names == {"grammars"}


def test_what_nobody_waits_for_is_not_compiled(loaded):
    compiled, begun, go = [], threading.Event(), threading.Event()

    class Slow:
        tokens = property(lambda self: self)

        def matcher(self, grammar):
            compiled.append(grammar)
            begun.set()
            go.wait()

    loaded.grammars = Slow()
    tools = tuple(Tool(f"t{n}", "", {}) for n in range(50))

    async def leave():
        task = asyncio.create_task(rules_of(Request((USER,), tools=tools), loaded))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        go.set()
        await asyncio.to_thread(loaded.compilers.shutdown)

    asyncio.run(leave())
    assert len(compiled) == 1


def test_a_closed_model_compiles_nothing(vocabulary):
    loaded = Stage(lambda: vocabulary).open()
    loaded.close()
    with pytest.raises(ModelCallError, match="closed"):
        asyncio.run(rules_of(Request((USER,), tools=(Tool("f", "", {}),)), loaded))


def test_loops_of_several_threads_have_a_delivery_each():
    class Quiet:
        def watch(self, watcher):
            self.watcher = watcher

    deliveries, together, done = Deliveries(Quiet()), threading.Barrier(8), threading.Barrier(8)
    same = []

    async def ask():
        together.wait()
        first = deliveries.here()
        done.wait()
        same.append(deliveries.here() is first)

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 8
