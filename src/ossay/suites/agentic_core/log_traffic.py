"""A made-up service's traffic with one incident in it: requests, remarks, and what is true of them.

Knows nothing of how a log is written; `log_formats` spells it out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Literal

from ossay.suites.agentic_core.log_causes import BUGS, CAUSES, HOSTS, REMARKS, SERVICES, SETTINGS


@dataclass(frozen=True, slots=True)
class Hit:
    """One answered request. `error` is what it failed on, '' where it was answered well."""

    at: datetime
    rid: str
    method: str
    route: str
    path: str
    status: int
    ms: int
    size: int
    client: str
    error: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said beside the requests."""

    at: datetime
    level: Literal["INFO", "WARN"]
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, and what is true of it: the endpoint, the code, how often and since when."""

    service: str
    release: str
    hits: tuple[Hit, ...]  # in order of time
    remarks: tuple[Remark, ...]
    endpoint: str
    code: str
    count: int
    first: datetime


def tell(rng: random.Random, requests: int, *, ids: bool) -> Story:
    """Make up about `requests` requests; `ids` says whether routes may carry ids."""
    return _Teller(rng, requests, ids).story()


class _Teller:
    """The state of one story while it is made up."""

    def __init__(self, rng: random.Random, requests: int, ids: bool) -> None:
        self.rng = rng
        self.requests = requests
        self.service = rng.choice(list(SERVICES))
        routes = [pair for pair in SERVICES[self.service] if ids or "{" not in pair[1]]
        self.routes = rng.sample(routes, min(len(routes), rng.randint(5, 8)))
        self.endpoint = rng.choice(self.routes)
        self.code = rng.choice(list(CAUSES))
        self.others = [code for code in CAUSES if code not in (self.code, "code_regression")]
        self.zone = self._zone()
        self.start = datetime(
            2026, rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59),
            rng.randint(0, 59), tzinfo=self.zone,
        )  # fmt: skip
        # A second or two between requests, as in a service of some size.
        self.span = requests * rng.uniform(0.8, 4.0)
        self.old, self.new = self._releases()
        self.clients = [self._address() for _ in range(40)]
        self.over = rng.choice((2, 5, 8, 10))  # seconds of a read timeout, connections of a pool
        self.facts = {
            "host": f"{rng.choice(HOSTS)}.internal",
            "volume": rng.choice(HOSTS),
            "size": rng.choice((10, 15, 20, 25, 40)),
            "over": self.over,
            "new": self.new,
            "bug": rng.choice(BUGS),
            "setting": rng.choice(SETTINGS).format(x=rng.choice(HOSTS)),
        }
        self.prefix = rng.choice(("", "req-", "r"))

    def story(self) -> Story:
        rng = self.rng
        failing = max(rng.randint(5, 9), round(self.requests * rng.uniform(0.02, 0.09)))
        begin, length = rng.uniform(0.35, 0.6), rng.uniform(0.12, 0.3)
        bad: list[Hit] = []
        for _ in range(failing):
            at = self._at(rng.uniform(begin, begin + length))
            bad += self._failed(self.endpoint, at, self.code)
        again = max(1, round(failing * rng.uniform(0.1, 0.35)))
        for n, hit in enumerate(rng.sample(bad, again)):
            # One at least goes well in the end, and counts all the same.
            bad += self._retries(hit, recovers=n == 0)
        calm = [hit for _ in range(self.requests - len(bad)) for hit in self._calm(begin, length)]
        count = len({hit.rid for hit in bad if hit.status == 500})
        hits = sorted(calm + bad + self._noise(begin, count), key=lambda hit: hit.at)
        return Story(
            self.service,
            self.new if self.code == "code_regression" else self.old,
            tuple(hits),
            tuple(sorted(self._remarks(begin, length), key=lambda remark: remark.at)),
            self.endpoint[1],
            self.code,
            count,
            min(hit.at for hit in bad),
        )

    def _zone(self) -> tzinfo:
        hours = self.rng.choice((0, 0, 0, 1, 2, -5, 9))
        return timezone(timedelta(hours=hours)) if hours else UTC

    def _releases(self) -> tuple[str, str]:
        major, minor, patch = (
            self.rng.randint(2, 9),
            self.rng.randint(1, 30),
            self.rng.randint(0, 8),
        )
        return f"{major}.{minor}.{patch}", f"{major}.{minor + 1}.0"

    def _address(self) -> str:
        return f"10.{self.rng.randint(0, 60)}.{self.rng.randint(0, 255)}.{self.rng.randint(1, 254)}"

    def _at(self, share: float) -> datetime:
        """The moment at a share of the log's span, in whole milliseconds."""
        return self.start + timedelta(milliseconds=round(share * self.span * 1000))

    def _hit(self, route: tuple[str, str], at: datetime, status: int) -> Hit:
        rng = self.rng
        path = route[1].replace("{id}", str(rng.randint(1000, 99999)))
        if route[0] == "GET" and rng.random() < 0.5:
            path += rng.choice(("?page={n}", "?limit={n}", "?q={n}&sort=asc", "?since={n}")).format(
                n=rng.choice((5, 20, 100, 404, 500, rng.randint(1, 5000)))
            )
        return Hit(
            at,
            f"{self.prefix}{rng.getrandbits(40):010x}",
            route[0],
            route[1],
            path,
            status,
            rng.choice((rng.randint(3, 90), rng.randint(20, 900), rng.randint(495, 505))),
            rng.choice((rng.randint(90, 900), rng.randint(200, 9000))),
            rng.choice(self.clients),
        )

    def _failed(self, route: tuple[str, str], at: datetime, code: str) -> list[Hit]:
        hit = self._hit(route, at, 500)
        return [replace(hit, ms=self._ms(code), error=self._error(code), place=self._place(code))]

    def _ms(self, code: str) -> int:
        """How long a failing request took: the time-outs took their time."""
        waited = {"connection_pool_exhausted": 30_000, "upstream_timeout": self.over * 1000}
        return waited.get(code, 0) + self.rng.randint(3, 400)

    def _error(self, code: str) -> str:
        facts = dict(self.facts)
        if code != self.code:
            facts["host"] = f"{self.rng.choice(HOSTS)}-2.internal"
        n, m = self.rng.randint(2, 9999), self.rng.randint(10_000, 99_999)
        return CAUSES[code].error.format(**facts, n=n, m=m)

    def _place(self, code: str) -> str:
        return f"{self.rng.choice(CAUSES[code].places)}:{self.rng.randint(20, 400)}"

    def _retries(self, hit: Hit, *, recovers: bool) -> list[Hit]:
        """Log the request once or twice more under its id; the first retry fails again.

        `recovers` says that a second one surely comes and goes well.
        """
        rng = self.rng
        first = replace(
            hit,
            at=hit.at + timedelta(milliseconds=rng.randint(40, 2500)),
            ms=self._ms(self.code),
            error=self._error(self.code),
        )
        if not recovers and rng.random() < 0.6:
            return [first]
        later = first.at + timedelta(milliseconds=rng.randint(40, 2500))
        if not recovers and rng.random() < 0.5:
            return [first, replace(first, at=later, error=self._error(self.code))]
        return [
            first,
            replace(first, at=later, status=200, ms=rng.randint(20, 900), error="", place=""),
        ]

    def _calm(self, begin: float, length: float) -> list[Hit]:
        """A request that went well, or badly in a way that is nobody's incident."""
        rng = self.rng
        route = rng.choice(self.routes)
        share = rng.random()
        if route == self.endpoint and begin <= share <= begin + length and rng.random() < 0.7:
            route = rng.choice([other for other in self.routes if other != self.endpoint])
        status = rng.choices(
            (200, 201 if route[0] == "POST" else 304, 404, 401, 429, 503, 502),
            (86, 6, 3, 2, 1, 1, 1),
        )[0]
        hit = self._hit(route, self._at(share), status)
        if rng.random() < 0.02:
            again = hit.at + timedelta(milliseconds=rng.randint(40, 900))
            return [hit, replace(hit, at=again, ms=rng.randint(3, 900))]
        return [hit]

    def _noise(self, begin: float, count: int) -> list[Hit]:
        """500s that are not the incident: on other endpoints, and earlier on the same one."""
        rng = self.rng
        hits: list[Hit] = []
        for route in self.routes:
            if route == self.endpoint:
                continue
            for _ in range(rng.randint(0, max(2, count // 5))):
                hits += self._failed(route, self._at(rng.random()), rng.choice(self.others))
        for _ in range(rng.choice((1, 1, 2, 3))):
            share = rng.uniform(0.02, begin - 0.05)
            hits += self._failed(self.endpoint, self._at(share), rng.choice(self.others))
        return hits

    def _remarks(self, begin: float, length: float) -> list[Remark]:
        rng = self.rng
        said = [
            Remark(
                self._at(rng.random()), "INFO", rng.choice(REMARKS).format(n=rng.randint(3, 900))
            )
            for _ in range(max(3, self.requests // 40))
        ]
        warning = CAUSES[self.code].warning.format(**self.facts)
        for _ in range(rng.randint(1, 3)):
            said.append(Remark(self._at(rng.uniform(begin - 0.2, begin - 0.02)), "WARN", warning))
        if self.code == "code_regression":
            said.append(self._release(begin - 0.01, self.old, self.new))
            said.append(self._release(begin + length + 0.02, self.new, self.old))
        else:
            said.append(Remark(self._at(0.0), "INFO", f"serving release {self.old}"))
        return said

    def _release(self, share: float, was: str, becomes: str) -> Remark:
        return Remark(self._at(share), "INFO", f"release {becomes} is live, was {was}")
