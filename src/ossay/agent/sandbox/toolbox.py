"""Which python3 and pytest a sandbox offers, and which places of this machine it must hide.

The interpreter is the one that ossay's own stands on, without its site-packages; pytest and exactly
what it requires are offered one package at a time. Knows nothing of any sandbox.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from msgspec import Struct

TOOLS = "/opt/tools"  # bin and lib of what is offered, inside
PYTHON = "/opt/python"  # where an interpreter from outside /usr is, inside

PYTEST_LAUNCHER = """#!{python} -s
import sys
from pytest import main
sys.exit(main())
"""


class Toolbox(Struct, frozen=True):
    """What a sandbox has to mount.

    Attributes:
        python: The interpreter's path inside.
        prefix: What to mount at PYTHON; None where the interpreter is below /usr.
        masked: Places inside that must be empty: site-packages, and wherever ossay itself is.
        packages: Host path -> name below TOOLS/lib.
        environment: The whole environment of a command.
        missing: What could not be found, such as 'pytest'.
    """

    python: str
    prefix: Path | None
    masked: tuple[str, ...]
    packages: dict[str, str]
    environment: dict[str, str]
    missing: tuple[str, ...] = ()

    @property
    def launcher(self) -> str:
        """The text of TOOLS/bin/pytest."""
        return PYTEST_LAUNCHER.format(python=self.python)


def find_toolbox() -> Toolbox:
    """Look at the interpreter that runs this and at what is installed beside it."""
    base = Path(sys.base_prefix).resolve()
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    below_usr = base.is_relative_to("/usr")
    inside = str(base) if below_usr else PYTHON
    packages = _pytest_packages()
    environment = {
        "PATH": f"{TOOLS}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": f"{TOOLS}/lib",
        "PYTHONNOUSERSITE": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    if not below_usr and sysconfig.get_config_var("Py_ENABLE_SHARED"):
        environment["LD_LIBRARY_PATH"] = f"{PYTHON}/lib"
    return Toolbox(
        python=f"{inside}/bin/{name}",
        prefix=None if below_usr else base,
        masked=_masked(base, inside),
        packages=packages,
        environment=environment,
        missing=() if packages else ("pytest",),
    )


def _masked(base: Path, inside: str) -> tuple[str, ...]:
    """Directories to hide, as paths inside."""
    sites = {
        Path(sysconfig.get_path(kind, scheme, {"base": str(base), "platbase": str(base)}))
        for scheme in ("posix_prefix", sysconfig.get_default_scheme())
        for kind in ("purelib", "platlib")
    }
    package = Path(__file__).resolve().parents[3]  # the directory that holds ossay
    hidden = {*sites, package, Path(sys.prefix).resolve(), Path("/usr/src"), Path("/usr/local/src")}
    found = set()
    for path in hidden - {base}:
        if not path.is_dir() or not any(path.iterdir()):
            continue
        if path.is_relative_to(base) and not base.is_relative_to("/usr"):
            found.add(f"{inside}/{path.relative_to(base)}")
        elif path.is_relative_to("/usr") and path != Path("/usr"):
            found.add(str(path))
    return tuple(sorted(found))


def _pytest_packages() -> dict[str, str]:
    """Host path -> name of every top-level module of pytest and of what it requires."""
    found: dict[str, str] = {}
    todo, seen = ["pytest"], {"pytest"}
    while todo:
        try:
            dist = distribution(todo.pop())
        except PackageNotFoundError:
            if not found:
                return {}
            continue  # a requirement of other platforms or older Pythons
        found |= _modules(dist)
        for requirement in dist.requires or ():
            name, _, marker = requirement.partition(";")
            required = re.split(r"[\s\[<>=!~(]", name.strip(), maxsplit=1)[0]
            if "extra ==" not in marker and required not in seen:
                seen.add(required)
                todo.append(required)
    return found


def _modules(dist: Distribution) -> dict[str, str]:
    names = {file.parts[0] for file in dist.files or () if file.parts[0] not in ("..", "/")}
    names = {name for name in names if not name.endswith((".dist-info", "__pycache__"))}
    paths = {name: Path(str(dist.locate_file(name))).resolve() for name in names}
    return {str(path): name for name, path in paths.items() if path.exists()}
