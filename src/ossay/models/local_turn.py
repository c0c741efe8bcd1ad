"""One turn of the assistant, from the tokens that the engine gives to deltas and a message.

A turn is over with the final message, or with a tool call (the first, unless several are wanted),
or where a stop string is met. Knows nothing of engines, prompts or time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ossay.core.types import Delta, Message, ToolCall, ToolCallDelta
from ossay.harmony.parser import Parser
from ossay.harmony.types import CallArguments, CallBegun, Event, MessageEnded, Text
from ossay.harmony.vocabulary import Vocabulary
from ossay.models.local_constraint import speaks_finally
from ossay.models.stop_text import StopText


class Turn:
    """Reads one turn.

    Args:
        vocabulary: Of the model.
        new_id: Gives the id of a tool call.
        stops: Strings that end the answer's text; reasoning and calls are not searched.
        calls: Whether tools may be called; where not, what is said to one is reasoning.
        several: Whether more than one call may be made.
        json: Whether the answer is JSON: a preamble would break it, and goes to the reasoning.

    Attributes:
        ids: The tokens of the turn so far.
        over: Whether nothing more belongs to the turn.
        whole: Whether its last token ended a message.
        reasoning_tokens: How many of `ids` are reasoning, with the frame of its messages.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        new_id: Callable[[], str],
        *,
        stops: tuple[str, ...] = (),
        calls: bool = True,
        several: bool = False,
        json: bool = False,
    ) -> None:
        self._parser = Parser(vocabulary)
        self._new_id = new_id
        self._stops = StopText(stops)
        self._may_call = calls
        self._unasked = 0
        self._several = several
        self._json = json
        self.ids: list[int] = []
        self.over = False
        self.whole = False
        self.reasoning_tokens = 0
        self._message_began = 0
        self._thinking = False
        self._content = _Said()
        self._reasoning = _Said()
        self._calls: list[_Call] = []
        self._out: list[Delta] = []

    def feed(self, tokens: Iterable[int]) -> list[Delta]:
        """Take tokens, and return what they add. Tokens after the turn are left alone."""
        for token in tokens:
            if self.over:
                break
            self.ids.append(token)
            self.whole = False
            for event in self._parser.feed(token):
                self._take(event)
        return self._given()

    def end(self) -> list[Delta]:
        """Return what is left once no token follows."""
        whole = self.whole
        if not self.over:
            for event in self._parser.end():
                self._take(event)
        self.whole = whole
        if self._thinking:
            self.reasoning_tokens += len(self.ids) - self._message_began
            self._thinking = False
        if not self._stops.hit:
            self._say(self._content, self._stops.end())
        return self._given()

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met."""
        return self._stops.hit

    @property
    def repairs(self) -> int:
        """How much had to be mended: by the format's parser, and calls where there are no tools."""
        return len(self._parser.repairs) + self._unasked

    @property
    def called(self) -> bool:
        """Whether there is a tool call."""
        return bool(self._calls)

    def message(self) -> Message:
        """Return the whole message so far."""
        return Message(
            "assistant",
            content="".join(self._content.parts),
            reasoning="".join(self._reasoning.parts),
            tool_calls=tuple(
                ToolCall(call.id, call.name, "".join(call.arguments)) for call in self._calls
            ),
        )

    def _take(self, event: Event) -> None:
        if isinstance(event, Text):
            if event.kind == "reasoning" or (self._json and event.kind == "preamble"):
                self._thinking = event.kind == "reasoning"
                self._say(self._reasoning, event.text)
            else:
                self._say(self._content, self._stops.feed(event.text))
                self.over = self.over or self._stops.hit
        elif isinstance(event, CallArguments) and not self._may_call:
            self._thinking = True
            self._say(self._reasoning, event.text)
        elif isinstance(event, CallArguments):
            self._calls[event.index].arguments.append(event.text)
            self._out.append(Delta(tool_call=ToolCallDelta(event.index, arguments=event.text)))
        elif isinstance(event, CallBegun) and not self._may_call:
            self._unasked += 1
        elif isinstance(event, CallBegun):
            call = _Call(self._new_id(), event.recipient.removeprefix("functions."))
            self._calls.append(call)
            self._out.append(Delta(tool_call=ToolCallDelta(event.index, call.id, call.name)))
        else:
            self._ended(event)

    def _ended(self, event: MessageEnded) -> None:
        if self._thinking or (event.call is None and event.header.channel == "analysis"):
            self.reasoning_tokens += len(self.ids) - self._message_began
        self._message_began = len(self.ids)
        self._thinking = False
        self._content.fresh = self._reasoning.fresh = True
        if event.call is not None:
            self.over = self.over or (self._may_call and not self._several)
        elif speaks_finally(event.header):
            self.over = True
        self.whole = True

    def _say(self, said: _Said, text: str) -> None:
        if not text:
            return
        if said.fresh and said.parts:  # another message: its text begins a paragraph
            text = "\n\n" + text
        said.fresh = False
        said.parts.append(text)
        last = self._out[-1] if self._out else None
        if said is self._content:
            if last is not None and last.content:
                text = last.content + text
                self._out.pop()
            self._out.append(Delta(content=text))
        else:
            if last is not None and last.reasoning:
                text = last.reasoning + text
                self._out.pop()
            self._out.append(Delta(reasoning=text))

    def _given(self) -> list[Delta]:
        given, self._out = self._out, []
        return given


class _Said:
    """What was said into one field, and whether a new message begins."""

    __slots__ = ("fresh", "parts")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.fresh = False


class _Call:
    """A tool call as far as it has come."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.arguments: list[str] = []
