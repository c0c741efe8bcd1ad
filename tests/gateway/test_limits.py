"""What keeps a gateway from being used up, tricked or confused by what is sent to it: all is 4xx.

Raw sockets: what no client library would send.
"""

import asyncio
import json

import pytest

ECHO = {"model": "support", "messages": [{"role": "user", "content": "hi"}]}
BODY = json.dumps(ECHO).encode()
KIND = "Content-Type: application/json"


def post(*lines, body=BODY, path="/v1/chat/completions", version="HTTP/1.1"):
    """A request with these lines and no others, but for its end."""
    head = [f"POST {path} {version}", *lines]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def sized(*lines, body=BODY, **more):
    more_lines = ["Host: localhost", KIND, f"Content-Length: {len(body)}", "Connection: close"]
    return post(*more_lines, *lines, body=body, **more)


def status_of(house, data, **options):
    """The first answer to those bytes, and all that came back."""

    async def run():
        async with house.gateway(**options) as client:
            return await client.raw(data)

    said = house.run(run())
    assert said.count(b"HTTP/1.1 ") == 1, "one answer, and the connection is closed"
    return house.answered(said)


CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
HOST = "Host: localhost"
TE = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(BODY)}"

SMUGGLING = {
    "length and chunks": post(HOST, KIND, "Content-Length: 4", TE, body=CHUNKED + SMUGGLED),
    "chunks and length": post(HOST, KIND, TE, "Content-Length: 4", body=CHUNKED + SMUGGLED),
    "two lengths": post(HOST, KIND, LENGTH, LENGTH),
    "two different lengths": post(HOST, KIND, LENGTH, "Content-Length: 1"),
    "a list of lengths": post(HOST, KIND, f"Content-Length: {len(BODY)}, {len(BODY)}"),
    "a signed length": post(HOST, KIND, f"Content-Length: +{len(BODY)}"),
    "a negative length": post(HOST, KIND, "Content-Length: -1"),
    "a length in hexadecimal": post(HOST, KIND, f"Content-Length: {hex(len(BODY))}"),
    "a length that overflows": post(HOST, KIND, "Content-Length: 99999999999999999999999"),
    "an empty length": post(HOST, KIND, "Content-Length:"),
    "a folded field": post(HOST, "X-A: b\r\n c", KIND, LENGTH),
    "a field folded with a tab": post(HOST, "X-A: b\r\n\tTransfer-Encoding: chunked", KIND, LENGTH),
    "bare line feeds": sized().replace(b"\r\n", b"\n", 5),
    "one bare line feed": post(HOST + "\nX-A: b", KIND, LENGTH),
    "a bare carriage return": post(HOST, "X-A: b\rX-B: c", KIND, LENGTH),
    "a head that ends in line feeds": sized().replace(b"\r\n\r\n", b"\n\n"),
    "a space before the colon": post(HOST, KIND, f"Content-Length : {len(BODY)}"),
    "a field without a colon": post(HOST, KIND, "X-A", LENGTH),
    "a nul": post(HOST, "X-A: a\0b", KIND, LENGTH),
    "another coding": post(HOST, KIND, "Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "an unknown coding": post(HOST, KIND, "Transfer-Encoding: xchunked", body=CHUNKED),
    "a coding twice": post(HOST, KIND, TE, TE, body=CHUNKED),
    "a coding and identity": post(HOST, KIND, TE, "Transfer-Encoding: identity", body=CHUNKED),
    "a coding in HTTP/1.0": post(HOST, KIND, TE, body=CHUNKED, version="HTTP/1.0"),
    "a chunk that ends in a line feed": post(HOST, KIND, TE, body=CHUNKED.replace(b"\r\n", b"\n")),
    "a chunk of a size that is none": post(HOST, KIND, TE, body=b"0x1\r\nx\r\n0\r\n\r\n"),
    "a chunk too large to be": post(HOST, KIND, TE, body=b"fffffffffffffffff\r\nx\r\n"),
    "a length among the trailers": post(
        HOST, KIND, TE, body=CHUNKED[:-2] + b"Content-Length: 5\r\n\r\n"
    ),
    "no host": post(KIND, LENGTH),
    "two hosts": post(HOST, HOST, KIND, LENGTH),
    "two keys": post(HOST, "Authorization: Bearer a", "Authorization: Bearer b", KIND, LENGTH),
    "two types": post(HOST, KIND, KIND, LENGTH),
    "another version": sized(version="HTTP/1.2"),
    "HTTP/0.9": b"GET /v1/models\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}  # fmt: skip


@pytest.mark.parametrize("what", SMUGGLING)
def test_what_can_be_read_in_two_ways_is_not_read(house, what):
    got = status_of(house, SMUGGLING[what])
    assert got.status == 400
    assert got.error["type"] == "invalid_request_error"
    assert got.headers["connection"] == "close"


def test_a_proxy_it_is_not(house):
    got = status_of(house, b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert got.status == 405


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([f"X-{at}: b" for at in range(90)], 200),
        ([f"X-{at}: b" for at in range(101)], 431),
        ([f"X-{at}: b" for at in range(20_000)], 431),
        (["X-A: " + "b" * 30_000], 200),
        (["X-A: " + "b" * 33_000], 431),
        (["X-A: " + "b" * 1_000_000], 431),
        (["X" * 40_000 + ": b"], 431),
    ],
)
def test_floods_of_fields(house, lines, status):
    assert status_of(house, sized(*lines)).status == status


def test_a_target_without_end(house):
    assert status_of(house, sized(path="/" + "x" * 40_000)).status == 431


def test_a_head_that_comes_in_drops_is_bounded_too(house):
    async def run():
        async with house.gateway() as client:
            reader, writer = await client.connect()
            writer.write(b"POST / HTTP/1.1\r\nX-A: ")
            read = asyncio.create_task(reader.read())
            while not read.done():
                writer.write(b"b" * 1_000)
                await asyncio.sleep(0)
            return await read

    assert house.answered(house.run(run())).status == 431


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(10_000, 200), (10_001, 413), (200_000, 413)])
def test_a_body_is_bounded(house, size, status, chunked):
    body = BODY + b" " * (size - len(BODY))
    data = sized(body=body)
    if chunked:
        pieces = [body[at : at + 4_000] for at in range(0, size, 4_000)]
        data = post(HOST, KIND, TE, "Connection: close", body=b"".join(
            b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""]
        ))  # fmt: skip
    got = status_of(house, data, max_body=10_000)
    assert got.status == status
    if status == 413:
        assert got.error["code"] == "request_too_large"


def test_a_body_that_is_too_large_is_refused_before_it_comes(house):
    async def run():
        async with house.gateway(max_body=1_000) as client:
            reader, writer = await client.connect()
            writer.write(post(HOST, KIND, "Content-Length: 1000000000", body=b""))
            return await reader.readuntil(b"}}")

    assert house.answered(house.run(run())).status == 413


def test_a_body_that_comes_too_slowly(house):
    async def run():
        async with house.gateway(body_s=0.05) as client:
            reader, writer = await client.connect()
            writer.write(house.chat_request()[:-3])
            said = await reader.readuntil(b"}}")
            await house.until(lambda: client.house.admission.bodies == 0)
            return said

    assert house.answered(house.run(run())).status == 408


def test_a_head_that_never_comes(house):
    async def run():
        async with house.gateway(head_s=0.05) as client:
            reader, writer = await client.connect()
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: loc")
            slow = await reader.read()
            silent, _ = await client.connect()
            return slow, await silent.read()

    slow, silent = house.run(run())
    assert house.answered(slow).status == 408
    assert silent == b""


DEEP = b'{"model":"support","messages":[],"tools":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"nul", None),
        (b"\xff\xfe", None),
        (BODY + b"x", None),
        (DEEP, None),
        (b"[" * 300 + b"]" * 300, None),
        (json.dumps({**ECHO, "metadata": json.loads("[" * 250 + "]" * 250)}).encode(), None),
        (json.dumps({**ECHO, "model": 5}).encode(), "model"),
        (json.dumps({**ECHO, "messages": []}).encode(), "messages"),
        (json.dumps({**ECHO, "temperature": 1e9}).encode(), "temperature"),
        (json.dumps({**ECHO, "n": 2}).encode(), "n"),
        (b'{"model":"support","messages":[{"role":"user","content":"\\ud800"}]}', None),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
def test_bodies_that_are_no_question(house, body, param, path):
    got = status_of(house, sized(body=body, path=path))
    assert got.status in (400, 404)  # this route embeds nothing, whatever it is asked
    if path.endswith("completions"):
        assert got.status == 400
        assert got.error["param"] == param


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["Content-Type: text/plain"], 415),
        (["Content-Type: application/x-www-form-urlencoded"], 415),
        (["Content-Type: multipart/form-data; boundary=x"], 415),
        ([KIND, "Content-Encoding: gzip"], 415),
        ([KIND, "Content-Encoding: br"], 415),
        (["Origin: https://evil.example"], 415),
        (["Content-Type: application/json; charset=utf-8"], 200),
        (["Content-Type: application/vnd.api+json"], 200),
        ([KIND, "Content-Encoding: identity"], 200),
        ([], 200),
    ],
)
def test_types_and_encodings(house, lines, status):
    assert status_of(house, post(HOST, LENGTH, "Connection: close", *lines)).status == status


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["lots"], 400),
        ([""], 400),
        (["low, high"], 400),
        (["low", "high"], 400),
        (["high", "low"], 400),
        (["h\xefgh"], 400),
        ([" High "], 200),
    ],
)
def test_a_criticality_that_is_none(house, lines, status):
    got = status_of(house, sized(*(f"X-Ossay-Criticality: {line}" for line in lines)))
    assert got.status == status
    if status == 400:
        assert "x-ossay-criticality" in got.error["message"]


def test_no_more_are_answered_at_once_than_there_are_places(house):
    async def run():
        held = house.Held()
        async with house.gateway(house.lane(cheap=held), in_flight=1) as client:
            first = asyncio.create_task(client.chat())
            await house.until(lambda: held.running == 1)
            second = await client.chat()
            held.say("done", end=True)
            return await first, second, client.house.admission.in_flight

    first, second, left = house.run(run())
    assert (first.status, second.status, left) == (200, 429, 0)
    assert second.error["code"] == "rate_limit_exceeded"
    assert int(second.headers["retry-after"]) >= 1


def test_no_more_bodies_are_read_at_once_than_four_for_each_place(house):
    async def run():
        async with house.gateway(in_flight=1) as client:
            for _ in range(4):
                _, writer = await client.connect()
                writer.write(house.chat_request()[:-1])
            await house.until(lambda: client.house.admission.bodies == 4)
            reader, writer = await client.connect()
            writer.write(house.chat_request()[:-1])
            refused = await reader.readuntil(b"}}")
            return house.answered(refused), await client.chat()

    refused, whole = house.run(run())
    assert refused.status == 429
    assert whole.status == 200


def test_what_is_wrong_in_the_middle_of_an_answer_ends_it_without_a_word(house):
    """Bytes that are no HTTP must not put an error into an answer that is on its way."""

    async def run():
        held = house.Held()
        async with house.gateway(house.lane(cheap=held)) as client:
            reader, writer = await client.connect()
            writer.write(house.chat_request(stream=True))
            await house.until(lambda: held.running == 1)
            held.say("so f")
            begun = await reader.readuntil(b"so f")
            writer.write(b"\x00\x01 garbage\r\n\r\n")
            rest = await reader.read()
            await house.until(lambda: held.left == 1)
            return begun, rest

    begun, rest = house.run(run())
    assert begun.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1" not in rest
    assert b"[DONE]" not in rest


def test_a_key_in_a_trailer_opens_nothing(house):
    trailer = CHUNKED[:-2] + b"Authorization: Bearer right\r\n\r\n"
    data = post(HOST, KIND, TE, "Connection: close", body=trailer)
    assert status_of(house, data, keys=[house.Key("right")]).status == 401


def test_chunks_are_a_body_like_any_other(house):
    extended = CHUNKED.replace(b"\r\n", b";a=b\r\n", 1)
    for body in (CHUNKED, extended, CHUNKED[:-2] + b"X-A: b\r\n\r\n"):
        assert status_of(house, post(HOST, KIND, TE, "Connection: close", body=body)).status == 200


def test_a_client_that_waits_for_leave_to_send(house):
    async def run():
        async with house.gateway() as client:
            reader, writer = await client.connect()
            writer.write(post(HOST, KIND, LENGTH, "Expect: 100-continue", body=b""))
            leave = await reader.readuntil(b"\r\n\r\n")
            writer.write(BODY)
            return leave, await reader.readuntil(b"}}}")

    leave, said = house.run(run())
    assert leave == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert house.answered(said).status == 200
