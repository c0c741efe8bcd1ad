"""Auditor: a strong model looks at answers that have gone out, off the request path.

It is asked as a validator is, and its verdict is the label. Which answers it sees is drawn by
chance before anything is known of them, and the chance is logged, so that rates can be estimated
without bias. An audit that does not come about is logged too, as one without a verdict. Knows
nothing of what the labels are for.
"""

from __future__ import annotations

import asyncio
import random

from ossay.core.decision import Audit, Called, Log, canonical, digest, entry_id
from ossay.core.errors import ModelCallError, OssayError
from ossay.core.types import Reply, Request
from ossay.router.account import Account
from ossay.router.clock import Clock
from ossay.router.route import Deadlines, Retries
from ossay.router.stage import Means, Stage, Upstream
from ossay.router.validation import question, verdict_in
from ossay.router.verdict import Malformed, Verdict

# Audits that wait for their turn; each holds its request and answer in memory.
MOST_WAITING = 256


class Auditor:
    """Audits in the background, a bounded number at once; a burst waits for its turn.

    Args:
        upstream: The model that judges; its calls are the operator's to pay, no key's.
        log: Where audits go.
        most: Asked at once.
        waiting: More that may wait for that; beyond it, one is logged as not asked.
        rules: What the routes' owner tells it.
    """

    def __init__(
        self,
        upstream: Upstream,
        log: Log,
        *,
        clock: Clock,
        rng: random.Random,
        most: int = 8,
        waiting: int = MOST_WAITING,
        rules: str = "",
    ) -> None:
        self._upstream = upstream
        self._log = log
        self._clock = clock
        self._rng = rng
        self._most = most + waiting
        self._turn = asyncio.Semaphore(most)
        self._open = 0  # asked or waiting; what waits for the log holds no place
        self._rules = rules
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, account: Account, request: Request, reply: Reply) -> None:
        """Begin an audit of an answer, and return at once."""
        full = self._open >= self._most
        self._open += not full
        work = self._audit(account, request, reply, full=full)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for the audits that are on their way."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def aclose(self) -> None:
        """Break off what is on its way; it is logged as one without a verdict."""
        await asyncio.sleep(0)  # a task that has not begun could not log its end
        for task in self._tasks:
            task.cancel()
        await self.settle()

    async def _audit(self, account: Account, request: Request, reply: Reply, *, full: bool) -> None:
        verdict: Verdict | None = None
        call: Called | None = Called("validate", self._upstream.name, "not_asked", attempts=0)
        text = b""
        try:
            if not full:
                async with self._turn:
                    stage = self._stage()
                    try:
                        said = await stage.reply(question(request, reply, rules=self._rules))
                        text = said.message.content.encode("utf-8", "replace")
                        verdict = verdict_in(said)
                    except Malformed:
                        stage.misread()
                    except ModelCallError:
                        pass  # the record says how it failed
                    finally:
                        call = stage.record()
        finally:
            self._open -= not full
            body = canonical(verdict) if verdict is not None else text
            await self._write(account, reply, verdict, body, call)

    async def _write(
        self,
        account: Account,
        reply: Reply,
        verdict: Verdict | None,
        body: bytes,
        call: Called | None,
    ) -> None:
        kept, at = account.kept_until, self._clock.unix()
        audit = Audit(
            id=entry_id(at, self._rng),
            of=account.id,
            at=at,
            chance=account.audit_chance,
            wrong=None if verdict is None else verdict.verdict != "approve",
            answer_hash=digest(canonical(reply.message)),
            ruling="" if verdict is None else verdict.verdict,
            approval=None if verdict is None else verdict.score,
            verdict_hash=digest(body) if body else "",
            call=call,
            kept_until=kept,
        )
        bodies = {audit.verdict_hash: body} if kept and body else {}
        try:
            await self._log.append(audit, bodies, durable=False)
        except OssayError:
            return  # the log counts what it could not write

    def _stage(self) -> Stage:
        deadline_s = Deadlines().strong
        means = Means(
            self._clock,
            self._rng,
            Retries(),
            deadline_s,
            self._clock.monotonic() + deadline_s,
            None,
            0,
            True,
        )
        return Stage("validate", self._upstream, means)
