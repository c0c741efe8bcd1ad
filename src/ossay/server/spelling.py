"""How the wire spells what every API says: texts, reasons, counts, the end of a stream.

Knows nothing of where they stand.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ossay.core.text import well_formed
from ossay.core.types import Finish, Usage

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode


def json_text(text: str) -> bytes:
    """Encode text as JSON; half a surrogate pair becomes U+FFFD."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return _encode(well_formed(text))


def finish_of(finish: Finish) -> str:
    """Return the reason as OpenAI names it."""
    return "stop" if finish == "unknown" else finish


def usage_of(usage: Usage) -> dict[str, Any]:
    """Return the counts as OpenAI writes them; what is not known counts as 0."""
    asked, answered = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
    }
