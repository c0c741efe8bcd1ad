"""POST /v1/embeddings: passed through to the route's model for them, with its row in the log.

Nothing is drafted and nothing can be saved, so in the log it is the strong plan of a route of its
own, 'NAME/embeddings'. Bodies are not kept, their hashes are. Knows nothing of what an embedding
is.
"""

from __future__ import annotations

from msgspec.structs import replace

from ossay.core.decision import Called, Decision, Ending, PlanName, digest, entry_id
from ossay.core.errors import ModelCallError, OssayError
from ossay.core.model import Passed, Passes
from ossay.core.types import Price, Reply, Request, Usage
from ossay.gateway.asking import Asking
from ossay.gateway.hiding import Hiding
from ossay.gateway.house import Lane
from ossay.router.breaker import Pass
from ossay.router.budget import OverBudget, Purse
from ossay.router.criticality import Assessed, assess
from ossay.router.failure import NotAsked, free_of_charge, told_of
from ossay.router.stage import Upstream
from ossay.server.errors import ApiError
from ossay.server.fields import invalid, read_object
from ossay.server.respond import send_body

_PATH = "/embeddings"


async def embeddings(asking: Asking) -> None:
    """Answer one request for embeddings. Raises what the client is to be told, and `Gone`."""
    house, key = asking.house, asking.key
    house.keyring.admit(key)
    header = asking.declared()
    body = await asking.body()
    with house.admission.place():
        model = read_object(body).get("model")
        if not isinstance(model, str):
            raise invalid("model", "must be the name of a route")
        lane = house.lane_of(model, key)
        asking.route = lane.name
        if lane.embeddings is None:
            text = f"the route {lane.name!r} has no model for embeddings"
            raise ApiError(404, text, code="model_not_found", param="model")
        if isinstance(lane.router, Hiding):
            body = lane.router.without(body)
        assessed = assess(
            Request(()),
            route=lane.router.parts.route.criticality,
            key=key.criticality if key is not None else None,
            header=header,
        )
        embedding = _Embedding(asking, lane, lane.embeddings, body, assessed)
        asking.decided = embedding
        with asking.watch():
            kind, answer = await embedding.answer()
            await send_body(asking.send, 200, answer, headers=[], content_type=kind)


class _Embedding:
    """One request and its row."""

    plan: PlanName = "strong"

    def __init__(
        self, asking: Asking, lane: Lane, upstream: Upstream, body: bytes, assessed: Assessed
    ) -> None:
        parts = lane.router.parts
        self._parts = parts
        self._upstream = upstream
        self._body = body
        self._began = parts.clock.monotonic()
        self._deadline_s = asking.house.options.deadline_s
        self._usage = Usage()
        self._cost: float | None = 0.0
        self._purse: Purse | None = None
        self._bound = 0.0
        self.decision: Decision | None = None
        at = parts.clock.unix()
        self._row = Decision(
            id=entry_id(at, parts.rng),
            at=at,
            route=f"{lane.name}/embeddings",
            key=asking.key.name if asking.key is not None else "",
            criticality=assessed.criticality,
            declared=assessed.declared,
            declared_by=assessed.declared_by,
            plan=self.plan,
            plan_why="embeddings are passed through",
            ending="left",
            request_hash=digest(body),
        )

    @property
    def id(self) -> str:
        return self._row.id

    async def answer(self) -> tuple[bytes, bytes]:
        """Return the content type and the body, once the row is on its way."""
        leave: Pass | None = None
        try:
            self._reserve()
            leave = self._upstream.breaker.enter()
            if leave is None:
                raise NotAsked(self._upstream.name, self._upstream.breaker.wait_s)
            kind, answer, reply = await self._ask()
            leave.end("answered")
            self._settle(reply.usage)
            await self._end("strong", "answered", answer=answer, model=reply.model)
        except OverBudget:
            await self._end("refused", "not_asked")
            raise
        except ModelCallError as error:
            if leave is not None:
                leave.end(told_of(error))
                self._settle(None, free=free_of_charge(error))
            ended = "not_asked" if isinstance(error, NotAsked) else error.kind
            await self._end("failed", ended, status=error.status)
            raise
        finally:
            if leave is not None:
                leave.end("no_matter")
            if self.decision is None:
                self._settle(None)
            await self._end("left", "left")
            if self._purse is not None:
                self._purse.close()
        return kind, answer

    async def _ask(self) -> tuple[bytes, bytes, Reply]:
        model = self._upstream.model
        assert isinstance(model, Passes)  # `House` has looked
        passed: Passed | None = None
        try:
            passed = await model.pass_on(_PATH, self._body, deadline_s=self._deadline_s)
            pieces = []
            while piece := await passed.read():
                pieces.append(piece)
            if passed.reply is None:
                raise ModelCallError("cut_off", "the answer ended early")
            return passed.content_type.encode("latin-1"), b"".join(pieces), passed.reply
        finally:
            if passed is not None:
                passed.close()

    @property
    def _price(self) -> Price | None:
        return self._upstream.model.card.price

    def _reserve(self) -> None:
        """Hold what it may cost: a token is at least a byte of what is sent."""
        budget = self._parts.budgets.get(self._row.key)
        if budget is None:
            return
        if self._price is None:
            raise OverBudget(f"{self._upstream.name!r} has no price, so no budget can be kept")
        self._bound = self._price.cost(Usage(input_tokens=len(self._body), output_tokens=0)) or 0.0
        self._purse = budget.reserve(self._bound)

    def _settle(self, usage: Usage | None, *, free: bool = False) -> None:
        """Book it; what nobody knows the price of is charged at its bound."""
        self._cost = 0.0 if free else None
        if usage is not None:
            self._usage = usage
            counted = replace(usage, output_tokens=usage.output_tokens or 0)
            self._cost = None if self._price is None else self._price.cost(counted)
        if self._purse is not None:
            self._purse.charge(self._bound if self._cost is None else self._cost)

    async def _end(
        self,
        ending: Ending,
        ended: str,
        *,
        answer: bytes | None = None,
        model: str = "",
        status: int | None = None,
    ) -> None:
        """Log it, the first time that an ending is known."""
        if self.decision is not None:
            return
        seconds = self._parts.clock.monotonic() - self._began
        call = Called(
            "strong", self._upstream.name, ended, 1, self._usage, self._cost, seconds, status
        )
        self.decision = replace(
            self._row,
            ending=ending,
            calls=(call,),
            cost_usd=self._cost,
            seconds=seconds,
            answer_hash="" if answer is None else digest(answer),
            model=model[:200],
        )
        if self._parts.log is None:
            return
        durable = self._row.criticality == "high" and answer is not None
        try:
            await self._parts.log.append(self.decision, {}, durable=durable)
        except OssayError as error:
            if durable:
                self.decision = replace(self.decision, ending="failed")
                text = "the decision could not be logged"
                raise ModelCallError("server_error", text, status=503, attempts=0) from error
