"""A desktop app that watches folders, what is to be mended in it, and the smallest way to do so.

Fifteen files of TypeScript and Vue (in `watcher`), about one of seven things. One of three ways in
which files come in by themselves shall honour one of three lists and say so in one of three
manners.
Knows nothing of how the app is used.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

Way = Literal["live", "scan", "resume"]
List = Literal["suffix", "folder", "prefix"]
Manner = Literal["each", "names", "count"]

WATCHER = "services/watcher.ts"
SETTING: Mapping[List, str] = {
    "suffix": "ignoredSuffixes",
    "folder": "ignoredFolders",
    "prefix": "ignoredPrefixes",
}
ENTRIES: Mapping[List, tuple[str, ...]] = {
    "suffix": (".tmp", ".part", ".bak", ".crdownload", ".swp", ".lock"),
    "folder": ("node_modules", ".cache", "trash", "drafts", "old", ".git"),
    "prefix": ("~$", "._", "#", "tmp-", "copy-", "__"),
}

_PLACE = Path(__file__).with_name("watcher")


class World(NamedTuple):
    """What is collected, and in what: one and many, in small letters; ends of file names."""

    leaf: str
    leaves: str
    binder: str
    binders: str
    suffixes: tuple[str, str]


WORLDS = (
    World("document", "documents", "cabinet", "cabinets", (".pdf", ".odt")),
    World("photo", "photos", "album", "albums", (".jpg", ".raw")),
    World("clip", "clips", "reel", "reels", (".mp4", ".mov")),
    World("score", "scores", "songbook", "songbooks", (".mid", ".xml")),
    World("recipe", "recipes", "cookbook", "cookbooks", (".md", ".txt")),
    World("drawing", "drawings", "portfolio", "portfolios", (".svg", ".dxf")),
    World("receipt", "receipts", "box", "boxes", (".pdf", ".png")),
)


class Case(NamedTuple):
    """An app and what is to be mended: the way in, the list, the manner of telling."""

    world: World
    way: Way
    list: List
    manner: Manner

    def fill(self, text: str) -> str:
        """Put the app's words in the place of the template's."""
        return _filled(self.world, text)

    def files(self) -> dict[str, str]:
        """The app as it is."""
        return dict(_app(self.world))

    @property
    def asks(self) -> str:
        """The function of `services/ignoring.ts` that looks at the list."""
        return f"ignored{self.list.capitalize()}"

    @property
    def condition(self) -> str:
        """What is true of a file that falls under the list."""
        root = ", binder.root" if self.list == "folder" else ""
        return f"{self.asks}(file.path{root}) !== null"

    def solved(self) -> dict[str, str]:
        """The app mended, with as few lines as it takes."""
        return self.mended()

    def mended(
        self,
        *,
        way: Way | None = None,
        condition: str | None = None,
        notice: str | None = None,
        kept: str | None = None,
        imported: str | None = None,
    ) -> dict[str, str]:
        """The app with a change in one way in; what is not given is as it should be.

        `condition` tells of `file` whether it is ignored, `notice` is the statement that tells of
        `ignored`, `kept` the expression of what is added, `imported` a line that the file needs.
        """
        found, call = _CALLS[way or self.way]
        condition = condition or self.condition
        lines = [f"const ignored = {found}.filter((file) => {condition});"]
        lines += [notice if notice is not None else self.notice()]
        kept = kept or f"{found}.filter((file) => !ignored.includes(file))"
        lines += [call.replace(f"binder, {found},", f"binder, {kept},")]
        imported = imported or f'import {{ {self.asks} }} from "./ignoring";'
        edits = (
            (f"  {call}\n", "".join(f"  {line}\n" for line in lines if line)),
            (
                'import { notify } from "./notices";\n',
                f'{imported}\nimport {{ notify }} from "./notices";\n',
            ),
            ("import { parentOf }", "import { baseName, parentOf }"),
        )
        files = self.files()
        text = files[WATCHER]
        for old, new in edits[: 3 if "baseName(" in "".join(lines) else 2]:
            old, new = self.fill(old), self.fill(new)
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return {**files, WATCHER: text}

    def notice(self) -> str:
        """The statement that tells of ignored files."""
        if self.manner == "each":
            entry = self.condition.removesuffix(" !== null")
            text = f'${{baseName(file.path)}} was not added: "${{{entry}}}" is ignored'
            return f'for (const file of ignored) notify("warning", `{text}`, binder.id);'
        text = "${binder.title}: ${ignored.length} new files ignored"
        if self.manner == "names":
            names = 'ignored.map((file) => baseName(file.path)).join(", ")'
            text = f"Ignored in ${{binder.title}}: ${{{names}}}"
        return f'if (ignored.length > 0) notify("info", `{text}`, binder.id);'


# Way -> the files that it takes in, and the statement that does so.
_CALLS: Mapping[Way, tuple[str, str]] = {
    "live": ("files", 'addLeaves(binder, files, "live");'),
    "scan": ("files", 'const added = addLeaves(binder, files, "scan");'),
    "resume": ("fresh", 'addLeaves(binder, fresh, "resume");'),
}
_WORDS = re.compile("[Ll]eaves|[Ll]eaf|[Bb]inders|[Bb]inder")
# In the order in which a person would read them.
_ORDER = ("types.ts", "platform", "services", "stores", "App.vue", "components")


def draw_case(rng: random.Random) -> Case:
    """Choose a world and what is to be mended."""
    way: Way = rng.choice(("live", "scan", "resume"))
    list_: List = rng.choice(("suffix", "folder", "prefix"))
    manner: Manner = rng.choice(("each", "names", "count"))
    return Case(rng.choice(WORLDS), way, list_, manner)


def _filled(world: World, text: str) -> str:
    words = {"leaf": world.leaf, "leaves": world.leaves}
    words |= {"binder": world.binder, "binders": world.binders}
    words |= {old.capitalize(): new.capitalize() for old, new in words.items()}
    return _WORDS.sub(lambda found: words[found[0]], text)


@cache
def _app(world: World) -> Mapping[str, str]:
    return {_filled(world, path): _filled(world, text) for path, text in _template().items()}


@cache
def _template() -> Mapping[str, str]:
    found = {
        place.relative_to(_PLACE).as_posix(): place.read_text("utf-8")
        for place in _PLACE.rglob("*")
        if place.suffix in (".ts", ".vue")
    }
    return dict(sorted(found.items(), key=lambda item: (_ORDER.index(item[0].split("/")[0]), item)))
