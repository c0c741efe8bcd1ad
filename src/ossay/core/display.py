"""Showing text that a model wrote: every character that could act is made visible instead.

Terminal escapes, other controls, right-to-left overrides and zero-width characters become a
visible code such as ␛ or ⟨U+202E⟩. Knows nothing of HTML; a template engine escapes that.
"""

from __future__ import annotations

import re

# C0 but tab and newline, DEL and C1, soft hyphen, bidi marks and overrides, zero-width, line
# separators, tags, interlinear and BOM; unpaired surrogates.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str, limit: int | None = None) -> str:
    """Return `text` with acting characters shown as codes, cut in the middle at `limit` characters.

    The cut says how much it left out.
    """
    if limit is not None and len(text) > limit:
        head = limit * 2 // 3
        tail = limit - head
        left_out = len(text) - head - tail
        text = f"{text[:head]}\n[… {left_out:,} characters left out …]\n{text[len(text) - tail :]}"
    return _ACTING.sub(_code, text.replace("\r\n", "\n"))


def _code(match: re.Match[str]) -> str:
    point = ord(match.group())
    if point < 0x20:
        return chr(0x2400 + point)  # control pictures
    return f"⟨U+{point:04X}⟩"
