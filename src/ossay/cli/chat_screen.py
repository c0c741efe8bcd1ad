"""What a chat shows: reasoning dimmed, the answer plain, tool calls, and a last line of counts.

Everything that a model or a tool wrote goes through `visible`. Knows nothing of who is talking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Literal

from ossay.core.display import visible
from ossay.core.task import ToolResult
from ossay.core.types import Delta, Reply, ToolCall, Usage

_DIM, _RED, _OFF = "\x1b[2m", "\x1b[31m", "\x1b[0m"
_ERASE = "\r\x1b[K"

ARGUMENT_CHARS = 200
RESULT_CHARS = 500
RESULT_LINES = 8


class Screen:
    """Shows one turn at a time.

    Args:
        out: Where the answer goes.
        err: Where everything else goes, if `out` is not a terminal; reasoning is left out then.
        live: Whether `out` is a terminal that someone looks at.
        style: Whether it is to be given escape sequences.
        reasoning: Whether reasoning is shown.

    Attributes:
        live: See there.
        style: See there.
    """

    def __init__(
        self, out: IO[str], err: IO[str], *, live: bool, style: bool, reasoning: bool = True
    ) -> None:
        self._out = out
        self._aside = out if live else err
        self.style = style
        self.live = live
        self._reasoning = reasoning and live
        self._shown: Literal["", "reasoning", "content", "waiting"] = ""
        self._held = ""  # a carriage return whose line feed may be in the next piece
        self._line_open = False
        self._streamed = False  # whether the reply under way came in pieces

    def waiting(self) -> None:
        """Say that a call is under way, until its first piece comes."""
        if self.style:
            self._put(f"{_DIM}…{_OFF}")
            self._shown = "waiting"

    def delta(self, delta: Delta) -> None:
        """Show a piece of an answer. A reply that came in one piece is shown with it."""
        reasoning, content = delta.reasoning, delta.content
        if delta.reply is not None and not self._streamed:
            reasoning = reasoning or delta.reply.message.reasoning
            content = content or delta.reply.message.content
        self._streamed = delta.reply is None and bool(self._streamed or reasoning or content)
        if reasoning and self._reasoning:
            self._section("reasoning")
            self._text(reasoning)
        if content:
            self._section("content")
            self._text(content)
        if delta.reply is not None:
            self.settle()

    def call(self, call: ToolCall) -> None:
        """Show that a tool is called."""
        self.settle()
        self.note(f"→ {call.name} {_one_line(call.arguments, ARGUMENT_CHARS)}")

    def result(self, result: ToolResult) -> None:
        """Show what a tool call came to."""
        lines = result.output.strip("\n").split("\n")
        text = "\n".join(lines[:RESULT_LINES])
        more = len(result.output) - len(text)
        if len(text) > RESULT_CHARS:
            more += len(text) - RESULT_CHARS
            text = text[:RESULT_CHARS]
        shown = text.replace("\n", "\n  ")
        left_out = f" [… {more:,} more characters]" if more > RESULT_LINES else ""
        self.note(f"← {shown}{left_out} ({result.seconds:.1f} s)")

    def counts(self, replies: Sequence[Reply]) -> None:
        """Show the line of counts below a turn's answer; nowhere but on a terminal."""
        if replies and self.live:
            self.note(counts(replies))

    def note(self, text: str) -> None:
        """Show a remark of ours, dimmed; its own line. `text` may quote anyone."""
        self._line(visible(text), _DIM)

    def error(self, text: str) -> None:
        """Show what went wrong. `text` may quote a model or a server."""
        self._line(f"error: {visible(text)}", _RED)

    def say(self, text: str) -> None:
        """Show what was asked for, as text: the answer to a command."""
        self.settle()
        self._aside.write(visible(text) + "\n")
        self._aside.flush()

    def next_line(self) -> None:
        """Leave the line on which the user was typing."""
        if self.live:
            self._put("\n")

    def settle(self) -> None:
        """End the line that is open, and any style; safe to call at any time."""
        if self._shown == "waiting":
            self._put(_ERASE)
        if self._held:
            held, self._held = self._held, ""
            self._put(visible(held))
        if self._shown == "reasoning" and self.style:
            self._put(_OFF)
        if self._line_open:
            self._put("\n")
        self._line_open = self._streamed = False
        self._shown = ""
        self._out.flush()

    def _section(self, kind: Literal["reasoning", "content"]) -> None:
        if self._shown == kind:
            return
        before = self._shown
        streamed = self._streamed
        self.settle()
        self._streamed = streamed
        if before in ("reasoning", "content"):
            self._put("\n")  # an empty line between the two
        if kind == "reasoning":
            self._put(_DIM if self.style else "(thinking) ")
        self._shown = kind

    def _text(self, text: str) -> None:
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        shown = visible(text.removesuffix("\r") if self._held else text)
        self._put(shown)
        if shown:
            self._line_open = not shown.endswith("\n")
        self._out.flush()

    def _line(self, text: str, style: str) -> None:
        self.settle()
        self._aside.write(f"{style}{text}{_OFF}\n" if self.style else f"{text}\n")
        self._aside.flush()

    def _put(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def counts(replies: Sequence[Reply]) -> str:
    """Return one line on the calls of a turn: tokens, seconds, tokens a second, what was cached."""
    usage = Usage()
    for reply in replies:
        usage += reply.usage
    seconds = sum(reply.timing.total_s for reply in replies)
    said = [] if usage.output_tokens is None else [_tokens(usage.output_tokens)]
    if usage.reasoning_tokens:
        said.append(f"{usage.reasoning_tokens:,} of them reasoning")
    said.append(f"{seconds:.1f} s")
    if usage.output_tokens and seconds > 0:
        said.append(f"{usage.output_tokens / seconds:.1f} tokens/s")
    if usage.input_tokens is not None:
        cached = usage.cached_input_tokens
        tail = "" if cached is None else f" ({cached:,} cached)"
        said.append(f"{usage.input_tokens:,} read{tail}")
    if len(replies) > 1:
        said.append(f"{len(replies)} calls")
    ended = replies[-1].finish
    if ended in _CUT:
        said.append(_CUT[ended])
    if not (replies[-1].message.content or replies[-1].message.tool_calls):
        said.append("the answer is empty")
    return " · ".join(said)


_CUT = {
    "length": "cut off at its length",
    "content_filter": "cut off by the provider's filter",
}


def _tokens(count: int) -> str:
    return f"{count:,} token{'s' * (count != 1)}"


def _one_line(text: str, limit: int) -> str:
    text = visible(" ".join(text[: limit + 1].split()))
    return text if len(text) <= limit else f"{text[:limit]}…"
