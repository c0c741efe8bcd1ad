"""The vocabulary: known ids, no loss on the way there and back, characters split over tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.core.settings import settings_from
from ossay.harmony.vocabulary import FILE, SPECIAL, Decoder, find_file, load


def test_known_ids(vocabulary):
    """From the harmony format's guide and its test data."""
    assert vocabulary.encode("json") == [4108]
    assert vocabulary.encode(" json") == [5701]
    assert vocabulary.encode("<|start|>assistant", special=True) == [200_006, 173_781]
    assert vocabulary.encode("Hello, world!") == [13225, 11, 2375, 0]


def test_special_tokens_in_plain_text_stay_text(vocabulary):
    ids = vocabulary.encode("<|end|> and <|start|>")
    assert max(ids) < 199_998
    assert vocabulary.decode(ids) == "<|end|> and <|start|>"


@pytest.mark.parametrize(("name", "token"), SPECIAL.items())
def test_special_tokens_there_and_back(vocabulary, name, token):
    assert vocabulary.encode(name, special=True) == [token]
    assert vocabulary.decode([token]) == name


def test_every_id_of_the_model_has_bytes(vocabulary):
    assert vocabulary.bytes_of(0) == b"!"
    assert vocabulary.bytes_of(199_997)
    assert vocabulary.decode([200_004, 201_087]) == "<|reserved_200004|><|reserved_201087|>"
    for wrong in (-1, 201_088):
        with pytest.raises(UsageError, match=f"{wrong} is no token id of gpt-oss"):
            vocabulary.bytes_of(wrong)


@given(text=st.text())
def test_text_comes_back_whole_and_in_pieces(vocabulary, text):
    ids = vocabulary.encode(text)
    decoder = Decoder(vocabulary)
    assert vocabulary.decode(ids) == text
    assert "".join(decoder.feed([token]) for token in ids) + decoder.end() == text


def test_a_character_waits_for_its_last_byte(vocabulary):
    ids = vocabulary.encode("\N{BRAIN}")
    assert len(ids) > 1
    decoder = Decoder(vocabulary)
    pieces = [decoder.feed([token]) for token in ids]
    assert pieces == [""] * (len(ids) - 1) + ["\N{BRAIN}"]


def test_a_character_that_is_cut_off_is_marked(vocabulary):
    decoder = Decoder(vocabulary)
    assert decoder.feed(vocabulary.encode("\N{BRAIN}")[:-1]) == ""
    assert decoder.end() == "\ufffd"


def test_lone_surrogates_are_no_crash(vocabulary):
    assert vocabulary.decode(vocabulary.encode("a\ud800b")) == "a?b"


def test_where_it_is_looked_for(tmp_path):
    settings = settings_from({"HOME": str(tmp_path)}, tmp_path)
    pulled = settings.home / "vocab" / FILE
    with pytest.raises(UsageError, match="run `ossay pull vocab`"):
        find_file(settings, {})
    pulled.parent.mkdir(parents=True)
    pulled.touch()
    assert find_file(settings, {}) == pulled
    cached = tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790"
    cached.touch()
    assert find_file(settings, {"TIKTOKEN_CACHE_DIR": str(tmp_path)}) == cached
    (tmp_path / FILE).touch()
    environ = {"TIKTOKEN_CACHE_DIR": "/nowhere", "TIKTOKEN_ENCODINGS_BASE": str(tmp_path)}
    assert find_file(settings, environ) == tmp_path / FILE


def test_another_file_is_refused(tmp_path):
    (tmp_path / FILE).write_bytes(b"IQ== 0\n")
    with pytest.raises(UsageError, match="is not o200k_base"):
        load(tmp_path / FILE)
    with pytest.raises(UsageError, match="cannot read"):
        load(tmp_path)


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\u00a0", " \n"])
@pytest.mark.parametrize("after", ["", "x", "<|end|>"])
def test_endless_white_space_is_encoded(vocabulary, space, after):
    """The regex engine below gives up on it, by a panic that no `except Exception` holds."""
    text = "x" + space * (1_100_000 // len(space)) + after
    for special in (False, True):
        ids = vocabulary.encode(text, special=special)
        assert vocabulary.decode(ids) == text
    assert (ids[-1] == SPECIAL["<|end|>"]) == (after == "<|end|>")


@pytest.mark.parametrize("text", ["a", "A", "😀", "é", "中", "'", "<|", "e\u0301", "1", "."])
def test_endless_runs_are_encoded(vocabulary, text):
    text *= 300_000 // len(text.encode())
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_white_space_below_the_cut_has_its_usual_tokens(vocabulary):
    assert vocabulary.encode(" " * 99_999) == vocabulary._encode(" " * 99_999, special=False)
