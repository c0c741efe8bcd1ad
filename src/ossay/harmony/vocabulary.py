"""The vocabulary of gpt-oss, o200k_harmony: text to token ids and back, a piece at a time.

Reads one file of this machine and never fetches; its sha256 is checked, since another vocabulary
would give plausible nonsense. Knows nothing of messages, channels or the model.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from ossay.core.errors import UsageError
from ossay.core.settings import Settings

FILE = "o200k_base.tiktoken"
SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
RANKS = 199_998  # ids below this are text

# tiktoken's caches name a file by the sha1 of its address.
_CACHED = "fb374d419588a4632f3f557e76b4b70aebbca790"

# openai/harmony, src/registry.rs; ids from 199998 to 201087 that have no name are reserved.
SPECIAL: dict[str, int] = {
    "<|startoftext|>": 199_998,
    "<|endoftext|>": 199_999,
    "<|return|>": 200_002,
    "<|constrain|>": 200_003,
    "<|channel|>": 200_005,
    "<|start|>": 200_006,
    "<|end|>": 200_007,
    "<|message|>": 200_008,
    "<|call|>": 200_012,
}
VOCABULARY_SIZE = 201_088

# How o200k cuts text before merging (openai/tiktoken, openai_public.py): it is part of the format.
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_PATTERN = "|".join(
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)

# The pattern walks back through white space that another character follows, and tiktoken's regex
# engine gives up at a million steps. Longer runs are cut; their tokens are then not the usual ones.
_LONG_SPACE = re.compile(r"\s{100000}")


def pulled_file(settings: Settings) -> Path:
    """Where `ossay pull vocab` puts the file."""
    return settings.home / "vocab" / FILE


def find_file(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the vocabulary's file: the first that is there of the places that tools agree on.

    Raises `UsageError` that lists them where it is nowhere.
    """
    places = [
        Path(environ[variable]) / name
        for variable, name in (
            ("TIKTOKEN_ENCODINGS_BASE", FILE),
            ("TIKTOKEN_RS_CACHE_DIR", _CACHED),
            ("TIKTOKEN_CACHE_DIR", _CACHED),
        )
        if environ.get(variable)
    ]
    places.append(pulled_file(settings))
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(repr(str(place)) for place in places)
    raise UsageError(
        f"no vocabulary of gpt-oss here (looked for {looked}): run `ossay pull vocab`, or set "
        f"TIKTOKEN_ENCODINGS_BASE to a folder that holds {FILE}"
    )


def load(file: Path) -> Vocabulary:
    """Read and check a vocabulary file, in about half a second.

    Raises `UsageError` where it cannot be read or is not the one that gpt-oss was trained with.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {str(file)!r}: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise UsageError(
            f"{str(file)!r} is not o200k_base: its sha256 is {found}, not {SHA256}. "
            "Remove it and run `ossay pull vocab`."
        )
    pairs = (line.split() for line in content.splitlines())
    return Vocabulary({base64.b64decode(word): int(rank) for word, rank in pairs})


class Vocabulary:
    """Text to ids and back. Every id from 0 to 201087 has a text; unnamed ones are reserved."""

    def __init__(self, ranks: Mapping[bytes, int]) -> None:
        import tiktoken

        named = set(SPECIAL.values())
        unnamed = (i for i in range(RANKS, VOCABULARY_SIZE) if i not in named)
        self._encoding = tiktoken.Encoding(
            "o200k_harmony",
            pat_str=_PATTERN,
            mergeable_ranks=dict(ranks),
            special_tokens=SPECIAL | {f"<|reserved_{i}|>": i for i in unnamed},
        )

    def encode(self, text: str, *, special: bool = False) -> list[int]:
        """Return the ids of `text`. `special`: `<|start|>` and the like become control tokens.

        Without it they are plain text, as anything from a user must be.
        """
        # Lone surrogates, which a terminal or JSON can bring, have no UTF-8.
        text = text.encode("utf-8", "replace").decode("utf-8")
        if _LONG_SPACE.search(text) is None:
            return self._encode(text, special=special)
        return [i for part in _cut(text) for i in self._encode(part, special=special)]

    def _encode(self, text: str, *, special: bool) -> list[int]:
        ids: list[int]
        try:
            if special:
                ids = self._encoding.encode(text, allowed_special="all")
            else:
                ids = self._encoding.encode_ordinary(text)
        except BaseException as error:
            if isinstance(error, Exception) or type(error).__name__ != "PanicException":
                raise
            # Of Rust code; no Exception, so it would end an event loop.
            raise UsageError(f"this text cannot be split into tokens: {error}") from None
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(map(self.bytes_of, ids)).decode("utf-8", "replace")

    def bytes_of(self, token: int) -> bytes:
        """Return the bytes of one id. A character may be spread over several ids.

        Raises `UsageError` for an id that the vocabulary does not have.
        """
        if not 0 <= token < VOCABULARY_SIZE:
            raise UsageError(
                f"{token!r} is no token id of gpt-oss: they go from 0 to {VOCABULARY_SIZE - 1}"
            )
        found: bytes = self._encoding.decode_single_token_bytes(token)
        return found

    def all_bytes(self) -> list[bytes]:
        """Return the bytes of every id, in order."""
        return [self.bytes_of(token) for token in range(VOCABULARY_SIZE)]


def _cut(text: str) -> list[str]:
    """Cut a text after every so many characters of one run of white space."""
    ends = [0, *(run.end() for run in _LONG_SPACE.finditer(text)), len(text)]
    return [text[begin:end] for begin, end in pairwise(ends)]


class Decoder:
    """Ids to text while they come: holds back bytes until they make a whole character."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: Iterable[int]) -> str:
        """Return the text that is complete now; '' while a character is not."""
        return "".join(self._bytes.decode(self._vocabulary.bytes_of(token)) for token in ids)

    def end(self) -> str:
        """Return what is left: U+FFFD for a character that was never finished."""
        return self._bytes.decode(b"", final=True)
