"""Text that a model wrote is shown, never obeyed."""

from hypothesis import given
from hypothesis import strategies as st

from ossay.core.display import visible


def test_terminal_escapes_and_overrides_become_codes():
    assert visible("\x1b[31mred\x07") == "␛[31mred␇"
    assert visible("a\u202eb\u200b") == "a⟨U+202E⟩b⟨U+200B⟩"
    assert visible("tab\tand\nnewline\r\n") == "tab\tand\nnewline\n"
    assert visible("Grüße, 世界 🙂") == "Grüße, 世界 🙂"


def test_the_middle_is_cut_and_the_cut_is_said():
    shown = visible("x" * 5_000_000, limit=3_000)
    assert len(shown) < 3_100
    assert "4,997,000 characters left out" in shown


@given(st.text(alphabet=st.characters()))
def test_nothing_that_acts_is_left(text):
    shown = visible(text)
    assert not any(ord(c) < 32 and c not in "\t\n" for c in shown)
    assert not any(0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069 for c in shown)
    shown.encode("utf-8")  # no lone surrogates
