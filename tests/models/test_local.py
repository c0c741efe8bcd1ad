"""Our own engine as a model, over random weights of the real vocabulary."""

import asyncio
import json
import random
import threading
from contextlib import aclosing

import jsonschema
import pytest

from ossay.core.errors import ModelCallError, UsageError
from ossay.core.model import Completes, Gauged, collect
from ossay.core.types import Completion, Message, Request, Sampling, Tool, ToolCall
from ossay.engine import Sampling as EngineSampling

ASKED = (Message("user", "What is the weather in Oslo?"),)
COLOUR = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green", "blue"]}, "warm": {"type": "boolean"}},
    "required": ["colour", "warm"],
    "additionalProperties": False,
}
TOOLS = (
    Tool("paint", "Paint it.", COLOUR, strict=True),
    Tool("paint_all", "Paint all of it.", COLOUR),
)


def run(model, work):
    """Run `work(model)`, then close the model."""

    async def both():
        try:
            return await work(model)
        finally:
            await model.aclose()

    return asyncio.run(both())


def ask(most=64, **options):
    options.setdefault("sampling", Sampling(max_tokens=most, seed=3))
    return Request(options.pop("messages", ASKED), **options)


async def deltas_of(model, request):
    return [delta async for delta in model.stream(request)]


def test_an_answer_streams_and_the_last_delta_is_the_whole(local):
    deltas = run(local(), lambda model: deltas_of(model, ask(40)))
    assert deltas[0].reply is None
    assert not deltas[0].content
    reply = deltas[-1].reply
    assert "".join(d.content for d in deltas) == reply.message.content
    assert "".join(d.reasoning for d in deltas) == reply.message.reasoning
    assert reply.usage.output_tokens == 40
    assert reply.usage.input_tokens > 40
    assert reply.finish == "length"
    assert reply.model == "local/tiny"
    assert reply.timing.total_s >= reply.timing.first_token_s >= 0


def test_the_same_seed_says_the_same(local):
    async def twice(model):
        return [(await model.reply(ask(12))).message for _ in range(2)]

    first, second = run(local(), twice)
    assert first == second


def test_a_tool_loop_finds_all_that_it_said_in_the_cache(local, vocabulary):
    async def loop(model):
        # Greedy, so that no reserved token comes into the thoughts: a turn with one is not kept.
        greedy = Sampling(max_tokens=600, temperature=0.0)
        asked = ask(tools=TOOLS, tool_choice="paint", sampling=greedy)
        first = await model.reply(asked)
        (call,) = first.message.tool_calls
        result = Message("tool", "It is painted.", tool_call_id=call.id)
        messages = (*ASKED, first.message, result)
        second = await model.reply(ask(40, messages=messages, tools=TOOLS))
        # The same from a client that edited the call: other tokens.
        other = {**json.loads(call.arguments), "warm": "yes"}
        call = ToolCall(call.id, call.name, json.dumps(other))
        edited = Message("assistant", tool_calls=(call,))
        third = await model.reply(ask(40, messages=(*ASKED, edited, result), tools=TOOLS))
        return first, second, third

    first, second, third = run(local(), loop)
    assert first.usage.reasoning_tokens > 0
    # What is new: the result, its frame, and at most one block that was not whole.
    new = second.usage.input_tokens - second.usage.cached_input_tokens
    assert new <= len(vocabulary.encode("It is painted.")) + 16 + 16
    assert second.usage.cached_input_tokens > first.usage.input_tokens + 16
    assert third.usage.cached_input_tokens <= first.usage.input_tokens


def test_an_answer_under_a_schema_is_valid_whatever_the_weights(local):
    async def three(model):
        return [
            await model.reply(
                ask(response_schema=COLOUR, sampling=Sampling(max_tokens=600, seed=seed))
            )
            for seed in range(3)
        ]

    for reply in run(local(), three):
        assert reply.finish == "stop"
        jsonschema.validate(json.loads(reply.message.content), COLOUR)
        assert 0 < reply.usage.reasoning_tokens <= 300 + 4  # the frame that was given
        assert reply.usage.output_tokens <= 600


@pytest.mark.parametrize("choice", ["required", "paint_all"])
def test_a_forced_call_has_valid_arguments_whatever_the_weights(local, choice):
    request = ask(600, tools=TOOLS, tool_choice=choice)
    deltas = run(local(), lambda model: deltas_of(model, request))
    reply = deltas[-1].reply
    (call,) = reply.message.tool_calls
    assert reply.finish == "tool_calls"
    assert call.name in ("paint", "paint_all")
    assert choice in ("required", call.name)
    assert call.id.startswith("call_")
    jsonschema.validate(json.loads(call.arguments), COLOUR)
    pieces = [d.tool_call for d in deltas if d.tool_call]
    assert (pieces[0].id, pieces[0].name) == (call.id, call.name)
    assert "".join(piece.arguments for piece in pieces) == call.arguments
    assert reply.usage.output_tokens <= 600


def test_closing_a_stream_frees_its_place(local):
    async def leave(model):
        async with aclosing(model.stream(ask(900))) as deltas:
            async for delta in deltas:
                if delta.content or delta.reasoning:
                    break
        while model.gauges()["running"]:
            await asyncio.sleep(0.001)
        return model.gauges()

    gauges = run(local(max_sequences=1), leave)
    assert gauges["ended_cancelled"] == 1
    assert gauges["cache_used_ratio"] == 0


def test_cancelling_a_task_frees_its_place(local):
    async def leave(model):
        await model.load()
        tasks = [asyncio.create_task(model.reply(ask(900))) for _ in range(3)]
        while not model.gauges()["running"]:
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while model.gauges()["running"] or model.gauges()["waiting"]:
            await asyncio.sleep(0.001)
        return await model.reply(ask(4))

    assert run(local(max_sequences=1), leave).usage.output_tokens == 4


def test_many_streams_at_once_say_what_each_says_alone(local):
    requests = [
        ask(messages=(Message("user", f"Number {n}"),), sampling=Sampling(max_tokens=12, seed=n))
        for n in range(24)
    ]

    async def all_of_them(model):
        together = await asyncio.gather(*(model.reply(request) for request in requests))
        alone = [await model.reply(request) for request in requests[:3]]
        return together, alone

    together, alone = run(local(max_sequences=4), all_of_them)
    assert len(together) == 24
    assert [r.message for r in alone] == [r.message for r in together[:3]]


def test_more_than_fits_is_clamped_and_a_prompt_that_does_not_fit_is_refused(local):
    async def both(model):
        reply = await model.reply(ask(10_000))
        assert reply.usage.input_tokens + reply.usage.output_tokens == 256
        assert reply.finish == "length"
        for text in ("long " * 300, "long " * 200_000):
            with pytest.raises(ModelCallError, match="256") as caught:
                await model.reply(ask(messages=(Message("user", text),)))
            assert caught.value.kind == "context_exhausted"

    run(local(context=256), both)


def test_a_schema_that_cannot_be_compiled_is_refused_by_name(local):
    broken = {"type": "object", "properties": {"a": {"type": "banana"}}}

    async def both(model):
        with pytest.raises(ModelCallError, match="schema of response_format") as caught:
            await model.reply(ask(response_schema=broken))
        assert caught.value.kind == "refused"
        with pytest.raises(ModelCallError, match="schema of tool 'broken'"):
            await model.reply(ask(tools=(Tool("broken", "", broken, strict=True),)))
        free = await model.reply(ask(8, tools=(Tool("broken", "", broken),)))
        assert free.usage.output_tokens == 8
        bomb = {"type": "integer", "multipleOf": 10**12 + 1}
        with pytest.raises(ModelCallError, match="multipleOf"):
            await model.reply(ask(response_schema=bomb))

    run(local(), both)


def test_a_value_that_cannot_be_is_refused(local):
    async def both(model):
        with pytest.raises(ModelCallError, match="temperature=-1") as caught:
            await model.reply(ask(sampling=Sampling(temperature=-1.0)))
        assert caught.value.kind == "refused"
        return await model.reply(ask(sampling=Sampling(max_tokens=3, seed=-5, top_p=0.0)))

    assert run(local(), both).usage.output_tokens == 3


def test_a_deadline_counts_from_when_the_engine_begins(local):
    async def both(model):
        await model.load()
        with pytest.raises(ModelCallError, match=r"0\.05 s") as caught:
            await model.reply(ask(1000, deadline_s=0.05))
        assert caught.value.kind == "deadline"
        assert caught.value.began
        while model.gauges()["running"]:
            await asyncio.sleep(0.001)

    run(local(context=2048, backend="null", cache_bytes=1 << 20), both)


def test_standing_in_line_is_not_part_of_the_deadline(local):
    gate, begun, engines = threading.Event(), threading.Event(), []

    def hold(_token):
        begun.set()
        gate.wait()

    async def behind_another(model):
        await model.load()
        held = engines[0].submit([1, 2, 3], EngineSampling(max_tokens=1), on_token=hold)
        await asyncio.to_thread(begun.wait)
        try:
            late = asyncio.create_task(model.reply(ask(1, deadline_s=0.4)))
            await asyncio.sleep(0.7)
            assert not late.done()
        finally:
            gate.set()
        reply = await late
        held.result()
        return reply

    options = {"max_sequences": 1, "backend": "null", "cache_bytes": 1 << 20}
    reply = run(local(engines=engines, **options), behind_another)
    assert reply.usage.output_tokens == 1


def test_closing_while_it_loads_leaves_no_engine(local):
    opening, go, engines = threading.Event(), threading.Event(), []

    def wait():
        opening.set()
        go.wait()

    async def close_meanwhile():
        model = local(engines=engines, before=wait)
        calls = [asyncio.create_task(model.reply(ask())) for _ in range(2)]
        await asyncio.to_thread(opening.wait)
        await model.aclose()
        go.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    for error in asyncio.run(close_meanwhile()):
        assert isinstance(error, ModelCallError), error
        assert "closed" in str(error)
    assert len(engines) == 1
    with pytest.raises(UsageError, match="closed"):
        engines[0].submit([1])


def test_top_k_below_0_is_off(local):
    async def both(model):
        sampled = [Sampling(max_tokens=6, seed=4, top_k=top_k) for top_k in (-1, None)]
        return [(await model.reply(ask(sampling=sampling))).message for sampling in sampled]

    first, second = run(local(), both)
    assert first == second


def test_a_closed_model_refuses_and_ends_what_runs(local):
    model = local(max_sequences=1)

    async def close_early():
        await model.load()
        tasks = [asyncio.create_task(model.reply(ask(900))) for _ in range(2)]
        while not model.gauges()["running"]:
            await asyncio.sleep(0.001)
        await model.aclose()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(ModelCallError, match="closed"):
            await model.reply(ask())
        return ended

    for error in asyncio.run(close_early()):
        assert isinstance(error, ModelCallError)
        assert error.kind == "server_error"


def test_text_goes_on_outside_the_chat_format(local, vocabulary):
    text = "<|start|>user<|message|>Hi<|end|>"

    async def both(model):
        sampling = Sampling(max_tokens=6, seed=1)
        by_text = await collect(model.complete(Completion(text, sampling)))
        ids = tuple(vocabulary.encode(text, special=True))
        by_ids = await collect(model.complete(Completion(ids, sampling)))
        with pytest.raises(ModelCallError, match="at least one character"):
            await collect(model.complete(Completion("", sampling)))
        with pytest.raises(ModelCallError, match="300000"):
            await collect(model.complete(Completion((300_000,), sampling)))
        return by_text, by_ids

    model = local()
    assert isinstance(model, Completes)
    assert isinstance(model, Gauged)
    by_text, by_ids = run(model, both)
    assert by_text.message == by_ids.message
    assert by_text.usage.input_tokens == len(vocabulary.encode(text, special=True)) == 5
    assert by_text.message.content


def test_noise_is_read_without_an_error(local):
    """A model without weights says anything at all, control tokens included."""

    async def noise(model):
        rng = random.Random(5)
        texts = ["".join(rng.choices("abc <|", k=30)) for _ in range(6)]
        return await asyncio.gather(
            *(model.reply(ask(700, messages=(Message("user", text),))) for text in texts)
        )

    for reply in run(local(backend="null", cache_bytes=1 << 20), noise):
        assert reply.finish in ("stop", "length", "tool_calls")
        assert reply.usage.output_tokens > 0
