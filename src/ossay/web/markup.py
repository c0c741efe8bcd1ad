"""A model's answer as HTML that cannot act: words as they are, code with its colours.

Every character is escaped, and those that could act (controls, right-to-left overrides, zero width)
are shown as codes. Nothing is rendered: a link stays its text. Knows nothing of ratings.
"""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup, escape
from msgspec import Struct

from ossay.core.display import visible

# Characters of an answer that a page shows; the whole text is one link away.
MOST_SHOWN = 200_000
# Characters of a block, and of a line, that get colours: a lexer may take long over odd text.
_MOST_COLOURED = 60_000
_LONGEST_LINE = 4_000


class Block(Struct, frozen=True):
    """A stretch of an answer. `language` is '' for words; `html` is safe as it is."""

    html: Markup
    code: bool
    language: str = ""


def blocks_of(text: str, *, limit: int = MOST_SHOWN) -> list[Block]:
    """Take an answer apart at its fences; what is beyond `limit` is left out and said."""
    shown = visible(text, limit)
    return [_block(part, code, language) for part, code, language in _parts(shown) if part.strip()]


def _parts(text: str) -> Iterator[tuple[str, bool, str]]:
    """Stretches of (text, is code, language), nothing left out but the fences."""
    from markdown_it import MarkdownIt

    lines = text.split("\n")
    at = 0
    for token in MarkdownIt("commonmark").disable("inline").parse(text):
        if token.type != "fence" or token.map is None or token.map[0] < at:
            continue
        start, end = token.map
        yield "\n".join(lines[at:start]), False, ""
        yield token.content, True, (token.info.split() or [""])[0].lower()
        at = end
    yield "\n".join(lines[at:]), False, ""


def _block(text: str, code: bool, language: str) -> Block:
    if not code:
        return Block(escape(text.strip("\n")), False)
    return Block(_coloured(text, language), True, language[:40])


def _coloured(text: str, language: str) -> Markup:
    longest = max(map(len, text.split("\n")), default=0)
    if not language or len(text) > _MOST_COLOURED or longest > _LONGEST_LINE:
        return escape(text)
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return escape(text)
    # Pygments escapes what it is given, and writes spans with classes of its own only.
    return Markup(highlight(text, lexer, HtmlFormatter(nowrap=True)))
