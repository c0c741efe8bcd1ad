"""coding: one request, one answer; code that is compiled, run and looked at.

Five families of everyday front-end work. Each seed gives another instance; prompts come in three
styles. Knows nothing of models, campaigns or scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ossay.agent.sandbox.base import Sandbox
from ossay.core.task import Task
from ossay.suites.coding.benchmark_visualization import BenchmarkVisualization
from ossay.suites.coding.clean_markdown import CleanMarkdown
from ossay.suites.coding.folder_watcher_fix import FolderWatcherFix
from ossay.suites.coding.styles import Style
from ossay.suites.coding.todo_add_feature import TodoAddFeature
from ossay.suites.coding.typescript_narrowing import TypescriptNarrowing

SYSTEM = """\
You are a software engineer. Answer with the code that is asked for, in fenced code blocks, in one \
reply: there are no tools, and nobody can answer questions."""

_NAMES: Mapping[Style, str] = {
    "base": "coding",
    "concise": "coding-concise",
    "changes": "coding-changes",
}


class Coding:
    """The suite in one style. `sandbox` is where its graders run what a model wrote."""

    version = "1.0.0"
    system = SYSTEM

    def __init__(self, sandbox: Callable[[], Sandbox], *, style: Style = "base") -> None:
        self.name = _NAMES[style]
        tasks: tuple[Task, ...] = (
            CleanMarkdown(sandbox, style=style),
            FolderWatcherFix(sandbox, style=style),
            TypescriptNarrowing(sandbox, style=style),
            BenchmarkVisualization(sandbox, style=style),
            TodoAddFeature(sandbox, style=style),
        )
        self.tasks: Mapping[str, Task] = {task.name: task for task in tasks}


def concise(sandbox: Callable[[], Sandbox]) -> Coding:
    """The suite, asked to be brief."""
    return Coding(sandbox, style="concise")


def changes(sandbox: Callable[[], Sandbox]) -> Coding:
    """The suite, asked for changed parts only."""
    return Coding(sandbox, style="changes")
