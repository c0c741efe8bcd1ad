"""A project that limits requests: a token bucket for each client."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Limits how often clients may call the $service service. Times are whole seconds and never go
    backwards.

    - Each client has a bucket of its own. It starts full, with as many tokens as the plan's
      `burst`, and gains the plan's `per_second` tokens each second, but never holds more than
      `burst`.
    - A request costs what its kind costs (`COSTS`; a kind that is not listed costs 1). It is
      allowed when the bucket holds at least that many tokens, which are then taken out. A request
      that is refused takes nothing.
    - A client that is not in `CLIENTS` has the plan `$small`.
    - `$wait` tells after how many whole seconds a request that is refused now would be
      allowed if nothing else happened: 0 if it is allowed at once, and `None` if it never will be,
      because it costs more than `burst`.
"""

_PLANS = '''
    """Plans, who has which, and what requests cost."""

    from collections import namedtuple

    Plan = namedtuple("Plan", ["burst", "per_second"])

    PLANS = {
        "$small": Plan(burst=$burst_small, per_second=$rate_small),
        "$large": Plan(burst=$burst_large, per_second=$rate_large),
    }

    CLIENTS = {
        "$client_a": "$large",
        "$client_b": "$small",
    }

    COSTS = {"$cheap": 1, "$dear": $cost}


    def plan_of(client):
        """Return the plan of a client."""
        return PLANS[CLIENTS.get(client, "$small")]


    def cost_of(kind):
        """Return how many tokens a request of that kind takes."""
        return COSTS.get(kind, 1)
'''

_BUCKET = '''
    """One bucket of tokens."""


    class Bucket:
        """Holds up to `burst` tokens and is filled up as time goes by."""

        def __init__(self, plan, now):
            self.plan = plan
            self.tokens = plan.burst
            self.updated = now

        def refill(self, now):
            """Add what has come in since the last time."""
            gained = (now - self.updated) * self.plan.per_second
            self.tokens = min(self.plan.burst, self.tokens + gained)
            self.updated = now

        def take(self, cost, now):
            """Take `cost` tokens if they are there, and return whether they were."""
            self.refill(now)
            if self.tokens >= cost:
                self.tokens -= cost
                return True
            return False

        def $wait(self, cost, now):
            """Return the whole seconds until `cost` tokens are there, None for never."""
            if cost > self.plan.burst:
                return None
            self.refill(now)
            missing = max(0, cost - self.tokens)
            return -(-missing // self.plan.per_second)
'''

_LIMITER = '''
    """Deciding on requests. A request is (second, client, kind)."""

    from $name.bucket import Bucket
    from $name.plans import cost_of, plan_of


    class Limiter:
        """The buckets of all clients."""

        def __init__(self):
            self.buckets = {}

        def bucket(self, client, now):
            """Return the bucket of a client; a new client's is full."""
            if client not in self.buckets:
                self.buckets[client] = Bucket(plan_of(client), now)
            return self.buckets[client]

        def allow(self, now, client, kind):
            """Decide on one request."""
            return self.bucket(client, now).take(cost_of(kind), now)


    def $decide(requests):
        """Return for each request whether it is allowed."""
        limiter = Limiter()
        return [limiter.allow(now, client, kind) for now, client, kind in requests]


    def $wait(requests, request):
        """Return how long `request` has to wait if it comes after `requests`."""
        limiter = Limiter()
        for now, client, kind in requests:
            limiter.allow(now, client, kind)
        now, client, kind = request
        return limiter.bucket(client, now).$wait(cost_of(kind), now)
'''

_TESTS = """
    from $name.limiter import $decide, $wait


    def test_a_burst_is_allowed_then_refused():
        assert $decide([(0, "$client_b", "$cheap")] * ($burst_small + 2)) == <?>


    def test_tokens_come_back():
        calls = [(10, "$client_b", "$cheap")] * ($burst_small + 1) + [(11, "$client_b", "$cheap")]
        assert $decide(calls)[-2:] == [False, True]


    def test_a_bucket_never_holds_more_than_the_burst():
        assert $decide(
            [(0, "$client_b", "$cheap")] + [($long, "$client_b", "$cheap")] * ($burst_small + 1)
        ) == <?>


    def test_clients_do_not_share():
        calls = [(0, "$client_b", "$cheap")] * $burst_small + [(0, "$stranger", "$cheap")]
        assert all($decide(calls))


    def test_kinds_cost_what_they_cost():
        assert $decide([(5, "$client_a", "$dear")] * $dear_calls) == <?>
        assert $decide([(5, "$client_b", "unheard-of")] * ($burst_small + 1)) == <?>


    def test_a_refused_request_takes_nothing():
        assert $decide(
            [(0, "$stranger", "$cheap")] * ($burst_small - 1)
            + [(0, "$stranger", "$dear"), (0, "$stranger", "$cheap")]
        ) == <?>


    def test_wait():
        assert $wait([], (3, "$client_b", "$cheap")) == <?>
        assert $wait([(3, "$client_a", "$dear")] * $fits, (3, "$client_a", "$dear")) == <?>
        assert $wait([(3, "$client_a", "$dear")] * $fits, (4, "$client_a", "$dear")) == <?>


    def test_wait_for_ever():
        assert $wait([], (3, "$client_b", "$dear")) is None
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    burst_small = rng.randint(3, 6)
    cost = burst_small + rng.randint(2, 4)  # never allowed on the small plan
    fits = rng.randint(2, 3)
    spare = rng.randint(0, 1)
    uneven = [rate for rate in (2, 3, 4) if (cost - spare) % rate]
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "service": words.draw("service"),
        "client_a": words.draw("company").lower(),
        "client_b": words.draw("company").lower(),
        "stranger": words.draw("company").lower(),
        "small": rng.choice(("free", "basic", "starter")),
        "large": rng.choice(("team", "pro", "business")),
        "burst_small": burst_small,
        "rate_small": rng.randint(1, 2),
        "burst_large": fits * cost + spare,
        "rate_large": rng.choice(uneven),
        "cheap": rng.choice(("read", "get", "list")),
        "dear": rng.choice(("export", "bulk", "rebuild")),
        "cost": cost,
        "long": rng.randint(40, 90),
        "fits": fits,
        "dear_calls": fits + 1,
        "decide": rng.choice(("decide", "decisions", "allowed")),
        "wait": rng.choice(("wait", "seconds_to_wait", "retry_after")),
    }
    name = values["name"]
    plans, bucket, limiter = (f"{name}/{m}.py" for m in ("plans", "bucket", "limiter"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": "",
            plans: fill(_PLANS, **values),
            bucket: fill(_BUCKET, **values),
            limiter: fill(_LIMITER, **values),
        },
        tests={"tests/test_limiter.py": fill(_TESTS, **values)},
        setup=f"from {name}.limiter import {values['decide']}, {values['wait']}\n",
        probes=_probes(rng, values),
        bugs=(
            Bug(bucket, "min(self.plan.burst, self.tokens + gained)", "self.tokens + gained"),
            Bug(bucket, "if self.tokens >= cost:", "if self.tokens > cost:"),
            Bug(bucket, "-(-missing // self.plan.per_second)", "missing // self.plan.per_second"),
            Bug(bucket, "self.tokens -= cost", "self.tokens -= 1"),
            Bug(bucket, "if cost > self.plan.burst:", "if cost > self.tokens:"),
            Bug(limiter, "take(cost_of(kind), now)", "take(1, now)"),
            Bug(
                limiter,
                "    def __init__(self):\n        self.buckets = {}\n",
                "    buckets = {}\n",
            ),
            Bug(plans, "COSTS.get(kind, 1)", "COSTS.get(kind, 0)"),
            Bug(
                plans,
                f'CLIENTS.get(client, "{values["small"]}")',
                f'CLIENTS.get(client, "{values["large"]}")',
            ),
        ),
    )


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    decide, wait = values["decide"], values["wait"]
    clients = (values["client_a"], values["client_b"], "somebody")
    kinds = (values["cheap"], values["cheap"], values["dear"], "other")
    probes = []
    for _ in range(14):
        now = rng.randint(0, 20)
        requests = []
        for _ in range(rng.randint(8, 24)):
            now += rng.choice((0, 0, 0, 0, 1, 1, 2, 9))
            requests.append((now, rng.choice(clients), rng.choice(kinds)))
        probes.append(f"{decide}({requests!r})")
        last = (now + rng.randint(0, 1), rng.choice(clients), rng.choice(kinds))
        probes.append(f"{wait}({requests!r}, {last!r})")
    for client in clients:
        probes.append(f"{decide}([(1, {client!r}, 'other')] * 40)")
        dear = f"(1, {client!r}, {values['dear']!r})"
        probes.append(f"{decide}([{dear}] * 6)")
        probes += [f"{decide}([{dear}] * {n} + [(1, {client!r}, 'x')] * 20)" for n in (1, 2, 3)]
        probes.append(f"{decide}([(1, {client!r}, 'other')] + [(500, {client!r}, 'other')] * 40)")
        probes += [
            f"{wait}([(1, {client!r}, 'x')] * {n}, (1, {client!r}, {k!r}))"
            for n in range(0, 30, 5)
            for k in kinds[1:]
        ]
    return tuple(probes)
