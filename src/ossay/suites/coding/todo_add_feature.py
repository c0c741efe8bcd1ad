"""Task todo_add_feature: add a time to each item of a small app, through table, route and page.

The parts that a reply shows are put into the app, which is then used for a while: its route is
called, its page rendered, under a clock that stands still but for steps. Knows nothing of how the
time is kept.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ossay.agent.sandbox.base import Sandbox
from ossay.core.display import visible
from ossay.core.task import Budget, Grade, Instance, Transcript
from ossay.suites.coding import todo_app
from ossay.suites.coding.answer import read_answer
from ossay.suites.coding.changes import change_facts, fenced, reply
from ossay.suites.coding.compiler import merge_parts, run_program
from ossay.suites.coding.parts import parts_of
from ossay.suites.coding.styles import Style, styled
from ossay.suites.coding.todo_app import App, Feature
from ossay.suites.coding.todo_use import Step, draw_steps
from ossay.suites.scripting import Script, say
from ossay.suites.toolchain import home_here

BUDGET = Budget(turns=1, seconds=900.0, call_seconds=900.0, max_tokens=16_384)

_WANTED: Mapping[Feature, str] = {
    "created": (
        "We want to see when each {entity} was added. Its `{field}` is the time at which it was "
        "added, and never changes after that."
    ),
    "changed": (
        "We want to see when each {entity} was last touched. Its `{field}` is the time at which it "
        "was added, and then the time of the last PATCH of it, whether that PATCH changed "
        "`{flag}` or not."
    ),
    "finished": (
        "We want to see since when each {entity} is {flag}. Its `{field}` is the time of the PATCH "
        "that made `{flag}` true. Another PATCH with true leaves it as it is, one with false makes "
        "it null. A new {entity} has null."
    ),
}

_PROMPT = """\
This is a small Next.js app (app router, TypeScript). Its table lives in memory.

{files}

{wanted} Add it to backend and frontend:

- The table keeps it. The two rows that are there from the start have null until something sets it.
- The API gives it wherever it gives a {entity}, as `{field}`: null, or a text as \
`new Date().toISOString()` makes it.
- The page shows it inside the {entity}'s `<li>` as a `<time>` whose `dateTime` is that text; what \
it reads is up to you. Where it is null there is no `<time>`.
- All else works as before, and no package is added.

Show only what changes, with the path of the file above each code block: functions and \
declarations that change or are new, each complete, or a unified diff, or search and replace \
blocks. A whole file is fine where most of it changes.
"""


class TodoAddFeature:
    """Add a time to each item of an app."""

    name = "todo_add_feature"

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
        """Draw an app, what is to be added, and how it will be used."""
        rng = random.Random(f"{self.name}:{seed}")
        app = todo_app.draw_app(rng)
        start = rng.randint(1_700_000_000_000, 1_900_000_000_000)
        files = app.files()
        words = {"entity": app.world.entity.lower(), "field": app.field, "flag": app.world.flag}
        prompt = _PROMPT.format(
            files="\n".join(f"`{path}`:\n\n{fenced(path, text)}" for path, text in files.items()),
            wanted=_WANTED[app.feature].format(**words),
            **words,
        )
        return Instance(
            self.name,
            seed,
            styled(prompt, self._style, edits=True),
            files={path: text.encode() for path, text in files.items()},
            protected=tuple(files),
            tools=(),
            needs=("node", "typescript"),
            budget=BUDGET,
            secret={
                "feature": app.feature,
                "route": app.route,
                "start": start,
                "steps": draw_steps(rng, app, start),
            },
            scripts=_scripts(app, seed),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Put the parts into the app, use it, and compare."""
        files = {path: data.decode() for path, data in instance.files.items()}
        answer = read_answer(transcript.final_text)
        facts: dict[str, bool | int | float | str] = {**answer.facts}
        parts = parts_of(answer, files)
        if parts.problem or not parts.parts:
            reason = parts.problem or "the reply has no part of the app"
            return Grade(False, reason, 0, 2, facts=facts)
        merged = merge_parts(self._sandbox(), self._home(), files, parts.parts)
        if isinstance(merged, str):
            return Grade(False, merged, 0, 2, facts=facts)
        facts |= change_facts(files, merged, parts.parts, answer)
        if merged.unparsed:
            return Grade(False, f"cannot be parsed: {merged.unparsed[0]}", 0, 2, facts=facts)
        steps: Sequence[Step] = instance.secret["steps"]
        job = {
            "modules": merged.emitted,
            "route": instance.secret["route"],
            "page": todo_app.PAGE,
            "start": instance.secret["start"],
            "steps": [{"do": step.do, "ms": step.ms, "body": step.body} for step in steps],
        }
        items, stopped = run_program(self._sandbox(), "app.cjs", job, beside=("modules.cjs",))
        return _judged(steps, items, stopped, facts)


def _judged(
    steps: Sequence[Step],
    items: Sequence[Mapping[str, Any]],
    stopped: str,
    facts: dict[str, bool | int | float | str],
) -> Grade:
    results = {item["at"]: item for item in items if type(item.get("at")) is int}
    wrong = {"api": "", "page": ""}
    for at, step in enumerate(steps):
        side = "page" if step.do == "page" else "api"
        problem = _problem(step, results.get(at, {"odd": stopped}))
        if problem and not wrong[side]:
            wrong[side] = f"step {at + 1}, {step.do} {step.body or ''}: {problem}"
    facts |= {"api_right": not wrong["api"], "page_right": not wrong["page"]}
    done = sum(not text for text in wrong.values())
    if done == 2:
        return Grade(True, "API and page show the right times", 2, 2, facts=facts)
    return Grade(False, "; ".join(filter(None, wrong.values())), done, 2, facts=facts)


def _problem(step: Step, result: Mapping[str, Any]) -> str:
    """What is wrong with what a step gave, '' if nothing."""
    if "odd" in result:
        return visible(str(result["odd"]), 200)
    if step.do == "page":
        found = _shown(str(result.get("html")), [text for text, _ in step.expected])
        for (text, wanted), got in zip(step.expected, found, strict=True):
            if got != wanted:
                return f"the item {text!r} has the time {visible(str(got), 80)}, not {wanted}"
        return ""
    status, value = step.expected
    try:
        got_value = json.loads(str(result.get("body")))
    except (ValueError, RecursionError):
        got_value = None
    if result.get("status") != status:
        return f"status {visible(str(result.get('status')), 20)}, not {status}"
    if not _holds(got_value, value):
        return f"gives {visible(json.dumps(got_value), 200)}, not {json.dumps(value)}"
    return ""


def _holds(found: Any, wanted: Any) -> bool:
    """Whether a JSON value has all that is wanted; more keys do no harm, nor a null left out."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_holds(found.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(_holds(f, w) for f, w in zip(found, wanted, strict=True))
    return type(found) is type(wanted) and bool(found == wanted)


_LONGEST_ITEM = 20_000  # characters
_TIME = re.compile(r"<time\b[^>]*?\sdatetime=\"([^\"]*)\"", re.IGNORECASE)


def _shown(page: str, texts: Sequence[str]) -> list[str | None]:
    """The time of each item; a sentence where the page has not just one item with that text."""
    items = [
        html.unescape(item.rpartition("<li")[2][:_LONGEST_ITEM])
        for item in page.split("</li>")[:-1]
    ]
    found: list[str | None] = []
    for text in texts:
        own = [item for item in items if text in item]
        if len(own) != 1:
            found.append(f"(shown {len(own)} times)")
            continue
        times = _TIME.findall(own[0])
        empty = not times and "<time" in own[0]
        found.append("(none, in a <time>)" if empty else " and ".join(times) or None)
    return found


def _scripts(app: App, seed: int) -> dict[str, Script]:
    """The reference, idling, and three of the cheats: every cheat comes up with the seeds."""
    before, right = app.files(), app.solved()
    cheats = _cheats(app, before, right)
    names = list(cheats)
    drawn = [names[(seed + step) % len(names)] for step in (0, 2, 4)]
    return {
        "reference": (say(reply(before, right, seed % 3)),),
        "do_nothing": (say("Each item now has its time, in the API and on the page."),),
        **{f"cheat_{name}": (say(reply(before, cheats[name], 0)),) for name in drawn},
    }


def _cheats(app: App, before: Mapping[str, str], right: Mapping[str, str]) -> dict[str, Any]:
    shown = app.fill("item.$field")
    now = "new Date().toISOString()"

    def with_files(**changed: str) -> dict[str, str]:
        named = {"types": todo_app.TYPES, "db": todo_app.DB, "page": todo_app.PAGE}
        return {**right, **{named.get(name, app.route): text for name, text in changed.items()}}

    page, route, db = right[todo_app.PAGE], right[app.route], right[todo_app.DB]
    return {
        "no_page": with_files(page=before[todo_app.PAGE]),
        "no_route": with_files(route=before[app.route]),
        "no_table": with_files(db=before[todo_app.DB]),
        "reads_the_clock": with_files(
            route=route.replace(f": {shown}", f": {now}"), page=page.replace(shown, now)
        ),
        "constant": with_files(db=db.replace(now, '"2024-01-01T00:00:00.000Z"')),
        "old_rows_too": with_files(db=db.replace(": null }", f": {now} }}")),
        "empty_time": with_files(page=page.replace(f"{{{shown} && <time", "{<time")),
    }
