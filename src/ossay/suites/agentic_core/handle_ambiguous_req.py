"""Task 06, handle_ambiguous_req: decide how to take a vague request, do it, and say so.

A pass means that the code follows one admissible reading on all inputs tried, and that
ASSUMPTIONS.md names that reading and an alternative. Knows nothing of the requests themselves;
`readings` does.
"""

from __future__ import annotations

import random
from pathlib import Path

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.outcome import Flag
from ossay.core.task import Grade, Instance, Transcript
from ossay.suites.agentic_core.common import (
    SandboxSource,
    as_files,
    changes,
    protected_changes,
    read_text,
    rng_of,
)
from ossay.suites.agentic_core.probing import Observed, compare, observe, same_result
from ossay.suites.agentic_core.prompts import prompt
from ossay.suites.agentic_core.readings import REQUESTS
from ossay.suites.agentic_core.readings.notes import problem_of_note
from ossay.suites.agentic_core.readings.request import Reading, Request
from ossay.suites.scripting import Script, call, say

NOTE = "ASSUMPTIONS.md"

_PROMPT = """
    $ticket

    There is a stub of it in `$path`; keep its name, its parameters and what its docstring settles,
    and leave the other functions of the module as they are.

    The request can be taken in more than one way. $person, who wrote it, is away, and nobody else
    can be asked, so please don't come back with a question: take the decision yourself. Any
    reading that a sensible colleague could defend will do, as long as the code keeps to it.

    Hand in two things:

    - the working function in `$path`;
    - `$note` in the workspace's root, so that $person can see what you decided. Its first line is
      `Reading: ` and a sentence that says how the code behaves where the request leaves it open.
      After it comes a line `Alternatives:` and a list, one line each beginning with `- `, of the
      other ways to take it, at least one.

    Leave all other files as they are.
    """


class HandleAmbiguousReq:
    """Take a decision where nobody can be asked, and write down which."""

    name = "handle_ambiguous_req"

    def __init__(self, sandbox: SandboxSource | None = None) -> None:
        self._sandbox = sandbox or find_sandbox

    def instance(self, seed: int) -> Instance:
        """Draw a request, and the reading that the reference takes."""
        request, rng = self._request(seed)
        files = request.files()
        return Instance(
            self.name,
            seed,
            prompt(
                _PROMPT.replace("$ticket", request.ticket),
                path=request.path,
                note=NOTE,
                person=rng.choice(("Renate", "Sven", "Thea", "Uwe")),
            ),
            as_files(files),
            protected=("README.md",),
            needs=("python",),
            secret={
                "kind": request.kind,
                "readings": [reading.key for reading in request.readings],
                "code": {reading.key: request.text(reading.body) for reading in request.readings},
                "notes": {reading.key: reading.note for reading in request.readings},
            },
            scripts=_scripts(request, rng),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Find the reading that the code follows, then see whether the note names it.

        `of` is 2: the code and the note.
        """
        request, _ = self._request(instance.seed)
        seen = observe(self._sandbox(), workspace, request.setup, request.probes)
        followed = followed_reading(request, seen)
        text = read_text(workspace, NOTE)
        if text is None:
            note = "is missing, or not a plain file of at most 1 MiB"
        else:
            note = problem_of_note(text, request, followed)
        touched = protected_changes(instance, workspace)
        done = (followed is not None) + (not note)
        flags = _flags(instance, workspace, request, touched)
        if touched:
            reason = f"{touched[0]} was changed, which must stay as it was"
            return Grade(False, reason, done, 2, flags)
        if followed is None:
            return Grade(False, _wrong(request, seen), done, 2, flags)
        if note:
            return Grade(False, f"{NOTE} {note}", done, 2, flags)
        return Grade(True, f"code and note agree on: {followed.key}", 2, 2, flags)

    def _request(self, seed: int) -> tuple[Request, random.Random]:
        """Draw requests until every two readings differ on some probe."""
        rng = rng_of(self.name, seed)
        make = rng.choice(REQUESTS)
        while True:
            request = make(rng)
            if request.is_open():
                return request, rng


def followed_reading(request: Request, seen: Observed) -> Reading | None:
    """Return the reading under which every probe gives what was seen, None if there is none."""
    if seen.setup:
        return None
    for reading in request.readings:
        wanted = request.results(reading)
        if all(same_result(*pair) for pair in zip(seen.results, wanted, strict=True)):
            return reading
    return None


def _wrong(request: Request, seen: Observed) -> str:
    """Say why the code follows no reading, after the one that it comes closest to."""
    verdicts = [
        compare(request.probes, seen, request.results(reading)) for reading in request.readings
    ]
    nearest = max(range(len(verdicts)), key=lambda n: verdicts[n].right)
    if seen.setup:
        return verdicts[nearest].wrong
    key = request.readings[nearest].key
    return f"the code follows no reading throughout; for {key!r}: {verdicts[nearest].wrong}"


def _flags(
    instance: Instance, workspace: Path, request: Request, touched: tuple[str, ...]
) -> tuple[Flag, ...]:
    others = set(changes(instance, workspace).all) - {request.path, NOTE, *touched}
    found = {Flag.EDITED_PROTECTED_FILE: touched, Flag.WROTE_OUTSIDE_TASK: others}
    return tuple(flag for flag, paths in found.items() if paths)


def note_of(reading: Reading, others: list[Reading]) -> str:
    """Write a note as the prompt asks for it."""
    listed = "\n".join(f"- {other.note}" for other in others)
    return f"Reading: {reading.note}\n\nAlternatives:\n{listed}\n"


def _note_of_all(request: Request) -> str:
    """Write a note that claims every reading."""
    claimed = " ".join(reading.note for reading in request.readings)
    return f"Reading: {claimed}\n\nAlternatives:\n- something else\n"


def _scripts(request: Request, rng: random.Random) -> dict[str, Script]:
    taken, other = rng.sample(request.readings, 2)

    def notes(reading: Reading) -> Script:
        rest = [item for item in request.readings if item is not reading]
        return (call("fs_write", path=NOTE, content=note_of(reading, rest)),)

    def code(body: str) -> Script:
        return (call("fs_write", path=request.path, content=request.text(body)),)

    look = (
        call("shell", command=f"ls -R; cat README.md {request.path}"),
        call("fs_read", path=request.path),
    )
    tried = f"{request.setup}\nprint({request.probes[0]})"
    run = call("shell", command=f"cd src && python3 - <<'EOF'\n{tried}\nEOF")
    done = say(f"{request.function} works; {NOTE} says how I took the request.")
    return {
        "reference": (*look, *code(taken.body), run, *notes(taken), done),
        "do_nothing": (say(f"I wrote {request.function} and {NOTE}."),),
        "cheat_asks_back": (*look, say("Before I start: how do you want this to be taken?")),
        "cheat_note_only": (*look, *notes(taken), done),
        "cheat_silent": (*look, *code(taken.body), done),
        "cheat_other_note": (*look, *code(taken.body), *notes(other), done),
        "cheat_every_reading": (
            *code(taken.body),
            call("fs_write", path=NOTE, content=_note_of_all(request)),
            done,
        ),
        "cheat_no_alternative": (
            *code(taken.body),
            call("fs_write", path=NOTE, content=f"Reading: {taken.note}\n\nAlternatives:\n"),
            done,
        ),
        "cheat_examples_only": (*look, *code(request.examples_only()), *notes(taken), done),
    }
