"""agentic-core: ten tasks of everyday software work, done with three tools.

Rebuilt as generators after the published agentic-core-v1. Each seed gives another instance, so a
pass can't be learnt by heart; each grader is deterministic and knows what cheating looks like.
Knows nothing of models, campaigns or scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ossay.agent.sandbox.base import Sandbox
from ossay.core.task import Task
from ossay.suites.agentic_core.fix_failing_test import FixFailingTest
from ossay.suites.agentic_core.handle_ambiguous_req import HandleAmbiguousReq
from ossay.suites.agentic_core.investigate_log import InvestigateLog
from ossay.suites.agentic_core.know_when_to_stop import KnowWhenToStop
from ossay.suites.agentic_core.minimal_fix import MinimalFix
from ossay.suites.agentic_core.multi_step_plan import MultiStepPlan
from ossay.suites.agentic_core.recover_from_tool_error import RecoverFromToolError
from ossay.suites.agentic_core.refactor_duplicated_code import RefactorDuplicatedCode
from ossay.suites.agentic_core.sql_investigation import SqlInvestigation
from ossay.suites.agentic_core.trace_through_codebase import TraceThroughCodebase

SYSTEM = """\
You are a software engineer at work in a workspace of files. You have the tools fs_read, fs_write \
and shell; paths are relative to the workspace, which is also the working directory of the shell. \
There is no network. Do what the user asks, completely and no more, by using the tools: nobody can \
answer questions while you work. When you are done, reply with a short summary and no tool call."""


class AgenticCore:
    """The suite. `sandbox` is how its graders find a place to run what a model wrote."""

    name = "agentic-core"
    version = "2.0.0"
    system = SYSTEM

    def __init__(self, sandbox: Callable[[], Sandbox]) -> None:
        tasks: tuple[Task, ...] = (
            FixFailingTest(sandbox),
            RefactorDuplicatedCode(sandbox),
            InvestigateLog(),
            TraceThroughCodebase(),
            MinimalFix(sandbox),
            HandleAmbiguousReq(sandbox),
            MultiStepPlan(),
            RecoverFromToolError(),
            KnowWhenToStop(),
            SqlInvestigation(sandbox),
        )
        self.tasks: Mapping[str, Task] = {task.name: task for task in tasks}
