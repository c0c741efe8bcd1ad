"""From what happened to the one outcome of a run.

The order of the rules is the definition: infrastructure first, then the grader, then the most
telling cause. Knows nothing of how a grade was found.
"""

from __future__ import annotations

from ossay.agent.behaviour import ends_in_repetition
from ossay.core.outcome import Flag, Outcome
from ossay.core.task import Grade, Transcript


def classify(transcript: Transcript, grade: Grade | None, flags: tuple[Flag, ...]) -> Outcome:
    """Return the outcome of a run; `grade` is None where no grader could judge it."""
    if transcript.stop in ("call_failed", "tool_failed") or grade is None:
        return Outcome.INFRASTRUCTURE_ERROR
    if transcript.stop == "deadline":
        return Outcome.OVER_DEADLINE
    if grade.passed:
        return Outcome.PASSED
    if transcript.stop == "context":
        return Outcome.CONTEXT_EXHAUSTED
    return _failure(transcript, grade, flags)


def _failure(transcript: Transcript, grade: Grade, flags: tuple[Flag, ...]) -> Outcome:
    results = transcript.results
    problems = [result.problem for result in results]
    if not results:
        return Outcome.NO_ACTION if transcript.tools else Outcome.WRONG_ANSWER
    if all(problem == "unknown_tool" for problem in problems):
        return Outcome.HALLUCINATED_API
    if all(problem in ("unknown_tool", "invalid_arguments") for problem in problems):
        return Outcome.WRONG_TOOL_CALL
    if Flag.TOOL_CALL_REDUNDANCY in flags and ends_in_repetition(results):
        return Outcome.TOOL_LOOP
    if transcript.stop == "turns" or not any(result.changed for result in results):
        return Outcome.GAVE_UP_MID_PLAN
    if 0 < grade.done < grade.of:
        return Outcome.PARTIAL_COMPLETE
    return Outcome.WRONG_ANSWER
