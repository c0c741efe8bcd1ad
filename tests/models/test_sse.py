"""Server-sent events, however the network cut them."""

from __future__ import annotations

import itertools
import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ossay.models.sse import EventParser

# Bytes that matter to the format are common, so that their meetings are.
FRAGMENTS = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data:  three",
        b"data",
        b"data:",
        b": a comment",
        b"event: message",
        b"id: 7",
        b"retry: 10",
        b"nonsense",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\xe2\x9c\x93",
        b"\x0b\x0c\x85",
    ]
)
STREAMS = st.lists(FRAGMENTS, max_size=40).map(b"".join)


def parse(chunks: list[bytes]) -> list[bytes]:
    parser = EventParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + parser.close()


def by_the_book(stream: bytes) -> list[bytes]:
    """The format's rules, on the whole stream at once."""
    lines = re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))[:-1]
    events: list[bytes] = []
    data: list[bytes] = []
    for line in [*lines, b""]:
        if not line:
            if data:
                events.append(b"\n".join(data))
            data = []
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
    return events


def test_reads_events_comments_and_lines_of_data():
    stream = b": hello\n\ndata: a\ndata: b\nid: 1\n\nevent: x\r\ndata:c\r\n\r\ndata: [DONE]\n\n"
    assert parse([stream]) == [b"a\nb", b"c", b"[DONE]"]


def test_gives_no_line_that_was_cut():
    assert parse([b'data: {"a": 1}\n\ndata: {"b": ']) == [b'{"a": 1}']


def test_gives_a_last_event_that_lacks_only_its_blank_line():
    assert parse([b"data: [DONE]\n"]) == [b"[DONE]"]


def test_skips_a_byte_order_mark_even_when_it_is_cut():
    assert parse([b"\xef", b"\xbb\xbfda", b"ta: a\n\n"]) == [b"a"]


def test_a_line_feed_after_a_carriage_return_is_no_second_end():
    assert parse([b"data: a\r", b"\ndata: b\r", b"\n\r\n"]) == [b"a\nb"]
    assert parse([b"data: a\rdata: b", b"\n\ndata: c\n\n"]) == [b"a\nb", b"c"]


def test_knows_what_it_holds_back():
    parser = EventParser()
    parser.feed(b"data: 123")
    parser.feed(b"456")
    assert parser.pending == len(b"data: 123456")
    assert parser.feed(b"\n\n") == [b"123456"]
    assert parser.pending == 0


@settings(deadline=None)
@given(STREAMS, st.data())
@example(b"data: one\rdata", None)
def test_cutting_the_stream_changes_nothing(stream: bytes, data: st.DataObject | None):
    whole = parse([stream])
    assert parse([stream[at : at + 1] for at in range(len(stream))]) == whole
    if data is not None:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
        edges = [0, *cuts, len(stream)]
        assert parse([stream[a:b] for a, b in itertools.pairwise(edges)]) == whole


@settings(deadline=None)
@given(STREAMS)
def test_reads_what_the_format_says(stream: bytes):
    assert parse([stream]) == by_the_book(stream)
