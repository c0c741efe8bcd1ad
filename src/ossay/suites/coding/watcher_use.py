"""Using the watcher app for a while: folders attached, paused and left, files that come and go.

Knows nothing of what comes of a step; `watcher_model` does.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from ossay.suites.coding.watcher_app import ENTRIES, SETTING, Case, List
from ossay.suites.coding.watcher_model import FoundFile, Model, Step

_STEMS = (
    *("plan", "north", "tuesday", "final", "sketch", "garden", "notes", "blue", "third", "market"),
    *("winter", "letter", "station", "river", "copyist", "summary", "window", "harbour", "cedar"),
    *("violet", "mirror", "lantern", "orchard", "pepper", "canyon", "marble", "feather", "basil"),
    *("anchor", "comet", "thunder", "meadow", "quartz", "saffron", "willow", "ember"),
)
_ROOTS = ("/home/mia/Scans", "/data/inbox", "/home/jo/old/Incoming", "/mnt/share/trash/Sorted")
LARGEST = 40_000_000


def draw_settings(rng: random.Random) -> dict[str, Any]:
    """The settings that the app finds: two or three entries in each list."""
    lists = {SETTING[name]: rng.sample(ENTRIES[name], rng.randint(2, 3)) for name in SETTING}
    if rng.random() < 0.5:  # letter case does not matter for suffixes, and is kept in what is told
        lists["ignoredSuffixes"][0] = lists["ignoredSuffixes"][0].upper()
    return {**lists, "largestFile": LARGEST, "batchDelay": rng.randint(200, 900), "quiet": False}


def draw_steps(rng: random.Random, case: Case, settings: Mapping[str, Any]) -> list[Step]:
    """Use the app: every way in, with files under every list and with none, twice."""
    use = _Use(rng, case, Model(case, settings))
    first, second = rng.sample(_ROOTS, 2)
    use.step({"do": "start"})
    use.attach(first, "some")
    use.attach(second, "none")
    use.burst(first, "some")
    use.resume(second, "some")
    for way in rng.sample(["hand", "drop"], 2):
        use.step({"do": way, "root": first, "files": use.files(first, "some")})
    use.burst(second, "none")
    use.turn(first)
    use.resume(first, "none")
    use.step({"do": "settings", "changes": use.other_entries()})
    use.burst(second, "some")
    use.resume(first, "some")
    use.step({"do": "settings", "changes": {"quiet": True}})
    use.burst(first, "some")
    use.resume(second, "some")
    use.step({"do": "detach", "root": second})
    use.attach(second, "some")
    return use.steps


class _Use:
    """Makes steps and asks the model what comes of them."""

    def __init__(self, rng: random.Random, case: Case, model: Model) -> None:
        self._rng = rng
        self._case = case
        self._model = model
        self._stems: list[str] = []
        self.steps: list[Step] = []

    def step(self, do: dict[str, Any]) -> None:
        self.steps.append(self._model.after(do))

    def attach(self, root: str, kind: str) -> None:
        title = self._rng.choice(("Inbox", "Work in hand", "Mixed", "New arrivals"))
        files = self.files(root, kind)
        self.step({"do": "attach", "root": root, "title": title, "files": files})

    def resume(self, root: str, kind: str) -> None:
        self.step({"do": "pause", "root": root})
        missed = self.files(root, kind)[:1]
        self._events(root, [{"kind": "created", **missed[0]}])  # nobody hears of it
        there = [{"path": path, "size": size} for _, path, _, size in self._model.of(root)]
        self.step(
            {"do": "resume", "root": root, "files": [*there, *missed, *self.files(root, kind)]}
        )

    def burst(self, root: str, kind: str) -> None:
        """Events in one batch, among them files that come and go, or get another name."""
        files = self.files(root, kind)
        events: list[dict[str, Any]] = [{"kind": "created", **file} for file in files]
        events.append({"kind": "changed", **files[0], "size": files[0]["size"] + 5})
        if kind == "some":
            gone, early = (self._under(root, self._case.list) for _ in range(2))
            late = self._plain(root)
            events.insert(1, {"kind": "created", **gone})
            events.insert(2, {"kind": "created", **early})
            events += [{"kind": "deleted", "path": gone["path"]}]
            events += [{"kind": "renamed", **late, "from": early["path"]}]
        self._events(root, events)
        self.step({"do": "wait", "ms": 1_000})

    def turn(self, root: str) -> None:
        """A file that is held gets another name, another is deleted."""
        held = [path for _, path, _, _ in self._model.of(root)]
        moved, lost = self._rng.sample(held, 2)
        new = self._plain(root)
        self._events(root, [{"kind": "renamed", **new, "from": moved}])
        self._events(root, [{"kind": "deleted", "path": lost}])

    def files(self, root: str, kind: str) -> list[FoundFile]:
        """Some files: plain ones; with `some` others too, that fall under each of the lists."""
        found = [self._plain(root) for _ in range(self._rng.randint(2, 3))]
        if kind == "some":
            # Always one under the list's last entry, which may have been put there only just now,
            # and one that seems to fall under it.
            found += [self._under(root, self._case.list, last=True), self._nearly(root)]
            found += [self._under(root, self._case.list) for _ in range(self._rng.randint(1, 2))]
            found += [self._under(root, name) for name in SETTING if name != self._case.list]
        self._rng.shuffle(found)
        return found

    def other_entries(self) -> dict[str, list[str]]:
        """The list in question with one entry less and one more."""
        name = self._case.list
        now = self._model.settings[SETTING[name]]
        known = {entry.lower() for entry in now}
        new = [entry for entry in ENTRIES[name] if entry not in known]
        return {SETTING[name]: [*now[1:], self._rng.choice(new)]}

    def _events(self, root: str, events: Sequence[dict[str, Any]]) -> None:
        for event in events:
            self.step({"do": "event", "event": {"root": root, **event}})

    def _plain(self, root: str) -> FoundFile:
        inner = self._rng.choice(("", "", "2024/", "to sort/"))
        return self._file(
            f"{root}/{inner}{self._stem()}{self._rng.choice(self._case.world.suffixes)}"
        )

    def _under(self, root: str, list_: List, *, last: bool = False) -> FoundFile:
        """A file that falls under one list, and no other."""
        entries = self._model.settings[SETTING[list_]]
        entry = entries[-1] if last else self._rng.choice(entries)
        suffix = self._rng.choice(self._case.world.suffixes)
        if list_ == "folder":
            deep = self._rng.choice(("", "2024/"))
            return self._file(f"{root}/{deep}{entry}/{self._stem()}{suffix}")
        if list_ == "prefix":
            return self._file(f"{root}/{entry}{self._stem()}{suffix}")
        end = entry.swapcase() if last else self._rng.choice((entry, entry.lower(), entry.upper()))
        return self._file(f"{root}/{self._stem()}{self._rng.choice(('', suffix))}{end}")

    def _nearly(self, root: str) -> FoundFile:
        """A file with an entry of the list in its name, where it does not count."""
        entry = self._rng.choice(self._model.settings[SETTING[self._case.list]])
        suffix = self._rng.choice(self._case.world.suffixes)
        return self._file(f"{root}/{self._stem()}-{entry}{suffix}")

    def _file(self, path: str) -> FoundFile:
        return {"path": path, "size": self._rng.randint(100, 3_000_000)}

    def _stem(self) -> str:
        """A name that was not used yet."""
        if not self._stems:
            self._stems = [f"{a}-{b}" for a in _STEMS for b in _STEMS if a != b]
            self._rng.shuffle(self._stems)
        return self._stems.pop()
