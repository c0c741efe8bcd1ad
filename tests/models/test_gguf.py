"""Headers of GGUF files, whole, cut and hostile."""

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.models import gguf

CHATML = "{% for m in messages %}{{ m.role }}{% endfor %}"
WITH_TOOLS = "{%- if tools %}{{ tools | tojson }}{% endif %}{% generation %}x{% endgeneration %}"


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def header(pairs: dict[str, object], *, version: int = 3) -> bytes:
    """Write the header of a file without tensors."""
    out = b"GGUF" + struct.pack("<IQQ", version, 0, len(pairs))
    for key, value in pairs.items():
        out += text(key)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + text(value)
        elif isinstance(value, list):
            out += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(v) for v in value)
        elif isinstance(value, bool):
            out += struct.pack("<I?", 7, value)
        elif isinstance(value, float):
            out += struct.pack("<Id", 12, value)
        else:
            out += struct.pack("<Iq", 11, value)
    return out


def read(tmp_path: Path, content: bytes) -> dict[str, object]:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    return gguf.read_metadata(path)


def test_a_header_says_architecture_context_and_quantisation(tmp_path):
    found = read(
        tmp_path,
        header(
            {
                "general.architecture": "llama",
                "llama.context_length": 8192,
                "general.file_type": 3,
                "tokenizer.ggml.tokens": ["a", "b", "c"],
                "tokenizer.chat_template": CHATML,
            }
        ),
    )
    assert gguf.context_length(found) == 8192
    assert gguf.quantisation(found) == "Q4_1"
    assert found["tokenizer.ggml.tokens"] == 3  # of an array its length
    assert gguf.template_names(found) >= {"messages", "m"}


def test_what_a_file_does_not_say_is_unknown(tmp_path):
    found = read(tmp_path, header({"general.architecture": "llama"}))
    assert gguf.context_length(found) is None
    assert gguf.quantisation(found) == "unknown"
    assert gguf.template_names(found) == frozenset()


@pytest.mark.parametrize(
    ("template", "knows"),
    [
        (WITH_TOOLS, True),
        (CHATML, False),
        ("You may use tools. {# tools #}{{ 'tools' }}", False),  # text, comment, literal
        ("{{ tools $ }}", False),  # broken
    ],
)
def test_a_template_knows_tools_when_it_uses_that_name(template, knows):
    names = gguf.template_names({"tokenizer.chat_template": template})
    assert ("tools" in names) is knows


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"GGML" + bytes(100), "does not start with 'GGUF'"),
        (b"GGUF", "ends too early"),
        (header({}, version=1), "version 1"),
        (header({"a": "b"})[:-1], "ends too early"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 99), "type 99"),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 9) +
            struct.pack("<IQ", 9, 1) * 9,
            "nested too deep",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 4, 2**62),
            "ends too early",
        ),
    ],
)  # fmt: skip
def test_what_is_no_gguf_is_one_clear_error(tmp_path, content, problem):
    with pytest.raises(UsageError, match=problem):
        read(tmp_path, content)


def test_a_missing_file_and_a_folder_are_one_clear_error(tmp_path):
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(UsageError, match="cannot read"):
            gguf.read_metadata(path)


pairs = st.dictionaries(
    st.text(min_size=1, max_size=20).filter(str.isprintable),
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.text(st.characters(codec="utf-8"), max_size=50),
        st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=5),
    ),
    max_size=8,
)
here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@here
@given(pairs)
def test_what_was_written_is_read(tmp_path, pairs):
    expected = {key: len(v) if isinstance(v, list) else v for key, v in pairs.items()}
    assert read(tmp_path, header(pairs)) == expected


@here
@given(pairs, st.data())
def test_damage_never_does_more_than_a_usage_error(tmp_path, pairs, data):
    whole = header(pairs)
    cut = data.draw(st.integers(4, len(whole)))
    noise = data.draw(st.binary(max_size=40))
    with suppress(UsageError):
        assert isinstance(read(tmp_path, whole[:cut] + noise), dict)
