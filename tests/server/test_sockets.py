"""The server on a real socket: disconnects, pings, drains, connections that stay open."""

import asyncio

import pytest

from ossay.server.beat import Beat

CHAT = "/v1/chat/completions"
HI = {"messages": [{"role": "user", "content": "say this again"}]}
HELD = {"model": "held-model", **HI}


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_its_place_at_once(server, until, stream, begun):
    async def run():
        model = server.Held()
        app = server.build(model)
        async with server.listening(app) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(server.http_request(CHAT, {**HELD, "stream": stream}))
            await until(lambda: model.running == 1)
            if begun:
                model.says.put_nowait(server.Delta(content="so f"))
                await until(model.says.empty)
            if begun and stream:
                await reader.readuntil(b"so f")
            writer.close()
            await until(lambda: model.running == 0)
            await until(lambda: app.house.admission.in_flight == 0)
            await writer.wait_closed()
        assert app.house.running == set()
        return app.house.metrics.text().decode()

    assert "ossay_disconnects_total 1.0" in asyncio.run(run())


def test_a_client_that_leaves_before_its_body_is_there(server, until):
    async def run():
        app = server.build(server.Held())
        async with server.listening(app) as (_, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(server.http_request(CHAT, HELD)[:-5])
            await until(lambda: len(app.house.running) == 1)
            writer.close()
            await until(lambda: not app.house.running)
            await writer.wait_closed()

    asyncio.run(run())


def test_a_connection_serves_one_request_after_another(server):
    async def run():
        async with server.listening(server.build(server.scripted("echo"))) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for stream in (True, False, True):
                body = {"model": "echo", "stream": stream, **HI}
                writer.write(server.http_request(CHAT, body))
                end = b"[DONE]\n\n\r\n0\r\n\r\n" if stream else b"}}}"
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 200")
                assert b"again" in await reader.readuntil(end)
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())


def test_a_drain_lets_running_answers_finish(server, until):
    async def run():
        model = server.Held()
        async with server.listening(server.build(model)) as (serving, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(server.http_request(CHAT, {**HELD, "stream": True}))
            await until(lambda: model.running == 1)
            model.says.put_nowait(server.Delta(content="so f"))
            await reader.readuntil(b"so f")
            serving.drain()
            model.says.put_nowait(server.Delta(content="ar"))
            model.says.put_nowait(server.Delta(reply=server.reply_of("so far")))
            rest = await reader.read()
            writer.close()
            await writer.wait_closed()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)
        return rest

    assert b"[DONE]" in asyncio.run(run())


def test_a_drain_ends(server, until):
    async def run():
        model = server.Held()
        async with server.listening(server.build(model), drain_s=0) as (serving, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(server.http_request(CHAT, {**HELD, "stream": True}))
            await until(lambda: model.running == 1)
            model.says.put_nowait(server.Delta(content="so f"))
            await reader.readuntil(b"so f")
            serving.drain()
            rest = await reader.read()
            writer.close()
            await writer.wait_closed()
        return rest

    assert b"shutting_down" in asyncio.run(run())


def test_silence_is_broken_by_a_comment(until):
    async def run():
        sent = []

        async def send(message):
            sent.append(message["body"])

        beat = Beat(send, lambda: None, quiet_s=0.001)
        beat.start()
        await until(lambda: len(sent) >= 2)
        beat.stop()
        return sent

    assert set(asyncio.run(run())) == {b": ping\n\n"}


def test_an_event_that_nobody_reads_is_given_up(until):
    async def run():
        sent = []
        gave_up = asyncio.Event()

        async def send(message):
            sent.append(message)

        beat = Beat(send, gave_up.set, quiet_s=0.001)
        beat.sending = True
        beat.start()
        await gave_up.wait()
        beat.stop()
        return sent

    assert asyncio.run(run()) == []
