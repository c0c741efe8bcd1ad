"""What a model is asked in folder_watcher_fix: the app's files, a complaint, and what is wanted.

Knows nothing of how replies are judged.
"""

from __future__ import annotations

from collections.abc import Mapping

from ossay.suites.coding.changes import fenced
from ossay.suites.coding.watcher_app import SETTING, Case, List, Manner, Way

_PROMPT = """\
These files are part of a desktop app (Vue 3 and TypeScript; paths below `src`). It keeps {leaves} \
in {binders}, each of which watches a folder.

{files}

A user writes:

> {report}

It goes wrong in one of the ways in which files come in: {way}. Mend it there:

- Files that fall under the list of ignored {list} (`settings.{setting}`, as it is at that moment, \
judged as `services/ignoring.ts` does) are not added.
- The user is told of them through `notify`, with the {binder}'s id. {manner} Where nothing was \
ignored nothing is told.
- All else stays as it is: the other two lists are not looked at here, and files that come in by \
another way ({others}, by hand, by drop) are treated as before.

Make the smallest change that does this. Show only what changes, with the path of the file above \
each code block: functions and declarations that change or are new, each complete, or a unified \
diff, or search and replace blocks.
"""

_WAYS: Mapping[Way, str] = {
    "live": (
        "when they appear in a watched folder while the app runs. What counts is the moment in "
        "which a batch is taken in: a file that was gone or had another name by then is not ignored"
    ),
    "scan": (
        "when they are in a folder that is being attached. The notice of that goes on telling how "
        "many files were added"
    ),
    "resume": "when they came while their folder was paused, and are found as it is resumed",
}
_SHORT: Mapping[Way, str] = {
    "live": "while watching",
    "scan": "when a folder is attached",
    "resume": "when a folder is resumed",
}
_LISTS: Mapping[List, str] = {
    "suffix": "suffixes",
    "folder": "folders",
    "prefix": "beginnings of names",
}
_REPORTS: Mapping[List, str] = {
    "suffix": "I have told it which suffixes I don't want, and they still turn up in my {leaves}.",
    "folder": "Some folders are on my list, and what is in them still ends up in the {binder}.",
    "prefix": "Names that begin with what I put on the list are still taken in. Why have a list?",
}
_MANNERS: Mapping[Manner, str] = {
    "each": (
        "One notice for each file, level `warning`, with the file's name (without folders) and "
        'the entry as the list has it: `plan.pdf was not added: "x" is ignored`.'
    ),
    "names": (
        "One notice for all that were ignored at once, level `info`, with the {binder}'s title and "
        "the names of the files (without folders) in the order in which they came: "
        "`Ignored in Inbox: a.pdf, b.pdf`."
    ),
    "count": (
        "One notice for all that were ignored at once, level `info`, with the {binder}'s title and "
        "their number, in these words even for one: `Inbox: 2 new files ignored`."
    ),
}


def ask(case: Case, files: Mapping[str, str]) -> str:
    """The prompt of a case; `files` are the app's as it is."""
    world = case.world
    words = {"leaves": world.leaves, "binder": world.binder, "binders": world.binders}
    return _PROMPT.format(
        files="\n".join(f"`{path}`:\n\n{fenced(path, text)}" for path, text in files.items()),
        report=_REPORTS[case.list].format(**words),
        way=_WAYS[case.way],
        list=_LISTS[case.list],
        setting=SETTING[case.list],
        manner=_MANNERS[case.manner].format(**words),
        others=", ".join(text for way, text in _SHORT.items() if way != case.way),
        **words,
    )
