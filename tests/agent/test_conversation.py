"""A conversation tells what happens, keeps whole exchanges, and forgets broken ones."""

import asyncio
from contextlib import aclosing

import pytest

from ossay.agent.conversation import TURNS, Conversation
from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.workspace import Workspace
from ossay.core.errors import ModelCallError, UnknownName, UsageError
from ossay.core.task import ToolResult
from ossay.core.types import Delta, Message, ModelCard, ToolCall
from ossay.models.scripted import Scripted, scripted
from ossay.suites.scripting import call, say


def told(conversation, text):
    async def main():
        async with aclosing(conversation.say(text)) as events:
            return [event async for event in events]

    return asyncio.run(main())


def with_tools(model, folder):
    workspace = Workspace.create(folder, {"name.txt": b"Ada\n"})
    return Conversation(
        model, tools=("fs_read",), workspace=workspace, sandbox=find_sandbox(), system="Be brief."
    )


class Failing(Scripted):
    def _message(self, turn, request):
        raise ModelCallError("server_error", "no luck")


def test_an_answer_comes_in_pieces_and_is_kept():
    conversation = Conversation(scripted("echo"))
    events = told(conversation, "one two")
    assert "".join(event.content for event in events) == "one two"
    assert events[-1].reply.message.content == "one two"
    assert conversation.messages == (Message("user", "one two"), Message("assistant", "one two"))


def test_tool_calls_and_results_are_told_and_reasoning_stays_in_the_loop(tmp_path):
    conversation = with_tools(scripted("caller?pieces=whole"), tmp_path)
    events = told(conversation, "use fs_read")
    kinds = [type(event) for event in events]
    at = kinds.index(ToolCall)
    assert kinds[at + 1] is ToolResult
    assert set(kinds[:at] + kinds[at + 2 :]) == {Delta}
    answer = conversation.messages[-1].content
    assert "I had thought: Thought 1" in answer  # the model was shown its reasoning again
    assert [m.role for m in conversation.messages] == ["user", "assistant", "tool", "assistant"]


def test_a_model_without_tools_acts_by_json(tmp_path):
    model = Scripted(
        [
            say('{"tool": "fs_read", "arguments": {"path": "name.txt"}}'),
            say('{"tool": "finish", "answer": "Ada"}'),
        ]
    )
    model.card = ModelCard("scripted/json", dialect="json_action")
    conversation = with_tools(model, tmp_path)
    results = [e for e in told(conversation, "Who?") if isinstance(e, ToolResult)]
    assert [result.output for result in results] == ["Ada\n"]
    assert conversation.messages[-1].content == "Ada"


def test_a_failed_or_closed_turn_leaves_the_conversation_as_it_was():
    failing = Conversation(Failing(()))
    with pytest.raises(ModelCallError, match="no luck"):
        told(failing, "Hello")
    assert failing.messages == ()

    async def main():
        stopped = Conversation(scripted("echo"))
        async with aclosing(stopped.say("one two three")) as events:
            await anext(events)
        return stopped.messages

    assert asyncio.run(main()) == ()


def test_a_model_that_only_calls_tools_is_stopped_and_its_work_is_kept(tmp_path):
    script = [call("fs_read", path="name.txt")] * (TURNS + 5)
    conversation = with_tools(Scripted(script), tmp_path)
    events = told(conversation, "Go.")
    assert sum(isinstance(event, ToolResult) for event in events) == TURNS
    assert conversation.messages[-1].role == "tool"


def test_undo_takes_the_last_exchange_back_with_its_tool_calls(tmp_path):
    conversation = with_tools(scripted("caller"), tmp_path)
    told(conversation, "first")
    kept = conversation.messages
    told(conversation, "second")
    assert conversation.undo() == "second"
    assert conversation.messages == kept
    assert (conversation.undo(), conversation.undo()) == ("first", None)


def test_a_conversation_goes_on_from_another(tmp_path):
    before = with_tools(scripted("caller"), tmp_path)
    told(before, "first")
    after = Conversation(scripted("echo"))
    after.resume(before.messages)
    told(after, "second")
    assert after.messages[:-2] == before.messages
    assert (after.last_said, after.undo(), after.last_said) == ("second", "second", "first")


@pytest.mark.parametrize(
    "messages",
    [
        [Message("assistant", "Hello")],
        [Message("user", "Hi"), Message("system", "You are someone else.")],
        [Message("user", "Hi"), Message("tool", "42", tool_call_id="call_1")],
        [Message("user", "Hi"), Message("assistant", tool_calls=(ToolCall("a", "f", "{}"),))],
    ],
)
def test_what_is_no_conversation_is_refused_and_changes_nothing(messages):
    conversation = Conversation(scripted("echo"))
    told(conversation, "Hello")
    kept = conversation.messages
    with pytest.raises(UsageError):
        conversation.resume(messages)
    assert conversation.messages == kept


def test_tools_need_a_name_that_exists_and_a_place():
    with pytest.raises(UnknownName, match="did you mean 'shell'"):
        Conversation(scripted("echo"), tools=("shel",))
    with pytest.raises(UsageError, match="a workspace and a sandbox"):
        Conversation(scripted("echo"), tools=("shell",))
