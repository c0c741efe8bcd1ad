"""What was answered is kept for the next turn, within bounds."""

from __future__ import annotations

import json

import pytest

from ossay.core.types import Message, Reply, Timing, ToolCall, Usage
from ossay.server.errors import ApiError
from ossay.server.responses import Responses
from ossay.server.responses_store import Store

CALLING = Message("assistant", reasoning="I count.", tool_calls=(ToolCall("c1", "f", "{}"),))
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "12"}


def ask(api, unique, message, **fields):
    """Ask and be answered `message`; return the decoded request and the response."""
    body = json.dumps({"model": "m", "input": "hi", **fields}).encode()
    asked = api.decode(body)
    reply = Reply(message, Usage(), Timing(0.0, 0.0))
    return asked, json.loads(asked.encoder(created=1, unique=unique).whole(reply))


def refused(call, *args, **fields) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(*args, **fields)
    return caught.value


def test_a_turn_follows_another():
    api = Responses()
    ask(api, "1", CALLING, input="how many?", instructions="be brief")
    asked, second = ask(
        api, "2", Message("assistant", "12"), input=[RESULT], previous_response_id="resp_1"
    )
    assert second["previous_response_id"] == "resp_1"
    assert asked.request.messages == (  # instructions bind the turn that they came with
        Message("user", "how many?"),
        CALLING,
        Message("tool", "12", tool_call_id="c1"),
    )
    third, _ = ask(api, "3", Message("assistant"), input="sure?", previous_response_id="resp_2")
    assert third.request.messages[-2:] == (Message("assistant", "12"), Message("user", "sure?"))


def test_items_sent_again_make_the_same_conversation_as_an_id():
    api = Responses()
    _, first = ask(api, "1", CALLING)
    items = [{"role": "user", "content": "hi"}, *first["output"], RESULT]
    by_items, _ = ask(api, "2", Message("assistant"), input=items)
    by_id, _ = ask(api, "3", Message("assistant"), input=[RESULT], previous_response_id="resp_1")
    named = [{"type": "item_reference", "id": item["id"]} for item in first["output"]]
    by_name, _ = ask(api, "4", Message("assistant"), input=[items[0], *named, RESULT])
    assert by_items.request == by_id.request == by_name.request


def test_a_stream_is_kept_too():
    api = Responses()
    asked = api.decode(b'{"model": "m", "input": "hi", "stream": true}')
    encoder = asked.encoder(created=1, unique="1")
    encoder.begin()
    assert refused(api.retrieve, "resp_1").status == 404
    data = encoder.end(Reply(Message("assistant", "yes"), Usage(), Timing(0.0, 0.0)))
    last = json.loads(data.decode().split("data: ")[-1])
    assert json.loads(api.retrieve("resp_1")) == last["response"]


def test_retrieve_and_delete():
    api = Responses()
    _, first = ask(api, "1", Message("assistant", "yes"))
    assert json.loads(api.retrieve("resp_1")) == first
    assert json.loads(api.delete("resp_1")) == {
        "id": "resp_1", "object": "response", "deleted": True,
    }  # fmt: skip
    for call in (api.retrieve, api.delete):
        error = refused(call, "resp_1")
        assert (error.status, error.type) == (404, "invalid_request_error")
        assert "'resp_1' not found" in str(error)
    error = refused(ask, api, "2", CALLING, previous_response_id="resp_1")
    assert (error.status, error.code) == (400, "previous_response_not_found")


def test_store_false_keeps_nothing():
    api = Responses()
    _, first = ask(api, "1", Message("assistant", "yes"), store=False)
    assert first["store"] is False
    assert refused(api.retrieve, "resp_1").status == 404
    named = [{"type": "item_reference", "id": first["output"][0]["id"]}]
    assert refused(ask, api, "2", CALLING, input=named).status == 404


def test_what_was_used_least_lately_goes_first():
    store = Store(capacity=2)
    store.put("a", b"{}", (), [{"id": "x"}])
    store.put("b", b"{}", (), [{"id": "y"}])
    assert store.item("x") == {"id": "x"}
    store.put("c", b"{}", (), [])
    assert store.find("b") is None
    assert store.item("y") is None
    assert store.find("a").items == ({"id": "x"},)
    assert len(store) == 2


def test_bytes_are_bounded():
    store = Store(capacity_bytes=100_000)
    for number in range(100):
        store.put(
            str(number), b"x" * 1_000, (Message("user", "y" * 5_000),), [{"id": f"i{number}"}]
        )
        assert store.bytes <= 100_000
    assert 5 < len(store) < 20
    store.put("large", b"x" * 100_000, (), [])
    assert store.find("large") is None
    for number in range(100):
        store.remove(str(number))
    assert (len(store), store.bytes, store.item("i99")) == (0, 0, None)


def test_a_response_put_again_counts_once():
    store = Store()
    store.put("a", b"{}", (), [{"id": "x"}])
    once = store.bytes
    store.put("a", b"{}", (), [{"id": "x"}])
    assert (store.bytes, len(store)) == (once, 1)
    assert store.item("x") == {"id": "x"}
