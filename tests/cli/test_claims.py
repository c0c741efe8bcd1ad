"""`ossay claims` as a user meets it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ossay.cli import cli
from ossay.core.errors import UsageError

PUBLISHED = Path(__file__).parents[2] / "examples/published"
BAD = """
title = "t\\u001b[31m"
[[source]]
id = "s"
name = "n"
citation = "c"
[[claim]]
id = "wrong"
says = "one is two \\u202e\\u0007\\u001b]0;x"
source = "s"
kind = "sum"
of = [1]
states = 2
"""


def run(*args):
    return CliRunner().invoke(cli, ["claims", *map(str, args)])


def test_a_block_a_claim_and_a_summary():
    done = run(PUBLISHED / "agentic_campaign.toml")
    assert done.exit_code == 0
    assert "CONTRADICTED seven-of-ten" in done.output
    assert "stated 7; recomputed 8" in done.output
    assert "NOT DISTINGUISHABLE (need about 540 more per model) inversion" in done.output
    assert "From: article" in done.output
    *_, last, together = done.output.strip().splitlines()
    assert last.startswith("67 claims: 39 reproduced, 2 supported, 15 not distinguishable")
    assert together == (
        "15 comparisons, each tested alone: 2 supported; none of them if all are corrected "
        "together (Holm)."
    )


def test_json():
    done = run(PUBLISHED / "agentic_campaign.toml", "--json", "--only", "gpt55-beats-120b")
    found = json.loads(done.output)
    (claim,) = found["claims"]
    assert claim["verdict"] == "not_distinguishable"
    assert claim["more"] > 50
    assert claim["numbers"]["fisher"] == pytest.approx(0.299, abs=1e-3)
    assert claim["sources"][0]["id"] == "article"
    assert found["summary"]["not_distinguishable"] == 1
    assert found["together"] is None
    assert done.output.isascii()


def test_the_same_command_prints_the_same():
    path = PUBLISHED / "coding_article.toml"
    first, second = (run(path, "--json") for _ in range(2))
    assert first.output == second.output
    (claim,) = json.loads(run(path, "--json", "--only", "new-leader-kimi").output)["claims"]
    assert claim in json.loads(first.output)["claims"]


def test_the_kinds_and_their_keys():
    done = run("--kinds")
    assert done.exit_code == 0
    assert "\nbetter: 'A is better than B.'" in done.output or "\nbetter: A is" in done.output
    assert "needs a, b" in done.output
    assert "takes states, between, at_least, at_most, digits, unit" in done.output


def test_strict_fails_where_a_claim_does(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(BAD)
    assert run(path).exit_code == 0
    assert run(path, "--strict").exit_code == 1
    path.write_text(BAD.replace("states = 2", "states = 1"))
    assert run(path, "--strict").exit_code == 0


def test_nothing_out_of_a_file_acts_on_the_terminal(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(BAD)
    for flags in ([], ["--json"]):
        done = run(path, *flags)
        assert not set("\x1b\x07\u202e") & set(done.output)


WATCHED = """
name = "watched"
models = ["scripted/reference", "scripted/do_nothing"]
suites = ["agentic-core"]
tasks = ["minimal_fix"]
instances = 6
attempts = 1
[stop]
futility = 0.0
"""
OF_CAMPAIGN = """
title = "t"
[[source]]
id = "s"
name = "n"
citation = "c"
[table.t]
source = "s"
campaign = "watched"
[[claim]]
id = "x"
says = "the reference is better"
source = "s"
kind = "better"
table = "t"
a = "scripted/reference"
b = "scripted/do_nothing"
"""


def test_a_watched_campaign_is_judged_as_compare_judges_it(ossay, tmp_path):
    """6 against 0: McNemar's p is 0.031, and the e-value is below 20."""
    (tmp_path / "plan.toml").write_text(WATCHED)
    (tmp_path / "f.toml").write_text(OF_CAMPAIGN)
    words = ("run", "plan.toml", "--quiet", "--trust-local")
    assert ossay(*words, cwd=tmp_path).returncode == 0
    compared = ossay("compare", "reference", "do_nothing", "--json", cwd=tmp_path).stdout
    done = ossay("claims", "f.toml", "--json", cwd=tmp_path)
    (claim,) = json.loads(done.stdout)["claims"]
    assert claim["verdict"] == "not_distinguishable"
    assert json.loads(compared)["sentence"] in claim["steps"]


def test_a_bad_file_is_a_usage_error(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(BAD.replace('kind = "sum"', 'kind = "summ"'))
    done = run(path)
    assert isinstance(done.exception, UsageError)
    assert "did you mean 'sum'" in str(done.exception)
    assert run(tmp_path / "none.toml").exit_code == 2
