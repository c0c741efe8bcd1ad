"""A calibrated policy in the gateway: it chooses, it expires, and both are said."""

import asyncio
import json
import random
from contextlib import chdir

import numpy as np
import pytest
from msgspec.structs import replace

from ossay.cli.gateway_parts import Gateway
from ossay.cli.gateway_source import Source
from ossay.core.graded import Graded
from ossay.core.types import Message, Request
from ossay.router.calibrate import Aim, Provenance, calibrate
from ossay.router.costs import Prices
from ossay.router.policy import digest_of
from ossay.router.policy_file import encode_policy
from ossay.router.work import Caller

FILE = """\
[routes.support]
cheap = "scripted/drafter?wrong=0&slip=0"
validator = "scripted/validator"
strong = "scripted/expert"
policy = "policy.json"
"""
PINS = {
    "cheap": "scripted/drafter?wrong=0&slip=0",
    "strong": "scripted/expert",
    "validator": "scripted/validator",
}
EASY, HARD = "what colour is the sky", "prove the theorem of primes"


def rows():
    rng = random.Random(1)
    for _ in range(1_600):
        hard = rng.random() < 0.4
        yield Graded(
            HARD if hard else EASY,
            cheap_right=float(rng.random() < (0.4 if hard else 0.995)),
            strong_right=1.0,
            stratum="support/low",
        )


@pytest.fixture(scope="module")
def policy():
    made = Provenance("cheap", "strong", pins=PINS, made_at=1e9, made_with="0.1.0")
    return calibrate(
        tuple(rows()), Aim(0.05), made, np.random.default_rng(0), prices=Prices.of_ratio(20.0)
    ).policy


@pytest.fixture
def opened(policy, tmp_path):
    """(file, policy, questions) -> notes, and what the log says of each question."""

    def run(text=FILE, policy=policy, questions=(), **asked):
        (tmp_path / "gateway.toml").write_text(text)
        (tmp_path / "policy.json").write_bytes(encode_policy(policy))

        async def main():
            gateway = Gateway(Source(tmp_path / "gateway.toml"), environ={})
            try:
                house = await gateway.open()
                found = []
                for question in questions:
                    request = Request((Message("user", question),))
                    serving = house.lanes["support"].router.ask(request, Caller(**asked))
                    async for _ in serving.stream():
                        pass
                    found.append(serving.decision)
                await house.aclose()
                return gateway.notes, found
            finally:
                await gateway.aclose()

        with chdir(tmp_path):
            return asyncio.run(main())

    return run


def test_it_chooses_by_the_question(opened, policy):
    notes, (easy, hard) = opened(questions=(EASY, HARD))
    assert notes == []
    assert (easy.plan, easy.stratum, easy.policy) == ("cheap", "support/low", policy.digest)
    assert hard.plan == "strong"


def test_what_it_was_not_calibrated_for_goes_to_the_strong_model(opened):
    notes, (decision,) = opened(questions=(EASY,), header="medium")
    assert notes == []
    assert (decision.plan, decision.plan_why) == (
        "strong",
        "the policy does not know the stratum",
    )


def test_it_expires_with_the_cheap_model_and_says_so(opened):
    notes, (decision,) = opened(FILE.replace("slip=0", "slip=0.1"), questions=(EASY,))
    assert "the policy has expired" in notes[0]
    assert "slip=0.1" in notes[0]
    assert (decision.plan, decision.plan_why) == ("strong", "the policy has expired: cheap changed")


@pytest.fixture(scope="module")
def with_tasks():
    """A policy whose gate was told the task of each row."""
    made = Provenance("cheap", "strong", pins=PINS, made_at=1e9, made_with="0.1.0")
    told = tuple(replace(row, task="hard" if row.query == HARD else "easy") for row in rows())
    return calibrate(
        told, Aim(0.05), made, np.random.default_rng(0), prices=Prices.of_ratio(20.0)
    ).policy


def test_a_policy_whose_gate_knows_tasks_counts_as_expired(opened, with_tasks):
    notes, (decision,) = opened(policy=with_tasks, questions=(EASY,))
    assert "trained with tasks ('easy, hard'), and requests name none" in notes[0]
    assert (decision.plan, decision.score) == ("strong", None)


def test_a_check_and_a_dry_run_show_that_tasks_expired_it(ossay, with_tasks, tmp_path):
    kept = 'log = "decisions.db"\n'
    (tmp_path / "gateway.toml").write_text(f"[gateway]\n{kept}\n{FILE}keep_days = 1\n")
    (tmp_path / "policy.json").write_bytes(encode_policy(with_tasks))
    done = ossay("gateway", "gateway.toml", "--check", "--json", cwd=tmp_path)
    (route,) = json.loads(done.stdout)["routes"]
    assert "trained with tasks ('easy, hard')" in route["expired"][0]
    assert route["does"]["low"].startswith("strong: ")

    async def serve():
        gateway = Gateway(Source(tmp_path / "gateway.toml"), environ={})
        house = await gateway.open()
        async for _ in (
            house.lanes["support"].router.ask(Request((Message("user", EASY),)), Caller()).stream()
        ):
            pass
        await house.aclose()
        await gateway.aclose()

    with chdir(tmp_path):
        asyncio.run(serve())
    done = ossay("gateway", "gateway.toml", "--dry-run", "decisions.db", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert [(cell["then"], cell["now"]) for cell in found["cells"]] == [("strong", "strong")]
    assert "trained with tasks" in found["notes"][0]


def test_a_policy_for_other_traffic_is_told(opened, policy):
    (stratum,) = policy.strata
    other = replace(policy, strata=(replace(stratum, name=""),))
    notes, (decision,) = opened(policy=replace(other, digest=digest_of(other)), questions=(EASY,))
    assert "--gateway" in notes[0]
    assert decision.plan == "strong"


def test_an_edited_policy_is_refused(ossay, policy, tmp_path):
    (tmp_path / "gateway.toml").write_text(FILE)
    (tmp_path / "policy.json").write_bytes(encode_policy(replace(policy, alpha=0.5)))
    done = ossay("gateway", "gateway.toml", "--check", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("gateway.toml:5: policy.json: it was edited after it was")


def test_what_it_would_do_by_criticality(ossay, policy, tmp_path):
    (tmp_path / "gateway.toml").write_text(FILE)
    (tmp_path / "policy.json").write_bytes(encode_policy(policy))
    done = ossay("gateway", "gateway.toml", "--check", "--json", cwd=tmp_path)
    (route,) = json.loads(done.stdout)["routes"]
    assert route["policy"] == policy.digest
    assert route["does"]["low"].startswith("as the policy says (about ")
    assert "does not know" in route["does"]["high"]
