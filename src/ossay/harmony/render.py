"""Messages to token ids.

Follows openai/harmony, docs/format.md. Whatever a message says is encoded as plain text: names of
control tokens in it stay text. Knows nothing of requests.
"""

from __future__ import annotations

from collections.abc import Sequence

from ossay.harmony.types import HarmonyMessage
from ossay.harmony.vocabulary import SPECIAL, Vocabulary

_START, _END, _CALL = SPECIAL["<|start|>"], SPECIAL["<|end|>"], SPECIAL["<|call|>"]
_CHANNEL, _MESSAGE = SPECIAL["<|channel|>"], SPECIAL["<|message|>"]
_CONSTRAIN = SPECIAL["<|constrain|>"]


def render(messages: Sequence[HarmonyMessage], vocabulary: Vocabulary) -> list[int]:
    """Return the ids of the messages as they are, one after the other."""
    ids: list[int] = []
    for message in messages:
        ids.append(_START)
        ids += message.tokens or _encoded(message, vocabulary)
    return ids


def render_prompt(messages: Sequence[HarmonyMessage], vocabulary: Vocabulary) -> list[int]:
    """Return the ids of the messages without old reasoning, and the begin of the next turn."""
    ids = render(drop_analysis(messages), vocabulary)
    return [*ids, _START, *vocabulary.encode("assistant")]


def drop_analysis(messages: Sequence[HarmonyMessage]) -> tuple[HarmonyMessage, ...]:
    """Leave out the reasoning before the last final message; what follows it is kept.

    A call of a function stays though it was made on the analysis channel: its result stays too.
    """
    last = max((i for i, m in enumerate(messages) if m.channel == "final"), default=-1)
    return tuple(m for i, m in enumerate(messages) if i > last or not _is_reasoning(m))


def _is_reasoning(message: HarmonyMessage) -> bool:
    return message.channel == "analysis" and not message.recipient.startswith("functions.")


def _encoded(message: HarmonyMessage, vocabulary: Vocabulary) -> list[int]:
    """Encode from after `<|start|>` on. The recipient follows the assistant's channel."""
    calls = message.author == "assistant" and message.recipient != ""
    to = f" to={message.recipient}" if message.recipient else ""
    author = message.name if message.author == "tool" else message.author
    ids = vocabulary.encode(author if calls else author + to)
    if message.channel:
        ids.append(_CHANNEL)
        ids += vocabulary.encode(message.channel + (to if calls else ""))
    if message.content_type:
        ids += [*vocabulary.encode(" "), _CONSTRAIN, *vocabulary.encode(message.content_type)]
    ids.append(_MESSAGE)
    ids += vocabulary.encode(message.content)
    ids.append(_CALL if calls else _END)
    return ids
