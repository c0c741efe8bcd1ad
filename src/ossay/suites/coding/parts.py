"""Which file a block of a reply belongs to, and what it makes of it: the changed parts of an app.

A path may stand beside the language, above the block, in its first comment or in a diff's header;
without one the declarations tell. Diffs and replacements are applied here; whole files and single
declarations are left to the compiler to merge. Knows nothing of any app.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from ossay.suites.coding.answer import Answer, Block
from ossay.suites.coding.patch import MOST_WORK, Hunk, apply, diff_of, pairs_of, work

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
    """The parts of a reply, in order. A diff is applied to what earlier ones made of the file."""
    found: list[Part] = []
    app = _App(files)
    for block in answer.blocks:
        if not block.text.strip() or block.language in _OTHER_LANGUAGES:
            continue
        made = _of_block(block, app)
        if isinstance(made, str):
            return Parts(tuple(found), made)
        whole = {part.path for part in made if part.whole}  # these stand for all before them
        if whole:
            found = [part for part in found if part.path not in whole]
        found += made
    return Parts(tuple(found))


class _App:
    """The files as the changes so far have made them; all of these together have one limit."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self._left = MOST_WORK

    def changed(self, path: str, hunks: Sequence[Hunk]) -> Part | None:
        """A file with `hunks` applied; None where one finds no place, or all is too much."""
        text = self.files.get(path, "")
        self._left -= work(text, hunks)
        patched = apply(text, hunks) if self._left >= 0 else None
        if patched is None:
            return None
        self.files[path] = patched
        return Part(path, patched, True)


def _is_diff(block: Block) -> bool:
    return block.language in ("diff", "patch") or block.text.startswith(("--- ", "@@ ", "diff "))


def _of_block(block: Block, app: _App) -> list[Part] | str:
    if hunks := pairs_of(block.text):
        path = _path(block, app.files)
        if path is None:
            return "it is not told which file a replacement belongs to"
        part = app.changed(path, hunks)
        return [part] if part else f"a replacement finds no place in {path}"
    if _is_diff(block):
        return _of_diff(block, app)
    path = _path(block, app.files)
    return [Part(path, block.text)] if path else []


def _of_diff(block: Block, app: _App) -> list[Part] | str:
    starts = [m.start() for m in _DIFF_START.finditer(block.text)]
    starts = [
        at for n, at in enumerate(starts) if n == 0 or "+++ " in block.text[starts[n - 1] : at]
    ]
    starts = starts or [0]  # without a header all of it is one file's
    found: dict[str, Part] = {}
    for start, end in pairwise([*starts, len(block.text)]):
        piece = block.text[start:end]
        header = _HEADER.search(piece)
        path = _known(header[1], app.files) if header else _path(block, app.files)
        if path is None:
            return "it is not told which file a diff belongs to"
        part = app.changed(path, diff_of(piece))
        if part is None:
            return f"a diff finds no place in {path}"
        found[path] = part
    return list(found.values())


def _path(block: Block, files: Mapping[str, str]) -> str | None:
    """The file of a block; None where nothing tells."""
    first = block.text.split("\n", 1)[0]
    comment = first if first.lstrip().startswith(("//", "/*", "{/*", "<!--")) else ""
    for named in (block.path, comment, block.before):
        known = {path for m in _MENTION.findall(named[:_LONGEST]) if (path := _known(m, files))}
        if len(known) == 1:
            return known.pop()
    own = _declared(block.text)
    if not own:
        return None
    shared = {path: len(own & _declared(text)) for path, text in files.items()}
    best = max(shared, key=lambda path: shared[path])
    if shared[best] == 0 or list(shared.values()).count(shared[best]) > 1:
        return None
    return best


@lru_cache(maxsize=256)
def _declared(text: str) -> frozenset[str]:
    return frozenset(_DECLARED.findall(text))


def _known(mention: str, files: Mapping[str, str]) -> str | None:
    """The file that a path names: one that is there, or a new one with a harmless path."""
    plain = mention.removeprefix("./").removeprefix("/").removeprefix("src/")
    if plain in files:
        return plain
    ends = [path for path in files if path.endswith(f"/{plain}") or plain.endswith(f"/{path}")]
    if len(ends) == 1:
        return ends[0]
    return plain if _NEW_FILE.fullmatch(plain) and "/" in plain and ".." not in plain else None
