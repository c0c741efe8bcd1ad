"""The nouns of the chat format: Message, Header, what a parser says, and what it mended.

Follows openai/harmony, docs/format.md. Knows nothing of token ids, or of how anything is written or
read.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Author = Literal["system", "developer", "user", "assistant", "tool"]
Kind = Literal["reasoning", "preamble", "final"]


class HarmonyMessage(Struct, frozen=True, omit_defaults=True):
    """One message as the format has it.

    Attributes:
        author: Who speaks.
        content: The body's text.
        name: Of a tool that speaks: 'functions.get_weather', 'python', 'browser.search'.
        recipient: To whom: 'functions.get_weather' of a call, 'assistant' of a tool's result; ''
            is everybody.
        channel: analysis, commentary or final; '' for authors that have none.
        content_type: 'json' of a call's arguments, else ''.
        tokens: Ids as they were generated, from after `<|start|>` to the token that ended it; they
            are rendered instead of the rest.
    """

    author: Author
    content: str = ""
    name: str = ""
    recipient: str = ""
    channel: str = ""
    content_type: str = ""
    tokens: tuple[int, ...] = ()


class Header(Struct, frozen=True, omit_defaults=True):
    """What stands between `<|start|>` and `<|message|>`, with its malformations mended."""

    author: str = "assistant"
    recipient: str = ""
    channel: str = ""
    content_type: str = ""


class Repair(Struct, frozen=True):
    """Something that the format does not allow, and how it was read.

    Attributes:
        code: For counting, such as 'doubled_channel'.
        at: Which token of the output, counted from 0.
        text: What was found.
    """

    code: str
    at: int
    text: str


class Text(Struct, frozen=True):
    """A piece of what the assistant says: to itself, before a call, or as its answer."""

    kind: Kind
    text: str


class CallBegun(Struct, frozen=True):
    """A tool call begins. `index` counts calls from 0; `recipient` is as in the header."""

    index: int
    recipient: str


class CallArguments(Struct, frozen=True):
    """A piece of a call's body."""

    index: int
    text: str


class MessageEnded(Struct, frozen=True):
    """A message is at its end. `call` is the index of the call that it was, None of any other."""

    header: Header
    call: int | None = None


Event = Text | CallBegun | CallArguments | MessageEnded
