"""Text that every encoding can carry: `well_formed`. Knows nothing of what the text means."""

from __future__ import annotations


def well_formed(text: str) -> str:
    """Join surrogate pairs that arrived in halves; a half without its other becomes U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
