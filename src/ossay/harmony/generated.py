"""The tokens of a generated turn, cut into messages that are known to say what its message says.

Strict where the parser mends: what is not exactly as the format has it is not used. Knows nothing
of where turns are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ossay.core.types import Message
from ossay.harmony.types import HarmonyMessage
from ossay.harmony.vocabulary import RANKS, SPECIAL, Vocabulary

_START, _END, _CALL = SPECIAL["<|start|>"], SPECIAL["<|end|>"], SPECIAL["<|call|>"]
_RETURN, _MESSAGE = SPECIAL["<|return|>"], SPECIAL["<|message|>"]

# The recipient may stand in the role's part too. A name that needed mending does not fit.
_HEADER = re.compile(
    r"assistant(?: to=(?P<a>functions\.[\w.-]+))?"
    r"<\|channel\|>(?P<channel>analysis|commentary|final)"
    r"(?: to=(?P<b>functions\.[\w.-]+))?(?: ?<\|constrain\|>\w+| \w+)?",
    re.ASCII,
)


def read_turn(
    message: Message, ids: Sequence[int], vocabulary: Vocabulary
) -> tuple[HarmonyMessage, ...] | None:
    """Return the messages of a turn; None where they are malformed or say something else.

    A turn without calls must end in the final channel, and loses its reasoning: that is dropped
    behind an answer, and `message` may stand in another conversation.
    """
    turn = split_turn(ids, vocabulary)
    if turn is None:
        return None
    calls = [(m.recipient.removeprefix("functions."), m.content) for m in turn if m.recipient]
    if calls != [(c.name.removeprefix("functions."), c.arguments) for c in message.tool_calls]:
        return None
    words = [m for m in turn if not m.recipient]
    # Where the answer is JSON, what is said to the user before it counts as reasoning.
    for silent in (("analysis",), ("analysis", "commentary")):
        said = tuple(m for m in words if m.channel not in silent)
        thought = [m for m in words if m.channel in silent]
        if (_joined(said), _joined(thought)) == (message.content, message.reasoning):
            break
    else:
        return None
    if message.tool_calls:
        return turn
    return said if said and turn[-1].channel == "final" else None


def split_turn(ids: Sequence[int], vocabulary: Vocabulary) -> tuple[HarmonyMessage, ...] | None:
    """Cut a turn into its messages, each with its tokens; `<|return|>` becomes `<|end|>`.

    `ids` begin after `<|start|>assistant`. None where anything is not as the format has it.
    """
    out, part = [], list(vocabulary.encode("assistant"))
    inside = True
    for token in ids:
        if not inside:
            if token != _START:
                return None
            inside, part = True, []
            continue
        part.append(_END if token == _RETURN else token)
        if token in (_END, _CALL, _RETURN):
            message = _message(part, vocabulary)
            if message is None:
                return None
            out.append(message)
            inside = False
    return None if inside else tuple(out)


def _message(tokens: list[int], vocabulary: Vocabulary) -> HarmonyMessage | None:
    if _MESSAGE not in tokens:
        return None
    at = tokens.index(_MESSAGE)
    header = _HEADER.fullmatch(vocabulary.decode(tokens[:at]))
    body = tokens[at + 1 : -1]
    if header is None or any(token >= RANKS for token in body):
        return None
    recipient = header["a"] or header["b"] or ""
    if (tokens[-1] == _CALL) != bool(recipient):
        return None
    return HarmonyMessage(
        "assistant",
        vocabulary.decode(body),
        recipient=recipient,
        channel=header["channel"],
        tokens=tuple(tokens),
    )


def _joined(messages: Iterable[HarmonyMessage]) -> str:
    return "\n\n".join(m.content for m in messages if m.content)
