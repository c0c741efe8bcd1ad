"""What the model says, read token by token: text, calls, ends. It never raises and loses no text.

Every byte of a text token is in the text of one event, in order, or in a header that was read as
one (`headers`), or in the text of an `after_return` repair. The time is linear in the tokens: each
is decoded once. Knows nothing of tools or of a server.
"""

from __future__ import annotations

from collections.abc import Sequence

from ossay.harmony.body import Body
from ossay.harmony.header import HeaderRead, begins_word, split_header, whole_header
from ossay.harmony.types import CallBegun, Event, Header, MessageEnded, Repair, Text
from ossay.harmony.vocabulary import RANKS, SPECIAL, VOCABULARY_SIZE, Vocabulary

HEADER_TOKENS = 64  # a longer header is text; the longest that the format knows has about 20

_START, _MESSAGE = SPECIAL["<|start|>"], SPECIAL["<|message|>"]
_CHANNEL, _CONSTRAIN = SPECIAL["<|channel|>"], SPECIAL["<|constrain|>"]
_END, _CALL = SPECIAL["<|end|>"], SPECIAL["<|call|>"]
_LAST = (SPECIAL["<|return|>"], SPECIAL["<|endoftext|>"])
_ENDS = (_END, _CALL, *_LAST)
_GOES_ON = (_END, _START, _CHANNEL)
_NAMES = {i: n for n, i in SPECIAL.items() if n != "<|startoftext|>"}

_HEADER, _BODY, _BETWEEN, _DONE = range(4)


class Parser:
    """Reads one turn; begins inside the header that the prompt's `<|start|>assistant` opened.

    Attributes:
        repairs: What was mended so far.
        headers: The texts that were read as headers, in order.
        at: How many tokens were fed.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.repairs: list[Repair] = []
        self.headers: list[str] = []
        self.at = 0
        self._vocabulary = vocabulary
        self._bytes_of = vocabulary.bytes_of
        self._state = _HEADER
        self._ids: list[int] = []  # of the header
        self._body = Body(Header())
        self._headerless = False  # the body was never given a header
        self._calls = 0
        self._answered = False
        self._orphan = ""  # words of no channel, shown once it is known whether the turn goes on
        self._after: list[bytes] = []  # what came after the return

    def feed(self, token: int) -> Sequence[Event]:
        """Read one more token and return what it says."""
        self.at += 1
        if 0 <= token < RANKS:
            if self._state == _BODY:
                return self._body.add(self._bytes_of(token))
            return self._word(token)
        if token in _NAMES:
            return self._control(token)
        known = 0 <= token < VOCABULARY_SIZE
        self._mend("reserved_token" if known else "unknown_token", str(token))
        return ()

    def end(self) -> Sequence[Event]:
        """Say what is left, once no token follows."""
        events: list[Event] = []
        if self._state == _DONE:
            self._flush_after()
        elif self._state == _HEADER and self._ids:
            events += self._headless(None)
        elif self._state == _BODY:
            events += self._close(None)
        events += self._show(goes_on=False)
        self._state = _DONE
        return events

    def _word(self, token: int) -> Sequence[Event]:
        events: list[Event] = []
        if self._state == _DONE:
            self._after.append(self._bytes_of(token))
            return events
        if self._state == _BETWEEN:
            events += self._show(goes_on=True)
            self._mend("no_start", "")
            self._state = _HEADER
        return [*events, *self._extend(token)]

    def _control(self, token: int) -> Sequence[Event]:
        if self._state == _DONE:
            self._flush_after()
            self._mend("after_return", _NAMES[token])
            return ()
        if self._state == _BODY:
            return self._control_in_body(token)
        if token in _ENDS:
            return self._ended_early(token)
        events: list[Event] = []
        if self._state == _BETWEEN:
            events += self._show(goes_on=True)
            self._state = _HEADER
            if token == _START:
                return events
            self._mend("no_start", _NAMES[token])
        if token == _MESSAGE:
            return [*events, *self._open(whole_header(self._ids, self._vocabulary))]
        if token == _START:
            events += self._headless(token)
            events += self._show(goes_on=True)
            self._state = _HEADER
            return events
        return [*events, *self._extend(token)]

    def _control_in_body(self, token: int) -> Sequence[Event]:
        if token in (_MESSAGE, _CONSTRAIN):
            self._mend("control_in_body", _NAMES[token])
            return self._body.interrupt()
        events = self._close(token)
        if token in (_CHANNEL, _START):
            self._mend("unended", _NAMES[token])
            self._state = _HEADER
            if token == _CHANNEL:
                self._ids.append(token)
        else:
            self._state = _DONE if token in _LAST else _BETWEEN
        return events

    def _ended_early(self, token: int) -> Sequence[Event]:
        events: list[Event] = []
        if self._state == _BETWEEN:
            self._mend("doubled_end", _NAMES[token])
        else:
            events += self._headless(token)
        self._state = _BETWEEN
        if token in _LAST:
            events += self._show(goes_on=False)
            self._state = _DONE
        return events

    def _extend(self, token: int) -> list[Event]:
        """Take one more token of a header; one that has too many is none."""
        self._ids.append(token)
        if len(self._ids) <= HEADER_TOKENS:
            return []
        read = split_header(self._ids, self._vocabulary, ended=False)
        self._mend("endless_header", read.rest)
        events = self._open(read)
        self._headerless = read.header == Header()
        if read.rest:
            events.append(self._body.say(read.rest))
        return [*events, *self._body.add(read.tail)]

    def _headless(self, token: int | None) -> list[Event]:
        """A header that no body followed, but `token` or nothing: strange words of it are text."""
        read = split_header(self._ids, self._vocabulary)
        if token is None and begins_word(read.rest):  # cut off, not malformed
            self.headers.append(read.read + read.rest)
            return []
        header = read.header
        if token == _START and not (read.rest or header.channel or header.recipient):
            self._mend("doubled_start", "")
        else:
            self._mend("no_message", read.rest)
        if not (_calls(header) or (header.channel and read.rest)):
            self._note(read)
            self._orphan = read.rest
            return []
        events = self._open(read)
        if read.rest:
            events.append(self._body.say(read.rest))
        return [*events, *self._close(token)]

    def _show(self, goes_on: bool) -> list[Event]:
        """Say words of no channel: the answer if the turn ends without one, else reasoning."""
        text, self._orphan = self._orphan, ""
        if not text:
            return []
        if goes_on or self._answered:
            return [Text("reasoning", text), MessageEnded(Header(channel="analysis"))]
        return [Text("final", text), MessageEnded(Header(channel="final"))]

    def _note(self, read: HeaderRead) -> None:
        for code, text in read.found:
            self._mend(code, text)
        self.headers.append(read.read)
        self._ids.clear()

    def _open(self, read: HeaderRead) -> list[Event]:
        self._note(read)
        self._state, self._headerless = _BODY, False
        if not _calls(read.header):
            self._body = Body(read.header)
            return []
        self._body = Body(read.header, self._calls)
        self._calls += 1
        return [CallBegun(self._calls - 1, read.header.recipient)]

    def _close(self, token: int | None) -> list[Event]:
        """End the body at `token`, or where nothing follows."""
        body = self._body
        events = [*body.interrupt()]
        fault = body.fault()
        if fault is not None and (token is not None or body.call is not None):
            self._mend(*fault)
        self._answered |= body.kind == "final" and body.call is None and not body.empty
        header = body.header
        if (
            self._headerless
        ):  # it was shown as it came, and is the last word only if nothing follows
            header = Header(channel="commentary" if token in _GOES_ON else "final")
        self._state = _BETWEEN
        return [*events, MessageEnded(header, body.call)]

    def _flush_after(self) -> None:
        text = b"".join(self._after).decode("utf-8", "replace")
        self._after.clear()
        if text:
            self._mend("after_return", text)

    def _mend(self, code: str, text: str) -> None:
        self.repairs.append(Repair(code, max(self.at - 1, 0), text))


def _calls(header: Header) -> bool:
    """Whether a body is a call; nobody calls in another's name."""
    return header.author == "assistant" and header.recipient != ""
