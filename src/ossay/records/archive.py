"""A zip file that anyone may have made, read member by member into memory.

Members are stored, deflated, or compressed with Zstandard (method 93), which Python's `zipfile`
before 3.14 lists but cannot unpack. Names of members are keys here and never become paths. Bombs,
cut-off files and wrong checksums are plain errors. Knows nothing of what is in it.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from types import TracebackType
from typing import IO

from ossay.core.errors import UsageError
from ossay.records.source_file import SourceFile

MAX_MEMBER = 256 << 20
# Of the list of members, about 100 bytes each.
_MAX_DIRECTORY = 256 << 20
_ZSTANDARD = 93
_STORED, _DEFLATED = 0, 8
_MAX_WINDOW = 128 << 20  # a Zstandard frame may ask for this much memory, no more
_TAIL = 70_000  # holds a zip's end record with the longest comment
_LOCAL = struct.Struct("<4s22xHH")  # signature, length of the name, of the extra field


class Archive:
    """An open zip file. Use it in a `with`."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._stream = self._open()

    def __enter__(self) -> Archive:
        try:
            self._check_directory()
            self._zip = zipfile.ZipFile(self._stream)
        except _BROKEN as error:
            self._stream.close()
            raise self._file.fault(f"a damaged zip file ({error}); fetch it again") from error
        except UsageError:
            self._stream.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()
        self._stream.close()

    def names(self) -> list[str]:
        """Names of the members, in their order; of two of one name only the last is there."""
        return list(self._zip.NameToInfo)

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return name in self._zip.NameToInfo

    def read(self, name: str) -> bytes:
        """Unpack a member; raises `UsageError` where it is damaged or unpacks to too much."""
        info = self._zip.NameToInfo[name]
        try:
            data = self._unpack(info)
        except _BROKEN as error:
            raise self._fault(name, f"damaged ({error})") from error
        if len(data) > MAX_MEMBER:
            raise self._file.fault(
                f"its member {name[:200]!r} unpacks to more than {MAX_MEMBER:,} bytes"
            )
        if zlib.crc32(data) != info.CRC:
            raise self._fault(name, "damaged (its checksum is wrong)")
        return data

    def _unpack(self, info: zipfile.ZipInfo) -> bytes:
        if info.flag_bits & 1:
            raise self._fault(info.filename, "encrypted")
        packed = self._packed(info)
        if info.compress_type == _STORED:
            return packed
        if info.compress_type == _DEFLATED:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, MAX_MEMBER + 1)
        if info.compress_type == _ZSTANDARD:
            return _unzstd(packed)
        raise self._fault(info.filename, f"compressed by method {info.compress_type}, unknown here")

    def _packed(self, info: zipfile.ZipInfo) -> bytes:
        """Return a member's bytes as they lie in the file, after its own header."""
        self._stream.seek(info.header_offset)
        head = self._stream.read(_LOCAL.size)
        if len(head) < _LOCAL.size or not head.startswith(b"PK\x03\x04"):
            raise zipfile.BadZipFile("no member where one should be")
        _, name, extra = _LOCAL.unpack(head)
        self._stream.seek(name + extra, 1)
        if info.compress_size > self._file.size:
            raise zipfile.BadZipFile("a member longer than the file")
        packed = self._stream.read(info.compress_size)
        if len(packed) < info.compress_size:
            raise zipfile.BadZipFile("it ends inside a member")
        return packed

    def _open(self) -> IO[bytes]:
        try:
            return self._file.path.open("rb")
        except OSError as error:
            raise self._file.fault(f"cannot be read: {error.strerror or error}") from error

    def _check_directory(self) -> None:
        """Refuse a list of members that is longer than memory should hold."""
        self._stream.seek(max(self._file.size - _TAIL, 0))
        tail = self._stream.read()
        for signature, layout, offset in ((b"PK\x05\x06", "<I", 12), (b"PK\x06\x06", "<Q", 40)):
            at = tail.find(signature)
            while at >= 0:
                field = tail[at + offset : at + offset + struct.calcsize(layout)]
                if len(field) == struct.calcsize(layout):
                    (size,) = struct.unpack(layout, field)
                    if _MAX_DIRECTORY < size != 0xFFFFFFFF:
                        raise self._file.fault(f"a zip file with {size:,} bytes of names; split it")
                at = tail.find(signature, at + 1)

    def _fault(self, name: str, text: str) -> UsageError:
        return self._file.fault(f"its member {name[:200]!r} is {text}; fetch the file again")


def _unzstd(packed: bytes) -> bytes:
    """Unpack Zstandard frames, one after the other."""
    import zstandard

    try:
        reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(
            packed, read_across_frames=True
        )
        pieces: list[bytes] = []
        done = 0
        while done <= MAX_MEMBER and (piece := reader.read(1 << 20)):
            pieces.append(piece)
            done += len(piece)
        return b"".join(pieces)
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(str(error)) from error


# What `zipfile` and the decompressors raise on files that are not what they say.
_BROKEN: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError),
    *(ValueError, OverflowError, NotImplementedError, RuntimeError, UnicodeDecodeError, IndexError),
)
