"""What a message says: its text as it comes, of the answer, of thoughts or of a call's arguments.

Holds back bytes until they make a whole character. Knows nothing of tokens or of headers' spelling.
"""

from __future__ import annotations

import codecs

import msgspec

from ossay.harmony.types import CallArguments, Event, Header, Kind, Text


class Body:
    """One message's body.

    Args:
        header: Its header.
        call: The index of the call that it is, None of any other.

    Attributes:
        kind: What it is where it is no call.
        empty: Whether nothing has been said yet.
    """

    def __init__(self, header: Header, call: int | None = None) -> None:
        self.header = header
        self.call = call
        self.kind = _kind(header)
        self.empty = True
        self._arguments: list[str] = []
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, more: bytes) -> tuple[Event, ...]:
        """Take more bytes and return the text that they complete."""
        text = self._utf8.decode(more)
        return (self.say(text),) if text else ()

    def say(self, text: str) -> Event:
        """Take whole characters."""
        self.empty = False
        if self.call is None:
            return Text(self.kind, text)
        self._arguments.append(text)
        return CallArguments(self.call, text)

    def interrupt(self) -> tuple[Event, ...]:
        """Return U+FFFD for a character that will not be finished."""
        text = self._utf8.decode(b"", True)
        return (self.say(text),) if text else ()

    def fault(self) -> tuple[str, str] | None:
        """Return what is wrong with the whole body: a repair's code, and the text."""
        if self.call is None:
            return ("empty_final", "") if self.kind == "final" and self.empty else None
        body = "".join(self._arguments)
        return ("invalid_json", body) if _wants_json(self.header) and not _is_json(body) else None


def _kind(header: Header) -> Kind:
    """What a body without a call is; words in another's name are no answer."""
    if header.author != "assistant" or header.channel == "analysis":
        return "reasoning"
    return "preamble" if header.channel == "commentary" else "final"


def _wants_json(header: Header) -> bool:
    name = header.recipient
    bare = "." not in name and name != "python"
    return header.content_type == "json" or name.startswith("functions.") or bare


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
