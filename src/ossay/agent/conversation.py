"""A conversation with a model, with or without tools: what is said goes in, what happens comes out.

Knows nothing of terminals, tasks or grades, nor of what a chat format keeps of earlier reasoning: a
model is given the whole conversation, and its format drops what it does not want.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from ossay.agent.dialects import JsonAction
from ossay.agent.sandbox.base import Limits, Sandbox
from ossay.agent.tools import TOOLS, call_tool
from ossay.agent.workspace import Workspace
from ossay.core.errors import ModelCallError, UnknownName, UsageError
from ossay.core.model import Model
from ossay.core.task import Budget, ToolResult
from ossay.core.types import Delta, Message, Reply, Request, Sampling, Tool, ToolCall

TURNS = 50  # replies to one message of the user, tool calls included
# Seconds of one call. A person waits, and may stop it; a big model on a small machine is slow.
CALL_SECONDS = 3600.0

Event = Delta | ToolCall | ToolResult


class Conversation:
    """What was said so far, and a model that goes on from there.

    Args:
        model: Who answers.
        system: What it is told beforehand; '' for nothing.
        sampling: How it samples.
        tools: Names of the tools that it is offered; they need a workspace and a sandbox.
        workspace: Where tools read and write.
        sandbox: What confines commands.
        limits: What one command may use.

    Attributes:
        system: May be changed between two turns, as may `sampling`.
        sampling: See there.

    Raises:
        UnknownName: no such tool.
        UsageError: tools, but no place for them.
    """

    def __init__(
        self,
        model: Model,
        *,
        system: str = "",
        sampling: Sampling | None = None,
        tools: Sequence[str] = (),
        workspace: Workspace | None = None,
        sandbox: Sandbox | None = None,
        limits: Limits | None = None,
    ) -> None:
        for name in tools:
            if name not in TOOLS:
                raise UnknownName.of("tool", name, TOOLS)
        if tools and (workspace is None or sandbox is None):
            raise UsageError("tools need a workspace and a sandbox: give both, or no tools")
        constrained = model.card.dialect == "json_action" and tools
        self._model: Model = JsonAction(model) if constrained else model
        self._tools: tuple[Tool, ...] = tuple(TOOLS[name] for name in tools)
        self._workspace = workspace
        self._sandbox = sandbox
        self._limits = limits or Limits()
        self._exchanges: list[tuple[Message, ...]] = []
        self.system = system
        self.sampling = sampling or Sampling()

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that are offered."""
        return tuple(tool.name for tool in self._tools)

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was said, without the system message. An exchange that did not end is not in it."""
        return tuple(message for exchange in self._exchanges for message in exchange)

    @property
    def last_said(self) -> str | None:
        """What the user said in the last exchange; None where there is none."""
        return self._exchanges[-1][0].content if self._exchanges else None

    async def say(self, text: str) -> AsyncGenerator[Event]:
        """Say `text` and yield what happens, until the model answers without a tool call.

        Yields deltas as they come (the last of each reply carries it whole), each tool call before
        it is carried out, and its result. After `TURNS` replies that all call tools it ends with
        the last result. The exchange is kept once the generator has run to its end: one that is
        closed, cancelled or fails leaves the conversation as it was.

        Raises:
            ModelCallError: A call failed.
            OSError: The machine failed in a tool.
            EnvironmentDefect: The sandbox failed.
        """
        said = [Message("user", text)]
        for _ in range(TURNS):
            reply: Reply | None = None
            deltas = self._model.stream(self._request(said))
            try:
                async for delta in deltas:
                    reply = delta.reply or reply
                    yield delta
            finally:
                if isinstance(deltas, AsyncGenerator):
                    await deltas.aclose()  # now: a model that is stopped frees its place
            if reply is None:
                raise ModelCallError("cut_off", "the stream ended without a reply")
            said.append(reply.message)
            if not reply.message.tool_calls:
                break
            for call in reply.message.tool_calls:
                yield call
                result = await self._carried_out(call)
                said.append(Message("tool", result.output, tool_call_id=call.id))
                yield result
        self._exchanges.append(tuple(said))

    def undo(self) -> str | None:
        """Take the last exchange back and return what the user had said; None where there is none.

        What tools did to the workspace stays done.
        """
        said = self.last_said
        del self._exchanges[-1:]
        return said

    def clear(self) -> None:
        """Forget everything that was said. The system message stays."""
        self._exchanges.clear()

    def resume(self, messages: Sequence[Message]) -> None:
        """Go on from `messages`, as an earlier conversation gave them, instead of from here.

        Raises `UsageError` where they are no conversation; then nothing has changed.
        """
        exchanges: list[list[Message]] = []
        awaited: list[str] = []  # ids of calls that have no result yet
        for at, message in enumerate(messages, 1):
            if message.role == "user":
                exchanges.append([])
            if message.role == "system" or not exchanges:
                raise UsageError(f"message {at} is of {message.role!r}; the first must be a user's")
            if message.role == "tool" and message.tool_call_id in awaited:
                awaited.remove(message.tool_call_id)
            elif message.role == "tool" or awaited:
                raise UsageError(
                    f"message {at} should be a result of {', '.join(awaited) or 'no tool call'}"
                )
            awaited += [call.id for call in message.tool_calls]
            exchanges[-1].append(message)
        if awaited:
            raise UsageError(f"there is no result of {', '.join(awaited)}")
        self._exchanges = [tuple(exchange) for exchange in exchanges]

    def _request(self, said: Sequence[Message]) -> Request:
        system = (Message("system", self.system),) if self.system else ()
        return Request(
            (*system, *self.messages, *said),
            self._tools,
            sampling=self.sampling,
            deadline_s=CALL_SECONDS,
        )

    async def _carried_out(self, call: ToolCall) -> ToolResult:
        if self._workspace is None or self._sandbox is None:
            nothing = "There are no tools here."
            return ToolResult(call.id, call.name, call.arguments, nothing, 0.0, "unknown_tool")
        return await call_tool(
            call,
            offered=self.tools,
            workspace=self._workspace,
            sandbox=self._sandbox,
            limits=self._limits,
            max_chars=Budget().tool_output_chars,
        )
