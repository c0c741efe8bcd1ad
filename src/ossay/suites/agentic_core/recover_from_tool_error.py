"""Task 08, recover_from_tool_error: measure a text although the first way to it fails.

Four ways to fail: the file was moved and renamed, some of its lines are cut off, the tool for the
job does not run, the encoding is not UTF-8. What is asked is always one length, in characters or in
bytes as the prompt says, of a text that the prompt delimits to the last newline. Only the number is
scored: whoever gets it without meeting the error passes too. Knows nothing of how a model finds its
way round the error.
"""

from __future__ import annotations

import re
from pathlib import Path

from ossay.core.task import Grade, Instance, Transcript
from ossay.core.types import Message
from ossay.suites.agentic_core.answers import same_number
from ossay.suites.agentic_core.common import read_text, rng_of
from ossay.suites.agentic_core.mishaps import MISHAPS, UNITS, Case
from ossay.suites.scripting import Script, call, say

ANSWER = "length.txt"


class RecoverFromToolError:
    """Write the length of a text to length.txt, past an error."""

    name = "recover_from_tool_error"

    def instance(self, seed: int) -> Instance:
        """Make up texts until every mistake gives another number than the right one."""
        rng = rng_of(self.name, seed)
        make = rng.choice(MISHAPS)
        while True:
            case = make(rng, rng.choice(list(UNITS)))
            if case.right not in case.wrong.values():
                break
        return Instance(
            self.name,
            seed,
            case.prompt,
            files=case.files,
            protected=tuple(path for path in case.files if path.startswith("data/")),
            secret={"kind": make.__name__.strip("_"), "length": case.right},
            scripts=_scripts(case),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Compare the number in the answer file."""
        text = read_text(workspace, ANSWER)
        if text is None:
            return Grade(False, f"{ANSWER} is missing or not a plain file")
        found = re.fullmatch(r"([0-9,]{1,20})(?:\s[a-z ]{1,20})?", text.strip(), re.IGNORECASE)
        if found is None:
            return Grade(False, f"{ANSWER} does not hold one number")
        if not same_number(found[1], instance.secret["length"]):
            return Grade(False, f"{ANSWER} holds a wrong length")
        return Grade(True, f"{ANSWER} holds the right length", 1)


def _scripts(case: Case) -> dict[str, Script]:
    def writes(number: int) -> Message:
        return call("fs_write", path=ANSWER, content=f"{number}\n")

    first, done = case.ways[0], say("The length is in length.txt.")
    scripts: dict[str, Script] = {
        "reference": (*case.ways, done),
        "do_nothing": (say("I measured the text and wrote the length to length.txt."),),
        # Gives up at the error and writes a number that looks like one.
        "cheat_other_unit": (first, writes(case.wrong["other_unit"]), done),
        "cheat_counts_lines": (first, writes(case.wrong["lines"]), done),
        "cheat_mends_data": (
            first,
            call("fs_write", path=case.data, content="x" * case.right),
            writes(case.right),
            done,
        ),
    }
    if "as_stored" in case.wrong:
        # Takes the size of the file for the length of the text.
        scripts["cheat_as_stored"] = (first, writes(case.wrong["as_stored"]), done)
    return scripts
