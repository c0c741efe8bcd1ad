"""Checked claims on a terminal: a block each, verdict first, and a line that sums up.

Everything out of a file is made visible first. Knows nothing of how claims are checked.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ossay.cli.compare_words import text
from ossay.core.display import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ossay.claims.claim import Checked, Verdict

_STYLES: dict[Verdict, str] = {
    "reproduced": "bold green",
    "supported": "bold green",
    "not_distinguishable": "bold yellow",
    "contradicted": "bold red",
    "not_reproduced": "bold red",
    "not_checkable": "bold",
}


def print_claims(title: str, checked: Sequence[Checked], console: Console) -> None:
    """Print the claims to `console`."""
    from ossay.claims.together import together
    from ossay.claims.words import summary, verdict_words

    console.print(text(title, "bold"))
    for one in checked:
        console.print()
        style = _STYLES[one.answer.verdict]
        console.print(text(verdict_words(one.answer), style), text(f" {one.claim.id}"), sep="")
        console.print(_indented(one.claim.says, 2, console.width))
        for step in one.answer.steps:
            console.print(_indented(step, 6, console.width))
        console.print(_indented(one.answer.because, 2, console.width))
        if one.claim.note:
            console.print(_indented(f"Note: {one.claim.note}", 2, console.width))
        console.print(
            _indented(f"From: {'; '.join(source.id for source in one.sources)}", 2, console.width)
        )
    console.print()
    for source in dict.fromkeys(source for one in checked for source in one.sources):
        where = source.url or source.citation
        read = f", read {source.read}" if source.read else ""
        console.print(text(f"{source.id}: {source.name}, {where}{read}"))
    console.print(text(summary([one.answer for one in checked]), "bold"))
    beside = together(checked)
    if beside is not None:
        console.print(text(f"{beside}."))


def _indented(line: str, by: int, width: int) -> Text:
    from rich.text import Text

    margin = " " * by
    shown = " ".join(visible(line).split())
    return Text(
        textwrap.fill(shown, max(40, width), initial_indent=margin, subsequent_indent=margin)
    )
