"""What a report says in words: what each outcome and flag means, and what a comparison allows.

Knows nothing of how the words are laid out.
"""

from __future__ import annotations

from collections.abc import Sequence

from ossay.reports.summary import Comparison, Summary

OUTCOMES: dict[str, str] = {
    "passed": "The grader accepted the work.",
    "wrong_answer": "The model finished, and the grader rejected the result.",
    "partial_complete": "Part of the work is right, not all of it.",
    "gave_up_mid_plan": "Ran out of turns, or stopped without having changed anything.",
    "no_action": "Never called a tool.",
    "tool_loop": "Ended repeating one tool call that changed nothing.",
    "wrong_tool_call": "No tool call could be carried out: unknown tools or unusable arguments.",
    "hallucinated_api": "Every tool call named a tool that does not exist.",
    "context_exhausted": "The conversation grew longer than the model's context.",
    "over_deadline": "The time allowed for the run was used up.",
    "infrastructure_error": "The provider, network or machine failed. Not the model's fault: left "
    "out of the score.",
}

FLAGS: dict[str, str] = {
    "tool_call_redundancy": "Made the same call four or more times while nothing changed.",
    "tool_call_in_prose": "Described a tool call in text and never made it.",
    "said_not_done": "Claimed work that no tool call did.",
    "edited_protected_file": "Changed a file that had to stay as it was.",
    "invalid_arguments": "Called a tool with arguments that it does not take.",
    "unknown_tool": "Called a tool that does not exist.",
    "tool_error": "Made a tool call that failed.",
    "output_cut": "A reply was cut off at the limit of output tokens.",
    "sandbox_limit": "A command was stopped at a limit of the sandbox.",
    "wrote_outside_task": "Changed files that nobody asked it to change.",
}

STOPPED: dict[str, str] = {
    "max_usd": "the campaign's limit on money was reached",
    "max_minutes": "the campaign's limit on time was reached",
    "max_tokens": "the campaign's limit on tokens was reached",
    "cost_unknown": "a limit on money or tokens could no longer be kept: a provider did not count "
    "the tokens of a call",
    "interrupted": "the campaign was interrupted",
}

# More pairs of models than this are counted, not listed.
_LISTED_PAIRS = 6

_NO_RANK = "this data cannot rank them."
_NO_WINNER = "No winner is named here: that takes a test that pairs the runs on the same instances."


def plain(code: str) -> str:
    """'gave_up_mid_plan' -> 'gave up mid plan'."""
    return code.replace("_", " ")


def stopped(summary: Summary) -> str:
    """Say that a campaign ended before its plan did, '' where it did not."""
    missing = summary.planned - summary.finished
    if not missing and not summary.stopped:
        return ""
    why = STOPPED.get(summary.stopped, summary.stopped)
    because = f", because {why}" if why else ""
    return (
        f"Not complete: {missing:,} of {summary.planned:,} planned runs without a result{because}."
    )


def ranking(summary: Summary) -> list[str]:
    """Say what the intervals allow to be said of the models; no winner is ever named."""
    pairs = summary.comparisons
    overlapping = [pair for pair in pairs if pair.overlap]
    apart = [pair for pair in pairs if pair.overlap is False]
    unknown = [pair for pair in pairs if pair.overlap is None]
    if pairs and len(overlapping) == len(pairs):
        who = "The two models'" if len(pairs) == 1 else f"All {len(summary.models)} models'"
        return [f"{who} intervals overlap: {_NO_RANK}"]
    said = []
    if overlapping:
        said.append(f"{_name(overlapping, summary)}: intervals overlap: {_NO_RANK}")
    if apart:
        said.append(f"{_name(apart, summary)}: intervals do not overlap. {_NO_WINNER}")
    if unknown:
        said.append(f"{_name(unknown, summary)}: no counted runs to compare.")
    return said


def _name(pairs: Sequence[Comparison], summary: Summary) -> str:
    """'A and B, A and C', or '34 of 66 pairs of models'."""
    if len(summary.comparisons) > _LISTED_PAIRS:
        return f"{len(pairs)} of {len(summary.comparisons)} pairs of models"
    marks = {model.reference: model.mark for model in summary.models}
    return ", ".join(f"{marks[pair.first]} and {marks[pair.second]}" for pair in pairs)
