"""Short ways to write the scripts that rehearse a task: `call` and `say`.

A script is a tuple of assistant messages. Knows nothing of any task.
"""

from __future__ import annotations

import json
from typing import Any

from ossay.core.types import Message, ToolCall

Script = tuple[Message, ...]


def say(text: str) -> Message:
    """Give a final answer."""
    return Message("assistant", text)


def call(tool: str, **arguments: Any) -> Message:
    """Make one tool call; `arguments` are the tool's own, such as path and content."""
    return Message(
        "assistant",
        tool_calls=(ToolCall(f"call_{tool}", tool, json.dumps(arguments, ensure_ascii=False)),),
    )
