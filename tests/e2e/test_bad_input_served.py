"""Bad input over HTTP: each gets its status and an error in OpenAI's shape; the server lives."""

from __future__ import annotations

import json
import socket

import pytest

HELLO = {"role": "user", "content": "hello"}
CHAT = "/v1/chat/completions"
LIMIT_MIB = 8


@pytest.fixture(scope="module")
def served(serving, vocabulary_environ):
    model = "played/caller?context=4096&slots=4"
    with serving(model, log_empty=False, **vocabulary_environ) as served:
        yield served
        lines = served.log.read_text().splitlines()
        # The parser of HTTP says that of garbage; nothing else may be in the log.
        assert [line for line in lines if "Invalid HTTP request received." not in line] == []


@pytest.fixture(autouse=True)
def still_serving(served):
    yield
    served.settle()
    assert served.chat().status == 200


def function(parameters, name="f"):
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def schema(schema):
    return {"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": True}}


def deep(levels):
    return b'{"a":' * levels + b"1" + b"}" * levels


def image(url):
    return [{"type": "image_url", "image_url": {"url": url}}]


CALL = {"type": "function", "id": "call_9", "function": {"name": "f", "arguments": "{}"}}

# Fields beside model and messages -> status, param, code. None: nothing is asserted.
FIELDS = {
    "context overflow": ({"messages": [{"role": "user", "content": "word " * 9000}]},
                         400, None, "context_length_exceeded"),
    "unknown model": ({"model": "gpt-9"}, 404, "model", "model_not_found"),
    "no model": ({"model": None}, 400, "model", None),
    "no messages": ({"messages": []}, 400, "messages", None),
    "image": ({"messages": [{"role": "user", "content": image("data:image/png;base64,AA==")}]},
              400, "messages[0].content[0]", "unsupported_content"),
    "sound": ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
              400, "messages[0].content[0]", "unsupported_content"),
    "unknown role": ({"messages": [{"role": "king", "content": ""}]},
                     400, "messages[0].role", None),
    "no content": ({"messages": [{"role": "user"}]}, 400, "messages[0].content", None),
    "a result of no call": ({"messages": [{"role": "tool", "content": "", "tool_call_id": "x"}]},
                            400, "messages[0].tool_call_id", None),
    "too hot": ({"temperature": 3}, 400, "temperature", None),
    "several answers": ({"n": 3}, 400, "n", "unsupported_parameter"),
    "log probabilities": ({"logprobs": True}, 400, "logprobs", "unsupported_parameter"),
    "no tokens": ({"max_tokens": 0}, 400, "max_tokens", None),
    "huge number": ({"max_tokens": 10**30}, 400, "max_tokens", None),
    "five stops": ({"stop": ["a", "b", "c", "d", "e"]}, 400, "stop", None),
    "broken tool": ({"tools": [{"type": "function"}]}, 400, "tools[0].function", None),
    "tool of another kind": ({"tools": [{"type": "browser"}]}, 400, "tools[0].type", None),
    "tool name": ({"tools": [function({}, "no spaces please")]},
                  400, "tools[0].function.name", None),
    "tool schema of a list": ({"tools": [function({"type": "array"})]},
                              400, "tools[0].function.parameters", None),
    "tool that is not there": (
        {"tools": [function({})],
         "tool_choice": {"type": "function", "function": {"name": "g"}}},
        400, "tool_choice.function.name", None),
    "schema of no type": (
        {"response_format": schema({"type": "no such type"})}, 400, None, None),
    "schema that refers to nothing": (
        {"response_format": schema({"$ref": "#/$defs/none"})}, 400, None, None),
    "schema that refers elsewhere": (
        {"response_format": schema({"$ref": "https://example.org/schema.json"})}, 400, None, None),
    "schema of no value": ({"response_format": schema({"enum": []})}, 400, None, None),
    "broken regex": (
        {"response_format": schema({"type": "string", "pattern": "(("})}, 400, None, None),
    "broken tool schema that must be followed": (
        {"tools": [function({"type": "object", "properties": {"a": {"type": "no such type"}},
                             "required": ["a"]})], "tool_choice": "required"}, 400, None, None),
    "deep schema": ({"response_format": schema(json.loads(deep(500)))}, 400, None, None),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", FIELDS)
def test_a_field_that_is_wrong(served, case, stream):
    fields, status, param, code = FIELDS[case]
    asked = {"model": "caller", "messages": [HELLO], "stream": stream, **fields}
    answer = served.ask("POST", CHAT, asked)
    assert answer.status == status
    assert answer.error["type"] == "invalid_request_error"
    assert param is None or answer.error["param"] == param
    assert code is None or answer.error["code"] == code
    assert answer.headers["x-request-id"]


# What is costly to follow may be refused or followed, but must not take the server down.
COSTLY = {
    "regex bomb": {"type": "string", "pattern": "((a{0,999}){0,999}){0,999}$"},
    "nested stars": {"type": "string", "pattern": "^(((a*)*)*)*$"},
    "many choices": {"enum": [f"value {n}" for n in range(20_000)]},
    "many fields": {
        "type": "object",
        "properties": {f"field_{n}": {"type": "string"} for n in range(2000)},
    },
    "a schema within itself": {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [
        {"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/a"}}]}}},
    "many items": {"type": "array", "items": {"type": "string"}, "minItems": 10**5},
}  # fmt: skip


@pytest.mark.parametrize("case", COSTLY)
def test_a_schema_that_costs_much(served, case):
    answer = served.chat(response_format=schema(COSTLY[case]), max_tokens=50)
    assert answer.status in (200, 400)
    assert answer.status == 200 or answer.error


BODIES = {
    "empty": (b"", 400),
    "blank": (b"   ", 400),
    "begun": (b"{", 400),
    "no JSON": (b"nonsense", 400),
    "a list": (b"[]", 400),
    "null": (b"null", 400),
    "cut": (b'{"model": "caller"', 400),
    "no UTF-8": (b'{"model": "caller\xff", "messages": []}', 400),
    "several": (b'{"a":1}' * 3, 400),
    "deep objects": (deep(100_000), 400),
    "deep lists": (b"[" * 1_000_000, 400),
    "many messages": (b'{"messages": [' + b"{}," * 100_000 + b"{}]}", 400),
    "too large": (b'"' + b"x" * (LIMIT_MIB << 20) + b'"', 413),
    "10 MiB of nothing": (b" " * (10 << 20), 413),
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("path", [CHAT, "/v1/completions", "/v1/responses"])
def test_a_body_that_is_wrong(served, path, case):
    body, status = BODIES[case]
    answer = served.ask("POST", path, body)
    assert answer.status == status
    assert answer.error["type"] == "invalid_request_error"


def test_a_large_body_that_is_right(served):
    text = "x" * (LIMIT_MIB << 20)
    body = {"model": "caller", "messages": [HELLO], "metadata": {"a": text[: 7 << 20]}}
    assert served.ask("POST", CHAT, body).status == 200


def test_what_is_too_large_is_refused_before_it_has_come(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\ncontent-length: 99999999999\r\n\r\n{"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_a_body_of_no_told_length_is_bounded_too(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        connection.setblocking(True)
        try:
            for _ in range(LIMIT_MIB + 2):
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            return  # the server has hung up, as it may
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_unknown_fields_are_ignored(served):
    answer = served.chat(temprature=0.5, colour="red", extra_body={"a": [1]})
    assert answer.status == 200


def test_unknown_fields_are_in_the_debug_log(serving):
    with serving("scripted/echo", "--log-level", "debug", log_empty=False) as served:
        assert served.chat("a secret text", temprature=0.5).status == 200
        log = served.log.read_text()
    assert "temprature" in log
    assert "a secret text" not in log


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CHAT, "POST"),
        ("PUT", "/v1/responses", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/health", "GET, HEAD"),
        ("BREW", CHAT, "POST"),
    ],
)
def test_a_method_that_is_not_taken(served, method, path, allowed):
    answer = served.ask(method, path)
    if method == "BREW" and answer.status == 400:
        return  # the parser of HTTP does not know it
    assert answer.status == 405
    assert answer.headers["allow"] == allowed
    assert answer.error


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/chat", "/v1/chat/completions/", "/%00", "/../x"])
def test_a_path_that_leads_nowhere(served, path):
    answer = served.ask("GET", path)
    assert answer.status == 404
    assert answer.error["code"] == "not_found"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_of_another_type(served, kind):
    body = json.dumps({"model": "caller", "messages": [HELLO]}).encode()
    answer = served.ask("POST", CHAT, body, {"content-type": kind})
    assert answer.status == 415
    assert answer.error


def test_a_compressed_body(served):
    answer = served.ask("POST", CHAT, b"\x1f\x8b", {"content-encoding": "gzip"})
    assert answer.status == 415


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),  # TLS
        b"\r\n\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20_000 + b"\r\n",
        bytes(range(256)) * 100,
        b"POST /v1/models HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=map(str, range(10)),
)
def test_garbage_on_the_socket(served, garbage):
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        try:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except ConnectionError:
            answer = b""
    assert not answer or answer[9:12] < b"500", answer[:200]
    assert served.ask("GET", "/health").status == 200


def test_many_who_send_nothing_keep_nobody_out(served):
    """More slow clients than there are places, each with a header and half a body."""
    half = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        b"content-type: application/json\r\n"
        b'content-length: 1000\r\n\r\n{"model": '
    )
    slow = []
    try:
        for _ in range(200):
            slow.append(socket.create_connection(("127.0.0.1", served.port), timeout=30))
            slow[-1].sendall(half)
        assert served.chat().status == 200  # a place is taken once the body is whole
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_leaves_in_the_middle_of_its_body(served):
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
                b'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"mod'
            )
