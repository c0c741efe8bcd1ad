"""Bodies into typed fields: JSON of any kind becomes a Struct, or an error that names the field.

Knows nothing of any one API.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ossay.server.errors import ApiError

T = TypeVar("T", bound=Struct)

_PLACE = re.compile(r" - at `(?:key in )?\$(.*)`$")
# Deeper than any real schema; what walks it later (a renderer, a grammar) recurses too.
_MOST_LEVELS = 200


def read_object(body: bytes) -> dict[str, Any]:
    """Parse a body that must be a JSON object. Of two equal keys the last counts.

    Raises:
        ApiError: 400; it is empty, no UTF-8, no JSON, no object, or nested too deeply.
    """
    if not body.strip():
        raise ApiError(400, "the body is empty; send a JSON object")
    try:
        value = msgspec.json.decode(body)
    except UnicodeDecodeError:
        raise ApiError(400, "the body is not valid UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    except msgspec.DecodeError as error:
        raise ApiError(400, f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(400, "the body must be a JSON object")
    # No deeper than there are brackets: most bodies need no walk.
    if body.count(b"{") + body.count(b"[") > _MOST_LEVELS and _deeper(value, _MOST_LEVELS):
        raise _too_deep()
    return value


def read_fields(body: dict[str, Any], kind: type[T]) -> T:
    """Read the fields that `kind` knows. Raises `ApiError` with `param` set."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        match = _PLACE.search(text)
        param = match[1].lstrip(".") if match else ""
        if missing := re.match(r"Object missing required field `([^`]+)`", text):
            param = f"{param}.{missing[1]}" if param else missing[1]
            raise ApiError(
                400, f"missing required parameter: {param!r}", param=param,
                code="missing_required_parameter",
            ) from None  # fmt: skip
        said = text[: match.start()] if match else text
        raise ApiError(
            400,
            f"invalid value for {param!r}: {said[:1].lower()}{said[1:]}",
            param=param or None,
            code="invalid_value",
        ) from None


def unknown_fields(body: dict[str, Any], kind: type[Struct]) -> tuple[str, ...]:
    """Return the fields of a body that `kind` does not know."""
    return tuple(body.keys() - _fields_of(kind))


@lru_cache(maxsize=64)
def _fields_of(kind: type[Struct]) -> frozenset[str]:
    return frozenset(kind.__struct_encode_fields__)


def invalid(param: str, text: str, *, code: str | None = "invalid_value") -> ApiError:
    """Return the error that says what is wrong with a field."""
    return ApiError(400, f"{param}: {text}", param=param, code=code)


def unsupported(param: str, text: str) -> ApiError:
    """Return the error for something that OpenAI has and this server has not."""
    return invalid(param, text, code="unsupported_parameter")


def _deeper(value: Any, levels: int) -> bool:
    """Whether something is nested more than `levels` deep; level by level, without recursion."""
    level = [value]
    for _ in range(levels):
        level = [
            item
            for outer in level
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True


def _too_deep() -> ApiError:
    return ApiError(400, f"the body is nested more than {_MOST_LEVELS} levels deep")
