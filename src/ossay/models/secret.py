"""An API key that shows itself to nobody: no repr, no error text, no record.

Knows the name of the environment variable it came from, and nothing of the wire.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

from ossay.core.errors import MissingKey, UsageError

HIDDEN = "[key]"


class Secret:
    """A key. Only `reveal` gives it out, and only the Authorization header asks for it."""

    __slots__ = ("_forms", "_value", "variable")

    def __init__(self, variable: str, value: str) -> None:
        self.variable = variable
        self._value = value
        forms = {value, quote(value), quote(value, safe=""), json.dumps(value)[1:-1]}
        self._forms = sorted(forms, key=len, reverse=True)

    @classmethod
    def from_environ(cls, variable: str, environ: Mapping[str, str]) -> Secret:
        """Read the key; `MissingKey` names the variable where it is not set or empty."""
        value = environ.get(variable, "").strip()
        if not value:
            raise MissingKey(
                f"the environment variable {variable!r} is not set; "
                f"set it to your key: export {variable}=…"
            )
        if not (value.isascii() and value.isprintable()):
            raise UsageError(
                f"the key in {variable!r} has characters that no header can carry; "
                f"copy it again: export {variable}=…"
            )
        return cls(variable, value)

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def redact(self, text: str) -> str:
        """Return `text` with every form of the key hidden."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text

    def __repr__(self) -> str:
        return f"Secret({self.variable!r}, {HIDDEN})"

    __str__ = __repr__
