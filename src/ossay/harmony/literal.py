"""A JSON value as text, as types and comments of the format write it.

Numbers are as serde_json writes them. Knows nothing of schemas.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal

_DEPTH = 48
_LONGEST = 100_000  # characters; far more than anybody reads in a type


def literal(value: object) -> str | None:
    """Return JSON without spaces; None of a value that is too deep or too long to be shown.

    What JSON does not have (infinity, an object of Python) is null.
    """
    out, size = [], 0
    for piece in _pieces(value, 0):
        size += len(piece or "")
        if piece is None or size > _LONGEST:
            return None
        out.append(piece)
    return "".join(out)


def quoted(text: str) -> str:
    """Return a string of JSON: it has no line ends, and no quotes but around it."""
    return json.dumps(text, ensure_ascii=False)


def _pieces(value: object, depth: int) -> Iterator[str | None]:
    """Yield the text piece by piece, so that a value can be given up; None where it is too deep."""
    if not isinstance(value, list | dict):
        yield _scalar(value)
        return
    if depth == _DEPTH:
        yield None
        return
    comma = ""
    yield "[" if isinstance(value, list) else "{"
    for key in value:
        yield comma
        if isinstance(value, dict):
            yield f"{_scalar(str(key))}:"
        yield from _pieces(value[key] if isinstance(value, dict) else key, depth + 1)
        comma = ","
    yield "]" if isinstance(value, list) else "}"


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        if -(2**63) <= value < 2**64:
            return str(value)
        return _float(float(value)) if value.bit_length() < 1024 else "null"
    return _float(value) if isinstance(value, float) else "null"


def _float(value: float) -> str:
    """Write the shortest digits: plain from 1e-5 to below 1e16, else with an exponent."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    if 1e-5 <= abs(value) < 1e16:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else text + ".0"
    mantissa, exponent = f"{Decimal(repr(value)).normalize():e}".split("e")
    return f"{mantissa}e{int(exponent)}"
