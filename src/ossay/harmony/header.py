"""What stands before a body: who speaks, to whom, on which channel. Malformed ones are mended.

Reads ids and never raises. Knows nothing of bodies or of streams.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from ossay.harmony.types import Author, Header
from ossay.harmony.vocabulary import RANKS, SPECIAL, Vocabulary

CHANNELS = ("analysis", "commentary", "final")
ROLES: tuple[Author, ...] = ("assistant", "system", "developer", "user", "tool")

_CHANNEL, _CONSTRAIN = SPECIAL["<|channel|>"], SPECIAL["<|constrain|>"]
_NAMES = {token: name for name, token in SPECIAL.items()}
_KEPT_TOKENS = 64  # headers that are longer are not remembered

_ENDS = r"(?:(?=to=)|(?![A-Za-z0-9_]))"
_WORD = re.compile(
    r"(?P<space>\s+)"
    r'|to=(?P<recipient>(?:to=)*[^\s{"<]*)'
    rf"|(?P<channel>{'|'.join(CHANNELS)}){_ENDS}"
    rf"|(?P<role>{'|'.join(ROLES)}){_ENDS}"
    rf"|(?P<type>json|code){_ENDS}"
    r"|(?P<spelled><\|(?:channel|constrain)\|>)"
)
_OTHER = re.compile(r"(?:(?!to=|<\|)\S)+|\S+?(?=<\||\s|$)")
_ASSISTANT = re.compile(r"\s*(?:assistant(?![A-Za-z0-9_])\s*)?")
_TOOL = re.compile(r"functions\.|browser\.|python$")
_NO_NAME = re.compile(r"[^\w.-].*|(?<=.{74}).+", re.S)  # functions. and 64 more is the longest
_NO_TOOL = re.compile(rf"(?:all|{'|'.join((*ROLES, *CHANNELS))}|(?:functions|browser)\.)?\.*")

Found = tuple[str, str]  # a repair's code, and the text
Pieces = tuple[tuple[int, bytes], ...]  # cut at control tokens: that token or -1, what follows it


class HeaderRead(Struct, frozen=True):
    """A header and how it was read.

    Attributes:
        header: The header.
        found: What the format does not allow.
        read: The text that was read as a header.
        rest: The text after it.
        tail: Bytes after that, which are no whole character yet.
    """

    header: Header
    found: tuple[Found, ...] = ()
    read: str = ""
    rest: str = ""
    tail: bytes = b""


def read_header(ids: Sequence[int], vocabulary: Vocabulary) -> tuple[Header, tuple[Found, ...]]:
    """Read the ids between a message's begin and `<|message|>`: the header, and what was mended."""
    whole = whole_header(ids, vocabulary)
    return whole.header, whole.found


def whole_header(ids: Sequence[int], vocabulary: Vocabulary) -> HeaderRead:
    """Read a header that `<|message|>` ended: nothing of it is text."""
    read = _read_whole if len(ids) > _KEPT_TOKENS else _kept
    return read(_cut(ids, vocabulary))


def split_header(ids: Sequence[int], vocabulary: Vocabulary, *, ended: bool = True) -> HeaderRead:
    """Read a header that no `<|message|>` ended: from the first strange word on it is text.

    `ended` says that a character which is not whole will never be.
    """
    return _read_split(_cut(ids, vocabulary), ended)


def begins_word(text: str) -> bool:
    """Whether `text` may be the begin of a header's word."""
    return any(word.startswith(text) for word in (*CHANNELS, *ROLES, "to=", "json", "code"))


def _cut(ids: Sequence[int], vocabulary: Vocabulary) -> Pieces:
    pieces: list[tuple[int, list[bytes]]] = [(-1, [])]
    for token in ids:
        if 0 <= token < RANKS:
            pieces[-1][1].append(vocabulary.bytes_of(token))
        elif token in _NAMES:
            pieces.append((token, []))
    return tuple((marker, b"".join(parts)) for marker, parts in pieces)


def _read_whole(pieces: Pieces) -> HeaderRead:
    reading = _Reading()
    texts = [part.decode("utf-8", "replace") for _, part in pieces]
    for (marker, _), text in zip(pieces, texts, strict=True):
        reading.mark(marker)
        at = 0
        while at < len(text):
            at = reading.step(text, at) or reading.strange(text, at)
    header = reading.header()
    if not header.channel:
        reading.found.append(("no_channel", ""))
    return HeaderRead(header, tuple(reading.found), "".join(texts))


_kept = lru_cache(maxsize=256)(_read_whole)  # models write the same few headers again and again


def _read_split(pieces: Pieces, ended: bool) -> HeaderRead:
    reading = _Reading()
    texts = [part.decode("utf-8", "replace") for _, part in pieces[:-1]]
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    texts.append(utf8.decode(pieces[-1][1], ended))
    text, tail = "".join(texts), utf8.getstate()[0]
    before = 0
    for i, (marker, _) in enumerate(pieces):
        reading.mark(marker)
        at = 0
        while at < len(texts[i]):
            then = reading.step(texts[i], at)
            if not then:
                break
            at = then
        if at < len(texts[i]):
            if i == 0 and not reading.recipient:  # prose, even if it begins with 'final'
                return _prose(text, tail)
            reading.found += (("control_in_header", _NAMES[m]) for m, _ in pieces[i + 1 :])
            text, rest = text[: before + at], text[before + at :]
            return HeaderRead(reading.header(), tuple(reading.found), text, rest, tail)
        before += at
    return HeaderRead(reading.header(), tuple(reading.found), text, "", tail)


def _prose(text: str, tail: bytes) -> HeaderRead:
    word = _ASSISTANT.match(text)
    at = word.end() if word else 0
    return HeaderRead(Header(), (), text[:at], text[at:], tail)


class _Reading:
    """What has been read of one header so far."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.recipient = ""
        self._author = self._channel = self._content_type = ""
        self._marker = -1
        self._marked_at = 0
        self._awaits_channel = False

    def mark(self, marker: int, at: int = 0) -> None:
        self._marker, self._marked_at = marker, at
        if marker == _CHANNEL:
            if self._awaits_channel or self._channel:
                self.found.append(("doubled_channel", self._channel))
            self._awaits_channel = True
        elif marker not in (-1, _CONSTRAIN):
            self.found.append(("control_in_header", _NAMES[marker]))

    def step(self, text: str, at: int) -> int:
        """Take the word at `at` and return where it ends; 0 where a header has no such word."""
        word = _WORD.match(text, at)
        if word is None:
            return 0
        kind, said = word.lastgroup, word.group()
        if kind == "recipient":
            self._take_recipient(word["recipient"])
        elif kind == "channel":
            self._take_channel(said)
        elif kind == "role":
            self._take_role(said)
        elif kind == "type":
            self._take_type(said, at)
        elif kind == "spelled":
            self.found.append(("spelled_control", said))
            self.mark(SPECIAL[said], word.end())
        if kind in ("channel", "role") and text.startswith("to=", word.end()):
            self.found.append(("glued_recipient", said))
        return word.end()

    def strange(self, text: str, at: int) -> int:
        """Take the word at `at`, which no header has, and return where it ends."""
        word = _OTHER.match(text, at)
        end = word.end() if word else len(text)
        said = text[at:end]
        tool, name = _TOOL.match(said) is not None, _NO_NAME.sub("", said)
        calls = tool and not _NO_TOOL.fullmatch(name)
        if calls and not self.recipient and (self._channel or self._author == "assistant"):
            self.found.append(("no_to", name))
            self.recipient = self._named(said)
        elif tool and not (self._author or self._channel or self.recipient or self._awaits_channel):
            self.found.append(("other_role", said))
            self._author = "tool"
        else:
            code = "unknown_channel" if self._awaits_channel else "extra_words"
            self.found.append((code, said))
        self._awaits_channel = False
        return end

    def header(self) -> Header:
        return Header(
            author=self._author or "assistant",
            recipient=self.recipient,
            channel=self._channel,
            content_type=self._content_type,
        )

    def _named(self, said: str) -> str:
        """Return the name that `said` begins with; what else there is, no tool's name has."""
        name = _NO_NAME.sub("", said)
        if name != said:
            self.found.append(("bad_name", said[len(name) :]))
        return name

    def _take_recipient(self, said: str) -> None:
        once = re.sub(r"^(?:to=)+", "", said)
        if once != said:
            self.found.append(("bad_name", said.removesuffix(once)))
        name = self._named(once)
        if self.recipient and name != self.recipient:
            self.found.append(("doubled_recipient", name))
        elif _NO_TOOL.fullmatch(name):
            self.found.append(("recipient_is_no_tool", name))
        else:
            self.recipient = name
            if "." not in name and name != "python":
                self.found.append(("bare_recipient", name))

    def _take_channel(self, name: str) -> None:
        if not self._awaits_channel:
            code = "extra_words" if self._channel else "no_channel_token"
            self.found.append((code, name))
        if self._awaits_channel or not self._channel:
            self._channel = name
        self._awaits_channel = False

    def _take_role(self, name: str) -> None:
        if self._author or self._channel or self._awaits_channel:
            self.found.append(("extra_words", name))
            return
        self._author = name
        if name != "assistant":
            self.found.append(("other_role", name))

    def _take_type(self, name: str, at: int) -> None:
        if self._marker != _CONSTRAIN:
            self.found.append(("no_constrain", name))
        elif at > self._marked_at:
            self.found.append(("space_after_constrain", name))
        self._content_type = name
