"""Tool calls out of fragments, in every way in which servers send them."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.core.types import ToolCall
from ossay.models.toolcalls import CallDelta, ToolCalls


def assembled(*deltas: dict, first_id: int = 1) -> list[ToolCall]:
    calls = ToolCalls(first_id)
    for delta in deltas:
        calls.add(msgspec.convert(delta, CallDelta))
    return [call for call, _ in calls.whole()]


def named(index: int | None, id_: str | None, name: str, arguments: object = "") -> dict:
    return {"index": index, "id": id_, "function": {"name": name, "arguments": arguments}}


def more(index: int | None, arguments: str) -> dict:
    return {"index": index, "function": {"arguments": arguments}}


def test_fragments_of_two_calls_that_alternate():
    calls = assembled(
        named(0, "a", "fs_read"), named(1, "b", "shell"), more(0, '{"pa'), more(1, '{"co'),
        more(0, 'th": 1}'), more(1, 'mmand": 2}'),
    )  # fmt: skip
    assert calls == [
        ToolCall("a", "fs_read", '{"path": 1}'),
        ToolCall("b", "shell", '{"command": 2}'),
    ]


def test_a_whole_call_at_once():
    assert assembled(named(0, "a", "fs_read", "{}")) == [ToolCall("a", "fs_read", "{}")]


def test_calls_without_an_index():
    calls = assembled(
        named(None, "a", "fs_read", '{"path"'),
        more(None, ": 1}"),
        named(None, "b", "shell", "{}"),
    )
    assert calls == [ToolCall("a", "fs_read", '{"path": 1}'), ToolCall("b", "shell", "{}")]


def test_sister_calls_that_share_an_index():
    with_ids = assembled(named(0, "a", "fs_read", "{}"), named(0, "b", "fs_read", "{}"))
    assert [call.id for call in with_ids] == ["a", "b"]
    without_ids = assembled(named(0, "", "fs_read", "{}"), named(0, "", "fs_read", "{}"))
    assert len(without_ids) == 2


def test_a_name_and_an_id_that_come_again_with_every_fragment_change_nothing():
    calls = assembled(named(0, "a", "shell", '{"x"'), named(0, "a", "shell", ": 1}"))
    assert calls == [ToolCall("a", "shell", '{"x": 1}')]


def test_missing_ids_are_made_up_and_count_on():
    calls = assembled(named(0, None, "shell", "{}"), named(1, None, "shell", "{}"), first_id=4)
    assert [call.id for call in calls] == ["call_4", "call_5"]


def test_arguments_that_come_as_an_object_become_text():
    (call,) = assembled(named(0, "a", "shell", {"command": "é"}))
    assert json.loads(call.arguments) == {"command": "é"}


def test_broken_arguments_stay_as_they_were_written():
    (call,) = assembled(named(0, "a", "shell", '{"command": "ls'))
    assert call.arguments == '{"command": "ls'


def test_halves_of_a_surrogate_pair_in_two_fragments_are_joined():
    (call,) = assembled(named(0, "a", "shell", '{"x": "\ud83d'), more(0, '\ude00\ude00"}'))
    assert call.arguments == '{"x": "\U0001f600\ufffd"}'


def test_what_was_attached_comes_with_its_call():
    calls = ToolCalls(1)
    calls.add(msgspec.convert(named(None, "a", "shell", "{}"), CallDelta))
    calls.add(CallDelta(extra_content={"google": {"thought_signature": "x"}}))
    ((_, extra),) = calls.whole()
    assert extra == {"google": {"thought_signature": "x"}}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=4),
    st.integers(1, 5),
)
def test_any_cutting_of_arguments_gives_them_back(calls: list[tuple[str, str]], size: int):
    deltas: list[dict] = []
    for index, (name, arguments) in enumerate(calls):
        deltas.append(named(index, f"id{index}", name))
        deltas += [more(index, arguments[at : at + size]) for at in range(0, len(arguments), size)]
    expected = [ToolCall(f"id{i}", name, text) for i, (name, text) in enumerate(calls)]
    assert assembled(*deltas) == expected
