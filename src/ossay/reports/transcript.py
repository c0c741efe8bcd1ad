"""One transcript as readable blocks, and those as plain text for a terminal.

All text that comes out is visible: no character in it can act on a terminal. Knows nothing of HTML
or of why a run passed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal

from msgspec import Struct

from ossay.core.display import visible
from ossay.core.task import Step, Stop, ToolResult, Transcript
from ossay.core.types import ToolCall, Usage
from ossay.reports import figures

BlockKind = Literal["system", "user", "turn", "reasoning", "assistant", "call", "result", "end"]

STOPS: dict[Stop, str] = {
    "answered": "The model answered without a tool call, which ends a run.",
    "turns": "The turns were used up.",
    "deadline": "The time allowed for the run was used up.",
    "context": "The conversation no longer fits the model's context.",
    "call_failed": "A call of the model failed: an infrastructure error.",
    "tool_failed": "The sandbox failed: an infrastructure error.",
}

PROBLEMS = {
    "unknown_tool": "there is no such tool",
    "invalid_arguments": "not arguments that the tool takes",
    "failed": "the tool reported an error",
    "limit": "stopped at a limit of the sandbox",
}


class Block(Struct, frozen=True, omit_defaults=True):
    """A piece of a transcript, its text visible. `failed` marks a tool call that went wrong."""

    kind: BlockKind
    title: str
    text: str = ""
    failed: bool = False


def blocks(transcript: Transcript) -> Iterator[Block]:
    """Yield the transcript in reading order."""
    for block in _blocks(transcript):
        title = visible(block.title).replace("\n", "␊")
        yield Block(block.kind, title, visible(block.text), block.failed)


def transcript_text(transcript: Transcript) -> str:
    """The whole transcript as text that is safe to print."""
    parts = []
    for block in blocks(transcript):
        if block.kind == "turn":
            parts.append(f"\n== {block.title}")
        else:
            parts.append(f"-- {block.title}")
        if block.text:
            parts.append("\n".join(f"   {line}" for line in block.text.split("\n")))
    return "\n".join(parts)


def _blocks(transcript: Transcript) -> Iterator[Block]:
    if transcript.system:
        yield Block("system", "System prompt", transcript.system)
    yield Block("user", f"Task {transcript.task}, seed {transcript.seed}", transcript.prompt)
    for turn, step in enumerate(transcript.steps, 1):
        yield Block("turn", _turn_title(turn, step))
        yield from _said(step)
        for call, result in zip_longest(step.reply.message.tool_calls, step.results):
            if call is not None:
                yield Block("call", f"Calls {call.name}", _arguments(call))
            if result is not None:
                yield _result(result)
    yield Block("end", f"End: {STOPS[transcript.stop]}", transcript.error)


def _said(step: Step) -> Iterator[Block]:
    message = step.reply.message
    if message.reasoning:
        yield Block("reasoning", "Reasoning", message.reasoning)
    if message.content:
        yield Block("assistant", "Says", message.content)
    elif not message.tool_calls:
        yield Block("assistant", "Says nothing")


def _turn_title(turn: int, step: Step) -> str:
    timing = step.reply.timing
    parts = [f"Turn {turn}", figures.seconds(timing.total_s)]
    if timing.first_token_s is not None:
        parts[-1] += f", first token after {figures.seconds(timing.first_token_s)}"
    parts.append(_usage(step.reply.usage))
    if step.reply.finish == "length":
        parts.append("cut off at the output limit")
    return " · ".join(parts)


def _usage(usage: Usage) -> str:
    def n(value: int | None) -> str:
        return figures.UNKNOWN if value is None else f"{value:,}"

    cached = f" ({n(usage.cached_input_tokens)} cached)" if usage.cached_input_tokens else ""
    return f"tokens: {n(usage.input_tokens)} in{cached}, {n(usage.output_tokens)} out"


def _result(result: ToolResult) -> Block:
    parts = [f"Result of {result.name}", figures.seconds(result.seconds)]
    if result.problem:
        parts.append(PROBLEMS[result.problem])
    if result.changed:
        parts.append(f"changed {', '.join(result.changed)}")
    if result.cut_chars:
        parts.append(f"{result.cut_chars:,} characters left out, from the model too")
    return Block("result", " · ".join(parts), result.output, failed=bool(result.problem))


def _arguments(call: ToolCall) -> str:
    """The arguments one a line, text of several lines indented; as they are where not an object."""
    try:
        arguments = json.loads(call.arguments)
        if isinstance(arguments, dict):
            return "\n".join(f"{name}: {_value(value)}" for name, value in arguments.items())
    except (ValueError, RecursionError):
        pass  # not JSON, or nested beyond reason
    return call.arguments


def _value(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value if "\n" not in value else "\n    " + value.replace("\n", "\n    ")
