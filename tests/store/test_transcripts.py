import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.errors import LedgerError
from ossay.core.task import Step, ToolResult, Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.store.text import storable
from ossay.store.transcripts import pack_transcript, unpack_transcript


def transcript_of(*texts: str) -> Transcript:
    steps = tuple(
        Step(
            Reply(Message("assistant", text), Usage(1, None, 1), Timing(0.0, 0.0)),
            (ToolResult("1", "shell", text, text, 0.1),),
        )
        for text in texts
    )
    return Transcript("add", 1, "Answer.", "1 + 1?", "answered", ("shell",), steps, seconds=0.5)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_it_comes_back_as_it_was(texts):
    transcript = transcript_of(*texts)
    assert unpack_transcript(pack_transcript(transcript)) == transcript


def test_lone_surrogates_are_replaced():
    back = unpack_transcript(pack_transcript(transcript_of("a\ud800b")))
    assert back.final_text == "a\ufffdb"


def test_what_is_too_long_is_cut_and_says_so():
    huge = transcript_of("start " + "x" * 3_000_000, "short")
    back = unpack_transcript(pack_transcript(huge, max_bytes=1_000_000))
    first, second = (step.reply.message.content for step in back.steps)
    assert first.startswith("start xxx")
    assert first.endswith("characters left out of the ledger …]")
    assert second == "short"
    assert len(msgspec.json.encode(back)) <= 1_000_000


def test_far_too_many_steps_are_counted_instead():
    back = unpack_transcript(pack_transcript(transcript_of(*["x" * 50] * 500), max_bytes=20_000))
    assert back.steps == ()
    assert back.error.startswith("500 steps were too long")
    assert back.prompt == "1 + 1?"


def test_damage_is_told():
    packed = pack_transcript(transcript_of("hello"))
    for damaged in (packed[:-3], b"no", b""):
        with pytest.raises(LedgerError, match="damaged"):
            unpack_transcript(damaged)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50))
def test_ordinary_text_is_stored_as_it_is(text):
    assert storable(text, 50) == text


@given(st.text(min_size=1), st.integers(0, 50))
def test_stored_text_is_encodable_bounded_and_without_nul(text, limit):
    stored = storable(text, limit)
    assert "\0" not in stored
    assert stored.encode().decode() == stored
    if len(text) > limit:
        assert stored.endswith("characters left out]")


def test_what_no_database_takes_is_shown_instead():
    assert storable("a\0b\ud800c") == "a␀b�c"
