"""What a clean-up does with each part of a Markdown document: variants, drawn per instance.

A rule has its sentence for the prompt and its lines for a right solution in TypeScript. Knows
nothing of documents.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

Rules = Mapping[str, str]  # part -> variant


class Variant(NamedTuple):
    """One way to treat a part: what the prompt says, and how the reference does it."""

    sentence: str
    code: str = ""


# Parts that every document has.
ALWAYS: Mapping[str, Mapping[str, Variant]] = {
    "heading": {
        "plain": Variant("Headings become their text, without the `#`s.", "title"),
        "upper": Variant(
            "Headings become their text in capital letters, without the `#`s.",
            "title.toUpperCase()",
        ),
        "colon": Variant(
            "Headings become their text, without the `#`s, with a colon after it.", 'title + ":"'
        ),
        "ruled": Variant(
            "Headings become their text, without the `#`s, and below it a line of as many `=` as "
            "that text has characters.",
            'title + "\\n" + "=".repeat(title.length)',
        ),
    },
    "code": {
        "keep": Variant(
            "Fenced code blocks lose their fences; their lines stay exactly as they are, empty "
            "ones too, and no other rule applies to them.",
            'body.join("\\n")',
        ),
        "indent": Variant(
            "Fenced code blocks lose their fences; each of their lines that is not empty gets four "
            "spaces in front, empty lines stay, and no other rule applies to them.",
            'body.map((one) => (one ? "    " + one : one)).join("\\n")',
        ),
        "drop": Variant("Fenced code blocks go, with all that is in them.", '""'),
    },
    "link": {
        "text": Variant("Links `[text](address)` become their text.", "text"),
        "both": Variant(
            "Links `[text](address)` become text and address, as in `text (address)`.",
            'text + " (" + address + ")"',
        ),
    },
    "inline": {
        "strip": Variant(
            "`**bold**`, `*italic*` and `` `inline code` `` lose their marks. What is inside "
            "inline code stays as it is."
        )
    },
}

# Parts of which an instance has some.
SOMETIMES: Mapping[str, Mapping[str, Variant]] = {
    "front": {
        "drop": Variant("Front matter (between two `---` lines at the very top) goes.", '""'),
        "title": Variant(
            "Front matter (between two `---` lines at the very top) becomes the value of its "
            "`title`, as a block of its own.",
            'front.find((one) => one.startsWith("title: "))!.slice(7)',
        ),
    },
    "imports": {
        "drop": Variant('Import statements, such as `import Chart from "./chart";`, go.', '""'),
    },
    "table": {
        "drop": Variant("Tables go.", '""'),
        "rows": Variant(
            "Tables become one line for each row, the header's too: the cells, joined by a comma "
            "and a space. The line of dashes goes.",
            "rows(block)",
        ),
    },
    "component": {
        "drop": Variant(
            "Components go, with all that is between their tags: one tag alone, as "
            '`<Chart kind="bar" />`, or an opening and a closing tag, each on a line of its own, '
            "as `<Note>` and `</Note>`.",
            "false",
        ),
        "inner": Variant(
            'Components: a tag alone, as `<Chart kind="bar" />`, goes. Of an opening and a closing '
            "tag, each on a line of its own, as `<Note>` and `</Note>`, the tags go and what is "
            "between them is treated like the rest.",
            "true",
        ),
    },
    "image": {
        "drop": Variant("Images `![words](file)`, which stand alone, go.", '""'),
        "words": Variant(
            "Images `![words](file)`, which stand alone, become `[Image: words]`.",
            '"[Image: " + words + "]"',
        ),
    },
    "list": {
        "bullet": Variant("The `-` of list items becomes `•`.", '"• "'),
        "bare": Variant("List items lose their `-` and the space after it.", '""'),
    },
    "quote": {
        "bare": Variant("Quoted lines lose their `>` and the space after it.", '""'),
        "marks": Variant(
            "Quoted lines lose their `>` and the space after it, and get a vertical bar and a "
            "space instead, as in `| text`.",
            '"| "',
        ),
    },
    "comment": {
        "drop": Variant("HTML comments, which may take several lines, go.", '""'),
    },
    "rule": {
        "drop": Variant("Horizontal rules (a line `---`) go.", '""'),
    },
}  # fmt: skip

_PARTS = 6  # how many of SOMETIMES an instance has


def draw_rules(rng: random.Random) -> Rules:
    """Choose the parts of this instance, and a variant of each."""
    chosen = [*ALWAYS, *rng.sample(list(SOMETIMES), _PARTS)]
    return {part: rng.choice(list(_variants(part))) for part in chosen}


def sentences(rules: Rules) -> list[str]:
    """What the prompt says of each part."""
    return [_variants(part)[variant].sentence for part, variant in rules.items()]


def solution(rules: Rules) -> str:
    """A right solution in TypeScript, which treats what is not drawn as the drop variants do."""

    def code(part: str) -> str:
        variants = _variants(part)
        return variants[rules.get(part, next(iter(variants)))].code

    return f"""\
function inline(line: string): string {{
  const marks = /`([^`]*)`|\\[([^\\]]*)\\]\\(([^)]*)\\)|\\*\\*([^*]+)\\*\\*|\\*([^*]+)\\*/g;
  return line.replace(marks, (_all, code, text, address, bold, italic) =>
    text !== undefined ? {code("link")} : code ?? bold ?? italic);
}}

function rows(block: string[]): string {{
  return block
    .filter((line) => !/^[|\\s:-]+$/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => inline(cell.trim())).join(", "))
    .join("\\n");
}}

function plain(block: string[]): string {{
  const heading = /^#+ (.*)$/.exec(block[0]);
  if (heading) {{
    const title = inline(heading[1]);
    return {code("heading")};
  }}
  const image = /^!\\[([^\\]]*)\\]\\([^)]*\\)$/.exec(block[0]);
  if (image) {{
    const words = image[1];
    return {code("image")};
  }}
  if (block[0].startsWith("|")) return {code("table")};
  return block
    .map((line) =>
      line.startsWith("- ") ? {code("list")} + inline(line.slice(2))
        : line.startsWith("> ") ? {code("quote")} + inline(line.slice(2)) : inline(line))
    .join("\\n");
}}

export function cleanMarkdown(text: string): string {{
  const lines = text.split("\\n");
  const parts: string[] = [];
  let block: string[] = [];
  const close = () => {{
    if (block.length) parts.push(plain(block));
    block = [];
  }};
  let at = 0;
  if (lines[0] === "---") {{
    const end = lines.indexOf("---", 1);
    const front = lines.slice(1, end);
    parts.push({code("front")});
    at = end + 1;
  }}
  for (; at < lines.length; at++) {{
    const line = lines[at];
    if (line.startsWith("```")) {{
      close();
      const body: string[] = [];
      for (at++; !lines[at].startsWith("```"); at++) body.push(lines[at]);
      parts.push({code("code")});
    }} else if (line.startsWith("<!--")) {{
      while (!lines[at].includes("-->")) at++;
    }} else if (/^<[A-Z].*\\/>$/.test(line) || (line.startsWith("</") && {code("component")})) {{
      close();
    }} else if (/^<[A-Z]/.test(line)) {{
      close();
      if (!{code("component")}) while (!lines[at].startsWith("</")) at++;
    }} else if (line === "" || line === "---" || /^import .* from "/.test(line)) {{
      close();
    }} else {{
      block.push(line);
    }}
  }}
  close();
  return parts.filter((part) => part !== "").join("\\n\\n");
}}
"""


def _variants(part: str) -> Mapping[str, Variant]:
    return ALWAYS[part] if part in ALWAYS else SOMETIMES[part]
