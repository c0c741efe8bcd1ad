"""How answers end where something is amiss: after the last event, in the last event, before any."""

import asyncio

import pytest

from ossay.core.errors import ModelCallError
from ossay.core.types import ModelCard, ToolCall

CHAT = "/v1/chat/completions"
HELD = {"model": "held-model", "messages": [{"role": "user", "content": "hi"}]}


class Lingers:
    """Says all and then takes its time, or fails, before it is done."""

    def __init__(self, server, ends):
        self.card = ModelCard("mine/held-model")
        self.closed = 0
        self._server = server
        self._ends = ends

    async def stream(self, request):
        try:
            yield self._server.Delta(content="all")
            yield self._server.Delta(reply=self._server.reply_of("all"))
            await asyncio.get_running_loop().create_future()
        finally:
            await self._ends()
            self.closed += 1


async def takes_its_time():
    for _ in range(50):
        await asyncio.sleep(0)


async def fails():
    raise ModelCallError("connection", "it could not be given back")


def count(app, name):
    lines = app.house.metrics.text().decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name))


@pytest.mark.parametrize("ends", [takes_its_time, fails])
@pytest.mark.parametrize("stream", [True, False])
def test_a_complete_answer_never_counts_as_failed(server, until, ends, stream):
    async def run():
        model = Lingers(server, ends)
        app = server.build(model)
        async with server.listening(app) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(server.http_request(CHAT, {**HELD, "stream": stream}))
            await reader.readuntil(b"0\r\n\r\n" if stream else b"}}}")
            await until(lambda: app.house.admission.in_flight == 0)
            writer.close()
            await writer.wait_closed()
        return model.closed, app

    closed, app = asyncio.run(run())
    assert closed == (0 if ends is fails else 1)
    assert count(app, "ossay_disconnects_total") == 0
    assert count(app, "ossay_streams_failed_total") == 0
    assert count(app, "gen_ai_server_request_duration_seconds_count") == 1
    assert app.house.running == set()


class Deaf:
    """A client that has asked, and reads nothing after the first event."""

    def __init__(self, app):
        self.app = app
        self.scope = {
            "type": "http", "method": "POST", "path": CHAT, "root_path": "", "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }  # fmt: skip
        self.stuck = False
        self._asked = [{"type": "http.request", "body": BODY, "more_body": False}]

    async def receive(self):
        if self._asked:
            return self._asked.pop()
        return await asyncio.get_running_loop().create_future()

    async def send(self, message):
        if b"it broke" in message.get("body", b""):
            self.stuck = True
            await asyncio.get_running_loop().create_future()

    def ask(self):
        return asyncio.create_task(self.app(self.scope, self.receive, self.send))


BODY = b'{"model":"held-model","stream":true,"messages":[{"role":"user","content":"hi"}]}'


@pytest.mark.parametrize("last_word_s", [0.01, 1e6])
def test_a_failure_that_nobody_reads_frees_its_place(server, until, last_word_s):
    async def run():
        model = server.Held()
        model.says.put_nowait(server.Delta(content="so far"))
        model.says.put_nowait(ModelCallError("cut_off", "it broke"))
        client = Deaf(server.build(model, last_word_s=last_word_s))
        asked = client.ask()
        await until(lambda: client.stuck)
        if last_word_s > 1:
            client.app.house.stop_all()
        await asyncio.wait_for(asked, 60)
        assert client.app.house.admission.in_flight == 0
        assert client.app.house.running == set()

    asyncio.run(run())


@pytest.mark.parametrize("stream", [True, False])
def test_a_model_that_says_nothing_is_at_fault(server, stream):
    class Silent:
        card = ModelCard("mine/held-model")

        async def stream(self, request):
            for nothing in ():
                yield nothing

    app = server.build(Silent())
    answered = asyncio.run(server.ask(app, CHAT, {**HELD, "stream": stream}))
    assert answered.status == 502
    assert answered.json()["error"]["code"] == "cut_off"


@pytest.mark.parametrize("path", [CHAT, "/v1/responses"])
@pytest.mark.parametrize("stream", [True, False])
def test_half_a_surrogate_in_the_id_of_a_call(server, path, stream):
    async def run():
        model = server.Held()
        call = ToolCall("c\ud800", "f", "{}")
        model.says.put_nowait(
            server.Delta(reply=server.reply_of(calls=(call,), finish="tool_calls"))
        )
        body = {**HELD, "input": "hi", "stream": stream}
        return await server.ask(server.build(model), path, body)

    answered = asyncio.run(run())
    assert answered.status == 200
    if path != CHAT or not stream:  # this model streams no pieces
        assert "c\ufffd" in answered.body.decode()


def test_what_cannot_be_encoded_gets_its_status(server):
    async def run():
        model = server.Held()
        model.says.put_nowait(server.Delta(reply=server.reply_of("x", finish=object())))
        return await server.ask(server.build(model), CHAT, HELD)

    assert asyncio.run(run()).status == 500


def test_nothing_begins_once_all_was_stopped(server):
    """A body on its way to a thread, for one, is in nobody's sight when all is stopped."""

    async def run():
        model = server.Held()
        app = server.build(model)
        long = {**HELD, "messages": [{"role": "user", "content": "x" * 600_000}]}
        asked = asyncio.create_task(server.ask(app, CHAT, long))
        while not app.house.admission.in_flight:
            await asyncio.sleep(0)
        app.house.stop_all()
        answered = await asyncio.wait_for(asked, 60)
        return answered, model.requests

    answered, requests = asyncio.run(run())
    assert answered.status == 503
    assert requests == []


def test_both_ends_of_a_duration_are_by_the_house_clock(server):
    async def run():
        model = server.Held()
        model.says.put_nowait(server.Delta(content="all"))
        model.says.put_nowait(server.Delta(reply=server.reply_of("all")))
        app = server.build(model)
        app.house.monotonic = lambda: -1e6
        await server.ask(app, CHAT, HELD)
        return app

    assert count(asyncio.run(run()), "gen_ai_server_time_to_first_token_seconds_sum") == 0
