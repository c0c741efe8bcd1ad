"""Name -> thing, imported only when asked for; other packages add theirs by entry point.

Knows nothing of what it registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from ossay.core.errors import UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """A lazy table of named things.

    Args:
        kind: What an entry is called in errors, for example 'suite'.
        builtin: Name -> 'module:attribute'.
        group: The entry point group through which other packages add entries.
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], *, group: str) -> None:
        self.kind = kind
        self._builtin = dict(builtin)
        self._group = group

    def names(self) -> list[str]:
        """All known names, sorted."""
        return sorted({*self._builtin, *(point.name for point in entry_points(group=self._group))})

    def get(self, name: str) -> T:
        """Import and return the entry. Raises `UnknownName` with the nearest known one."""
        target = self._builtin.get(name)
        if target is None:
            for point in entry_points(group=self._group, name=name):
                found: T = point.load()
                return found
            raise UnknownName.of(self.kind, name, self.names())
        module, _, attribute = target.partition(":")
        thing: T = getattr(import_module(module), attribute)
        return thing
