"""What a campaign's plan asked besides scores, answered: Answers.

Which of two models is better, as far as a `[stop]` followed it, and how predictions came out. A
plan or a commitment that can't be believed is a problem in words and no end of the report. Knows
nothing of how it is shown.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.campaign.forecast import Scored, score_predictions
from ossay.campaign.forecaster import TrackRecord, track_record
from ossay.campaign.plan import Plan, parse_plan
from ossay.campaign.stopping import Followed, follow
from ossay.core.errors import UsageError
from ossay.core.records import CampaignRecord

SEED = 20_260_101  # of the calibration error's interval


class Answers(Struct, frozen=True):
    """`forecast` sums up the predictions of this campaign alone.

    `problems` says what could not be worked out, a sentence each.
    """

    plan: Plan | None = None
    followed: Followed | None = None
    scored: tuple[Scored, ...] = ()
    forecast: TrackRecord | None = None
    problems: tuple[str, ...] = ()


def answers_of(record: CampaignRecord) -> Answers:
    """Answer what the plan asked. Pure; a record without a plan asked nothing."""
    if not record.plan_toml:
        return Answers()
    try:
        plan = parse_plan(record.plan_toml, source=f"campaign {record.name!r}")
        followed = follow(record)
    except UsageError as error:
        return Answers(problems=(f"The plan can't be read: {str(error).rstrip('.')}.",))
    try:
        scored = score_predictions(record)
    except (UsageError, OverflowError, ValueError) as error:  # costs of a pack may have no sum
        problem = f"The predictions can't be scored: {str(error).rstrip('.')}."
        return Answers(plan, followed, problems=(problem,))
    return Answers(plan, followed, scored, _forecast(scored))


def _forecast(scored: tuple[Scored, ...]) -> TrackRecord | None:
    from numpy.random import PCG64, Generator

    if not scored:
        return None
    return track_record(scored[0].forecaster, scored, Generator(PCG64(SEED)))
