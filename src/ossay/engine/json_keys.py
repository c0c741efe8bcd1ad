"""A JSON object from a file, and its values, checked one by one. Knows nothing of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ossay.engine.errors import CheckpointError


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object; `CheckpointError` names the file."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # undecodable bytes are a ValueError too
        raise CheckpointError(f"{str(path)!r} is not JSON: {error}") from error
    except OSError as error:
        raise CheckpointError(f"cannot read {str(path)!r}: {error.strerror}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{str(path)!r} holds no JSON object but {type(content).__name__}")
    return content


class Keys:
    """One JSON object and the file that it came from, for the texts of errors."""

    def __init__(self, path: Path, found: Mapping[str, Any]) -> None:
        self.path = path
        self.found = found

    def error(self, text: str) -> CheckpointError:
        """Make the error that names the file."""
        return CheckpointError(f"{str(self.path)!r}: {text}")

    def integer(self, *names: str, default: int | None = None, high: int = 2**24) -> int:
        """Return the first of `names` that is there: a whole number from 1 to `high`."""
        name, value = self._first(names, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high:
            raise self.error(f"{name!r} is {value!r}, not a whole number from 1 to {high}")
        return value

    def number(
        self, *names: str, default: float | None = None, low: float = 0.0, high: float = 1e12
    ) -> float:
        """Return the first of `names` that is there: a number above `low`, at most `high`."""
        name, value = self._first(names, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(f"{name!r} is {value!r}, not a number")
        if not low < value <= high:  # NaN is neither
            raise self.error(f"{name!r} is {value!r}, not above {low:g} and at most {high:g}")
        return float(value)

    def only(self, allowed: Mapping[str, Any]) -> None:
        """Refuse keys whose value is another than the one that the kernels compute."""
        for name, value in allowed.items():
            if (found := self.found.get(name)) is not None and found != value:
                wanted = "nothing" if value is None else repr(value)
                raise self.error(f"{name!r} is {found!r}; gpt-oss has {wanted} there")

    def _first(self, names: tuple[str, ...], default: Any) -> tuple[str, Any]:
        for name in names:
            if self.found.get(name) is not None:
                return name, self.found[name]
        if default is None:
            raise self.error(f"key {names[0]!r} is missing")
        return names[0], default
