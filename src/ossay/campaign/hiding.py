"""Taking secrets out of a text before it is written down.

Errors that we make hold none; this is for those that we did not make. Knows nothing of the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)

# Shorter values are no keys, and would blank out innocent text.
_MIN_CHARS = 8


def hiding(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that blanks the values of variables whose name says secret."""
    secrets = sorted(
        {
            value
            for name, value in environ.items()
            if _SECRET_NAME.search(name) and len(value) >= _MIN_CHARS
        },
        key=len,
        reverse=True,
    )

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, "[hidden]")
        return text

    return hide
