"""What a report says in words: what each outcome and flag means, how a campaign ended.

Verdicts are worded in `stats.verdict` alone. Knows nothing of how the words are laid out.
"""

from __future__ import annotations

from collections import Counter

from ossay.reports import figures
from ossay.reports.summary import Summary

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
    "decided": "the two models that its plan watches were told apart, or shown to be tied",
    "undecidable": "the items left could hardly decide any more between the two models that its "
    "plan watches",
}

# Ways to end that the plan itself asked for: what was not run is no gap.
_BY_PLAN = ("decided", "undecidable")


def plain(code: str) -> str:
    """'gave_up_mid_plan' -> 'gave up mid plan'."""
    return code.replace("_", " ")


def stopped(summary: Summary) -> str:
    """Say that a campaign ended before its plan did, '' where it did not."""
    missing = summary.planned - summary.finished
    if not missing and not summary.stopped:
        return ""
    why = STOPPED.get(summary.stopped, summary.stopped)
    if summary.stopped in _BY_PLAN:
        return f"Over as its plan asked: {why}. {missing:,} of {summary.planned:,} runs not needed."
    because = f", because {why}" if why else ""
    return (
        f"Not complete: {missing:,} of {summary.planned:,} planned runs without a result{because}."
    )


def tally(summary: Summary) -> str:
    """Count the pairs of models by their verdict; '' where none was compared."""
    kinds = Counter(one.verdict.kind for one in summary.findings)
    better = kinds["a_better"] + kinds["b_better"]
    parts = (
        (better, "one model is better"),
        (kinds["tied"], "both are tied"),
        (kinds["not_enough_data"], "the data are not enough"),
        (len(summary.not_compared), "nothing can be compared"),
    )
    said = [f"in {n:,} {what}" for n, what in parts if n]
    pairs = len(summary.findings) + len(summary.not_compared)
    return f"{figures.count(pairs, 'pair')} of models: {', '.join(said)}." if pairs else ""


def unmade(summary: Summary) -> list[str]:
    """Say which pairs could not be compared: the first three with the reason, then how many."""
    lost = summary.not_compared
    said = [f"Can't be compared: {one.why.rstrip('.')}." for one in lost[:3]]
    return said + ([f"{len(lost) - 3:,} more pairs can't be compared."] if len(lost) > 3 else [])


def followed(summary: Summary) -> str:
    """Say how many items the two models of a `[stop]` took, and what that saved; '' without one."""
    found = summary.followed
    if found is None:
        return ""
    aside = f", {found.without_result:,} of them without a result of both" * bool(
        found.without_result
    )
    saved = f" {figures.count(found.runs_saved, 'run')} saved." * bool(found.runs_saved)
    return f"{found.items:,} of {figures.count(found.planned, 'planned item')} used{aside}.{saved}"
