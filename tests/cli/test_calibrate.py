"""`ossay calibrate`, as it is run: straight from a file to a policy, or to 'infeasible'."""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ossay.router.policy import Chooser
from ossay.router.policy_file import decode_policy

OSSAY = Path(sys.executable).with_name("ossay")


def ossay(folder, *options):
    command = [
        OSSAY,
        "calibrate",
        "--records",
        "routing.csv",
        "--cheap",
        "small",
        "--strong",
        "big",
    ]
    return subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A file of 1,200 queries: two easy words, two hard ones; a validator; a route."""
    folder = tmp_path_factory.mktemp("calibrate")
    rng = random.Random(1)
    with (folder / "routing.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["prompt", "small", "big", "judge", "route", "small:cost_usd", "big:cost_usd"]
        )
        for place in range(1_200):
            word, chance = rng.choice([("add", 0.98), ("sort", 0.95), ("prove", 0.5), ("sue", 0.2)])
            small = rng.random() < chance
            judge = rng.random() < (0.95 if small else 0.1)
            route = ("chat", "\x1b[31mmail")[place % 2]
            big = rng.random() < 0.95
            query = f"{word} this, number {place}"
            rows.writerow([query, small, big, int(judge), route, 0.001, 0.02])
    return folder


def test_the_promise_comes_first_and_the_policy_is_written(folder):
    done = ossay(folder, "--alpha", "0.05", "--out", "policy.json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "With 90% confidence, at most 5% of all requests get a wrong answer from small where big "
        "would have been right."
    )
    assert lines[1].startswith("estimand escape, alpha 0.05, delta 0.1; 600 calibration rows")
    for part in ("this policy", "always small", "always big", "best single: big", "Tuning by hand"):
        assert part in done.stdout
    policy = decode_policy((folder / "policy.json").read_bytes(), source="policy.json")
    chooser = Chooser(policy)
    assert chooser.choose("add this, number 5").plan == "publish"
    assert chooser.choose("sue this, number 5").plan == "redo"


def test_json_prints_the_figures_without_the_weights(folder):
    done = ossay(
        folder, "--alpha", "0.1", "--estimand", "selective", "--json", "--pin", "prompts=ab"
    )
    found = json.loads(done.stdout)
    assert found["feasible"]
    assert found["estimand"] == "selective"
    assert found["unit"] == "USD"
    assert found["pins"]["prompts"] == "ab"
    assert set(found["pins"]) == {"cheap", "strong", "prompts", "data", "gate"}
    (stratum,) = found["strata"]
    assert 0 < stratum["upper_bound"] <= 0.1
    assert found["saved"] == pytest.approx(stratum["saved"])
    assert found["naive"][0]["method"] == "naive"
    assert "words" not in done.stdout
    assert json.loads(ossay(folder, "--alpha", "0.1", "--json").stdout)["estimand"] == "escape"


def test_the_same_command_prints_the_same(folder):
    one, two = (ossay(folder, "--alpha", "0.05", "--json").stdout for _ in range(2))
    assert one == two != ossay(folder, "--alpha", "0.05", "--seed", "1", "--json").stdout


def test_a_validator_and_strata(folder):
    prices = ("--prices", "0.001,0.02,0.002")
    checked = ossay(folder, "--alpha", "0.03", "--validator", "judge", *prices, "--json")
    (stratum,) = json.loads(checked.stdout)["strata"]
    assert stratum["validated"] > 0
    assert stratum["break_even"] == pytest.approx(0.85)
    errors = json.loads(checked.stdout)["validator_errors"]
    assert (
        errors["false_accept"]["interval"]["low"] < 0.1 < errors["false_accept"]["interval"]["high"]
    )
    said = ossay(folder, "--alpha", "0.03", "--validator", "judge", *prices).stdout
    assert "judge approved" in said
    assert "validated from" in said
    shown = ossay(folder, "--alpha", "0.1", "--stratum", "route").stdout
    assert "in each stratum at once" in shown
    assert "\x1b" not in shown
    assert "␛[31mmail" in shown


def test_infeasible_is_an_answer(folder):
    done = ossay(folder, "--alpha", "0.001", "--out", "none.json")
    assert done.returncode == 0
    assert done.stdout.startswith("Infeasible: it cannot be promised that at most 0.1% of all")
    assert "All goes to big." in done.stdout.splitlines()[0]
    policy = decode_policy((folder / "none.json").read_bytes(), source="none.json")
    assert Chooser(policy).choose("add this, number 5").plan == "redo"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--alpha", "5"), "alpha 5.0 is outside (0, 1)"),
        (("--alpha", "0.05", "--cost-ratio", "0"), "--cost-ratio 0.0 is not above 0"),
        (("--alpha", "0.05", "--prices", "1"), "--prices '1' is not CHEAP,STRONG"),
        (("--alpha", "0.05", "--prices", "1,2", "--cost-ratio", "2"), "give one"),
        (("--alpha", "0.05", "--pin", "x"), "--pin 'x' is not WHAT=HASH"),
        (("--alpha", "0.05", "--pin", "gate=1"), "the gate is hashed here"),
        (("--alpha", "0.05", "--stratum", "rout"), "no column 'rout'; did you mean 'route'?"),
        (("--alpha", "0.05", "--validator", "judge"), "lack the cost of the validator call"),
        (("--alpha", "0.05", "--records", "none.csv"), "cannot read 'none.csv'"),
    ],
)
def test_bad_input_is_one_line(folder, options, says):
    done = ossay(folder, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
