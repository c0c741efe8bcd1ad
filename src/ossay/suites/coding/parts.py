"""Which file a block of a reply belongs to, and what it makes of it: the changed parts of an app.

A path may stand beside the language, above the block, in its first comment or in a diff's header;
without one the declarations tell. Diffs and replacements are applied here; whole files and single
declarations are left to the compiler to merge. Knows nothing of any app.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ossay.suites.coding.answer import Answer, Block
from ossay.suites.coding.patch import apply, diff_of, pairs_of

_DECLARED = re.compile(r"\b(?:function|interface|type|const|let|class)\s+([A-Za-z_$][\w$]*)")
_NEW_FILE = re.compile(r"(?:[\w@\-]+/){0,6}[\w\-.\[\]]{1,60}\.(?:ts|tsx|vue)")
_MENTION = re.compile(r"[\w@.\-\[\]/]+\.(?:tsx|ts|vue)\b")
_HEADER = re.compile(r"^\+\+\+ (?:b/)?(\S+).*$", re.MULTILINE)
_DIFF_START = re.compile(r"^(?:diff --git |--- )", re.MULTILINE)
_LONGEST = 300  # characters of a line that may name a file
_OTHER_LANGUAGES = frozenset({"sh", "bash", "shell", "console", "sql", "json", "text", "http"})


class Part(NamedTuple):
    """A text for a file; without `whole` perhaps some of its declarations only."""

    path: str
    text: str
    whole: bool = False


class Parts(NamedTuple):
    """What a reply changes; `problem` is a sentence where some of it cannot be applied."""

    parts: tuple[Part, ...]
    problem: str = ""


def parts_of(answer: Answer, files: Mapping[str, str]) -> Parts:
    """The parts of a reply, in order. A diff is applied to what earlier parts made of the file."""
    found: list[Part] = []
    now = dict(files)
    for block in answer.blocks:
        if not block.text.strip() or block.language in _OTHER_LANGUAGES:
            continue
        made = _of_block(block, now)
        if isinstance(made, str):
            return Parts(tuple(found), made)
        now |= {part.path: part.text for part in made if part.whole}
        found += made
    return Parts(tuple(found))


def _is_diff(block: Block) -> bool:
    return block.language in ("diff", "patch") or block.text.startswith(("--- ", "@@ ", "diff "))


def _of_block(block: Block, files: Mapping[str, str]) -> list[Part] | str:
    if hunks := pairs_of(block.text):
        path = _path(block, files)
        if path is None:
            return "it is not told which file a replacement belongs to"
        patched = apply(files.get(path, ""), hunks)
        return [Part(path, patched, True)] if patched else f"a replacement finds no place in {path}"
    if _is_diff(block):
        return _of_diff(block, files)
    path = _path(block, files)
    return [Part(path, block.text)] if path else []


def _of_diff(block: Block, files: Mapping[str, str]) -> list[Part] | str:
    starts = [m.start() for m in _DIFF_START.finditer(block.text)]
    starts = [
        at for n, at in enumerate(starts) if n == 0 or "+++ " in block.text[starts[n - 1] : at]
    ]
    ends = [*starts[1:], len(block.text)]
    pieces = [block.text[a:b] for a, b in zip(starts, ends, strict=True)] or [block.text]
    found = []
    for piece in pieces:
        header = _HEADER.search(piece)
        path = _known(header[1], files) if header else _path(block, files)
        if path is None:
            return "it is not told which file a diff belongs to"
        patched = apply(files.get(path, ""), diff_of(piece))
        if patched is None:
            return f"a diff finds no place in {path}"
        found.append(Part(path, patched, True))
    return found


def _path(block: Block, files: Mapping[str, str]) -> str | None:
    """The file of a block; None where nothing tells."""
    first = block.text.split("\n", 1)[0]
    comment = first if first.lstrip().startswith(("//", "/*", "{/*", "<!--")) else ""
    for named in (block.path, comment, block.before):
        known = {path for m in _MENTION.findall(named[:_LONGEST]) if (path := _known(m, files))}
        if len(known) == 1:
            return known.pop()
    own = set(_DECLARED.findall(block.text))
    shared = {path: len(own & set(_DECLARED.findall(text))) for path, text in files.items()}
    best = max(shared, key=lambda path: shared[path])
    if shared[best] == 0 or list(shared.values()).count(shared[best]) > 1:
        return None
    return best


def _known(mention: str, files: Mapping[str, str]) -> str | None:
    """The file that a path names: one that is there, or a new one with a harmless path."""
    plain = mention.removeprefix("./").removeprefix("/").removeprefix("src/")
    if plain in files:
        return plain
    ends = [path for path in files if path.endswith(f"/{plain}") or plain.endswith(f"/{path}")]
    if len(ends) == 1:
        return ends[0]
    return plain if _NEW_FILE.fullmatch(plain) and "/" in plain and ".." not in plain else None
