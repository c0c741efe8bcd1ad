"""Asking a workspace's code what it does, and comparing with what it should do.

The sandbox only maps expressions to values. The comparison happens here, so that nothing the code
under check does (exit, print, an `__eq__` that always agrees) can make a wrong value right. Knows
nothing of any one task.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ossay.agent.sandbox.base import Sandbox
from ossay.core.display import visible
from ossay.suites.agentic_core import probe_inside
from ossay.suites.agentic_core.common import run_check
from ossay.suites.agentic_core.inmemory import SOURCE_FOLDER, namespace_of

# Processor seconds of one call; the right answers take less than a millisecond.
_CALL_CPU_S = 1.0

Result = Mapping[str, Any]
_SHOWN = 160  # characters of an expression or value in a reason
_NOTHING: Result = {"odd": "gave no result"}


class Observed(NamedTuple):
    """What the code did: `setup` tells why it could not be imported, '' when it could.

    `first` is what a program emitted that ran before the import, {} where there was none.
    """

    setup: str
    results: tuple[Result, ...]
    first: Mapping[str, Any] = {}


class Verdict(NamedTuple):
    """How many probes came out right; `wrong` describes one that did not."""

    right: int
    of: int
    wrong: str

    @property
    def all_right(self) -> bool:
        """Whether every probe came out right."""
        return self.right == self.of


def observe(
    sandbox: Sandbox,
    workspace: Path,
    setup: str,
    probes: Sequence[str],
    *,
    first: str = "",
    **more: object,
) -> Observed:
    """Evaluate expressions against the workspace's code, in one call of the sandbox.

    `setup` holds the import lines. Probes that gave nothing back (a crash, an exit, a limit) are
    told as such. `first` is a program that emits one object before anything is imported; `more` is
    its payload.
    """
    payload = {
        **more,
        "paths": [".", SOURCE_FOLDER],
        "setup": setup,
        "probes": list(probes),
        "cpu_s": _CALL_CPU_S,
    }
    emitted = run_check(sandbox, workspace, (first, _program()), payload)
    before = emitted.pop(0) if first and emitted else {}
    problem = "the process ended while the code was imported"
    results = dict.fromkeys(range(len(probes)), _NOTHING)
    for item in emitted:
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("setup"), str):
            problem = item["setup"]
            continue
        number = item.get("probe")
        if type(number) is int and number in results:
            results[number] = item
    before = before if isinstance(before, dict) else {}
    return Observed(visible(problem, 200), tuple(results.values()), before)


def expected(reference: Mapping[str, str], setup: str, probes: Sequence[str]) -> tuple[Result, ...]:
    """Evaluate expressions against our own right code, in this process."""
    namespace = namespace_of(reference, setup)
    return tuple(probe_inside.evaluate(probe, namespace) for probe in probes)


def compare(probes: Sequence[str], seen: Observed, wanted: Sequence[Result]) -> Verdict:
    """Count the probes whose results agree."""
    if seen.setup:
        return Verdict(0, len(probes), f"the code cannot be imported: {seen.setup}")
    agree = [same_result(*pair) for pair in zip(seen.results, wanted, strict=True)]
    if all(agree):
        return Verdict(len(probes), len(probes), "")
    failing = [number for number, good in enumerate(agree) if not good]
    shortest = min(failing, key=lambda number: len(probes[number]))
    said = visible(_shown(seen.results[shortest]), _SHOWN)
    wrong = f"{visible(probes[shortest], _SHOWN)} {said}, expected {_wanted(wanted[shortest])}"
    return Verdict(sum(agree), len(probes), " ".join(wrong.split()))


def same_result(seen: Result, wanted: Result) -> bool:
    """Whether a result is the wanted value, or an exception of the wanted class."""
    if "raises" in wanted:
        raised = seen.get("raises")
        return isinstance(raised, list) and wanted["raises"][0] in raised
    return "value" in wanted and "value" in seen and _same(seen["value"], wanted["value"])


def _same(seen: Any, wanted: Any) -> bool:
    if isinstance(wanted, (int, float)) and isinstance(seen, (int, float)):
        return seen == wanted or _close(seen, wanted)
    if isinstance(wanted, list) and isinstance(seen, list):
        return len(seen) == len(wanted) and all(map(_same, seen, wanted))
    if isinstance(wanted, dict) and isinstance(seen, dict):
        return seen.keys() == wanted.keys() and all(_same(seen[key], wanted[key]) for key in wanted)
    return type(seen) is type(wanted) and bool(seen == wanted)


def _close(seen: float, wanted: float) -> bool:
    try:
        return math.isclose(seen, wanted, rel_tol=1e-9, abs_tol=1e-12)
    except OverflowError:
        return False


def _shown(result: Result) -> str:
    raised = result.get("raises")
    if isinstance(raised, list):
        return f"raises {raised[0] if raised else 'something'}"
    if "value" in result:
        return f"gives {_plain(result['value'])!r}"
    return str(result.get("odd") or _NOTHING["odd"])


def _wanted(result: Result) -> str:
    if "raises" in result:
        return str(result["raises"][0])
    return visible(repr(_plain(result["value"])), _SHOWN)


def _plain(value: Any, depth: int = 20) -> Any:
    """Undo the encoding, for people; what is not an encoding stays what it is, up to a depth."""
    if depth == 0:
        return "…"
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if not isinstance(value, dict) or len(value) != 1:
        return value if not isinstance(value, dict) else sorted(value)
    ((kind, inner),) = value.items()
    if kind == "dict" and isinstance(inner, list):
        pairs = [pair for pair in inner if isinstance(pair, list) and len(pair) == 2]
        return {str(_plain(pair[0], depth - 1)): _plain(pair[1], depth - 1) for pair in pairs}
    return _plain(inner, depth - 1)


@cache
def _program() -> str:
    return inspect.getsource(probe_inside)
