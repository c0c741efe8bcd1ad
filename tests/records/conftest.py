"""Files to read: tables out of text, zips with any member, the golden logs, the real data."""

import os
import struct
import zlib
from pathlib import Path

import pytest
import zstandard

from ossay.records.read import read_records

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden():
    """Name (or how it begins) -> a golden log."""

    def find(name):
        (path,) = [path for path in GOLDEN.iterdir() if path.name.startswith(name)]
        return path

    return find


@pytest.fixture
def table(tmp_path):
    """Text of a table -> its records; keywords as `read_records` takes them."""

    def read(text, name="table.csv", **asked):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_records(path, **asked)

    return read


@pytest.fixture
def zip_of():
    """(path, {member: bytes}) -> a zip file there, its members compressed by `method`."""

    def write(path, members, method=93, crc=None, size=None):
        directory, place = b"", 0
        with path.open("wb") as out:
            for name, data in members.items():
                packed = _packed(data, method)
                fields = struct.pack(
                    "<HHHHHLLLHH",
                    *(20, 0x800, method, 0, 33, zlib.crc32(data) if crc is None else crc),
                    *(len(packed) if size is None else size, len(data), len(name.encode()), 0),
                )
                out.write(b"PK\x03\x04" + fields + name.encode() + packed)
                directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields
                directory += struct.pack("<HHHLL", 0, 0, 0, 0, place) + name.encode()
                place = out.tell()
            count = len(members)
            out.write(directory)
            end = struct.pack("<HHHHLLH", 0, 0, count, count, len(directory), place, 0)
            out.write(b"PK\x05\x06" + end)
        return path

    return write


@pytest.fixture(scope="session")
def real_data():
    """The folder of records that others made; skips where it is not on this machine."""
    folder = os.environ.get("OSSAY_DATA") or Path(__file__).parents[3] / "shared/data"
    if not Path(folder).is_dir():
        pytest.skip("no ../shared/data beside the checkout")
    return Path(folder)


def _packed(data, method):
    if method == 93:
        return zstandard.compress(data)
    if method == 8:
        return zlib.compress(data, wbits=-15)
    return data
