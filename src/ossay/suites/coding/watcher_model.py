"""What the mended watcher app does, told without any of its code: each step, and what comes of it.

Knows nothing of replies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ossay.suites.coding.watcher_app import SETTING, Case, List, Way

FoundFile = dict[str, Any]  # path and size
Told = tuple[str, str, str]  # level, text, root of the folder
Kept = tuple[str, str, str, int]  # root, path, the way in, size


class Step(NamedTuple):
    """Something done, and what is then there: what the app holds, and what it has just told.

    `shown` are the notices that the system shows; `told` all of them.
    """

    do: dict[str, Any]
    held: tuple[Kept, ...]
    told: tuple[Told, ...]
    shown: tuple[tuple[str, str], ...]


class Model:
    """The mended app. `after` does a step; each kind of step has a method of its name."""

    def __init__(self, case: Case, settings: Mapping[str, Any]) -> None:
        self._case = case
        self.settings = dict(settings)
        self._held: dict[str, Kept] = {}
        self._titles: dict[str, str] = {}
        self._paused: set[str] = set()
        self._batches: dict[str, dict[str, int]] = {}
        self._told: list[Told] = []

    def of(self, root: str) -> list[Kept]:
        """What is held of a folder."""
        return [kept for kept in self._held.values() if kept[0] == root]

    def after(self, do: dict[str, Any]) -> Step:
        """Do a step."""
        self._told = []
        quiet = self.settings["quiet"]
        getattr(self, f"_{do['do']}")(do)
        shown = tuple(
            (level, text) for level, text, _ in self._told if not quiet or level == "error"
        )
        return Step(do, tuple(self._held.values()), tuple(self._told), shown)

    def _start(self, do: dict[str, Any]) -> None:
        pass

    def _settings(self, do: dict[str, Any]) -> None:
        self.settings |= do["changes"]

    def _attach(self, do: dict[str, Any]) -> None:
        root, title = do["root"], do["title"]
        self._titles[root] = title
        added = self._add(root, do["files"], "scan")
        self._told.append(("info", f"{title} is attached with {added} files", root))

    def _detach(self, do: dict[str, Any]) -> None:
        self._held = {path: kept for path, kept in self._held.items() if kept[0] != do["root"]}

    def _pause(self, do: dict[str, Any]) -> None:
        self._paused.add(do["root"])

    def _resume(self, do: dict[str, Any]) -> None:
        self._paused.discard(do["root"])
        self._add(do["root"], [f for f in do["files"] if f["path"] not in self._held], "resume")

    def _drop(self, do: dict[str, Any]) -> None:
        self._add(do["root"], do["files"], "drop")

    def _hand(self, do: dict[str, Any]) -> None:
        wanted = []
        for file in do["files"]:
            lists: tuple[List, ...] = ("suffix", "folder", "prefix")
            entries = [self._entry(name, do["root"], file["path"]) for name in lists]
            entry = next(filter(None, entries), None)
            if entry is None:
                wanted.append(file)
                continue
            text = f'{_base(file["path"])} falls under "{entry}" and was left out'
            self._told.append(("warning", text, do["root"]))
        self._add(do["root"], wanted, "hand")

    def _event(self, do: dict[str, Any]) -> None:
        event = do["event"]
        root, path, kind = event["root"], event["path"], event["kind"]
        if root in self._paused:
            return
        batch = self._batches.setdefault(root, {})
        if kind == "deleted":
            batch.pop(path, None)
            self._held.pop(path, None)
        elif kind == "changed" and path not in batch:
            if path in self._held:
                self._held[path] = (*self._held[path][:3], event["size"])
        elif kind == "renamed" and event["from"] in self._held:
            where, _, source, size = self._held.pop(event["from"])
            self._held[path] = (where, path, source, size)
        else:
            batch.pop(event.get("from", ""), None)
            batch[path] = event["size"]

    def _wait(self, do: dict[str, Any]) -> None:
        for root, batch in self._batches.items():
            self._add(root, [{"path": path, "size": size} for path, size in batch.items()], "live")
        self._batches = {}

    def _add(self, root: str, files: Sequence[FoundFile], way: Way | str) -> int:
        ignored: list[tuple[str, str]] = []
        added = 0
        for file in files:
            path = file["path"]
            entry = self._entry(self._case.list, root, path) if way == self._case.way else None
            if entry is not None:
                ignored.append((_base(path), entry))
            elif path not in self._held:
                self._held[path] = (root, path, way, file["size"])
                added += 1
        if ignored:
            self._tell(root, ignored)
        return added

    def _tell(self, root: str, ignored: Sequence[tuple[str, str]]) -> None:
        names = ", ".join(name for name, _ in ignored)
        title = self._titles[root]
        if self._case.manner == "each":
            lines = [("warning", f'{n} was not added: "{e}" is ignored') for n, e in ignored]
        elif self._case.manner == "names":
            lines = [("info", f"Ignored in {title}: {names}")]
        else:
            lines = [("info", f"{title}: {len(ignored)} new files ignored")]
        self._told += [(level, text, root) for level, text in lines]

    def _entry(self, list_: List, root: str, path: str) -> str | None:
        """The first entry of a list that a path falls under."""
        name, between = _base(path), path[len(root) :].split("/")[1:-1]
        for entry in self.settings[SETTING[list_]]:
            under = {
                "suffix": name.lower().endswith(entry.lower()),
                "folder": entry in between,
                "prefix": name.startswith(entry),
            }
            if under[list_]:
                return str(entry)
        return None


def _base(path: str) -> str:
    return path.rpartition("/")[2]
