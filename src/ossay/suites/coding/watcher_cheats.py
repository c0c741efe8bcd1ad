"""Changes to the watcher app that only seem to mend it, or mend more than was asked.

Knows nothing of how the app is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from ossay.suites.coding.watcher_app import SETTING, WATCHER, Case, List, Way

_OTHER_LIST: Mapping[List, List] = {"suffix": "prefix", "folder": "suffix", "prefix": "suffix"}
_OTHER_WAY: Mapping[Way, Way] = {"live": "scan", "scan": "resume", "resume": "live"}
_SLOPPY: Mapping[List, str] = {
    "suffix": "settings.ignoredSuffixes.some((entry) => file.path.endsWith(entry))",
    "folder": "settings.ignoredFolders.some((entry) => file.path.includes(entry))",
    "prefix": "settings.ignoredPrefixes.some((entry) => file.path.startsWith(entry))",
}


def cheats(case: Case) -> dict[str, dict[str, str]]:
    """Name -> all files."""
    other = case._replace(list=_OTHER_LIST[case.list])
    any_list = f'import {{ ignoredByAny, {case.asks} }} from "./ignoring";'
    plain = case.notice().replace(", binder.id", "")
    by_desk = case.notice().replace("notify(", "desk.showNotice(").replace(", binder.id", "")
    loud = case.notice().removeprefix("if (ignored.length > 0) ")
    if case.manner == "each":
        loud = 'notify("info", `${ignored.length} files ignored`, binder.id);'
    frozen = f"const LIST = [...settings.{SETTING[case.list]}];"
    return {
        "no_notice": case.mended(notice=""),
        "still_adds": case.mended(kept="files" if case.way != "resume" else "fresh"),
        "everywhere": _everywhere(case),
        "other_list": case.mended(condition=other.condition, imported=(
            f'import {{ {case.asks}, {other.asks} }} from "./ignoring";')),
        "all_lists": case.mended(
            condition="ignoredByAny(file.path, binder.root) !== null", imported=any_list
        ),
        "other_way": case.mended(way=_OTHER_WAY[case.way]),
        "own_test": case.mended(condition=_SLOPPY[case.list]),
        "no_binder": case.mended(notice=plain),
        "past_the_panel": case.mended(notice=by_desk),
        "another_text": case.mended(notice=_in_other_words(case.notice())),
        "always_told": case.mended(notice=loud),
        "old_list": case.mended(
            condition=f"{case.condition} && {_frozen(case)}",
            imported=f'import {{ {case.asks} }} from "./ignoring";\n{frozen}',
        ),
    }  # fmt: skip


def _in_other_words(notice: str) -> str:
    for old, new in (("was not added", "left out"), ("Ignored in", "Left out of")):
        notice = notice.replace(old, new)
    return notice.replace("new files ignored", "new files left out")


def _frozen(case: Case) -> str:
    root = ", binder.root" if case.list == "folder" else ""
    return f"LIST.includes({case.asks}(file.path{root}) as string)"


def _everywhere(case: Case) -> dict[str, str]:
    """The test in the place that all ways in come through."""
    files = case.mended(kept="files" if case.way != "resume" else "fresh")
    store = case.fill("stores/leaves.ts")
    root = case.fill(", binder.root") if case.list == "folder" else ""
    files[store] = (
        files[store]
        .replace(
            "  for (const file of files) {\n",
            f"  for (const file of files) {{\n    if ({case.asks}(file.path{root})) continue;\n",
        )
        .replace(
            "import { settings }",
            f'import {{ {case.asks} }} from "../services/ignoring";\nimport {{ settings }}',
        )
    )
    assert files[WATCHER] != case.files()[WATCHER]
    return files
