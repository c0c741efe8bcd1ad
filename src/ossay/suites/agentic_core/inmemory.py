"""Importing a generated project from memory, to work out what its right version does.

For code that this package generated, never for code that a model wrote: that runs in the sandbox.
Leaves `sys.modules` alone, so that any number of projects can be loaded at once.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

SOURCE_FOLDER = "src/"


def namespace_of(files: Mapping[str, str], setup: str) -> dict[str, Any]:
    """Execute `setup` (import lines) where the project's modules can be imported.

    `files` maps path to text; what is not Python is ignored, a leading `src/` is on the path.
    """
    project = _Project(files)
    namespace: dict[str, Any] = {"__builtins__": project.builtins, "__name__": "__main__"}
    exec(compile(setup, "<setup>", "exec"), namespace)
    return namespace


class _Project:
    """The modules of one project and the `__import__` that finds them."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.sources: dict[str, tuple[str, str]] = {}  # dotted name -> (path, text)
        self.packages: set[str] = set()
        for path, text in files.items():
            if path.endswith(".py"):
                self._add(path, text)
        self.loaded: dict[str, ModuleType] = {}
        self.builtins = {**vars(builtins), "__import__": self._import}

    def _add(self, path: str, text: str) -> None:
        parts = path.removeprefix(SOURCE_FOLDER).removesuffix(".py").split("/")
        if parts[-1] == "__init__":
            parts.pop()
            self.packages.add(".".join(parts))
        self.sources[".".join(parts)] = (path, text)

    def _import(
        self,
        name: str,
        globals_: Mapping[str, Any] | None = None,
        locals_: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            package = (globals_ or {})["__package__"].split(".")
            base = package[: len(package) - level + 1]
            name = ".".join([*base, *([name] if name else [])])
        root = name.partition(".")[0]
        if root not in self.sources and root not in self.packages:
            return builtins.__import__(name, globals_, locals_, fromlist or (), level)
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            self._load(".".join(parts[:end]))
        if not fromlist:
            return self.loaded[root]
        module = self.loaded[name]
        for item in fromlist:
            if not hasattr(module, item) and f"{name}.{item}" in self.sources:
                self._load(f"{name}.{item}")
        return module

    def _load(self, name: str) -> None:
        if name in self.loaded:
            return
        if name not in self.sources:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        path, text = self.sources[name]
        module = ModuleType(name)
        parent, _, last = name.rpartition(".")
        module.__dict__.update(
            __builtins__=self.builtins,
            __file__=path,
            __package__=name if name in self.packages else parent,
        )
        self.loaded[name] = module
        exec(compile(text, path, "exec"), module.__dict__)
        if parent:
            setattr(self.loaded[parent], last, module)
