"""Route: what its owner sets for one kind of traffic. Knows nothing of where it is written down."""

from __future__ import annotations

from msgspec import Struct, field

from ossay.core.decision import Criticality, PlanName
from ossay.core.errors import CallErrorKind, ConfigError
from ossay.router.criticality import LEVELS

# From the weakest guard to the strongest.
PLANS: tuple[PlanName, ...] = ("cheap", "validate", "finalise", "strong")


class Plans(Struct, frozen=True, forbid_unknown_fields=True):
    """The plan of each criticality."""

    low: PlanName = "cheap"
    medium: PlanName = "validate"
    high: PlanName = "validate"

    def of(self, criticality: Criticality) -> PlanName:
        """The plan of that criticality."""
        plan: PlanName = getattr(self, criticality)
        return plan


class Deadlines(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds that each step may take, retries included; the request's own deadline holds too."""

    draft: float = 60.0
    check: float = 60.0
    validate: float = 60.0
    strong: float = 300.0


class Retries(Struct, frozen=True, forbid_unknown_fields=True):
    """Which failures are tried again, how often, and after how long.

    `attempts` counts the first. A call that had begun to call a tool is never tried again, nor one
    of which the caller has seen anything. A provider that asks for a wait (Retry-After) gets it,
    up to `most_s`; one that asks for a longer one is not asked again.
    """

    attempts: int = 2
    kinds: tuple[CallErrorKind, ...] = ("connection", "rate_limited", "server_error", "cut_off")
    base_s: float = 0.2
    most_s: float = 5.0


class Route(Struct, frozen=True, forbid_unknown_fields=True):
    """How requests of one kind are answered.

    Attributes:
        name: As the log has it.
        criticality: What its requests are at least.
        plans: Without a policy, the plan of each criticality.
        floor: The weakest plan that a policy may choose for each. `high` is never 'cheap'.
        approve_from: The validator's score from which its approval counts.
        rules: What its owner tells the validator.
        deadlines, retries: See there.
        beat_s: A caller that waits for a held answer hears an empty delta this often.
        most_output: Output tokens of a request that says none, where its key has a budget.
        audit_share: Share of published low-criticality drafts that are audited.
        most_escapes: Share of low-criticality requests whose answer may be found wrong by audits;
            beyond that the strong model answers them. None: a policy's alpha, else no bound.
        keep_days: How long bodies are kept; 0 keeps none, only their hashes.
    """

    name: str
    criticality: Criticality = "low"
    plans: Plans = field(default_factory=Plans)
    floor: Plans = field(default_factory=lambda: Plans("cheap", "cheap", "validate"))
    approve_from: float = 0.5
    rules: str = ""
    deadlines: Deadlines = field(default_factory=Deadlines)
    retries: Retries = field(default_factory=Retries)
    beat_s: float = 5.0
    most_output: int = 4_096
    audit_share: float = 0.0
    most_escapes: float | None = None
    keep_days: float = 0.0

    def __post_init__(self) -> None:
        for what, plans in (("plans", self.plans), ("floor", self.floor)):
            if plans.high == "cheap":
                raise ConfigError(
                    f"route {self.name!r}: {what}.high = 'cheap' would publish critical answers "
                    "unvalidated; take 'validate' or 'strong'"
                )
            ranks = [PLANS.index(plans.of(level)) for level in LEVELS]
            if ranks != sorted(ranks):
                raise ConfigError(
                    f"route {self.name!r}: {what} guard a higher criticality less than a lower one"
                )
        shares = (("approve_from", self.approve_from), ("audit_share", self.audit_share))
        for name, share in shares:
            if not 0.0 <= share <= 1.0:
                raise ConfigError(f"route {self.name!r}: {name} = {share!r} must be from 0 to 1")
        if self.most_escapes is not None:
            if not 0.0 < self.most_escapes < 1.0:
                raise ConfigError(
                    f"route {self.name!r}: most_escapes = {self.most_escapes!r} must be between 0 "
                    "and 1"
                )
            if not self.audit_share:
                raise ConfigError(
                    f"route {self.name!r}: most_escapes is watched through audits; set audit_share"
                )
        if self.retries.attempts < 1 or self.beat_s <= 0.0 or self.keep_days < 0.0:
            raise ConfigError(
                f"route {self.name!r}: attempts must be at least 1, beat_s above 0, keep_days 0 or "
                "more"
            )
