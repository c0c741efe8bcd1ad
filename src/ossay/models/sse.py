"""Server-sent events out of a stream of bytes, however the network cut it.

Gives the data of each event (WHATWG HTML, 9.2.6: lines end with LF, CRLF or CR; a blank line
dispatches; lines of data are joined by LF; comments and other fields are skipped). Knows nothing
of what the data says. A line that was cut is never given.
"""

from __future__ import annotations

_BOM = b"\xef\xbb\xbf"
_CR, _LF = b"\r\n"


class EventParser:
    """Feed it bytes, get the data of the events that they complete."""

    __slots__ = ("_after_cr", "_data", "_data_bytes", "_first", "_line", "_line_bytes")

    def __init__(self) -> None:
        self._line: list[bytes] = []  # pieces of a line whose end has not come yet
        self._line_bytes = 0
        self._data: list[bytes] = []  # data lines of an event that is not dispatched yet
        self._data_bytes = 0
        self._after_cr = False  # the last byte was a CR: an LF now belongs to it
        self._first = True  # no line was read yet: it may begin with a byte order mark

    @property
    def pending(self) -> int:
        """Bytes held back until more arrive."""
        return self._line_bytes + self._data_bytes

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the data of every event that ends in `chunk`."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == _LF:
                chunk = chunk[1:]
        events: list[bytes] = []
        for line in chunk.splitlines(keepends=True):
            last = line[-1]
            self._after_cr = last == _CR
            if last != _LF and last != _CR:
                self._line.append(line)
                self._line_bytes += len(line)
            elif self._line:
                self._line.append(line)
                line = b"".join(self._line)
                self._line.clear()
                self._line_bytes = 0
                self._take(line.rstrip(b"\r\n"), events)
            else:
                self._take(line.rstrip(b"\r\n"), events)
        return events

    def close(self) -> list[bytes]:
        """End of the stream: return the last event if only its blank line is missing."""
        events: list[bytes] = []
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
                self._data_bytes = 0
        elif line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._data.append(value)
            self._data_bytes += len(value)
        elif line == b"data":
            self._data.append(b"")
