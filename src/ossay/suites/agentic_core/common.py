"""What the tasks of this suite share: vocabulary, templates, and a careful look at a workspace.

Everything read from a workspace was written by a model: links are not followed, sizes are bounded,
and nothing here raises because of what a file is. Knows nothing of any one task.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import stat
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, Literal, NamedTuple

from ossay.agent.sandbox.base import Limits, Sandbox
from ossay.core.task import Instance

SandboxSource = Callable[[], Sandbox]  # how a grader gets at a sandbox when it needs one

# What graders give a check program: generous in wall time, since many may run at once.
CHECK_LIMITS = Limits(wall_s=40.0, cpu_s=20, memory_bytes=512 << 20)

MAX_READ_BYTES = 1 << 20
_MAX_ENTRIES = 20_000

# Leavings of Python tools that nobody counts as a change.
_CACHES = frozenset(
    {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".cache"}
)

Kind = Literal[
    "first_name", "surname", "product", "city", "company", "service", "package", "colour", "animal"
]

_WORDS: Mapping[Kind, str] = {
    "first_name": (
        "Amina Bruno Chiara Dmitri Elif Farid Greta Hana Ivo Jonas Katya Leila Marek Nadia Oskar "
        "Priya Quentin Rosa Samir Tove Ulrich Vera Wanda Ximena Yusuf Zofia"
    ),
    "surname": (
        "Abbott Bergström Castillo Dubois Eriksen Fontaine Grünwald Horvat Ibrahim Jansen Kowalski "
        "Lindqvist Moreau Nakamura Okafor Petrov Quigley Rossi Santos Takeda Urquhart Varga Weiss "
        "Xu Yilmaz Zeman"
    ),
    "product": (
        "anvil bracket candle drill envelope funnel gasket hammer inkpad jigsaw kettle lantern "
        "mallet notebook oilcan pliers quilt ruler spanner torch umbrella vice washer yardstick "
        "apron bucket chisel doormat easel flask"
    ),
    "city": (
        "Aarhus Bilbao Coimbra Delft Espoo Faro Gdansk Haarlem Izmir Jena Krakow Leuven Malaga "
        "Nantes Oulu Porto Rennes Sopot Turin Utrecht Verona Wroclaw York Zagreb"
    ),
    "company": (
        "Alderway Brightmoor Coppergate Dunfield Elmstead Foxley Greyhaven Hollins Ironbridge "
        "Juniper Kestrel Larkfield Millbrook Northgate Oakhurst Penrose Quarry Redwater Stonecrop "
        "Thornbury"
    ),
    "service": (
        "billing catalog checkout courier dispatch gateway identity ingest invoicing ledger "
        "mailer metrics notifier orders payments pricing parcels receipts refunds reports "
        "returns search shipping signup stock tickets uploads"
    ),
    "package": (
        "amber basalt cobalt dogwood ember fjord gannet harbor indigo juniper kelp lagoon maple "
        "nimbus osprey pebble quartz raven sable tundra umber violet willow zephyr"
    ),
    "colour": "amber blue coral green grey indigo jade lilac red teal violet white",
    "animal": (
        "badger crane dormouse eider ferret grouse heron ibex jackdaw kite lynx marten newt otter "
        "plover quail roe stoat tern vole wren"
    ),
}


def rng_of(task: str, seed: int) -> random.Random:
    """The random numbers of one instance: the same on every machine."""
    return random.Random(f"{task}:{seed}")


class Vocabulary:
    """Words drawn without repetition from a `random.Random`.

    No word is drawn twice from one Vocabulary, even when two kinds share it.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._drawn: set[str] = set()

    def draw(self, kind: Kind) -> str:
        """Return a word of that kind that was not drawn before."""
        left = [word for word in _WORDS[kind].split() if word not in self._drawn]
        word = self._rng.choice(left)
        self._drawn.add(word)
        return word

    def several(self, kind: Kind, n: int) -> list[str]:
        """Return `n` different words of that kind."""
        return [self.draw(kind) for _ in range(n)]

    def full_name(self) -> str:
        """Return a person's first name and surname."""
        return f"{self.draw('first_name')} {self.draw('surname')}"


def fill(template: str, **values: object) -> str:
    """Dedent `template`, drop its leading newline and fill in `$name`; an unknown name raises."""
    text = textwrap.dedent(template).lstrip("\n")
    return Template(text).substitute({key: str(value) for key, value in values.items()})


def as_files(texts: Mapping[str, str]) -> dict[str, bytes]:
    """Encode a mapping of path to text as an Instance wants it."""
    return {path: text.encode() for path, text in texts.items()}


def read_bytes(workspace: Path, path: str, limit: int = MAX_READ_BYTES) -> bytes | None:
    """Read a regular file of the workspace.

    None when it is missing, larger than `limit`, not a regular file, or reached through a link.
    """
    place = workspace
    try:
        for part in path.split("/"):
            place = place / part
            mode = place.lstat().st_mode
            if stat.S_ISLNK(mode):
                return None
        if not stat.S_ISREG(mode):
            return None
        with place.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError):
        return None
    return data if len(data) <= limit else None


def read_text(workspace: Path, path: str, limit: int = MAX_READ_BYTES) -> str | None:
    """Read a file as `read_bytes` does; bad UTF-8 is replaced, a BOM and CRLF are taken away."""
    data = read_bytes(workspace, path, limit)
    if data is None:
        return None
    text = data.decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


class Changes(NamedTuple):
    """How a workspace differs from the fresh one: sorted relative POSIX paths."""

    edited: tuple[str, ...]
    deleted: tuple[str, ...]
    created: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every path that differs."""
        return (*self.edited, *self.deleted, *self.created)


def changes(instance: Instance, workspace: Path) -> Changes:
    """Compare a workspace with the instance's files; caches of Python tools are left out.

    A file that became a link or a folder counts as edited. Created files are listed up to a bound.
    """
    edited, deleted = [], []
    for path in instance.files:
        if not _exists(workspace / path):
            deleted.append(path)
        elif not same_file(instance, workspace, path):
            edited.append(path)
    created = [path for path in list_files(workspace) if path not in instance.files]
    return Changes(tuple(sorted(edited)), tuple(sorted(deleted)), tuple(sorted(created)))


def same_file(instance: Instance, workspace: Path, path: str) -> bool:
    """Whether a file of the instance is still there byte for byte."""
    was = instance.files[path]
    return read_bytes(workspace, path, len(was)) == was


def protected_changes(instance: Instance, workspace: Path) -> tuple[str, ...]:
    """Return the protected paths that are not what they were."""
    return tuple(p for p in instance.protected if not same_file(instance, workspace, p))


def list_files(workspace: Path) -> Iterator[str]:
    """Yield relative POSIX paths of everything that is not a folder, links included, up to a bound.

    Folders and files that Python tools leave behind are passed over.
    """
    seen = 0
    for folder, folders, names in os.walk(workspace):
        inside = [name for name in folders if name not in _CACHES]
        links = [name for name in inside if os.path.islink(os.path.join(folder, name))]
        folders[:] = sorted(set(inside) - set(links))
        for name in sorted((*names, *links)):
            if name.endswith((".pyc", ".pyo")):
                continue
            seen += 1
            if seen > _MAX_ENTRIES:
                return
            yield (Path(folder) / name).relative_to(workspace).as_posix()


def _exists(place: Path) -> bool:
    try:
        place.lstat()
    except (OSError, ValueError):
        return False
    return True


# Reads the job from stdin before anything of the workspace is imported, then gives the checked
# code no stdin, stdout or stderr: only `emit` reaches the grader.
_BOOT = """\
import json, os, sys
job = json.loads(sys.stdin.buffer.read())
out = os.dup(1)
null = os.open(os.devnull, os.O_RDWR)
for fd in (0, 1, 2):
    os.dup2(null, fd)
def emit(value, _write=os.write, _out=out, _nonce=job["nonce"], _dumps=json.dumps):
    data = ("\\n" + _nonce + _dumps(value) + "\\n").encode()
    while data:
        data = data[_write(_out, data):]
names = {"__name__": "<check>", "emit": emit, "payload": job["payload"]}
for part in job["program"]:
    exec(compile(part, "<check>", "exec"), names)
os._exit(0)
"""


def run_check(
    sandbox: Sandbox,
    workspace: Path,
    program: str | tuple[str, ...],
    payload: object,
    *,
    limits: Limits = CHECK_LIMITS,
) -> list[Any]:
    """Run a check program in the sandbox, read-only, and return what it emitted, in order.

    The program is plain Python that uses two names: `payload`, the value handed over, and
    `emit(value)`, which sends a JSON value back at once, so that what was sent before a crash, an
    exit or a limit still arrives. It runs with the workspace as working directory, which is not on
    `sys.path` until the program puts it there. Parts of a program run one after another and share
    their names.

    What comes back was perhaps made by the code under check: it is data to be compared with what
    the grader knows, never a verdict. Expected values must not be part of `payload`.
    """
    nonce = secrets.token_hex(16)
    parts = (program,) if isinstance(program, str) else program
    job = json.dumps({"nonce": nonce, "program": parts, "payload": payload})
    done = sandbox.run(
        ("python3", "-I", "-B", "-c", _BOOT),
        workspace,
        limits=limits,
        stdin=job.encode(),
        readonly=True,
    )
    emitted = []
    for line in done.output.splitlines():
        if line.startswith(nonce):
            try:
                emitted.append(json.loads(line[len(nonce) :]))
            except (ValueError, RecursionError):
                continue
    return emitted
