"""Scripts spoken through the engine, the parser and the kept tokens."""

import asyncio
import json
import random

import jsonschema
import pytest

from ossay.core.errors import ModelCallError
from ossay.core.model import Rehearsed, collect
from ossay.core.task import Instance
from ossay.core.types import Completion, Message, Request, Sampling, Tool, ToolCall
from ossay.models.clock import ManualClock
from ossay.models.played import Played, Stage
from ossay.models.scripted import Scripted, scripted

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
}
TOOLS = (Tool("clock", "Tell the time.", {}), Tool("weather", "Tell the weather.", CITY))
ASKED = Message("user", "Tell me the weather 😀, <|end|> please.")


@pytest.fixture(scope="module")
def stage(vocabulary):
    """One engine without weights for all tests here."""
    stage = Stage(lambda: vocabulary)
    yield stage
    stage.open().engine.close()


@pytest.fixture
def play(stage):
    """(name or script) -> the model that plays it."""

    def make(script):
        if isinstance(script, str):
            return Played(
                script, scripted(script), stage, clock=ManualClock(), rng=random.Random(1)
            )
        player = Scripted(script)
        return Played("script", player, stage, clock=ManualClock(), rng=random.Random(1))

    return make


def ask(model, *messages, **options):
    return asyncio.run(model.reply(Request(messages, **options)))


def test_it_says_what_the_script_says(play):
    reply = ask(play("echo"), ASKED)
    assert reply.message == Message("assistant", ASKED.content)
    assert reply.finish == "stop"
    assert reply.usage.output_tokens > 8
    assert ask(play("echo"), Message("user", "")).message.content == ""


def test_words_come_one_by_one(play):
    async def read():
        return [delta async for delta in play("echo").stream(Request((ASKED,)))]

    deltas = asyncio.run(read())
    assert deltas[0].content == ""
    assert "".join(delta.content for delta in deltas) == ASKED.content


def test_a_tool_conversation_keeps_its_thoughts(play):
    model = play("caller")
    said = [ASKED]
    for result in ("rain", "snow"):
        called = ask(model, *said, tools=TOOLS)
        assert called.finish == "tool_calls"
        (call,) = called.message.tool_calls
        assert call.name == "weather"
        assert len(call.id) == len("call_") + 24
        jsonschema.validate(json.loads(call.arguments), CITY)
        said += [called.message, Message("tool", result, tool_call_id=call.id)]
        answer = ask(model, *said, tools=TOOLS)
        assert answer.finish == "stop"
        assert result in answer.message.content
        assert called.message.reasoning in answer.message.content
        # All before the tool's result was in the cache, the generated tokens among it.
        new = answer.usage.input_tokens - answer.usage.cached_input_tokens
        assert new < 40
        said += [answer.message, ASKED]


def test_a_client_that_drops_the_thoughts_sees_that_they_were_kept(play):
    model = play("caller")
    called = ask(model, ASKED, tools=TOOLS).message
    dropped = Message("assistant", tool_calls=called.tool_calls)
    result = Message("tool", "rain", tool_call_id=called.tool_calls[0].id)
    answer = ask(model, ASKED, dropped, result, tools=TOOLS).message
    assert called.reasoning
    assert called.reasoning in answer.content
    # And thoughts that no prompt holds are not quoted: an answer was given since.
    said = (ASKED, dropped, result, answer, ASKED)
    again = ask(model, *said, tools=TOOLS).message
    result = Message("tool", "snow", tool_call_id=again.tool_calls[0].id)
    last = ask(model, *said, again, result, tools=TOOLS).message
    assert again.reasoning in last.content
    assert called.reasoning not in last.content


def test_an_answer_longer_than_the_context_is_cut(play):
    long = play([Message("assistant", " word" * 140_000)])
    cut = ask(long, ASKED, sampling=Sampling(max_tokens=9))
    assert cut.finish == "length"
    assert cut.message.content == " word" * 6  # and three of the frame


@pytest.mark.parametrize("prompt", ["", ()])
def test_an_empty_prompt_is_refused(play, prompt):
    async def go_on():
        return await collect(play("echo").complete(Completion(prompt)))

    with pytest.raises(ModelCallError, match="at least one character") as caught:
        asyncio.run(go_on())
    assert caught.value.kind == "refused"


def test_what_is_too_deep_to_read_is_no_answer_under_a_schema(play):
    reply = ask(play("echo"), Message("user", "[" * 5000), response_schema=CITY)
    jsonschema.validate(json.loads(reply.message.content), CITY)


@pytest.mark.parametrize("script", ["caller", "echo"])
@pytest.mark.parametrize("choice", ["required", "weather"])
def test_a_call_is_forced(play, script, choice):
    reply = ask(play(script), ASKED, tools=TOOLS, tool_choice=choice)
    (call,) = reply.message.tool_calls
    assert choice in ("required", call.name)
    assert reply.message.content == ""
    json.loads(call.arguments)


def test_no_tool_is_called_where_none_may_be(play):
    reply = ask(play("caller"), ASKED, tools=TOOLS, tool_choice="none")
    assert not reply.message.tool_calls
    assert reply.message.content


@pytest.mark.parametrize("tools", [(), TOOLS])
def test_an_answer_follows_its_schema(play, tools):
    reply = ask(play("echo"), ASKED, response_schema=CITY, tools=tools)
    jsonschema.validate(json.loads(reply.message.content), CITY)


def test_several_calls_of_one_turn(play):
    both = Message("user", "clock and weather")
    reply = ask(play("caller"), both, tools=TOOLS, parallel_tool_calls=True)
    assert [call.name for call in reply.message.tool_calls] == ["clock", "weather"]
    script = [Message("assistant", tool_calls=reply.message.tool_calls)]
    one = ask(play(script), both, tools=TOOLS)
    assert [call.name for call in one.message.tool_calls] == ["clock"]
    assert one.finish == "tool_calls"


def test_a_preamble_is_content_but_never_a_part_of_json(play):
    call = ToolCall("", "weather", '{"city":"Oslo","days":2}')
    script = [Message("assistant", "Let me look.", reasoning="Hm.", tool_calls=(call,))]
    reply = ask(play(script), ASKED, tools=TOOLS)
    assert reply.message.content == "Let me look."
    assert reply.message.reasoning == "Hm."
    reply = ask(play(script), ASKED, tools=TOOLS, response_schema=CITY)
    assert reply.message.content == ""
    assert reply.message.reasoning == "Hm.\n\nLet me look."


def test_a_name_that_nobody_offered_is_passed_on(play):
    calls = (ToolCall("", "nonsense", "not json"),)
    reply = ask(play([Message("assistant", tool_calls=calls)]), ASKED, tools=TOOLS)
    (call,) = reply.message.tool_calls
    assert (call.name, call.arguments) == ("nonsense", "not json")


def test_stop_strings_end_the_answer_and_do_not_look_at_thoughts(play):
    script = [Message("assistant", "One, two, three.", reasoning="First two, then three.")]
    stopped = ask(play(script), ASKED, sampling=Sampling(stop=("wo", "three")))
    assert stopped.message.content == "One, t"
    assert stopped.message.reasoning == "First two, then three."
    assert stopped.finish == "stop"


def test_length_counts_the_frame_and_cuts(play):
    cut = ask(play("echo"), ASKED, sampling=Sampling(max_tokens=3))
    assert cut.message.content == ""
    assert cut.finish == "length"
    assert cut.usage.output_tokens == 3
    cut = ask(play("caller"), ASKED, tools=TOOLS, sampling=Sampling(max_tokens=45))
    assert cut.finish == "length"


def test_thoughts_are_counted(play):
    script = [Message("assistant", "Yes.", reasoning="One two three four.")]
    usage = ask(play(script), ASKED).usage
    assert usage.reasoning_tokens == 5 + 4  # and channel, analysis, message, end
    assert usage.output_tokens == usage.reasoning_tokens + 2 + 3 + 3


def test_text_is_completed(play):
    async def go_on():
        return await collect(play("echo").complete(Completion("once more")))

    assert asyncio.run(go_on()).message.content == "once more"


def test_many_at_once(play):
    async def all_of_them():
        model = play("echo")
        texts = [f"number {n} " * 20 for n in range(64)]
        requests = [Request((Message("user", text),)) for text in texts]
        replies = await asyncio.gather(*(model.reply(request) for request in requests))
        return texts, [reply.message.content for reply in replies]

    texts, said = asyncio.run(all_of_them())
    assert said == texts


def test_a_script_of_an_instance_is_rehearsed(play):
    instance = Instance(
        task="demo", seed=1, prompt="", scripts={"reference": (Message("assistant", "Done."),)}
    )
    model = play("reference")
    assert isinstance(model, Rehearsed)
    assert ask(model.rehearse(instance), ASKED).message.content == "Done."
    assert ask(play("echo").rehearse(instance), ASKED).message.content == ASKED.content
    with pytest.raises(ModelCallError, match="no script 'other'"):
        play("other").rehearse(instance)
    with pytest.raises(ModelCallError, match="in campaigns only"):
        ask(model, ASKED)
