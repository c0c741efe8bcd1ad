"""The live line of a campaign."""

from msgspec.structs import replace

from ossay.campaign.progress import Evidence, Progress
from ossay.cli.live import told
from ossay.core.outcome import Outcome

AT_WORK = Progress(120, 26, 4, {Outcome.PASSED: 20, Outcome.WRONG_ANSWER: 6}, 0.5, 900)


def test_it_says_how_far_the_models_are_told_apart():
    evidence = Evidence(13, 60, 7, 1, 3.1416, 20.0)
    said = told(replace(AT_WORK, evidence=evidence)).plain
    assert "e-value 3.14 of 20 (item 13/60, 7 against 1)" in said
    beyond = told(replace(AT_WORK, evidence=Evidence(60, 60, 60, 0, 1e15, 20.0))).plain
    assert "e-value above 10,000 of 20" in beyond


def test_a_campaign_without_stop_says_nothing_of_it():
    assert told(AT_WORK).plain == "20 passed  6 failed  0 errors  $0.5000"
