"""Stop strings in a text that comes in pieces."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ossay.models.stop_text import StopText


def shown(pieces, stops) -> tuple[str, bool]:
    text = StopText(stops)
    said = "".join(text.feed(piece) for piece in pieces)
    hit = text.hit
    return said + text.end(), hit


def test_what_may_become_a_stop_string_is_held_back():
    text = StopText(("</end>",))
    assert text.feed("one </") == "one "
    assert text.feed("en") == ""
    assert text.feed("tirely") == "</entirely"
    assert text.feed(" two </end> three") == " two "
    assert text.hit
    assert text.feed("four") == ""
    assert text.end() == ""


def test_without_stop_strings_nothing_is_held_back():
    assert StopText(()).feed("text") == "text"
    assert StopText(("",)).feed("text") == "text"


@given(
    st.text("ab", max_size=12).flatmap(
        lambda text: st.tuples(st.just(text), st.lists(st.integers(0, len(text)), max_size=5))
    ),
    st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
)
def test_pieces_are_read_as_the_whole_text(cut, stops):
    text, cuts = cut
    ends = [0, *sorted(cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(ends)]
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    said, hit = shown(pieces, tuple(stops))
    assert hit == bool(found)
    if not found:
        assert said == text
    else:
        # In pieces the stop string that ends first wins, in a whole text the one that begins first.
        assert text.startswith(said)
        assert any(text[len(said) :].startswith(stop) for stop in stops)
