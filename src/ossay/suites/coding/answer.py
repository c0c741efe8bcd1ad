"""Reading the one reply of a coding task: its fenced blocks, and the words around them.

Lenient where people and models differ: fences of backticks or tildes, indented in a list, never
closed; thoughts in <think> tags before the answer; no fence at all. Nothing here raises because of
what a reply holds. Knows nothing of any language or task.
"""

from __future__ import annotations

import re

from msgspec import Struct

MOST_CHARACTERS = 1 << 20  # of a reply; what is beyond is not looked at

_LONGEST_INFO = 200  # characters beside a fence that are looked at

_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_OPENING = re.compile(r"(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)")
_PATH = re.compile(r"[\w@.\-\[\]()/]+\.[A-Za-z]{1,5}")


class Block(Struct, frozen=True):
    """One fenced block.

    Attributes:
        language: The first word after the fence in lower case, '' where there is none.
        path: A file's path in the rest of that line, '' where there is none.
        text: What is between the fences, with its last newline.
        before: The last line of words before the fence.
    """

    language: str
    path: str
    text: str
    before: str


class Answer(Struct, frozen=True):
    """A reply taken apart. `fenced` is False where the whole reply stands for its only block."""

    text: str
    blocks: tuple[Block, ...]
    fenced: bool = True

    @property
    def facts(self) -> dict[str, int]:
        """What can be counted of any reply, for rubrics."""
        code = sum(len(block.text) for block in self.blocks)
        return {
            "characters": len(self.text),
            "code_characters": code,
            "prose_characters": self._prose() if self.fenced else 0,
            "code_blocks": len(self.blocks) if self.fenced else 0,
        }

    def _prose(self) -> int:
        fences = sum(1 for line in self.text.splitlines() if _OPENING.fullmatch(line))
        return max(0, len(self.text) - sum(len(b.text) for b in self.blocks) - 4 * fences)


def read_answer(reply: str) -> Answer:
    """Take a reply apart. Without a fence, all of it is one block without a language."""
    text = reply[:MOST_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n")
    text = _THOUGHTS.sub("", text).strip()
    blocks = _blocks(text.split("\n"))
    if blocks or not text:
        return Answer(text, blocks)
    return Answer(text, (Block("", "", text + "\n", ""),), fenced=False)


def _blocks(lines: list[str]) -> tuple[Block, ...]:
    found: list[Block] = []
    opened: re.Match[str] | None = None
    inside: list[str] = []
    before = ""
    for line in [*lines, None]:
        if opened is None:
            opened = _OPENING.fullmatch(line) if line is not None else None
            if opened is None and line is not None and line.strip():
                before = line.strip()
            inside = []
        elif line is None or _closes(line, opened):
            found.append(_block(opened, inside, before))
            opened, before = None, ""
        else:
            inside.append(line)
    return tuple(found)


def _closes(line: str, opened: re.Match[str]) -> bool:
    bare, fence = line.strip(), opened["fence"]
    return bare.startswith(fence) and not bare.strip(fence[0])


def _block(opened: re.Match[str], lines: list[str], before: str) -> Block:
    indent = opened["indent"]
    words = opened["info"][:_LONGEST_INFO].split(maxsplit=1)
    language, _, rest = (words[0] if words else "").partition(":")
    named = _PATH.search(f"{rest} {' '.join(words[1:])}") or _PATH.fullmatch(language)
    text = "\n".join(line.removeprefix(indent) for line in lines)
    return Block(
        "" if _PATH.fullmatch(language) else language.lower(),
        named[0] if named else "",
        f"{text}\n" if text else "",
        before,
    )
