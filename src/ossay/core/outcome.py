"""How a run can end: exactly one Outcome, and any number of Flags beside it.

Knows the words, not the rules: `campaign.classify` decides.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The one way in which a run ended."""

    PASSED = "passed"
    WRONG_ANSWER = "wrong_answer"
    PARTIAL_COMPLETE = "partial_complete"
    GAVE_UP_MID_PLAN = "gave_up_mid_plan"
    NO_ACTION = "no_action"
    TOOL_LOOP = "tool_loop"
    WRONG_TOOL_CALL = "wrong_tool_call"
    HALLUCINATED_API = "hallucinated_api"
    CONTEXT_EXHAUSTED = "context_exhausted"
    OVER_DEADLINE = "over_deadline"
    INFRASTRUCTURE_ERROR = "infrastructure_error"

    @property
    def counts(self) -> bool:
        """Whether the run belongs in the denominator of a score."""
        return self is not Outcome.INFRASTRUCTURE_ERROR


class Flag(StrEnum):
    """Behaviour seen in a run, whatever its outcome."""

    TOOL_CALL_REDUNDANCY = "tool_call_redundancy"  # the same call >= 4 times, nothing changed
    TOOL_CALL_IN_PROSE = "tool_call_in_prose"  # a call described in text, never made
    SAID_NOT_DONE = "said_not_done"  # claims work that no tool call did
    EDITED_PROTECTED_FILE = "edited_protected_file"
    INVALID_ARGUMENTS = "invalid_arguments"  # arguments that are not what the tool takes
    UNKNOWN_TOOL = "unknown_tool"  # a tool that does not exist
    TOOL_ERROR = "tool_error"  # a tool call that failed
    OUTPUT_CUT = "output_cut"  # a reply that ended at the token limit
    SANDBOX_LIMIT = "sandbox_limit"  # a command was killed by a limit of the sandbox
    WROTE_OUTSIDE_TASK = "wrote_outside_task"  # changed files that nobody asked for
