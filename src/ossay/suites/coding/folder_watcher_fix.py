"""Task folder_watcher_fix: let one way in of a desktop app honour a list, and say so; no more.

The parts that a reply shows are put into the app, whose services are then used for a while: folders
are attached, files come and go, lists change. Knows nothing of how the change is made.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ossay.agent.sandbox.base import Sandbox
from ossay.core.display import visible
from ossay.core.task import Budget, Grade, Instance, Transcript
from ossay.suites.coding.answer import read_answer
from ossay.suites.coding.changes import Facts, change_facts, lines_changed, reply
from ossay.suites.coding.compiler import merge_parts, run_program
from ossay.suites.coding.parts import parts_of
from ossay.suites.coding.styles import Style, styled
from ossay.suites.coding.watcher_app import Case, Way, draw_case
from ossay.suites.coding.watcher_cheats import cheats
from ossay.suites.coding.watcher_model import Step
from ossay.suites.coding.watcher_prompt import ask
from ossay.suites.coding.watcher_use import draw_settings, draw_steps
from ossay.suites.scripting import Script, say
from ossay.suites.toolchain import home_here

BUDGET = Budget(turns=1, seconds=900.0, call_seconds=900.0, max_tokens=16_384)


class FolderWatcherFix:
    """Mend one way in of the watcher app."""

    name = "folder_watcher_fix"

    def __init__(
        self,
        sandbox: Callable[[], Sandbox],
        *,
        style: Style = "base",
        home: Callable[[], Path] = home_here,
    ) -> None:
        self._sandbox = sandbox
        self._style: Style = style
        self._home = home

    def instance(self, seed: int) -> Instance:
        """Draw an app, what is to be mended in it, and how it will be used."""
        rng = random.Random(f"{self.name}:{seed}")
        case = draw_case(rng)
        files = case.files()
        settings = draw_settings(rng)
        return Instance(
            self.name,
            seed,
            styled(ask(case, files), self._style, edits=True),
            files={path: text.encode() for path, text in files.items()},
            protected=tuple(files),
            tools=(),
            needs=("node", "typescript"),
            budget=BUDGET,
            secret={
                "way": case.way,
                "names": {word: case.fill(word) for word in _NAMES} | {"store": case.fill(_STORE)},
                "settings": settings,
                "start": rng.randint(1_700_000_000_000, 1_900_000_000_000),
                "steps": draw_steps(rng, case, settings),
                "smallest": lines_changed(files, case.solved()),
            },
            scripts=_scripts(case, seed),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Put the parts into the app, use it, and compare."""
        files = {path: data.decode() for path, data in instance.files.items()}
        secret = instance.secret
        answer = read_answer(transcript.final_text)
        facts: Facts = {**answer.facts, "smallest_change": secret["smallest"]}
        parts = parts_of(answer, files)
        if parts.problem or not parts.parts:
            reason = parts.problem or "the reply has no part of the app"
            return Grade(False, reason, 0, 2, facts=facts)
        merged = merge_parts(self._sandbox(), self._home(), files, parts.parts)
        if isinstance(merged, str):
            return Grade(False, merged, 0, 2, facts=facts)
        facts |= change_facts(files, merged, parts.parts, answer)
        changed = lines_changed(files, merged.files)
        facts["extra_lines"] = max(0, changed - secret["smallest"])
        if merged.unparsed:
            return Grade(False, f"cannot be parsed: {merged.unparsed[0]}", 0, 2, facts=facts)
        steps: Sequence[Step] = secret["steps"]
        job = {
            "modules": merged.emitted,
            "names": secret["names"],
            "settings": secret["settings"],
            "start": secret["start"],
            "steps": [step.do for step in steps],
        }
        items, stopped = run_program(self._sandbox(), "desk.cjs", job, beside=("modules.cjs",))
        return _judged(secret["way"], steps, items, stopped, facts)


def _judged(
    way: Way, steps: Sequence[Step], items: Sequence[Mapping[str, Any]], stopped: str, facts: Facts
) -> Grade:
    """What is held and told where files come in by the way in question, and everywhere else."""
    results = {item["at"]: item for item in items if type(item.get("at")) is int}
    found = _Found()
    wrong = {"ignores_right": "", "notices_right": "", "rest_right": ""}
    for at, step in enumerate(steps):
        mended = _ENDS.get(step.do["do"]) == way
        for part, problem in found.problems(step, results.get(at, {"odd": stopped})).items():
            name = part if mended else "rest_right"
            if problem and not wrong[name]:
                wrong[name] = f"step {at + 1}, {step.do['do']}: {problem}"
    facts |= {name: not problem for name, problem in wrong.items()}
    done = 2 - bool(wrong["ignores_right"]) - bool(wrong["notices_right"])
    if not any(wrong.values()):
        return Grade(
            True, "files are ignored and told of, all else is as before", 2, 2, facts=facts
        )
    return Grade(False, "; ".join(filter(None, wrong.values())), done, 2, facts=facts)


# The step at which files come in by each way.
_ENDS: Mapping[str, Way] = {"wait": "live", "attach": "scan", "resume": "resume"}
_STORE = "stores/binders"
_NAMES = ("binders", "leaves", "binderId", "binderAtRoot")


class _Result(Struct):
    """What came back of a step: data that the code under check may have made up."""

    leaves: list[tuple[str, str, str, int | float]]  # root, path, the way in, size
    kept: list[tuple[int, str, str, str | None]]  # id, level, text, root
    shown: list[tuple[str, str]]  # level, text


class _Found:
    """What the app held and had told before, so that what is wrong once is not wrong for ever."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._wanted: set[str] = set()
        self._known: set[int] = set()

    def problems(self, step: Step, result: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with how a step changed what is held, and with what it told."""
        try:
            given = msgspec.convert(result, _Result)
        except msgspec.ValidationError:
            odd = visible(str(result.get("odd", "what it leads to cannot be read")), 200)
            return {"ignores_right": odd, "notices_right": odd}
        held = {_words(kept) for kept in given.leaves}
        wanted = {_words(kept) for kept in step.held}
        more = _apart("adds", held - self._held, wanted - self._wanted)
        less = _apart("drops", self._held & self._wanted - held, self._wanted - wanted)
        self._held, self._wanted = held, wanted
        new = [one for one in given.kept if one[0] not in self._known]
        self._known |= {one[0] for one in new}
        told = _apart("tells", map(_words, (one[1:] for one in new)), map(_words, step.told))
        shown = _apart("shows", map(_words, given.shown), map(_words, step.shown))
        return {"ignores_right": more or less, "notices_right": told or shown}


def _words(values: Sequence[object]) -> str:
    return " | ".join(map(str, values))


def _apart(verb: str, found: Iterable[str], wanted: Iterable[str]) -> str:
    """The first of what is found but not wanted, or the other way round; '' where all agree."""
    there, asked = Counter(found), Counter(wanted)
    for text in there - asked:
        return f"{verb} {visible(text, 160)!r}"
    for text in asked - there:
        return f"not {verb} {visible(text, 160)!r}"
    return ""


def _scripts(case: Case, seed: int) -> dict[str, Script]:
    """The reference, idling, and four of the cheats: every cheat comes up with the seeds."""
    before, wrong = case.files(), cheats(case)
    names = list(wrong)
    drawn = [names[(seed + step) % len(names)] for step in (0, 3, 6, 9)]
    return {
        "reference": (say(reply(before, case.solved(), seed % 3)),),
        "do_nothing": (say("The list is honoured now, and the user is told."),),
        **{f"cheat_{name}": (say(reply(before, wrong[name], 0)),) for name in dict.fromkeys(drawn)},
    }
