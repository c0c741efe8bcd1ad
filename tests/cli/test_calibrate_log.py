"""`ossay calibrate` on what was lived through: a gateway's log, a campaign; and for a gateway."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from ossay.cli.gateway_parts import Gateway
from ossay.cli.gateway_source import Source
from ossay.router.policy import Chooser
from ossay.router.policy_file import decode_policy
from ossay.store.decisions import open_decisions

RIGHT = {"add": 0.98, "sort": 0.95, "prove": 0.4, "sue": 0.1}
LEVELS = ("low", "medium")
GATEWAY = """
[gateway]
log = "decisions.db"
default = "support"

[routes.support]
cheap = "scripted/drafter?wrong=0.3"
validator = "scripted/validator"
strong = ["scripted/expert"]
criticality = "low"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, decision, audit, asking, call):
    """A log of 2,400 drafts, half of them audited, an old model's beside them; a gateway file."""
    folder = tmp_path_factory.mktemp("lived")
    rng = random.Random(1)

    async def write(log):
        for number in range(2_400):
            word = rng.choice(list(RIGHT))
            query = f"{word} this, number {number}"
            more = {"kept_until": 0.0} if number < 100 else {}
            one = decision(number, query, audit_chance=0.5, audited=rng.random() < 0.5,
                           calls=[call("draft", model="scripted/drafter")], **more)  # fmt: skip
            name, body = asking(query)
            await log.append(one, {} if more else {name: body}, durable=False)
            if one.audited:
                entry = audit(one, rng.random() > RIGHT[word])
                await log.append(entry, {}, durable=False)
        for number in range(2_400, 2_420):
            one = decision(number, plan="strong", ending="strong", criticality="high",
                           calls=[call("strong", model="scripted/expert")])  # fmt: skip
            await log.append(one, dict([asking("what?")]), durable=False)

    with open_decisions(str(folder / "decisions.db"), create=True) as log:
        asyncio.run(write(log))
    (folder / "gateway.toml").write_text(GATEWAY)
    return folder


def test_a_log_gives_a_promise_about_what_was_audited(ossay, folder):
    done = ossay("calibrate", "--log", "decisions.db", "--alpha", "0.1", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "With 90% confidence, at most 10% of the answers that scripted/drafter gives are wrong."
    )
    for part in ("estimand selective", "unknown", "the log has no such label: it is taken for "
                 "right", "support/low: 1,1", "No row of support/high (20 requests)",
                 "requests left out: their text is not kept (keep_days)"):  # fmt: skip
        assert part in done.stdout
    assert "best single" not in done.stdout


def test_what_nobody_knows_is_null(ossay, folder):
    words = ("--log", "decisions.db", "--alpha", "0.1", "--estimand", "escape", "--json")
    found = json.loads(ossay("calibrate", *words, cwd=folder).stdout)
    assert found["strong_known"] is False
    assert found["unit"] == "USD"
    assert found["expected"]["always_strong"]["right"] is None
    assert found["expected"]["policy"]["right"] is None
    assert found["expected"]["always_cheap"]["right"] == pytest.approx(0.6, abs=0.1)
    assert found["expected"]["always_strong"]["cost"] == pytest.approx(0.02)
    assert found["pins"]["data"].startswith("log ")


def test_a_policy_for_a_route_is_taken_by_the_gateway_until_something_changes(ossay, folder):
    words = ("--log", "decisions.db", "--alpha", "0.1", "--gateway", "gateway.toml")
    done = ossay("calibrate", *words, "--out", "policy.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    policy = decode_policy((folder / "policy.json").read_bytes(), source="policy.json")
    assert [one.name for one in policy.strata] == ["support/low"]
    chooser = Chooser(policy)
    assert chooser.choose("add this, number 1005", stratum="support/low").plan == "publish"
    assert chooser.choose("sue this, number 1005", stratum="support/low").plan == "redo"

    def expired(text):
        file = folder / "with_policy.toml"
        file.write_text(text.replace('criticality = "low"', 'policy = "policy.json"'))
        gateway = Gateway(Source(file))
        asyncio.run(gateway.aclose())
        return [change.what for change in gateway.expired["support"]]

    assert expired(GATEWAY) == []
    assert expired(GATEWAY.replace("wrong=0.3", "wrong=0.4")) == ["cheap"]
    assert expired(GATEWAY + 'rules = "Be strict."\n') == ["prompts"]
    assert expired(GATEWAY.replace("scripted/expert", "scripted/faulty")) == ["strong"]


@pytest.fixture(scope="module")
def routing(folder):
    rng = random.Random(2)
    rows = [
        f"{word} it {n},{rng.random() < RIGHT[word]},{rng.random() < 0.95},{LEVELS[n % 2]}"
        for n in range(1_600)
        for word in [rng.choice(list(RIGHT))]
    ]
    (folder / "routing.csv").write_text("query,small,big,level\n" + "\n".join(rows) + "\n")
    return ("--records", "routing.csv", "--cheap", "small", "--strong", "big", "--alpha", "0.1")


def test_records_for_a_route_take_its_pins_and_the_names_of_its_strata(ossay, folder, routing):
    more = ("--gateway", "gateway.toml", "--route", "support", "--json")
    found = json.loads(ossay("calibrate", *routing, *more, cwd=folder).stdout)
    assert [one["name"] for one in found["strata"]] == ["support/low"]
    assert set(found["pins"]) == {"cheap", "strong", "validator", "prompts", "data", "gate"}
    parted = ossay("calibrate", *routing, *more, "--stratum", "level", cwd=folder).stdout
    assert [one["name"] for one in json.loads(parted)["strata"]] == [
        "support/low", "support/medium",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "give the largest risk that you accept"),
        (("--alpha", "0.1"), "give one source: --records FILE, --campaign NAME or --log LOG"),
        (("--alpha", "0.1", "--records", "x", "--log", "y"), "give one source"),
        (("--alpha", "0.1", "--records", "routing.csv"), "needs the models' columns: --cheap"),
        (("--alpha", "0.1", "--log", "decisions.db", "--task", "x"), "--task names a column"),
        (("--alpha", "0.1", "--log", "none.db"), "no decision log at"),
        (("--alpha", "0.1", "--log", "decisions.db", "--cheap", "lab/old"), "another model"),
        (("--alpha", "0.1", "--records", "routing.csv", "--since", "1d"), "--since is a time of"),
        (("--alpha", "0.1", "--log", "decisions.db", "--gateway", "gateway.toml",
          "--route", "suport"), "no route 'suport'"),
        (("--alpha", "0.1", "--route", "support"), "give that with --gateway FILE"),
        (("--seeded",), "--seeded needs a model and answers"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(ossay, folder, words, says):
    done = ossay("calibrate", *words, cwd=folder)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_stratum_that_no_gateway_names_is_refused(ossay, folder, routing):
    words = ("--gateway", "gateway.toml", "--stratum", "query")
    done = ossay("calibrate", *routing, *words, cwd=folder)
    assert "is none of route 'support'" in done.stderr


def test_a_gate_for_a_gateway_is_not_told_tasks(ossay, folder):
    """Columns 'task' and 'subject' are taken unasked, but no request says what it is."""
    rng = random.Random(3)
    words = [rng.choice(list(RIGHT)) for _ in range(800)]
    rows = [f"it {n},{w},{rng.random() < RIGHT[w]},1" for n, w in enumerate(words)]
    (folder / "subjects.csv").write_text("query,subject,small,big\n" + "\n".join(rows) + "\n")
    words = ("calibrate", "--records", "subjects.csv", "--cheap", "small", "--strong", "big",
             "--alpha", "0.1", "--out", "tasks.json")  # fmt: skip

    def tasks_and_said(*more):
        done = ossay(*words, *more, cwd=folder)
        assert done.returncode == 0, done.stderr
        policy = decode_policy((folder / "tasks.json").read_bytes(), source="tasks.json")
        return policy.gate.tasks, "The rows' tasks were left out" in done.stdout

    assert tasks_and_said() == (tuple(sorted(RIGHT)), False)
    assert tasks_and_said("--gateway", "gateway.toml") == ((), True)


def test_the_same_log_and_seed_give_the_same_policy(ossay, folder):
    words = ("calibrate", "--log", str(Path(folder / "decisions.db")), "--alpha", "0.1", "--json")
    one, two = (json.loads(ossay(*words, cwd=folder).stdout)["digest"] for _ in range(2))
    assert one == two
