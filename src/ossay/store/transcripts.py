"""Packing a transcript for the ledger and back: JSON, then zstandard, bounded both ways.

Knows nothing of where the bytes are kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import zstandard

from ossay.core.errors import LedgerError
from ossay.core.task import Transcript
from ossay.store.text import storable

# Bytes of JSON. Far above what budgets allow; a broken endpoint can still send more.
MAX_BYTES = 32 << 20

# What is kept of each long text, in characters, tried one after the other until the whole fits.
_KEPT = (1_000_000, 100_000, 10_000, 1_000)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Transcript)


class _Compressors(threading.local):
    """zstandard's objects serve one thread at a time."""

    def __init__(self) -> None:
        self.pack = zstandard.ZstdCompressor(level=3).compress
        self.unpack = zstandard.ZstdDecompressor().decompress


_compressors = _Compressors()


def pack_transcript(transcript: Transcript, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the transcript as compressed JSON.

    What would be longer than `max_bytes` loses the end of its longest texts, and says so there.
    """
    try:
        encoded = _encoder.encode(transcript)
    except UnicodeEncodeError:  # a lone surrogate in what a model wrote
        encoded = _changed(transcript, lambda text: storable(text, len(text)))
    for kept in _KEPT:
        if len(encoded) <= max_bytes:
            break
        encoded = _changed(transcript, partial(_cut, kept=kept))
    if len(encoded) > max_bytes:
        note = f"{len(transcript.steps):,} steps were too long for the ledger. {transcript.error}"
        short = msgspec.structs.replace(transcript, steps=(), error=note)
        encoded = _changed(short, partial(_cut, kept=_KEPT[-1]))
    return _compressors.pack(encoded)


def unpack_transcript(content: bytes) -> Transcript:
    """Undo `pack_transcript`; raises `LedgerError` on bytes that it did not make."""
    try:
        return _decoder.decode(_compressors.unpack(content, max_output_size=2 * MAX_BYTES))
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise LedgerError(f"a transcript in the ledger is damaged: {error}") from error


def _changed(transcript: Transcript, change: Callable[[str], str]) -> bytes:
    """Encode the transcript with `change` applied to every text in it."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [walk(item) for item in value]
        return value

    return _encoder.encode(walk(msgspec.to_builtins(transcript)))


def _cut(text: str, kept: int) -> str:
    if len(text) > kept:
        text = f"{text[:kept]}\n[… {len(text) - kept:,} characters left out of the ledger …]"
    return storable(text, len(text))
