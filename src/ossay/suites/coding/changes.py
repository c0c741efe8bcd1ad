"""Changed files as replies show them, and how much was changed: what tasks with an app share.

Knows nothing of any app.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence

from ossay.suites.coding.answer import Answer
from ossay.suites.coding.compiler import Merged
from ossay.suites.coding.parts import Part

Facts = dict[str, bool | int | float | str]


def change_facts(
    files: Mapping[str, str], merged: Merged, parts: Sequence[Part], answer: Answer
) -> Facts:
    """How much was changed, and how much was shown for it."""
    shown = sum(1 for block in answer.blocks for line in block.text.splitlines() if line.strip())
    return {
        "files_changed": sum(files.get(path) != text for path, text in merged.files.items()),
        "lines_changed": lines_changed(files, merged.files),
        "lines_shown": shown,
        "whole_files": len({path for path in merged.whole if path in files}),
        "diff_form": any(part.whole for part in parts),
        "new_files": len(set(merged.files) - set(files)),
    }


def lines_changed(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    """Lines that are new, empty ones and moved ones not counted."""
    changed = 0
    for path, text in after.items():
        different = Counter(text.splitlines()) - Counter(before.get(path, "").splitlines())
        changed += sum(count for line, count in different.items() if line.strip())
    return changed


def fenced(path: str, text: str) -> str:
    """A file in a fenced block of its language."""
    return f"```{path.rsplit('.', 1)[-1]}\n{text}```\n"


def reply(before: Mapping[str, str], after: Mapping[str, str], form: int) -> str:
    """Changed files in one of three forms: whole, as one diff, or the declarations that changed."""
    changed = [path for path in after if after[path] != before.get(path)]
    if form == 1:
        diffs: list[str] = []
        for path in changed:
            old, new = before.get(path, "").splitlines(), after[path].splitlines()
            diffs += difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="")
        return "```diff\n" + "\n".join(diffs) + "\n```\n"
    told = []
    for path in changed:
        text = after[path]
        if form == 2:
            old = before.get(path, "").split("\n\n")
            text = "\n\n".join(chunk for chunk in text.split("\n\n") if chunk not in old)
        told.append(f"`{path}`:\n\n{fenced(path, text.rstrip() + chr(10))}")
    return "\n".join(told)
