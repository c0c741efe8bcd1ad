"""Reading what a GGUF file says of itself, without loading it: `read_metadata`.

Knows nothing of llama.cpp or of tensors. Source of the layout: the GGUF specification, version 3.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from ossay.core.errors import UsageError

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
# Value type -> how `struct` reads it; little-endian.
_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_DEEPEST = 4  # arrays within arrays

# `general.file_type`, as llama.cpp numbers it.
_FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    25: "IQ4_NL",
    30: "IQ4_XS",
    32: "BF16",
    38: "MXFP4",
}


class _Reader:
    """A cursor over the bytes of a header. Raises `ValueError` past the end."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = len(_MAGIC)

    def scalar(self, form: str) -> Any:
        try:
            (value,) = struct.unpack_from(form, self._data, self._at)
        except struct.error as error:
            raise ValueError("the header ends too early") from error
        self._at += struct.calcsize(form)
        return value

    def text(self) -> str:
        return self._take(self.scalar("<Q")).decode("utf-8", "replace")

    def value(self, kind: int, depth: int = 0) -> Any:
        """Read a value; of an array only its length is kept, as an int."""
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            if kind not in _SCALARS:
                raise ValueError(f"unknown value type {kind!r}")
            return self.scalar(_SCALARS[kind])
        if depth == _DEEPEST:
            raise ValueError("arrays are nested too deep")
        inner, count = self.scalar("<I"), self.scalar("<Q")
        if inner in _SCALARS:
            self._take(count * struct.calcsize(_SCALARS[inner]))
        elif inner == _STRING:
            for _ in range(count):
                self._take(self.scalar("<Q"))
        else:
            for _ in range(count):
                self.value(inner, depth + 1)
        return count

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise ValueError("the header ends too early")
        piece = self._data[self._at : end]
        self._at = end
        return piece


def read_metadata(path: Path) -> dict[str, Any]:
    """Return key -> value of the header; an array is given as its length.

    Raises `UsageError` where the file cannot be read or is not GGUF version 2 or 3.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _header(data)
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error}") from error
    except ValueError as error:
        raise UsageError(f"{str(path)!r} is not a GGUF file: {error}") from error


def context_length(metadata: dict[str, Any]) -> int | None:
    """How many tokens the model was trained to see at once; None where the file does not say."""
    length = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    return length if isinstance(length, int) and length > 0 else None


def quantisation(metadata: dict[str, Any]) -> str:
    """The quantisation's name, such as 'Q4_1'; 'unknown' where the file does not say."""
    kind = metadata.get("general.file_type")
    return _FILE_TYPES.get(kind, f"file type {kind}") if isinstance(kind, int) else "unknown"


def template_names(metadata: dict[str, Any]) -> frozenset[str]:
    """The names that the chat template uses, such as 'messages' and 'tools'; none without one."""
    from jinja2 import Environment, TemplateSyntaxError

    template = metadata.get("tokenizer.chat_template")
    if not isinstance(template, str):
        return frozenset()
    try:
        # Lexed, not parsed: templates use tags that Jinja itself does not have.
        lexed = list(Environment(autoescape=True).lex(template))
    except TemplateSyntaxError:
        return frozenset()
    return frozenset(value for _, kind, value in lexed if kind == "name")


def _header(data: mmap.mmap) -> dict[str, Any]:
    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("it does not start with 'GGUF'")
    reader = _Reader(data)
    version = reader.scalar("<I")
    if version not in (2, 3):
        raise ValueError(f"version {version!r} is not 2 or 3")
    reader.scalar("<Q")  # number of tensors
    pairs = reader.scalar("<Q")
    return {reader.text(): reader.value(reader.scalar("<I")) for _ in range(pairs)}
