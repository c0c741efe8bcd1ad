"""64 streams at once from a small random model, clients that die, broken bodies meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys

import pytest

STREAMS = 64
CLIENTS = 8  # processes that are killed
TOKENS = 48

# A client in a process of its own: asks, says that it reads, and reads until it is killed.
CLIENT = """
import json, socket, sys
port, body = int(sys.argv[1]), sys.argv[2].encode()
with socket.create_connection(("127.0.0.1", port)) as s:
    s.sendall(b"POST /v1/chat/completions HTTP/1.1\\r\\nhost: localhost\\r\\n"
              b"content-type: application/json\\r\\n"
              b"content-length: %d\\r\\n\\r\\n" % len(body) + body)
    assert s.recv(1)
    print("reading", flush=True)
    while s.recv(4096):
        pass
"""
BROKEN = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'{"model": 1}',
    b'{"model": "tiny", "messages": []}',
    b'{"model": "tiny", "messages": [{"role": "tool", "content": ""}]}',
    b'{"model": "tiny", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
    b"\xff\xfe\x00",
    b"[" * 5000,
]


@pytest.fixture(scope="module")
def served(serving, vocabulary_environ, backend, tmp_path_factory):
    """A model of two layers with random weights, on the real kernels."""
    from ossay.engine.synth import tiny_shape, write_checkpoint
    from ossay.harmony.vocabulary import VOCABULARY_SIZE

    shape = tiny_shape(vocab=VOCABULARY_SIZE, layers=2)
    folder = write_checkpoint(tmp_path_factory.mktemp("models") / "tiny", shape, 1)
    backend("cpu", shape, _opened(folder))
    model = f"local/{folder}?context=512&slots=16&threads=1"
    with serving(model, "--alias", "tiny", **vocabulary_environ) as served:
        yield served


def _opened(folder):
    from ossay.engine.checkpoint import open_checkpoint

    return open_checkpoint(folder)


def body(n, tokens=TOKENS):
    asked = {
        "model": "tiny",
        "messages": [{"role": "user", "content": f"Say something of {n}."}],
        "max_tokens": tokens,
        "temperature": 1.0,
        "seed": n,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return json.dumps(asked).encode()


def events(whole):
    """The events of a stream, chunks of HTTP undone; it must be complete."""
    _, _, chunked = whole.partition(b"\r\n\r\n")
    text = b""
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        text += rest[: int(size, 16)]
        chunked = rest[int(size, 16) + 2 :]
        if size == b"0":
            break
    else:
        raise AssertionError(f"the stream was cut: {whole[-200:]!r}")
    return [line.removeprefix(b"data: ") for line in text.split(b"\n\n") if line[:1] != b":"][:-1]


def check_complete(whole):
    *chunks, done = events(whole)
    assert done == b"[DONE]"
    *said, last = [json.loads(chunk) for chunk in chunks]
    assert "error" not in last, last
    finishes = [chunk["choices"][0]["finish_reason"] for chunk in said]
    assert finishes[-1] in ("stop", "length", "tool_calls")
    assert set(finishes[:-1]) == {None}
    assert 0 < last["usage"]["completion_tokens"] <= TOKENS
    assert last["usage"]["prompt_tokens"] > 0


def test_every_stream_that_is_not_cut_is_complete(served):
    rng = random.Random(64)
    killed = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(served.port), body(1000 + n).decode()],
            stdout=subprocess.PIPE,
        )
        for n in range(CLIENTS)
    ]

    async def kill(process):
        await asyncio.to_thread(process.stdout.readline)
        process.kill()

    async def all_at_once():
        leaving = set(rng.sample(range(STREAMS), STREAMS // 4))
        work = [
            served.send(body(n), leave_after=rng.randint(1, 4000) if n in leaving else None)
            for n in range(STREAMS)
        ]
        work += [served.send(rng.choice(BROKEN)) for _ in range(STREAMS)]
        work += [kill(process) for process in killed]
        answers = await asyncio.gather(*work)
        return answers[:STREAMS], answers[STREAMS : 2 * STREAMS], leaving

    try:
        streams, broken, leaving = asyncio.run(all_at_once())
    finally:
        for process in killed:
            process.kill()
            process.communicate()

    for n, (status, whole) in enumerate(streams):
        if n not in leaving:
            assert status == 200
            check_complete(whole)
    assert {status for status, _ in broken} == {400}
    served.settle()
    statuses = served.statuses()
    assert not [status for status in statuses if status >= 500], statuses
    assert served.gauge("ossay_streams_failed_total") == 0


def test_a_seed_says_the_same_alone_and_in_company(served):
    async def alone():
        return await served.send(body(7))

    async def together():
        return await asyncio.gather(*(served.send(body(n)) for n in range(16)))

    def said(whole):
        deltas = [json.loads(e)["choices"] for e in events(whole)[:-1]]
        return [choice[0]["delta"] for choice in deltas if choice]

    one = asyncio.run(alone())[1]
    many = asyncio.run(together())[7][1]
    text = "".join(str(delta) for delta in said(one))
    assert text == "".join(str(delta) for delta in said(many))


def test_a_client_that_leaves_frees_its_slot(served):
    async def leave():
        for n in range(40):  # more than there are slots
            await served.send(body(n, tokens=400), leave_after=1)

    before = served.gauge("ossay_disconnects_total")
    asyncio.run(leave())
    served.settle()
    assert served.gauge("ossay_disconnects_total") > before
    assert served.chat(max_tokens=4).status == 200
