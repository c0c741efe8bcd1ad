"""Judging: has a draft judged by check and validator, and repaired; None where it must be redone.

Only what was approved here, or repaired here, is ever published as a draft. A check may also be
asked alone. Knows nothing of what
is done instead.
"""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from ossay.core.decision import Called, Ending
from ossay.core.errors import ModelCallError
from ossay.core.types import Reply
from ossay.router.budget import OverBudget
from ossay.router.check import Check
from ossay.router.stage import Upstream
from ossay.router.validation import question, verdict_in
from ossay.router.verdict import Malformed, Verdict, fault_of, repaired
from ossay.router.work import Work


async def judged(work: Work, draft: Reply) -> tuple[Reply, Ending] | None:
    """Return what may be published; None where nothing may, and the account says why.

    The check comes first and the validator sees what it let through. A repair must pass the check
    again. Raises `OverBudget`.
    """
    ending: Ending = "draft"
    validator = work.parts.validator
    judges = [work.check is not None, validator is not None]
    if not any(judges):
        work.account.why = "nobody is there to validate"
        return None
    if work.check is not None:
        passed = await checked(work, work.check, draft)
        if passed is None:
            return None
        if passed is not draft:
            draft, ending = passed, "repair"
    if validator is not None:
        verdict = await _validated(work, validator, draft)
        if verdict is None or not _accepted(work, verdict, "validator"):
            return None
        if verdict.verdict == "repair":
            mended = await _repaired(work, draft, verdict)
            if mended is None:
                return None
            draft, ending = mended, "repair"
    return draft, ending


async def checked(work: Work, check: Check, answer: Reply) -> Reply | None:
    """Return the answer, or the check's repair of it; None where it did not pass."""
    verdict = await _checked(work, check, answer)
    if verdict is None or not _accepted(work, verdict, "check"):
        return None
    return await _repaired(work, answer, verdict) if verdict.verdict == "repair" else answer


async def _checked(work: Work, check: Check, draft: Reply) -> Verdict | None:
    """Run the check; None where it breaks, or takes too long."""
    clock = work.parts.clock
    started = clock.monotonic()
    ended = "left"
    try:
        left_s = min(work.parts.route.deadlines.check, work.ends_at - started)
        async with asyncio.timeout(left_s):
            verdict = await check(work.request, draft.message)
        ended = "answered"
    except TimeoutError:
        ended = "deadline"
    except Exception as error:  # noqa: BLE001  a check that breaks has not approved
        ended = type(error).__name__
    else:
        return verdict
    finally:
        seconds = clock.monotonic() - started
        work.account.calls.append(Called("check", type(check).__name__, ended, seconds=seconds))
    work.account.why = f"check failed: {ended}"
    return None


async def _validated(work: Work, validator: Upstream, draft: Reply) -> Verdict | None:
    """Ask the validator; None where it cannot be heard or what it says is no verdict."""
    account = work.account
    stage = work.stage("validate", validator, whole=True)
    try:
        reply = await stage.reply(question(work.request, draft, rules=work.parts.route.rules))
        return verdict_in(reply)
    except OverBudget:
        raise
    except ModelCallError as error:
        account.why = f"validate failed: {error.kind}"
    except Malformed as error:
        stage.misread()
        account.add_malformed(reply.message.content)
        account.why = f"the verdict is malformed: {error}"
    finally:
        account.calls.append(stage.record())
    return None


def _accepted(work: Work, verdict: Verdict, who: str) -> bool:
    """Keep a verdict; False where the draft must be redone."""
    account = work.account
    wrong = fault_of(verdict)
    if wrong:
        account.add_malformed(str(verdict))
        account.why = f"the verdict is malformed: {wrong}"
        return False
    account.add_verdict(verdict)
    least = max(work.parts.route.approve_from, account.planned.approve_from or 0.0)
    if verdict.verdict == "reject":
        account.why = f"the {who} rejected"
        return False
    if verdict.verdict == "approve" and verdict.score < least:
        account.why = f"the {who} approved with {verdict.score:.3g}, below {least:.3g}"
        return False
    return True


async def _repaired(work: Work, draft: Reply, verdict: Verdict) -> Reply | None:
    """Apply a repair; a check, where there is one, must approve what comes out of it."""
    account = work.account
    message = repaired(draft.message, verdict.edits)
    if message is None:
        account.why = "the repair does not fit the draft"
        return None
    reply = replace(draft, message=message)
    if work.check is not None:
        again = await _checked(work, work.check, reply)
        if again is None or fault_of(again) or again.verdict != "approve":
            account.why = "the repair did not pass the check"
            return None
    account.why = "repaired"
    return reply
