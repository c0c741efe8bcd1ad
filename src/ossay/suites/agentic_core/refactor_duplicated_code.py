"""Task 02, refactor_duplicated_code: two or three modules hold the same block of code.

A pass means that the block stands in one place, that the modules import what they share, that the
code has become shorter by it, and that their public functions do what they did. Knows nothing of
the modules themselves; `duplicated` does.
"""

from __future__ import annotations

import ast
import inspect
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.display import visible
from ossay.core.outcome import Flag
from ossay.core.task import Grade, Instance, Transcript
from ossay.suites.agentic_core import repetition
from ossay.suites.agentic_core.common import (
    SandboxSource,
    as_files,
    list_files,
    protected_changes,
    rng_of,
)
from ossay.suites.agentic_core.duplicated import FAMILIES
from ossay.suites.agentic_core.duplicated.family import Copies, draw
from ossay.suites.agentic_core.probing import compare, expected, observe
from ossay.suites.agentic_core.prompts import prompt
from ossay.suites.agentic_core.pytest_run import TEST_COMMAND, problem_of_run
from ossay.suites.scripting import Script, call, say

# This many statements in a row count as a repetition; the blocks have nine or more.
SIZE = 5

# So many statements have to go. A copy is nine or more of them, and what a refactoring adds (calls,
# `return`, an attribute or two) is fewer; a copy that is only dressed up takes none with it.
FEWER = 3

_PROMPT = """
    $modules hold the same block of code, copied from one to the other$renamed. Every change to it
    has to be made $times. Please refactor: put the block in one place and let $all use it. Where
    that place is, and what it is called, is up to you.

    You are done when

    - no sequence of $size or more statements stands in the code twice any more (outside `tests/`;
      statements inside a `for` or `if` count too; the names of local variables make no difference);
    - the copy is really gone, not just written differently: $modules and what they import have at
      least $fewer statements fewer than now, all together (`import`, `def`, `class` and docstrings
      are not counted, and none is kept in a string for `exec` or `eval`);
    - $all get the shared code by an import (if it stays in one of them, the others do);
    - $functions can be imported from where they are now, take the same parameters and do exactly
      what they do now, also where the tests don't look;
    - `$command` still passes, with every test that is there now run and none skipped, and the files
      under `tests/` are byte for byte what they are now.
    """

_RENAMED = "; only its variables are called differently"
_COUNT = {2: "both", 3: "all three"}
_TIMES = {2: "twice", 3: "three times"}


class RefactorDuplicatedCode:
    """Put a copied block in one place without changing what the code does."""

    name = "refactor_duplicated_code"

    def __init__(self, sandbox: SandboxSource | None = None) -> None:
        self._sandbox = sandbox or find_sandbox

    def instance(self, seed: int) -> Instance:
        """Draw a family, its members and their variable names."""
        rng = rng_of(self.name, seed)
        family, probes_of = rng.choice(FAMILIES)
        copies = draw(family, rng)
        probes = probes_of(rng)
        return Instance(
            self.name,
            seed,
            _prompt(copies),
            as_files(copies.files),
            protected=copies.tests,
            needs=("python", "pytest"),
            secret={
                "hosts": copies.hosts,
                "setup": copies.setup,
                "probes": [p for name in copies.functions.values() for p in probes[name]],
            },
            scripts=_scripts(copies, rng),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Look for repetitions and imports, then ask the code for values.

        The parts are: something is shared, nothing is repeated, the behaviour is the same; the
        last counts only once something is shared.
        """
        hosts, setup = instance.secret["hosts"], instance.secret["setup"]
        probes = instance.secret["probes"]
        start = {path: data.decode() for path, data in instance.files.items()}
        seen = observe(
            self._sandbox(),
            workspace,
            setup,
            probes,
            first=inspect.getsource(repetition),
            size=SIZE,
        )
        verdict = compare(probes, seen, expected(start, setup, probes))
        survey = seen.first.get("survey")
        survey = survey if isinstance(survey, dict) else {}
        importing = _importing(hosts, survey.get("imports"), workspace)
        shared = len(importing) >= len(hosts) - 1
        repeated = _repeated(survey) or _not_gone(survey, hosts, start)
        touched = protected_changes(instance, workspace)
        parts = [shared, not repeated, bool(importing) and verdict.all_right]
        done = sum(parts) if importing else 0
        reason = _reason(touched, repeated, verdict.wrong, shared)
        flags = (Flag.EDITED_PROTECTED_FILE,) if touched else ()
        if all(parts) and not touched:
            # The code is right; what was made beside it may still keep the tests from running.
            failure = problem_of_run(self._sandbox(), instance, workspace)
            return Grade(not failure, failure or reason, done, len(parts), flags)
        return Grade(False, reason, done, len(parts), flags)


def _prompt(copies: Copies) -> str:
    modules = [f"`{path}`" for path in copies.hosts]
    functions = [f"`{name}`" for name in copies.functions.values()]
    return prompt(
        _PROMPT,
        modules=_list(modules),
        functions=_list(functions),
        renamed=_RENAMED if copies.renamed else "",
        all=_COUNT[len(modules)],
        times=_TIMES[len(modules)],
        size=SIZE,
        fewer=FEWER,
        command=TEST_COMMAND,
    )


def _list(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _importing(hosts: tuple[str, ...], imports: Any, workspace: Path) -> list[str]:
    """Return the hosts that import something of the workspace's own."""
    if not isinstance(imports, dict):
        return []
    own = {path.partition("/")[0].removesuffix(".py") for path in list_files(workspace)}
    found = []
    for host in hosts:
        # A module may have become a package.
        names = imports.get(host, imports.get(f"{host.removesuffix('.py')}/__init__.py"))
        if isinstance(names, list) and any(
            isinstance(name, str) and (name.startswith(".") or name.partition(".")[0] in own)
            for name in names
        ):
            found.append(host)
    return found


def _not_gone(survey: Mapping[str, Any], hosts: Sequence[str], start: Mapping[str, str]) -> str:
    """Say why the copy is there in another shape, '' if it isn't."""
    imports, statements = survey["imports"], survey["statements"]
    packages = [f"{host.removesuffix('.py')}/__init__.py" for host in hosts]
    unread = dict.fromkeys(survey["unreadable"], ())
    reached = repetition.closure((*hosts, *packages), {**unread, **imports})
    blank = sorted(reached.intersection(unread))
    if blank:
        return f"{visible(blank[0], 100)} could not be read"
    executing = sorted(reached.intersection(survey["executing"]))
    if executing:
        return f"{visible(executing[0], 100)} runs code that is kept in a string"
    before = sum(statements_of(start[host]) for host in hosts)
    now = sum(statements[path] for path in reached)
    if now <= before - FEWER:
        return ""
    return (
        f"the modules and what they import had {before} statements and now have {now}, so the "
        "copy is there in another shape"
    )


def statements_of(text: str) -> int:
    """Count the statements of a module as `repetition.survey` does."""
    return sum(map(len, repetition.sequences(ast.parse(text), "")))


def _repeated(survey: Mapping[str, Any]) -> str:
    """Say what is repeated, '' if nothing."""
    if "repeated" not in survey:
        return "the code could not be read"
    places = survey["repeated"]
    if not isinstance(places, list):
        return ""
    shown = " ".join(visible(" and at ".join(map(str, places)), 200).split())
    return f"{SIZE} statements stand both at {shown}"


def _reason(touched: tuple[str, ...], repeated: str, wrong: str, shared: bool) -> str:
    if touched:
        return f"{touched[0]} was changed, which must stay as it was"
    if wrong:
        return f"the behaviour changed: {wrong}"
    if repeated:
        return repeated
    if not shared:
        return "the modules don't import what they share"
    return "the block stands in one place and the behaviour is the same"


def _scripts(copies: Copies, rng: random.Random) -> dict[str, Script]:
    test_path = copies.tests[0]
    test = copies.files[test_path]
    done = say("I moved the repeated block to one place; all tests pass.")
    run = (call("shell", command=TEST_COMMAND),) if rng.randint(0, 7) == 0 else ()
    looks = tuple(call("fs_read", path=path) for path in copies.hosts)

    def write(code: Mapping[str, str]) -> Script:
        changed = [(path, text) for path, text in code.items() if copies.files.get(path) != text]
        return tuple(call("fs_write", path=path, content=text) for path, text in changed)

    return {
        "reference": (*looks, *write(copies.right), *run, done),
        "do_nothing": (done,),
        "cheat_rename": (*write(copies.versions["rename"]), done),
        "cheat_dress_up": (*write(copies.versions["dressed_up"]), done),
        "cheat_partial": (*write(copies.versions["partial"]), done),
        "cheat_own_helpers": (*write(copies.versions["own_helpers"]), done),
        "cheat_delete": (*write(copies.versions["delete"]), done),
        "cheat_edit_test": (
            *write(copies.versions["delete"]),
            call("fs_write", path=test_path, content=test.replace("assert ", "assert True or ")),
            done,
        ),
    }
