"""Making any text storable: databases take no NUL, encodings no lone surrogate.

Knows nothing of what the text means.
"""

from __future__ import annotations

from ossay.core.text import well_formed

# Of one error or reason; what a run said in full is in its transcript.
MAX_CHARS = 4_000


def storable(text: str, limit: int = MAX_CHARS) -> str:
    """Return `text` with NUL shown as ␀ and lone surrogates as �, cut at `limit` characters."""
    if len(text) > limit:
        text = f"{text[:limit]} [… {len(text) - limit:,} characters left out]"
    return well_formed(text.replace("\0", "␀"))


def is_storable(text: str) -> bool:
    """Whether a database can hold such a text; it cannot even be asked for another."""
    return storable(text, len(text)) == text
