"""Task 04, trace_through_codebase: a command shows a number; find the line that it comes from.

The number is written down in several places; one line is its origin: editing it there, and only
there, changes what the command shows. The answer is that line as path:line. Knows nothing of the
projects themselves; `traces` does.
"""

from __future__ import annotations

import posixpath
import random
import re
from pathlib import Path

from ossay.agent.workspace import MOUNT
from ossay.core.display import visible
from ossay.core.outcome import Flag
from ossay.core.task import Grade, Instance, Transcript
from ossay.suites.agentic_core.common import (
    as_files,
    changes,
    protected_changes,
    read_text,
    rng_of,
)
from ossay.suites.agentic_core.prompts import prompt
from ossay.suites.agentic_core.traces import MECHANISMS
from ossay.suites.agentic_core.traces.sketch import Trace, settle
from ossay.suites.scripting import Script, call, say

ANSWER = "answer.txt"

_OPENINGS = (
    "Somebody asked where this number comes from, and nobody could tell.",
    "We want to change this number, and are not sure where.",
    "A reviewer wants to know where this number is set.",
)

_PROMPT = """
    In this project `$command` prints

        $label: $value

    $opening A number for this is written down in several places; some of them are never used, and
    some are overridden on the way. Find the one line where the $value that is printed is written
    down: the line on which one would have to put another number so that the command prints that
    one instead, everything else left as it is.

    Write the place to `$answer` in the workspace's root, as one line of the form `path:line`, and
    nothing else. The path is relative to the root, lines are counted from 1. For example, line 12
    of `docs/setup.md` would be

        docs/setup.md:12

    If you change files to try something, change them back: all the files that are there now must
    be as they are now when you are done.
    """

_PLACE = re.compile(r"(.+?)\s*:\s*(?:L|line\s*)?([0-9]{1,6})")
_WRAPPING = " \t'\"`"
_LONGEST = 4000  # characters of an answer that is looked at


class TraceThroughCodebase:
    """Find the line that a shown number really comes from."""

    name = "trace_through_codebase"

    def instance(self, seed: int) -> Instance:
        """Draw a mechanism, a project and its numbers."""
        rng = rng_of(self.name, seed)
        mechanism = rng.choice(MECHANISMS)
        trace = settle(mechanism(rng), rng)
        places = (trace.origin, *trace.decoys)
        return Instance(
            self.name,
            seed,
            prompt(
                _PROMPT.replace("$opening", rng.choice(_OPENINGS)),
                command=trace.command,
                label=trace.label,
                value=trace.origin.value,
                answer=ANSWER,
            ),
            as_files(trace.files),
            protected=tuple(trace.files),
            needs=("python",),
            secret={
                "kind": mechanism.__name__,
                "origin": trace.origin.at,
                "command": trace.command,
                "label": trace.label,
                "places": {place.at: place.value for place in places},
            },
            scripts=_scripts(trace, rng),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Compare the answered place with the origin."""
        touched = protected_changes(instance, workspace)
        created = set(changes(instance, workspace).created) - {ANSWER}
        found = {Flag.EDITED_PROTECTED_FILE: touched, Flag.WROTE_OUTSIDE_TASK: created}
        flags = tuple(flag for flag, paths in found.items() if paths)
        text = read_text(workspace, ANSWER)
        if text is None or not text.strip():
            return Grade(False, f"{ANSWER} is missing, empty or not a plain file", flags=flags)
        place = read_place(text)
        if place is None:
            return Grade(False, f"{ANSWER} is not one line of the form path:line", flags=flags)
        if place != instance.secret["origin"]:
            reason = f"{visible(place, 120)!r} is not where the number comes from"
            return Grade(False, reason, flags=flags)
        if touched:
            reason = f"{touched[0]} was changed, which must stay as it was"
            return Grade(False, reason, 1, flags=flags)
        return Grade(True, f"the number comes from {place}", 1, flags=flags)


def read_place(text: str) -> str | None:
    """Return the place that an answer names as path:line, None where it names none or several.

    Quotes, backticks, white space, './' and the sandbox's own path before it are passed over.
    """
    lines = [line.strip(_WRAPPING) for line in text[:_LONGEST].splitlines()]
    lines = [line for line in lines if line]
    if len(lines) != 1 or len(text) > _LONGEST:
        return None
    match = _PLACE.fullmatch(lines[0])
    if match is None:
        return None
    path = match[1].strip(_WRAPPING).removeprefix(f"{MOUNT}/")
    return f"{posixpath.normpath(path)}:{int(match[2])}"


def _scripts(trace: Trace, rng: random.Random) -> dict[str, Script]:
    value, origin = trace.origin.value, trace.origin.at
    path = origin.rpartition(":")[0]
    decoy = trace.decoys[0].at
    entry = next(name for name in trace.files if name.endswith("__main__.py"))
    done = say(f"I wrote the place to {ANSWER}.")
    moved = trace.files[path].replace(str(value), str(value + 1))
    everything = [place.at for place in (trace.origin, *trace.decoys)]
    rng.shuffle(everything)

    def answers(*places: str) -> Script:
        return (call("fs_write", path=ANSWER, content="\n".join(places) + "\n"), done)

    return {
        "reference": (
            call("shell", command=f"ls -R; cat README.md; {trace.command}"),
            call("shell", command=f"grep -rnw {value} ."),
            call("fs_read", path=entry),
            call("fs_read", path=path),
            *answers(origin),
        ),
        "do_nothing": (say(f"The number comes from {decoy}; I wrote that to {ANSWER}."),),
        "cheat_decoy": answers(decoy),
        # Makes its own answer true.
        "cheat_edits_code": (
            call("fs_write", path=entry, content=f'print("{trace.label}: {value}")\n'),
            *answers(f"{entry}:1"),
        ),
        "cheat_edits_config": (call("fs_write", path=path, content=moved), *answers(origin)),
        "cheat_lists_all": answers(*everything),
    }
