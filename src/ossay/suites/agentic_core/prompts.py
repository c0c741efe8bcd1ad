"""Prompts, written in wrapped paragraphs and given out in whole ones.

Knows nothing of what they ask.
"""

from __future__ import annotations

from ossay.suites.agentic_core.common import fill


def prompt(template: str, **values: object) -> str:
    """Dedent and fill `template` as `fill` does, then join the lines of each paragraph.

    An item of a list begins with '-' and keeps its line and its indentation; a line that is
    indented by four or more after dedenting is literal.
    """
    out: list[str] = []
    for line in fill(template, **values).strip().split("\n"):
        text = line.strip()
        before = out[-1] if out else ""
        joins = text and not text.startswith("-") and not line.startswith(" " * 4)
        if joins and before and not before.startswith(" " * 4):
            out[-1] = f"{before} {text}"
        else:
            out.append(line.rstrip())
    return "\n".join(out)
