"""An answer of a model that can be rated: Answer, a line of a list, and Reading, all of it.

Knows nothing of who rates it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from ossay.core.outcome import Outcome
from ossay.core.records import RunKey
from ossay.core.rubric import Fact


class Answer(Struct, frozen=True, omit_defaults=True):
    """A finished run with something to rate, without its text.

    Attributes:
        run: The run's id.
        position: Its place in the plan, from 0; pages of answers go by it.
        key: Model, suite, task, seed and attempt.
        outcome: How the run ended.
        reason: The grader's sentence.
        done, of: The parts that are right, and those that there were.
        facts: What the grader found, for rubrics. 'passed' is always among them.
        seconds: Of the whole run; None where unknown.
        output_tokens: None where unknown.
    """

    run: str
    position: int
    key: RunKey
    outcome: Outcome
    reason: str = ""
    done: int = 0
    of: int = 0
    facts: Mapping[str, Fact] = field(default_factory=dict)
    seconds: float | None = None
    output_tokens: int | None = None


class Reading(Struct, frozen=True, omit_defaults=True):
    """An answer with what was asked and said. All of `text` was written by a model: hostile."""

    answer: Answer
    prompt: str
    text: str
    artefacts: tuple[str, ...] = ()  # names, such as 'screenshot.png'
