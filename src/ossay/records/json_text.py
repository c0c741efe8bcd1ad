"""JSON that anyone may have written, decoded into Structs: bounded depth, plain errors.

Harnesses write NaN and Infinity, which JSON does not have: NaN is read as null and Infinity as
text, so that neither passes for a number. What a Struct does not name is skipped, not built.
Knows nothing of files.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

# What comes before the next constant that is no JSON, strings as wholes; possessive, so linear.
_BEFORE = re.compile(rb'(?:[^"NI-]++|"(?:[^"\\]++|\\.)*+"|-(?!I))*+(?=(NaN|-?Infinity))', re.DOTALL)


def decode(data: bytes, type_: type[T]) -> T:
    """Decode `data` as `type_`; raises ValueError with what is wrong and at which byte."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        try:
            return msgspec.json.decode(data, type=type_)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            if b"NaN" not in data and b"Infinity" not in data:
                raise
            return msgspec.json.decode(_plain(data), type=type_)
    except RecursionError:
        raise ValueError("JSON nested too deep") from None
    except UnicodeDecodeError as error:
        raise ValueError("JSON that is not UTF-8") from error
    except msgspec.ValidationError as error:
        raise ValueError(f"not as it should be: {error}") from error
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def fields_of(data: msgspec.Raw | bytes) -> dict[str, Any]:
    """Decode an object of any keys; anything else gives an empty one."""
    found = decode(bytes(data), Any)
    return found if isinstance(found, dict) else {}


def _plain(data: bytes) -> bytes:
    """Return `data` without constants that are no JSON."""
    pieces: list[bytes] = []
    place = 0
    while (match := _BEFORE.match(data, place)) is not None:
        constant: bytes = match[1]
        pieces += (match.group(), b"null" if constant == b"NaN" else b'"' + constant + b'"')
        place = match.end() + len(constant)
    return b"".join((*pieces, data[place:]))
