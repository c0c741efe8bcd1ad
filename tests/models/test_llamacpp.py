"""llama.cpp in process: what is refused before loading, and a real small model."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from ossay.core.errors import ModelCallError, UnknownName, UsageError
from ossay.core.settings import Settings, settings_from
from ossay.core.types import Message, ModelCard, Reply, Request, Sampling, Tool
from ossay.models.catalogue import CATALOGUE
from ossay.models.llama_model import LlamaCpp
from ossay.models.llama_server import LlamaServer, ServerOptions
from ossay.models.llamacpp import open_llamacpp
from ossay.models.providers import Provider
from ossay.models.pull import pull

pytest.importorskip("xllamacpp", reason="pip install 'ossay[local]'")

NAME = "smollm2-135m"
# The header of a file that llama.cpp can't load: no key at all.
HOLLOW = b"GGUF\x03\x00\x00\x00" + bytes(16)


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """A home without models."""
    return settings_from({"OSSAY_HOME": str(tmp_path)}, tmp_path)


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> Settings:
    """A home with the small real model."""
    found = settings_from(os.environ, Path.cwd())
    if CATALOGUE[NAME].place(NAME, found).exists():
        return found
    if "model" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
        pytest.skip(f"the small model is not here: ossay pull {NAME}")
    home = request.config.cache.mkdir("ossay-home")
    cached = settings_from({"OSSAY_HOME": str(home)}, Path.cwd())
    pull(NAME, settings=cached)
    return cached


@pytest.fixture(scope="session")
def model(settings: Settings):
    """The small real model, loaded once; one thread suffers least from a busy machine."""
    opened = open_llamacpp(f"{NAME}?threads=1", settings)
    yield opened
    asyncio.run(opened.aclose())


@asynccontextmanager
async def opened(settings: Settings, name: str = NAME):
    model = open_llamacpp(name, settings)
    try:
        yield model
    finally:
        await model.aclose()


def ask(text: str, **changes) -> Request:
    sampling = Sampling(**{"temperature": 0.0, "max_tokens": 8, **changes.pop("sampling", {})})
    return Request((Message("user", text),), sampling=sampling, **changes)


def failure(model: LlamaCpp, request: Request) -> str:
    """What kind of error the request ends in."""
    with pytest.raises(ModelCallError) as caught:
        asyncio.run(model.reply(request))
    assert f"'llamacpp/{NAME}?threads=1'" in str(caught.value)
    return caught.value.kind


# What is said before anything is loaded.


def test_a_model_that_was_not_pulled_says_how_to_pull_it(empty):
    with pytest.raises(UsageError, match="run `ossay pull smollm2-135m`"):
        open_llamacpp(NAME, empty)


def test_an_unknown_model_gives_the_nearest(empty):
    with pytest.raises(UnknownName, match="did you mean 'smollm2-135m'"):
        open_llamacpp("smollm-135m", empty)
    for hostile in ("../../etc/passwd", "", ".", "a/b"):
        with pytest.raises(UnknownName):
            open_llamacpp(hostile, empty)


def test_safetensors_are_not_for_llama_cpp(empty):
    with pytest.raises(UsageError, match="does not read"):
        open_llamacpp("gpt-oss-20b", empty)


def test_a_path_must_lead_to_a_gguf_file(empty, tmp_path):
    with pytest.raises(UsageError, match="check the path"):
        open_llamacpp(f"{tmp_path}/none.gguf", empty)
    (tmp_path / "text.gguf").write_text("hello")
    with pytest.raises(UsageError, match="is not a GGUF file"):
        open_llamacpp(f"{tmp_path}/text.gguf", empty)


def test_a_damaged_pulled_file_is_found_out(empty):
    empty.models.mkdir()
    (empty.models / f"{NAME}.gguf").write_bytes(HOLLOW)
    with pytest.raises(UsageError, match="is damaged: fetch it again with `ossay pull"):
        open_llamacpp(NAME, empty)


@pytest.mark.parametrize("query", ["slots=0", "slots=-1", "context=many", "threads=", "slots=1e3"])
def test_options_are_whole_numbers(empty, query):
    with pytest.raises(UsageError, match="is not a whole number above 0"):
        open_llamacpp(f"{NAME}?{query}", empty)


def test_an_unknown_option_gives_the_nearest(empty):
    with pytest.raises(UnknownName, match="did you mean 'slots'"):
        open_llamacpp(f"{NAME}?slot=2", empty)


def test_without_the_extra_it_says_what_to_install(tmp_path):
    code = (
        "import sys; sys.modules['xllamacpp'] = None\n"
        "from pathlib import Path\n"
        "from ossay.core.settings import settings_from\n"
        "from ossay.models.llamacpp import open_llamacpp\n"
        f"open_llamacpp('x', settings_from({{}}, Path({str(tmp_path)!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "UsageError: 'llamacpp/x' needs xllamacpp: pip install 'ossay[local]'" in done.stderr


def test_a_file_that_llama_cpp_cannot_load_is_a_failed_call(empty, tmp_path, capfd):
    (tmp_path / "hollow.gguf").write_bytes(HOLLOW)

    async def main():
        async with opened(empty, f"{tmp_path}/hollow.gguf") as model:
            assert model.card.details["quantisation"] == "unknown"
            await model.reply(ask("Hello"))

    with pytest.raises(ModelCallError, match="cannot load") as caught:
        asyncio.run(main())
    assert caught.value.kind == "server_error"
    assert "error loading model" in capfd.readouterr().err  # llama.cpp's own reason


# With a server that does what a test says.

HELLO = b'{"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]}'
READING = b'{"choices": [], "prompt_progress": {"total": 9, "processed": 4}}'


class Puppet(LlamaServer):
    """A loaded file with one slot. Each call says its events, then waits for `go`."""

    def __init__(self, *events: bytes) -> None:
        super().__init__(ServerOptions(Path("puppet.gguf"), "puppet", 64, slots=1, threads=1))
        self.events = events
        self.go = threading.Event()
        self.at_work = threading.Event()

    def load(self) -> None:
        pass

    def ask(self, body, on_event) -> None:
        self.at_work.set()
        for event in self.events:
            on_event(event)
        while not self.go.wait(0.01) and not on_event(READING):
            pass


@asynccontextmanager
async def played(server: LlamaServer):
    model = LlamaCpp(ModelCard("llamacpp/puppet"), server, Provider("llama.cpp"))
    try:
        yield model
    finally:
        await model.aclose()


def test_a_call_may_wait_for_its_slot_longer_than_it_may_take():
    async def main() -> list[Reply]:
        server = Puppet(HELLO)
        async with played(server) as model:
            first = asyncio.create_task(model.reply(ask("Hello")))
            await asyncio.to_thread(server.at_work.wait)
            waiting = [asyncio.create_task(model.reply(ask("Me", deadline_s=0.5))) for _ in "123"]
            await asyncio.sleep(0.7)
            assert not any(call.done() for call in waiting)
            server.go.set()
            return await asyncio.gather(first, *waiting)

    replies = asyncio.run(main())
    assert [reply.message.content for reply in replies] == ["Hello"] * 4
    assert all(reply.timing.waited_s > 0.5 for reply in replies[1:])


@pytest.mark.parametrize("events", [(), (READING,)])
def test_a_call_that_llama_cpp_was_at_work_on_says_so(events):
    class Silent(Puppet):
        def ask(self, body, on_event) -> None:
            for event in self.events:
                on_event(event)
            self.go.wait()

    async def main() -> None:
        server = Silent(*events)
        async with played(server) as model:
            try:
                await model.reply(ask("Hello", deadline_s=0.1))
            finally:
                server.go.set()

    with pytest.raises(ModelCallError) as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.began) == ("deadline", bool(events))


EMPTY_STACK = "got exception: Unexpected empty grammar stack after accepting piece: . (30)"


@pytest.mark.parametrize("raised", [True, False])
def test_a_schema_that_llama_cpp_cannot_follow_is_the_request_s_fault(raised):
    class Strict(Puppet):
        def ask(self, body, on_event) -> None:
            on_event(json.dumps({"error": {"message": EMPTY_STACK, "code": 500}}).encode())

    class Raises(LlamaServer):
        def load(self) -> None:
            class Broken:
                def handle_chat_completions(self, body, on_event) -> None:
                    raise RuntimeError(EMPTY_STACK)

            self._server = Broken()

    async def main() -> None:
        server = Raises(Puppet().options) if raised else Strict()
        async with played(server) as model:
            await model.reply(ask("Hello", response_schema={"minimum": 5, "maximum": 3}))

    with pytest.raises(ModelCallError, match="cannot follow a schema") as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.status) == ("refused", 400)


LARGE = {"enum": [f"x{n}" for n in range(20_000)]}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"response_schema": LARGE}, "response_format"),
        ({"tools": (Tool("pick", "", LARGE),)}, "tool 'pick'"),
        ({"tools": tuple(Tool(f"t{n}", "", {"enum": ["x" * 1000]}) for n in range(80))}, "tool"),
    ],
)
def test_schemas_that_llama_cpp_would_compile_for_minutes_never_reach_it(changes, named):
    async def main() -> None:
        server = Puppet()
        async with played(server) as model:
            try:
                await model.reply(ask("Hello", **changes))
            finally:
                assert not server.at_work.is_set()

    with pytest.raises(ModelCallError, match=f"schema of {named}.*65536 at most") as caught:
        asyncio.run(main())
    assert caught.value.kind == "refused"


def test_closing_ends_calls_that_wait_and_calls_that_work():
    async def main() -> list[object]:
        server = Puppet()
        async with played(server) as model:
            calls = [asyncio.create_task(model.reply(ask("Hello"))) for _ in "12"]
            await asyncio.to_thread(server.at_work.wait)
        return await asyncio.gather(*calls, return_exceptions=True)

    errors = asyncio.run(main())
    assert [(error.kind, "was closed" in str(error)) for error in errors] == [("refused", True)] * 2


def test_a_bug_below_is_a_failed_call_and_keeps_nobody_waiting():
    class Broken(Puppet):
        def load(self) -> None:
            raise MemoryError("no room")

    async def main() -> None:
        async with played(Broken()) as model:
            await model.reply(ask("Hello"))

    with pytest.raises(ModelCallError, match="MemoryError: no room") as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.began) == ("server_error", False)


# With the real model.


@pytest.mark.model
def test_a_reply_has_text_counts_and_times(model):
    reply = asyncio.run(model.reply(ask("What is the capital of Australia?")))
    assert "Canberra" in reply.message.content
    assert reply.finish == "stop"
    assert reply.model == NAME
    assert reply.usage.input_tokens > 20
    assert 0 < reply.usage.output_tokens <= 8
    assert 0 < reply.timing.first_token_s <= reply.timing.total_s
    assert reply.timing.waited_s > 0
    assert model.card.price.cost(reply.usage) == 0.0


@pytest.mark.model
def test_the_card_says_what_helps_to_repeat_a_measurement(model):
    assert model.card.dialect == "json_action"  # its chat template has no tools
    assert model.card.context_tokens == 8192
    details = model.card.details
    assert details["sha256"] == CATALOGUE[NAME].sha256
    assert details["quantisation"] == "Q4_1"
    assert {"xllamacpp", "context", "slots", "threads", "file"} <= set(details)
    assert "/" not in details["file"]


@pytest.mark.model
def test_the_pieces_of_a_stream_are_the_reply(model):
    async def main():
        async with aclosing(model.stream(ask("Count from one to five."))) as deltas:
            return [delta async for delta in deltas]

    deltas = asyncio.run(main())
    assert len(deltas) > 3
    assert all(delta.reply is None for delta in deltas[:-1])
    assert "".join(delta.content for delta in deltas) == deltas[-1].reply.message.content


@pytest.mark.model
def test_a_schema_binds_the_answer(model):
    schema = {"enum": ["fs_read", "shell"]}
    reply = asyncio.run(model.reply(ask("Bake me a cake.", response_schema=schema)))
    assert json.loads(reply.message.content) in ("fs_read", "shell")


@pytest.mark.model
def test_sampling_is_honoured(model):
    def said(text: str, **sampling) -> Reply:
        return asyncio.run(model.reply(ask(text, sampling=sampling)))

    cut = said("Tell me a story.", max_tokens=3)
    assert (cut.finish, cut.usage.output_tokens) == ("length", 3)
    stopped = said("What is the capital of Australia?", stop=("Can",))
    assert "Australia" in stopped.message.content
    assert "Can" not in stopped.message.content
    words = [said("Say a word.", temperature=1.9, seed=n).message.content for n in (1, 2, 3, 4)]
    assert len(set(words)) > 1


@pytest.mark.model
def test_the_prefix_of_a_conversation_is_not_computed_again(model):
    blue = Message("user", "Remember: " + "blue " * 60)

    async def main():
        first = await model.reply(Request((blue,), sampling=Sampling(max_tokens=2)))
        turns = (blue, first.message, Message("user", "What?"))
        return await model.reply(Request(turns, sampling=Sampling(max_tokens=2)))

    assert asyncio.run(main()).usage.cached_input_tokens > 60


@pytest.mark.model
def test_failed_calls_have_a_kind(model):
    assert failure(model, ask("long " * 9000)) == "context_exhausted"
    assert failure(model, ask("x", response_schema={"type": "nonsense"})) == "refused"
    # Its chat template would ignore that.
    assert failure(model, ask("x", sampling={"reasoning_effort": "low"})) == "refused"
    assert failure(model, ask("long " * 1000, deadline_s=0.02)) == "deadline"


@pytest.mark.model
def test_text_that_utf8_cannot_carry_is_no_failure(model):
    reply = asyncio.run(model.reply(ask("\ud800\x00", sampling={"max_tokens": 1})))
    assert reply.usage.output_tokens == 1


@pytest.mark.model
def test_a_call_that_was_given_up_frees_its_place(model):
    # It cannot end by itself before the call is given up, however slow the machine is.
    numbers = {"type": "array", "items": {"type": "integer"}, "minItems": 2000}
    endless = ask("Count.", response_schema=numbers, sampling={"max_tokens": 4000})

    async def main():
        async with aclosing(model.stream(endless)) as story:
            async for _ in story:
                break
        task = asyncio.create_task(model.reply(endless))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await model.reply(ask("What is the capital of Australia?"))

    assert "Canberra" in asyncio.run(main()).message.content


@pytest.mark.model
def test_calls_beyond_the_slots_wait_and_the_loop_does_not(model):
    async def main():
        calls = asyncio.gather(*[model.reply(ask(f"Say {n}.")) for n in range(3)])
        ticks = 0
        while not calls.done():
            await asyncio.sleep(0.001)
            ticks += 1
        return await calls, ticks

    replies, ticks = asyncio.run(main())
    spans = sorted((r.timing.started_at, r.timing.total_s) for r in replies)
    assert all(later[0] >= sum(earlier) - 0.01 for earlier, later in pairwise(spans))
    assert ticks > 3


@pytest.mark.model
def test_several_slots_answer_at_once(settings):
    async def main():
        async with opened(settings, f"{NAME}?slots=2&context=512&threads=1") as model:
            assert model.card.details["threads"] == "1"
            return await asyncio.gather(
                *[model.reply(ask("What is the capital of Australia?")) for _ in range(4)]
            )

    assert all("Canberra" in reply.message.content for reply in asyncio.run(main()))


@pytest.mark.model
def test_more_context_than_the_model_was_trained_on_is_refused(settings):
    with pytest.raises(UsageError, match="trained on 8192 tokens"):
        open_llamacpp(f"{NAME}?context=8193", settings)


@pytest.mark.model
def test_opening_and_closing_leaks_no_threads(settings):
    async def once() -> None:
        async with opened(settings, f"{NAME}?context=256&threads=1") as model:
            await model.reply(ask("Hello", sampling={"max_tokens": 1}))
        with pytest.raises(ModelCallError, match="was closed"):
            await model.reply(ask("Hello"))

    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    asyncio.run(once())  # llama.cpp keeps what it needs once
    time.sleep(0.2)
    before = threads()
    for _ in range(3):
        asyncio.run(once())
    patience = time.monotonic() + 20
    while threads() > before and time.monotonic() < patience:
        time.sleep(0.02)  # the kernel takes a moment to bury them
    assert threads() <= before


@pytest.mark.model
@pytest.mark.parametrize("ending", ["", "raise KeyboardInterrupt"])
def test_a_process_that_forgets_to_close_ends_cleanly_and_quietly(settings, ending):
    code = (
        "import asyncio\n"
        "from pathlib import Path\n"
        "from ossay.core.settings import settings_from\n"
        "from ossay.core.types import Message, Request, Sampling\n"
        "from ossay.models.llamacpp import open_llamacpp\n"
        f"settings = settings_from({{'OSSAY_HOME': {str(settings.home)!r}}}, Path())\n"
        f"model = open_llamacpp('{NAME}?threads=1', settings)\n"
        "async def main():\n"
        "    story = model.stream(Request((Message('user', 'Tell me a story'),),\n"
        "                                 sampling=Sampling(max_tokens=4000)))\n"
        "    async for _ in story:\n"
        f"        {ending or 'return'}\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    if ending:
        assert done.returncode == -2 or "KeyboardInterrupt" in done.stderr
        assert "Abort" not in done.stderr
    else:
        assert (done.returncode, done.stderr) == (0, "")
