"""gateway.toml as Structs: what its owner sets. Every error names the line.

Only the text is looked at: files that it names are read, and models opened, by whoever assembles
the gateway. Knows nothing of sockets, of models or of where the text was.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from ossay.core.decision import Criticality
from ossay.router.breaker import BreakerLimits
from ossay.router.detectors import NAMES as DETECTORS
from ossay.router.route import Deadlines, Plans, Retries, Route

Share = Annotated[float, Meta(ge=0.0, le=1.0, description="a share from 0 to 1")]
Bound = Annotated[float, Meta(gt=0.0, lt=1.0, description="a share above 0 and below 1")]
Positive = Annotated[float, Meta(gt=0.0, lt=1e9, description="a number above 0")]
NotNegative = Annotated[float, Meta(ge=0.0, lt=1e9, description="a number from 0")]
Count = Annotated[int, Meta(ge=1, le=10**9, description="a whole number from 1")]
Number = Annotated[int, Meta(ge=0, le=10**9, description="a whole number from 0")]
PortNumber = Annotated[int, Meta(ge=0, le=65_535, description="a port from 0 to 65535")]
Workers = Annotated[int, Meta(ge=0, le=256, description="a whole number from 0 to 256")]
Reference = Annotated[
    str,
    Meta(
        pattern=r"^[^\s/]+/\S+$",
        max_length=500,
        description="a model as provider/name, such as 'groq/openai/gpt-oss-120b' or "
        "'scripted/expert'",
    ),
]
References = Annotated[
    str | tuple[Reference, ...],
    Meta(description="a model as provider/name, or a list of them"),
]
Sha256 = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{64}$",
        description="the SHA-256 of the key, 64 hexadecimal digits; `ossay gateway --new-key NAME` "
        "makes both",
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=4_000, description="text in quotes")]
Command = Annotated[
    tuple[Text, ...],
    Meta(min_length=1, description="a command and its arguments, such as ['pytest', '-q']"),
]


class GatewayTable(Struct, frozen=True, forbid_unknown_fields=True):
    """[gateway]: what holds for all routes.

    Attributes:
        host, port: Where it listens; port 0 takes any that is free.
        log: The decision log: a path beside this file, postgresql://USER@HOST/DATABASE, or
            env:NAME, an environment variable that holds the one or the other.
        default: The route of a request whose model is no route's name; '' refuses it, but for a
            file with one route.
        workers: Processes; 0 is one a core.
        queue: Requests in flight, beyond which 429 is said; of each process.
        max_body_mib: Largest body of a request, in MiB.
        deadline_s: For one answer.
        drain_s: For answers that run when it is told to stop.
        detectors: What is looked for in requests, to raise their criticality.
        redact: What is taken out of bodies before the log keeps them.
    """

    host: Text = "127.0.0.1"
    port: PortNumber = 8080
    log: Text = "decisions.db"
    default: str = ""
    workers: Workers = 1
    queue: Count = 1_024
    max_body_mib: Positive = 8.0
    deadline_s: Positive = 600.0
    drain_s: NotNegative = 30.0
    detectors: tuple[str, ...] = DETECTORS
    redact: tuple[str, ...] = ()


class CheckTable(Struct, frozen=True, forbid_unknown_fields=True):
    """check = { … }: an executable check of each draft that is to be validated.

    Attributes:
        schema: A file with a JSON Schema that the draft must follow, or
        command: a command that is run in the sandbox; exit code 0 approves, another rejects.
        file: The draft's name in the command's folder.
        files: A folder whose files lie beside it: tests, for example.
        code: Whether the draft is the one fenced code block in the answer, not the answer.
        wall_s, memory_mib: What the command may use.
    """

    schema: Text | None = None
    command: Command | None = None
    file: Text = "draft.txt"
    files: Text | None = None
    code: bool = False
    wall_s: Positive = 30.0
    memory_mib: Count = 1_024


class RouteTable(Struct, frozen=True, forbid_unknown_fields=True):
    """[routes.NAME]: the models of one kind of traffic and how they are used.

    Attributes:
        cheap: Drafts, or answers alone.
        strong: Answers what must not be cheap; one after another, until one does.
        validator: Judges drafts; None: only a check can approve one.
        auditor: Judges a share of what went out; None: the first of `strong`.
        embeddings: Where /v1/embeddings goes; None: nowhere.
        policy: A calibrated policy's file, which then chooses the plan above the floor.
        cache_s: How long an answer may be given again to the same request; 0: never.
        redact_upstream: Whether what `redact` lists is kept from the models as well.
        breaker: When a model is left alone; one that several routes name needs the same in each.
        check: See `CheckTable`.

    All others are those of `router.route.Route`.
    """

    cheap: Reference
    strong: References
    validator: Reference | None = None
    auditor: Reference | None = None
    embeddings: Reference | None = None
    criticality: Criticality = "low"
    plans: Plans = field(default_factory=Plans)
    floor: Plans = field(default_factory=lambda: Plans("cheap", "cheap", "validate"))
    policy: Text | None = None
    approve_from: Share = 0.5
    rules: Annotated[str, Meta(max_length=100_000, description="text in quotes")] = ""
    deadlines: Deadlines = field(default_factory=Deadlines)
    retries: Retries = field(default_factory=Retries)
    beat_s: Positive = 5.0
    most_output: Count = 4_096
    audit_share: Share = 0.0
    most_escapes: Bound | None = None
    keep_days: NotNegative = 0.0
    cache_s: NotNegative = 0.0
    redact_upstream: bool = False
    breaker: BreakerLimits = field(default_factory=BreakerLimits)
    check: CheckTable | None = None

    @property
    def strongs(self) -> tuple[str, ...]:
        """The strong models, in turn."""
        return (self.strong,) if isinstance(self.strong, str) else self.strong

    @property
    def judge(self) -> str:
        """The auditor's reference."""
        return self.auditor or self.strongs[0]

    @property
    def references(self) -> tuple[str, ...]:
        """Every model that this route may ask, each once."""
        auditor = (self.judge,) if self.audit_share else ()
        named = (self.cheap, self.validator, *self.strongs, *auditor, self.embeddings)
        return tuple(dict.fromkeys(one for one in named if one is not None))

    def route(self, name: str) -> Route:
        """The route as the router knows it. Raises `ConfigError`."""
        return Route(
            name,
            criticality=self.criticality,
            plans=self.plans,
            floor=self.floor,
            approve_from=self.approve_from,
            rules=self.rules,
            deadlines=self.deadlines,
            retries=self.retries,
            beat_s=self.beat_s,
            most_output=self.most_output,
            audit_share=self.audit_share,
            most_escapes=self.most_escapes,
            keep_days=self.keep_days,
        )


class KeyTable(Struct, frozen=True, forbid_unknown_fields=True):
    """[keys.NAME]: who may ask, for what and for how much.

    Attributes:
        sha256: Of the key, in hexadecimal.
        routes: Which it may ask; none named: all.
        criticality: What its requests are at least.
        budget_usd: What it may spend in a period; None: no limit.
        budget_days: The period's length; periods are counted from 1970-01-01 UTC.
        requests_per_minute: None: no limit.
    """

    sha256: Sha256
    routes: tuple[str, ...] = ()
    criticality: Criticality | None = None
    budget_usd: Positive | None = None
    budget_days: Positive = 30.0
    requests_per_minute: Count | None = None


class GatewayFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; routes and keys by name, in the order in which they are written."""

    routes: dict[str, RouteTable]
    gateway: GatewayTable = field(default_factory=GatewayTable)
    keys: dict[str, KeyTable] = field(default_factory=dict)

    @property
    def default(self) -> str:
        """The route of requests that name none; '' where such a request is refused."""
        if self.gateway.default:
            return self.gateway.default
        return next(iter(self.routes)) if len(self.routes) == 1 else ""


def read_gateway(text: str, *, source: str) -> GatewayFile:
    """Read the file's text; `source` is what errors call it. Raises `ConfigError`."""
    from ossay.gateway.decode import Document
    from ossay.gateway.sense import check_sense

    document = Document(text, source=source)
    file = document.decode(GatewayFile)
    check_sense(document, file)
    return file
