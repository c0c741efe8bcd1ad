"""Compiling an answer and calling what came of it: two commands in the sandbox.

The compiler only reads what a model wrote, so its finding can be trusted; the second command runs
it, so what comes back is data to be compared with what the grader knows, never a verdict. Expected
values do not enter the sandbox. Knows nothing of any task.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from ossay.agent.sandbox.base import Completed, Limits, Sandbox
from ossay.core.display import visible
from ossay.core.errors import EnvironmentDefect
from ossay.suites.coding.parts import Part
from ossay.suites.toolchain import find_typescript

# Generous in wall time, since many may run at once. A compilation takes about a second.
COMPILE_LIMITS = Limits(wall_s=60.0, cpu_s=40, memory_bytes=1 << 30, output_bytes=4 << 20)
CALL_LIMITS = Limits(wall_s=30.0, cpu_s=4, memory_bytes=512 << 20, output_bytes=4 << 20)

T = TypeVar("T")

_INSIDE = Path(__file__).with_name("inside")


class Problem(Struct, frozen=True):
    """What the compiler says of a line; `code` is its number, such as 2339."""

    file: str
    line: int
    code: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} TS{self.code} {visible(self.message, 200)}"


class Banned(Struct, frozen=True):
    """A construct that puts a type in place of a proof, and its line."""

    what: str
    line: int


class Compiled(Struct, frozen=True):
    """What compiling came to.

    Attributes:
        problems: Errors of all files.
        banned: Constructs in the answer that put a type in place of a proof.
        declared: Names at the answer's top level.
        in_operators: How often the answer asks with `in`.
        missing: Wanted names that are not declared.
        unexported: Wanted names that were declared but not exported; they are exported for it.
        unparsed: Errors of syntax in the answer.
        emitted: Path of a .js file -> its text.
    """

    problems: tuple[Problem, ...]
    banned: tuple[Banned, ...]
    declared: tuple[str, ...]
    in_operators: int
    missing: tuple[str, ...]
    unexported: tuple[str, ...]
    unparsed: tuple[Problem, ...]
    emitted: Mapping[str, str]


class Merged(Struct, frozen=True):
    """An app with the parts of a reply in it.

    Attributes:
        files: Path -> text.
        emitted: Path -> CommonJS.
        whole: Paths of which the reply showed all in a plain block.
        unparsed: Errors of syntax.
    """

    files: Mapping[str, str]
    emitted: Mapping[str, str]
    whole: tuple[str, ...]
    unparsed: tuple[Problem, ...]


class Called(Struct, frozen=True):
    """What the calls gave: their strings, or None and a sentence in `odd` where there was none."""

    values: tuple[str | None, ...]
    odd: Mapping[int, str] = {}


def compile_answer(
    sandbox: Sandbox,
    home: Path,
    files: Mapping[str, str],
    *,
    answer: str,
    wanted: Sequence[str],
    given: str | None = None,
    checked: bool = True,
) -> Compiled | str:
    """Compile `files` together; a sentence where the answer is too much for the compiler.

    `answer` is the path of the model's file. It may use what `given` exports without importing it.
    Without `checked` only errors of syntax are looked for.

    Raises:
        EnvironmentDefect: the compiler is not there, or does not work in the sandbox.
    """
    job = {"answer": answer, "given": given, "wanted": list(wanted), "checked": checked}
    done = _compile(sandbox, home, "compile.cjs", {"files": files, **job})
    return _finding(sandbox, home, done, Compiled)


def merge_parts(
    sandbox: Sandbox, home: Path, files: Mapping[str, str], parts: Sequence[Part]
) -> Merged | str:
    """Put `parts` into `files` and strip the types; errors as of `compile_answer`."""
    job = {"files": files, "parts": [part._asdict() for part in parts]}
    return _finding(sandbox, home, _compile(sandbox, home, "transpile.cjs", job), Merged)


def _finding(sandbox: Sandbox, home: Path, done: Completed, kind: type[T]) -> T | str:
    """What a command of the compiler found; a sentence where the answer was too much for it."""
    if done.limit or done.cut_bytes:
        return f"the compiler could not finish with it: limit on {done.limit or 'output'}"
    found = _decoded(done, kind)
    if found is None:
        prove_typescript(sandbox, home)  # so it is the answer that breaks the compiler
        return "the compiler broke down over it"
    return found


def prove_typescript(sandbox: Sandbox, home: Path) -> None:
    """Compile one line; raises `EnvironmentDefect` where that does not work."""
    files = {"a.ts": "export const one: number = 1;"}
    job = {"files": files, "answer": "a.ts", "given": None, "wanted": ["one"], "checked": True}
    done = _compile(sandbox, home, "compile.cjs", job)
    compiled = _decoded(done, Compiled)
    if compiled is None or compiled.problems:
        raise EnvironmentDefect(
            f"TypeScript does not work inside the {sandbox.kind} sandbox: "
            f"{visible(done.output.strip()[-300:])!r}; see `ossay doctor`"
        )


def call_function(
    sandbox: Sandbox, code: str, name: str, calls: Sequence[Sequence[Any]]
) -> Called | str:
    """Call the function `name` of a CommonJS module; a sentence where it cannot even be loaded."""
    job = {"code": code, "name": name, "calls": [list(given) for given in calls]}
    items, stopped = run_program(sandbox, "call.cjs", job)
    values: list[str | None] = [None] * len(calls)
    odd = dict.fromkeys(range(len(calls)), stopped)
    for item in items:
        if isinstance(item.get("broken"), str):
            return f"it cannot be loaded: {visible(item['broken'], 200)}"
        at = item.get("at")
        if type(at) is not int or at not in range(len(calls)):
            continue
        if isinstance(item.get("value"), str):
            values[at] = item["value"]
            odd.pop(at, None)
        else:
            odd[at] = visible(str(item.get("odd")), 200)
    return Called(tuple(values), odd)


def run_program(
    sandbox: Sandbox,
    program: str,
    job: Mapping[str, object],
    *,
    beside: Sequence[str] = (),
    limits: Limits = CALL_LIMITS,
) -> tuple[list[Mapping[str, Any]], str]:
    """Run a program of `inside` and return what it sent, and how it ended in a few words.

    `beside` names files that it reads.
    """
    nonce = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="ossay-call-") as place:
        for name in (program, *beside):
            shutil.copy(_INSIDE / name, place)
        done = sandbox.run(
            ("node", "--max-old-space-size=384", program),
            Path(place),
            limits=limits,
            stdin=json.dumps({"nonce": nonce, **job}).encode("utf-8", "surrogatepass"),
            readonly=True,
        )
    stopped = f"limit on {done.limit}" if done.limit else "the process ended"
    return list(_sent(done.output, nonce)), stopped


def _sent(output: str, nonce: str) -> Iterator[Mapping[str, Any]]:
    for line in output.split("\n"):
        if not line.startswith(nonce):
            continue
        try:
            item = json.loads(line[len(nonce) :])
        except (ValueError, RecursionError):
            continue
        if isinstance(item, dict):
            yield item


def _compile(sandbox: Sandbox, home: Path, program: str, job: Mapping[str, object]) -> Completed:
    with _compiler(find_typescript(home)) as place:
        return sandbox.run(
            ("node", "--max-old-space-size=768", program),
            place,
            limits=COMPILE_LIMITS,
            stdin=json.dumps(job).encode("utf-8", "surrogatepass"),
            readonly=True,
        )


def _decoded(done: Completed, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(done.output.encode(), type=kind)
    except msgspec.DecodeError:
        return None


@contextmanager
def _compiler(package: Path) -> Iterator[Path]:
    """A folder with the compiler and its libraries, copied: a sandbox may change its owner."""
    with tempfile.TemporaryDirectory(prefix="ossay-compile-") as name:
        place = Path(name)
        shutil.copy(package / "lib" / "typescript.js", place)
        for library in package.glob("lib/lib.es*.d.ts"):
            shutil.copy(library, place)
        for library in package.glob("lib/lib.decorators*.d.ts"):
            shutil.copy(library, place)
        for own in ("compile.cjs", "transpile.cjs", "ambient.d.ts"):
            shutil.copy(_INSIDE / own, place)
        yield place
