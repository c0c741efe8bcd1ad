"""The JSON of a data pack: dump, and a load that no content can break.

A pack may come from anyone: numbers beyond what any campaign holds are refused, so that nothing
later overflows on them, and what is wrong is said without an acting character. Knows nothing of
files.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from ossay.core.display import visible
from ossay.core.errors import UsageError

T = TypeVar("T")

# Of whole numbers those that every database holds, of others those that sums and charts can take.
_MOST_INT = 2**63 - 1
_MOST_FLOAT = 1e18
_LEAST_FLOAT = 1e-30

# Characters of a parser's complaint, which may repeat what it complains about.
_SAID_CHARS = 300


def dump(thing: Any) -> bytes:
    """Return a value as JSON in ASCII. Equal values give equal bytes."""
    # Not msgspec's encoder: it refuses the unpaired surrogates that a model can write.
    return json.dumps(msgspec.to_builtins(thing), indent=1).encode("ascii")


def load(data: bytes, type_: type[T], name: str) -> T:
    """Undo `dump`; raises `UsageError` with `name`, the file, on anything that is not one."""
    try:
        builtin = json.loads(data, parse_int=_int, parse_float=_float, parse_constant=_refuse)
        return msgspec.convert(builtin, type_)
    except (ValueError, RecursionError) as error:
        said = visible(str(error)[:_SAID_CHARS]).replace("\n", "␊")
        raise UsageError(
            f"{name!r} of the data pack cannot be read: {said}. Get it again from where it came"
        ) from error


def _int(text: str) -> int:
    value = int(text) if len(text) <= 20 else _refuse(text)
    return value if abs(value) <= _MOST_INT else _refuse(text)


def _float(text: str) -> float:
    value = float(text)
    return value if value == 0 or _LEAST_FLOAT <= abs(value) <= _MOST_FLOAT else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no number that a campaign can hold")
