"""Markdown documents, made block by block together with what becomes of each block.

The right output comes from the making, not from parsing, so it cannot share a parser's mistakes.
Within the grammar that the prompt states nothing is ambiguous: marks are not nested, brackets are
balanced, blocks are apart. Knows nothing of models.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from ossay.suites.coding.markdown_rules import Rules
from ossay.suites.coding.narrowing_worlds import WORDS

Block = tuple[str, str]  # as it is in the document, and what becomes of it; '' where it goes


class Document(NamedTuple):
    """A document and its right output."""

    text: str
    clean: str


def draw_document(rng: random.Random, rules: Rules, *, wide: bool = False) -> Document:
    """Make up a document that has every part of `rules`; `wide` puts more empty lines in."""
    writer = _Writer(rng, rules)
    parts = [part for part in rules if part not in ("front", "link", "inline")]
    parts += [*rng.choices(("heading", "paragraph"), k=rng.randint(2, 4)), "paragraph", "code"]
    rng.shuffle(parts)
    # Code may begin with spaces, and many trim what they return; a rule looks like front matter.
    while parts[0] in ("code", "rule"):
        parts.append(parts.pop(0))
    blocks = [writer.make(part) for part in parts]
    if "front" in rules:
        blocks.insert(0, writer.front())
    text = blocks[0][0]
    for source, _ in blocks[1:]:
        text += "\n" * (rng.randint(2, 4) if wide else 2) + source
    clean = "\n\n".join(done for _, done in blocks if done)
    return Document(text + "\n" * rng.randint(0, 1), clean)


class _Writer:
    """Makes blocks of one document."""

    def __init__(self, rng: random.Random, rules: Rules) -> None:
        self._rng = rng
        self._rules = rules
        self._makers: Mapping[str, Callable[[], Block]] = {
            "heading": self._heading,
            "paragraph": self._paragraph,
            "code": self._code,
            "imports": self._imports,
            "table": self._table,
            "component": self._component,
            "image": self._image,
            "list": lambda: self._marked("- ", {"bullet": "• ", "bare": ""}[self._rules["list"]]),
            "quote": lambda: self._marked("> ", {"bare": "", "marks": "| "}[self._rules["quote"]]),
            "comment": self._comment,
            "rule": lambda: ("---", ""),
        }

    def make(self, part: str) -> Block:
        """Make one block."""
        return self._makers[part]()

    def front(self) -> Block:
        """Make front matter."""
        title = self._words(3).capitalize()
        lines = [f"title: {title}", f"tags: {self._words(1)}", f"draft: {self._rng.choice(_BOOLS)}"]
        self._rng.shuffle(lines)
        kept = title if self._rules["front"] == "title" else ""
        return "\n".join(["---", *lines, "---"]), kept

    def _words(self, count: int) -> str:
        return " ".join(self._rng.sample(WORDS, count))

    def _address(self) -> str:
        return f"https://{self._rng.choice(WORDS)}.example/{self._rng.choice(WORDS)}"

    def _marks(self) -> Block:
        """A few words with a mark, and what becomes of them."""
        words = self._words(self._rng.randint(1, 2))
        kind = self._rng.choice(("link", "link", "bold", "italic", "code", "odd code"))
        if kind == "link":
            address = self._address()
            kept = words if self._rules["link"] == "text" else f"{words} ({address})"
            return f"[{words}]({address})", kept
        if kind == "odd code":
            odd = self._rng.choice(("*args", "a * b * c", "**kwargs", "row[0]", "[x](y)", "*all*"))
            return f"`{odd}`", odd
        mark = {"bold": "**", "italic": "*", "code": "`"}[kind]
        return f"{mark}{words}{mark}", words

    def _line(self) -> Block:
        """A line of words with marks in it."""
        start = self._words(2).capitalize()
        source, clean = start, start
        for _ in range(self._rng.randint(0, 2)):
            marked, kept = self._marks()
            more = self._words(2)
            source += f" {marked} {more}"
            clean += f" {kept} {more}"
        end = self._rng.choice((".", ".", "!", ", at 3 - 2."))
        return source + end, clean + end

    def _lines(self, low: int, high: int) -> tuple[list[str], list[str]]:
        pairs = [self._line() for _ in range(self._rng.randint(low, high))]
        return [source for source, _ in pairs], [clean for _, clean in pairs]

    def _paragraph(self) -> Block:
        sources, cleans = self._lines(1, 3)
        return "\n".join(sources), "\n".join(cleans)

    def _heading(self) -> Block:
        words = self._words(self._rng.randint(1, 3)).capitalize()
        source, clean = words, words
        if self._rng.random() < 0.4:
            marked = self._words(1)
            source, clean = f"{words} **{marked}**", f"{words} {marked}"
        source = "#" * self._rng.randint(1, 4) + " " + source
        return source, {
            "plain": clean,
            "upper": clean.upper(),
            "colon": f"{clean}:",
            "ruled": f"{clean}\n{'=' * len(clean)}",
        }[self._rules["heading"]]

    def _code(self) -> Block:
        lines = self._rng.sample(_CODE, self._rng.randint(2, 4))
        lines.insert(1, self._rng.choice(("", "\n", "")))
        body = "\n".join(lines)
        source = f"```{self._rng.choice(('', 'sh', 'python', 'ts'))}\n{body}\n```"
        if self._rules["code"] == "drop":
            return source, ""
        if self._rules["code"] == "keep":
            return source, body
        return source, "\n".join(f"    {line}" if line else "" for line in body.split("\n"))

    def _imports(self) -> Block:
        names = [word.capitalize() for word in self._rng.sample(WORDS, self._rng.randint(1, 3))]
        return "\n".join(f'import {name} from "./{name.lower()}";' for name in names), ""

    def _table(self) -> Block:
        width = self._rng.randint(2, 3)
        rows = [
            [self._words(self._rng.randint(1, 2)) for _ in range(width)]
            for _ in range(self._rng.randint(2, 4))
        ]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|" + " --- |" * width)
        if self._rules["table"] == "drop":
            return "\n".join(lines), ""
        return "\n".join(lines), "\n".join(", ".join(row) for row in rows)

    def _component(self) -> Block:
        name = self._rng.choice(("Chart", "Note", "Video", "Tabs", "Badge"))
        attribute = f' kind="{self._rng.choice(WORDS)}"'
        if self._rng.random() < 0.4:
            return f"<{name}{attribute} />", ""
        blocks = [self._paragraph() for _ in range(self._rng.randint(1, 2))]
        source = "\n\n".join(source for source, _ in blocks)
        clean = "\n\n".join(clean for _, clean in blocks)
        kept = clean if self._rules["component"] == "inner" else ""
        given = self._rng.choice(("", attribute))
        return f"<{name}{given}>\n{source}\n</{name}>", kept

    def _image(self) -> Block:
        words = self._words(2)
        kept = f"[Image: {words}]" if self._rules["image"] == "words" else ""
        return f"![{words}](./{words.split()[0]}.png)", kept

    def _marked(self, mark: str, instead: str) -> Block:
        sources, cleans = self._lines(2, 4)
        return (
            "\n".join(mark + line for line in sources),
            "\n".join(instead + line for line in cleans),
        )

    def _comment(self) -> Block:
        lines = [self._words(3) for _ in range(self._rng.randint(1, 3))]
        return "<!-- " + "\n".join(lines) + " -->", ""


_BOOLS = ("true", "false")

# Lines of code that would be something else outside a code block.
_CODE = (
    "# install it first",
    "import os",
    'import Chart from "./chart";',
    "- name: build",
    "> echo done",
    "| a | b |",
    "x = [a](b)",
    "def run(*args, **kwargs): return args",
    "<Chart kind='bar' />",
    "---",
    "  indented = `yes`",
    "<!-- stays -->",
    "price = 3 * 4 * 5",
)
