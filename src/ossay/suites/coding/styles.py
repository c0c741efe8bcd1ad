"""Prompt variations: the same task asked for in other words about the form of the reply.

A style belongs to the suite's name ('coding', 'coding-concise', 'coding-changes'), so a plan
chooses it and every run records it. Seeds give the same problem in each. Knows nothing of tasks.
"""

from __future__ import annotations

from typing import Literal

Style = Literal["base", "concise", "changes"]

_CONCISE = "Be concise: give the code and at most one short sentence."
_CHANGES = (
    "Show only what you add or change, not the parts of the file that stay as they are: whole "
    "functions, a unified diff, or search and replace blocks."
)


def styled(prompt: str, style: Style, *, edits: bool) -> str:
    """The prompt in a style; `edits` tells whether the task changes code that is given."""
    if style == "concise":
        return f"{prompt.rstrip()}\n\n{_CONCISE}\n"
    if style == "changes":
        return f"{prompt.rstrip()}\n\n{_CHANGES if edits else _CONCISE}\n"
    return prompt
