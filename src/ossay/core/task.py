"""What is asked and how it went: Task, Instance, Budget, Step, Transcript, Grade.

Knows nothing of any suite, sandbox or model. A Task is a generator: the same seed gives the same
instance, byte for byte, on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from ossay.core.outcome import Flag
from ossay.core.types import Message, Reply

# Why the tool loop ended.
Stop = Literal[
    "answered",  # the model replied without a tool call
    "turns",  # the turn budget was used up
    "deadline",  # the run's wall clock budget was used up
    "context",  # the conversation no longer fits the model
    "call_failed",  # a model call failed: infrastructure
    "tool_failed",  # the sandbox itself failed: infrastructure
]


class Budget(Struct, frozen=True, forbid_unknown_fields=True):
    """What one run may use. A turn is one reply of the model."""

    turns: int = 15
    seconds: float = 900.0
    call_seconds: float = 300.0
    max_tokens: int | None = 4096  # output tokens of one turn
    tool_output_chars: int = 16_000  # what a model sees of one tool result, the rest is cut


class Instance(Struct, frozen=True):
    """One concrete problem.

    Attributes:
        task: The task's name within its suite.
        seed: What it was generated from.
        prompt: What the user says.
        files: Relative POSIX path -> content of the fresh workspace. Empty: no workspace is made.
        protected: Paths that must be byte-identical afterwards.
        tools: The tools offered, by name.
        needs: What the machine must have inside the sandbox: 'python', 'pytest', 'sqlite3', 'node',
            'typescript', 'chromium'.
        budget: What one run may use.
        secret: What only the grader knows. Never shown to a model.
        scripts: Name -> the assistant messages that a scripted model plays. 'reference' passes,
            'do_nothing' and each 'cheat_*' must fail.
    """

    task: str
    seed: int
    prompt: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    protected: tuple[str, ...] = ()
    tools: tuple[str, ...] = ("fs_read", "fs_write", "shell")
    needs: tuple[str, ...] = ("python",)
    budget: Budget = field(default_factory=Budget)
    secret: Mapping[str, Any] = field(default_factory=dict)
    scripts: Mapping[str, tuple[Message, ...]] = field(default_factory=dict)


class ToolResult(Struct, frozen=True, omit_defaults=True):
    """What one tool call did. `output` is what the model was shown, after the cap.

    `problem` says why a call was not even run: 'unknown_tool', 'invalid_arguments'; 'failed' means
    that the tool ran and reported an error; 'limit' that the sandbox killed it.
    """

    call_id: str
    name: str
    arguments: str
    output: str
    seconds: float
    problem: Literal["", "unknown_tool", "invalid_arguments", "failed", "limit"] = ""
    cut_chars: int = 0  # how many characters of output were left out
    changed: tuple[str, ...] = ()  # workspace paths created, changed or deleted by this call


class Step(Struct, frozen=True, omit_defaults=True):
    """One turn: a reply and the results of its tool calls."""

    reply: Reply
    results: tuple[ToolResult, ...] = ()


class Transcript(Struct, frozen=True, omit_defaults=True):
    """Everything that was said and done in one run."""

    task: str
    seed: int
    system: str
    prompt: str
    stop: Stop
    tools: tuple[str, ...] = ()  # the tools that were offered
    steps: tuple[Step, ...] = ()
    error: str = ""  # the text of the failure, for call_failed and tool_failed
    seconds: float = 0.0

    @property
    def final_text(self) -> str:
        """The text of the last reply, '' where there was none."""
        return self.steps[-1].reply.message.content if self.steps else ""

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """All tool results, in order."""
        return tuple(result for step in self.steps for result in step.results)


class Grade(Struct, frozen=True, omit_defaults=True):
    """A grader's finding.

    `done` and `of` count the parts that were asked for and are right, so that half a job can be
    told from none; what is right when nothing is done (protected files intact) is no part.
    `reason` is one sentence for a person. `flags` are what only the grader can see. `facts` are
    what it found beside the verdict, for rubrics: name -> a number, a text, or yes and no.
    `artefacts` are files to keep for whoever looks at the run: name -> content, such as
    'screenshot.png'.
    """

    passed: bool
    reason: str
    done: int = 0
    of: int = 1
    flags: tuple[Flag, ...] = ()
    facts: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    artefacts: Mapping[str, bytes] = field(default_factory=dict)


class Task(Protocol):
    """A generator of problems and the judge of what became of them."""

    @property
    def name(self) -> str:
        """Unique within the suite, for example 'minimal_fix'."""
        ...

    def instance(self, seed: int) -> Instance:
        """Generate the problem of this seed. Pure: same seed, same bytes."""
        ...

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Judge a finished run.

        Runs in its own process on a read-only copy of the workspace. Everything in `workspace` and
        `transcript` was written by a model and is hostile. Code found there runs in the sandbox
        only.
        """
        ...


class Suite(Protocol):
    """A named, versioned set of tasks."""

    @property
    def name(self) -> str:
        """For example 'agentic-core'."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever an instance or a grade could change."""
        ...

    @property
    def system(self) -> str:
        """The system prompt of every run."""
        ...

    @property
    def tasks(self) -> Mapping[str, Task]:
        """Name -> task, in the order in which they are shown."""
        ...
