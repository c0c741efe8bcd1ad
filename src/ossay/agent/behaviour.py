"""What a transcript shows of a model's behaviour, whatever the outcome: `flags_of`.

Knows nothing of tasks: only what was said, called and changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ossay.core.outcome import Flag
from ossay.core.task import ToolResult, Transcript

# The published suite counts a repetition from four calls on.
REDUNDANT_CALLS = 4

# "I have written …", "was saved", "is now fixed", "successfully created".
_CLAIM = re.compile(
    r"\b(?:i\s+have|i['’]ve|i|has\s+been|have\s+been|was|were|is|are|successfully)\s+"
    r"(?:now\s+|just\s+|also\s+|been\s+|successfully\s+)*"
    r"(?:created|written|wrote|saved|stored|fixed|updated|added|changed|edited|refactored|removed|"
    r"replaced|implemented|completed|done)\b",
    re.IGNORECASE,
)


def flags_of(transcript: Transcript) -> tuple[Flag, ...]:
    """Return the flags that the transcript alone can show, in the order of the `Flag` class."""
    results = transcript.results
    problems = {result.problem for result in results}
    found = {
        Flag.TOOL_CALL_REDUNDANCY: longest_repetition(results) >= REDUNDANT_CALLS,
        Flag.TOOL_CALL_IN_PROSE: any(_calls_in_prose(transcript)),
        Flag.SAID_NOT_DONE: _said_not_done(transcript),
        Flag.INVALID_ARGUMENTS: "invalid_arguments" in problems,
        Flag.UNKNOWN_TOOL: "unknown_tool" in problems,
        Flag.TOOL_ERROR: "failed" in problems,
        Flag.OUTPUT_CUT: any(step.reply.finish == "length" for step in transcript.steps),
        Flag.SANDBOX_LIMIT: "limit" in problems,
    }
    return tuple(flag for flag in Flag if found.get(flag, False))


def longest_repetition(results: tuple[ToolResult, ...]) -> int:
    """Length of the longest row of equal calls during which nothing in the workspace changed."""
    longest = row = 0
    before: tuple[str, str] | None = None
    for result in results:
        same = (result.name, _normal(result.arguments))
        row = row + 1 if same == before and not result.changed else 1
        before = None if result.changed else same
        longest = max(longest, row)
    return longest


def ends_in_repetition(results: tuple[ToolResult, ...]) -> bool:
    """Whether the run's last calls are such a row: the loop was not left again."""
    return longest_repetition(results[-REDUNDANT_CALLS:]) >= REDUNDANT_CALLS


def _normal(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments


def _calls_in_prose(transcript: Transcript) -> Iterator[bool]:
    """Yield for each reply without a call whether its text writes one down."""
    names = "|".join(re.escape(name) for name in transcript.tools)
    if not names:
        return
    written = re.compile(
        rf"<tool_call>|[\"'](?:name|tool|function)[\"']\s*:\s*[\"'](?:{names})[\"']"
        rf"|\b(?:{names})\s*\(|`(?:{names})`"
    )
    for step in transcript.steps:
        message = step.reply.message
        yield not message.tool_calls and written.search(message.content) is not None


def _said_not_done(transcript: Transcript) -> bool:
    """Whether the last text claims work although no call changed anything."""
    if not transcript.tools or any(result.changed for result in transcript.results):
        return False
    return _CLAIM.search(transcript.final_text) is not None
