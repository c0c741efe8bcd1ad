"""A request as messages of the format.

Leading system messages join the developer message; later ones are developer messages in place.
Knows nothing of token ids beyond handing on those that were kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ossay.core.types import Message, Request
from ossay.harmony.kept import Kept
from ossay.harmony.prompt import developer_text, system_text
from ossay.harmony.types import HarmonyMessage
from ossay.harmony.vocabulary import Vocabulary

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_NAME_CHARS = 64  # of a tool's name, as OpenAI has it


def from_request(
    request: Request, *, date: str | None, vocabulary: Vocabulary, kept: Kept | None = None
) -> tuple[HarmonyMessage, ...]:
    """Return the messages, all reasoning among them. `date` is YYYY-MM-DD.

    Raises `UsageError` where the answer's schema cannot be written.
    """
    system = system_text(
        date=date,
        effort=request.sampling.reasoning_effort or "medium",
        functions=bool(request.tools),
    )
    out = [HarmonyMessage("system", system)]
    lead = 0
    while lead < len(request.messages) and request.messages[lead].role == "system":
        lead += 1
    instructions = "\n\n".join(m.content for m in request.messages[:lead] if m.content)
    developer = developer_text(
        instructions, request.tools, request.response_schema, name=request.response_name
    )
    if developer:
        out.append(HarmonyMessage("developer", developer))
    names: dict[str, str] = {}
    for message in request.messages[lead:]:
        names.update((call.id, _full(call.name)) for call in message.tool_calls)
        if message.role == "assistant":
            out += _turn(message, vocabulary, kept)
        elif message.role != "system" or message.content:
            out.append(_other(message, names))
    return tuple(out)


def _other(message: Message, names: dict[str, str]) -> HarmonyMessage:
    if message.role == "system":
        return HarmonyMessage("developer", developer_text(message.content))
    if message.role == "user":
        return HarmonyMessage("user", message.content)
    return HarmonyMessage(
        "tool",
        message.content,
        name=names.get(message.tool_call_id, "functions.unknown"),
        recipient="assistant",
        channel="commentary",
    )


def _turn(message: Message, vocabulary: Vocabulary, kept: Kept | None) -> Iterator[HarmonyMessage]:
    """Yield an assistant's message; nothing of one that says nothing."""
    generated = None if kept is None else kept.find(message, vocabulary)
    if message.reasoning and not (generated and message.tool_calls):
        yield HarmonyMessage("assistant", message.reasoning, channel="analysis")
    if generated is not None:
        yield from generated
        return
    if message.content:
        channel = "commentary" if message.tool_calls else "final"
        yield HarmonyMessage("assistant", message.content, channel=channel)
    for call in message.tool_calls:
        yield HarmonyMessage(
            "assistant",
            call.arguments,
            recipient=_full(call.name),
            channel="commentary",
            content_type="json",
        )


def _full(name: str) -> str:
    """A tool's name as it stands in headers, where other characters could pass for more of one."""
    plain = _NOT_IN_A_NAME.sub("_", name.removeprefix("functions."))[:_NAME_CHARS]
    return f"functions.{plain or 'unnamed'}"
