"""The HTTP/1.1 client against servers that say exactly what they are told to."""

import asyncio
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager

import pytest

from ossay.core.errors import ModelCallError
from ossay.models.h1 import Origin, Pool

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
MANY = 1 << 30


class Server:
    """Answers each request with the next of `answers`; b'' never answers, None hangs up."""

    def __init__(self, answers, after=lambda writer: None):
        self.answers = list(answers)
        self.after = after
        self.asked = []
        self.connections = 0
        self.left = asyncio.Event()

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.asked.append(head + await reader.readexactly(length))
                said = self.answers.pop(0) if self.answers else OK
                if said is None:
                    break
                for part in said if isinstance(said, list) else [said]:
                    writer.write(part)
                    await asyncio.sleep(0)
                self.after(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


@asynccontextmanager
async def served(*answers, tls=None, **options):
    server = Server(answers, **options)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    scheme = "https" if tls else "http"
    pool = Pool(f"{scheme}://127.0.0.1:{port}/v1", {"Accept": "*/*"})
    try:
        yield server, pool
    finally:
        pool.close()
        listening.close()


async def ask(pool, body=b"{}", timeout_s=20.0, limit=MANY):
    exchange = await pool.post("/chat/completions", body, timeout_s)
    try:
        await exchange.begin()
        return exchange, await exchange.whole(limit)
    except ModelCallError:
        exchange.close()
        raise


def meet(*answers, close=False, **options):
    """What a client makes of one answer: (status, headers, body)."""

    async def run():
        after = (lambda writer: writer.close()) if close else (lambda writer: None)
        async with served(*answers, after=after) as (_, pool):
            exchange, body = await ask(pool, **options)
            return exchange.status, exchange.headers, body

    return asyncio.run(run())


def error(*answers, **options):
    with pytest.raises(ModelCallError) as caught:
        meet(*answers, **options)
    return caught.value


def test_a_request_is_sent_as_it_is():
    async def run():
        async with served() as (server, pool):
            await ask(pool, b'{"a": 1}')
            return server.asked[0].decode().split("\r\n")

    first, *lines = asyncio.run(run())
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert lines[0].startswith("Host: 127.0.0.1:")
    assert lines[1:] == ["Accept: */*", "Content-Length: 8", "", '{"a": 1}']


def test_a_connection_is_kept_and_used_again():
    async def run():
        async with served() as (server, pool):
            for _ in range(5):
                assert (await ask(pool))[1] == b"hello"
            in_turn = server.connections
            await asyncio.gather(*[ask(pool) for _ in range(4)])
            return in_turn, server.connections

    assert asyncio.run(run()) == (1, 4)


def test_a_connection_that_the_server_closes_is_not_used_again():
    async def run():
        async with served(after=lambda writer: writer.close()) as (server, pool):
            for _ in range(3):
                await ask(pool)
                await asyncio.sleep(0.01)
            return server.connections

    assert asyncio.run(run()) == 3


def test_a_request_that_met_nobody_is_sent_again():
    async def run():
        async with served(OK, None) as (server, pool):
            await ask(pool)
            exchange = await pool.ask("/x", b"{}", 20.0)
            assert await exchange.whole(MANY) == b"hello"
            return server.connections

    assert asyncio.run(run()) == 2


def test_but_only_once():
    async def run():
        async with served(OK, None, None) as (server, pool):
            await ask(pool)
            with pytest.raises(ModelCallError, match="before it answered"):
                await pool.ask("/x", b"{}", 20.0)
            return server.connections

    assert asyncio.run(run()) == 2


def test_a_request_that_was_heard_is_not_sent_again():
    async def run():
        async with served(OK, b"HTTP/1.1 2", after=lambda writer: None) as (server, pool):
            await ask(pool)
            server.after = lambda writer: writer.close()
            with pytest.raises(ModelCallError):
                await pool.ask("/x", b"{}", 20.0)
            return server.connections

    assert asyncio.run(run()) == 1


def test_connection_close_is_heard():
    said = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"

    async def run():
        async with served(said, said) as (server, pool):
            assert [(await ask(pool))[1] for _ in range(2)] == [b"hi", b"hi"]
            return server.connections

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"hello"),
        (CHUNKED, b"hello"),
        ([OK[at : at + 1] for at in range(len(OK))], b"hello"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_whole_answers(answer, body):
    status, headers, said = meet(answer)
    assert (status, said) == (200, body)
    assert "link" not in headers


def test_a_body_may_end_with_its_connection():
    assert meet(b"HTTP/1.1 200 OK\r\n\r\nhello", close=True)[2] == b"hello"


def test_other_statuses_are_answers_too():
    said = b"HTTP/1.1 429 Slow Down\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno"
    assert meet(said) == (429, {"retry-after": "3", "content-length": "2"}, b"no")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "cut_off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", "cut_off"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "connection"),
        (b"220 mail.invalid ESMTP\r\n", "bad_response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "bad_response"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n", "bad_response"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: aaaaaaaa\r\n" * 9_000 + b"\r\n", "bad_response"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "bad_response"),
        (None, "connection"),
    ],
)
def test_broken_answers(answer, kind):
    assert error(answer, close=True).kind == kind


def test_two_answers_to_one_request_end_the_connection():
    async def run():
        async with served(OK + OK) as (server, pool):
            assert (await ask(pool))[1] == b"hello"
            await asyncio.sleep(0.01)
            assert (await ask(pool))[1] == b"hello"
            return server.connections

    assert asyncio.run(run()) == 2


def test_a_second_answer_that_has_only_begun_is_nobody_s():
    """Else its rest would be the answer to whoever asks next."""
    rest = b"ngth: 6\r\n\r\npoison"

    async def run():
        async with served(OK + b"HTTP/1.1 200 OK\r\nContent-Le", rest) as (server, pool):
            await ask(pool)
            server.answers = [OK]
            return (await ask(pool))[1], server.connections

    assert asyncio.run(run()) == (b"hello", 2)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (b"HTTP/1.1 200 ", b"a"),
        (b"", b"\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ", b"a"),
    ],
    ids=["header", "status", "blank lines", "continue", "chunk extension", "trailer"],
)
def test_what_never_ends_is_broken_off(begin, more):
    """Long before the deadline: it would be held in memory until then."""
    failed = error([begin, *[more * 4_000] * 25], timeout_s=600.0)
    assert failed.kind == "bad_response"
    assert "bytes of headers" in str(failed)


def test_what_nobody_asked_for_ends_the_connection():
    async def run():
        async with served() as (server, pool):
            writers = []
            server.after = writers.append
            await ask(pool)
            writers[0].write(b"HTTP/1.1 200 OK\r\n")
            await server.left.wait()
            await ask(pool)
            return server.connections

    assert asyncio.run(run()) == 2


def test_a_deadline_bounds_the_whole_answer():
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"
    assert error(b"", timeout_s=0.05).kind == "deadline"
    assert error(half, timeout_s=0.05).kind == "deadline"


class Moved(asyncio.SelectorEventLoop):
    """A loop whose clock is moved by hand."""

    moved = 0.0

    def time(self):
        return super().time() + self.moved


@pytest.mark.parametrize("whole", [True, False])
def test_time_in_which_nobody_waits_for_the_answer_does_not_count(whole):
    async def run():
        loop = asyncio.get_running_loop()
        async with served(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello") as (server, pool):
            writers = []
            server.after = writers.append
            exchange = await pool.post("/x", b"{}", 20.0)
            await exchange.begin()
            first = await exchange.read()
            for _ in range(3):  # a client takes its time
                loop.moved += 60.0
                await asyncio.sleep(0.01)
            reading = asyncio.create_task(exchange.read())
            await asyncio.sleep(0.01)
            loop.moved += 15.0 if whole else 30.0
            await asyncio.sleep(0.01)
            writers[0].write(b"world")
            return first + await reading

    with asyncio.Runner(loop_factory=Moved) as runner:
        if whole:
            assert runner.run(run()) == b"helloworld"
        else:
            with pytest.raises(ModelCallError) as caught:
                runner.run(run())
            assert caught.value.kind == "deadline"


def test_an_answer_that_is_too_long_is_broken_off():
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000
    assert error(body, limit=100_000).kind == "bad_response"


def test_a_reader_that_waits_makes_the_server_wait():
    length = 50 << 20

    async def run():
        async with served(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length) as pair:
            server, pool = pair
            sent = asyncio.Event()
            held = []

            async def flood(writer):
                writer.write(b"x" * length)
                await writer.drain()
                sent.set()

            server.after = lambda writer: held.append(asyncio.create_task(flood(writer)))
            exchange = await pool.post("/x", b"{}", 20.0)
            await exchange.begin()
            await asyncio.sleep(0.2)
            assert not sent.is_set()
            return len(await exchange.whole(MANY))

    assert asyncio.run(run()) == length


@pytest.mark.parametrize("begun", [False, True])
def test_whoever_leaves_closes_the_connection(begun):
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello" if begun else b""

    async def run():
        async with served(half) as (server, pool):
            exchange = await pool.post("/x", b"{}", 20.0)
            if begun:
                await exchange.begin()
            exchange.close()
            async with asyncio.timeout(20.0):
                await server.left.wait()
            with pytest.raises(ModelCallError):
                await exchange.whole(MANY)

    asyncio.run(run())


def test_the_rest_of_an_answer_may_come_unread():
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

    async def run():
        async with served([whole[:-5], whole[-5:]]) as (server, pool):
            exchange = await pool.post("/x", b"{}", 20.0)
            await exchange.begin()
            assert await exchange.read() == b"hello"
            exchange.release()
            while not exchange.complete:
                await asyncio.sleep(0.001)
            await ask(pool)
            return server.connections

    assert asyncio.run(run()) == 1


def test_a_rest_that_does_not_come_is_given_up():
    never = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

    async def run():
        async with served(never) as (server, pool):
            exchange = await pool.post("/x", b"{}", 20.0)
            assert await exchange.read() == b"hello"
            exchange.release()
            async with asyncio.timeout(20.0):
                await server.left.wait()

    asyncio.run(run())


def test_nobody_there():
    async def run():
        async with served() as (_, pool):
            port = pool.origin.port
        with pytest.raises(ModelCallError, match="is the server running") as caught:
            await Pool(f"http://127.0.0.1:{port}", {}).post("/x", b"", 20.0)
        return caught.value.kind

    assert asyncio.run(run()) == "connection"


@pytest.mark.parametrize(
    ("url", "authority", "prefix"),
    [
        ("https://api.example.com/v1", "api.example.com", "/v1"),
        ("http://localhost:8000/v1/", "localhost:8000", "/v1"),
        ("http://[::1]:9000", "[::1]:9000", ""),
        ("https://example.com:443/a/b", "example.com", "/a/b"),
    ],
)
def test_origins(url, authority, prefix):
    origin = Origin.of(url)
    assert (origin.authority, origin.prefix, origin.tls) == (authority, prefix, url[4] == "s")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate, as a server's context."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context, cert


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    async def run():
        async with served(tls=certificate[0]) as (_, pool):
            with pytest.raises(ModelCallError, match="certificate") as caught:
                await ask(pool)
            return caught.value.kind

    assert asyncio.run(run()) == "connection"


def test_tls(certificate):
    context, cert = certificate

    async def run():
        async with served(tls=context) as (server, pool):
            pool.trust(ssl.create_default_context(cafile=str(cert)))
            for _ in range(2):
                assert (await ask(pool))[1] == b"hello"
            return server.connections

    assert asyncio.run(run()) == 1
