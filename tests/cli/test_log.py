"""`ossay log`: what was changed is named, what was decided is read, what was spent is summed."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from ossay.cli import cli
from ossay.core.decision import Trip, canonical, digest
from ossay.core.types import Message
from ossay.store.decisions import open_decisions


@pytest.fixture(scope="module")
def whole(tmp_path_factory, decision, audit, asking):
    """A log of twelve requests, three audits and a trip; it keeps two texts."""
    path = tmp_path_factory.mktemp("log") / "decisions.db"
    name, body = asking("is \x1b[31mthis\x1b[0m kept?")
    answer = canonical(Message("assistant", "It is."))
    now = time.time()
    entries = [
        decision(n, at=now - 60 * (12 - n), kept_until=0.0, audit_chance=0.5, audited=n < 3)
        for n in range(6)
    ]
    entries += [audit(one, wrong=one.id.endswith("2")) for one in entries[:3]]
    entries += [
        decision(6, plan="validate", ruling="reject", approval=0.1, ending="strong", at=now - 300,
                 criticality="high", why="the validator rejected", kept_until=0.0),
        Trip("f" * 32, now - 200, "support", "support/low", "lab/small", 0.05, 0.05, 30.0, 9, 3, 4),
        *(decision(n, route="mail", at=now - 100, kept_until=0.0, key="k2") for n in range(7, 11)),
        decision(0xABC, "is \x1b[31mthis\x1b[0m kept?", at=now - 50, answer_hash=digest(answer),
                 ending="repair", model="\x1b]0;evil\x07"),
    ]  # fmt: skip

    async def write(log):
        for entry in entries:
            kept = {name: body, digest(answer): answer} if entry.kept_until else {}
            await log.append(entry, kept, durable=True)

    with open_decisions(str(path), create=True) as log:
        asyncio.run(write(log))
    return path


@pytest.fixture
def broken(whole, tmp_path):
    """(statements) -> a copy of the log that was changed behind its back."""

    def change(*statements):
        path = tmp_path / "changed.db"
        with closing(sqlite3.connect(whole)) as source, closing(sqlite3.connect(path)) as copy:
            source.backup(copy)
            for statement in statements:
                copy.execute(statement)
            copy.commit()
        return path

    return change


def run(*words):
    """Exit code and stdout, errors and exits among them."""
    done = CliRunner().invoke(cli, ["log", *map(str, words)], standalone_mode=False)
    return done.exit_code, done.stdout


def lines(*words):
    code, out = run(*words)
    assert code == 0
    return out.splitlines()


def shown(*words):
    return [json.loads(line) for line in lines("show", *words, "--json")]


def test_a_whole_log_gives_its_head(whole):
    first, head, *_ = lines("verify", whole)
    assert first == "Whole: 16 rows, 2 bodies."
    assert head.startswith("Head: 16:")
    anchor = head.removeprefix("Head: ")
    assert lines("verify", whole, "--anchor", anchor)[0] == "Whole: 16 rows, 2 bodies, 1 anchor."
    found = json.loads(run("verify", whole, "--json")[1])
    assert (found["whole"], found["head"], found["findings"]) == (True, anchor, [])


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE decision_entries SET entry = replace(entry, 'draft', 'repair') WHERE seq = 4",
         "row 4: its hash is not that of its text"),
        ("UPDATE decision_entries SET cost_usd = 9 WHERE seq = 4",
         "row 4: its column 'cost_usd' is not what its text says"),
        ("DELETE FROM decision_entries WHERE seq BETWEEN 4 AND 6",
         "row 7: rows 4 to 6 are missing before it"),
        ("DELETE FROM decision_entries WHERE seq > 13",
         "the log ends at row 13, and the head knows of row 16"),
        ("DELETE FROM decision_bodies", "its body"),
        ("UPDATE decision_bodies SET content = x'00'", "is not what its hash says"),
    ],
)  # fmt: skip
def test_a_changed_log_is_broken_and_the_row_named(broken, statement, says):
    code, out = run("verify", broken(statement))
    assert code == 1
    assert says in out
    assert "Broken: " in out


def test_rows_that_changed_places_are_found(broken):
    swap = [f"UPDATE decision_entries SET seq = {to} WHERE seq = {seq}"
            for seq, to in ((4, -4), (5, 4), (-4, 5))]  # fmt: skip
    code, out = run("verify", broken(*swap), "--json")
    found = json.loads(out)
    assert (code, found["whole"]) == (1, False)
    assert {one["seq"] for one in found["findings"]} == {4, 5, 6}


def test_an_anchor_finds_a_log_that_was_rewritten_with_its_head(whole, tmp_path, decision):
    old = lines("verify", whole)[1].removeprefix("Head: ")
    path = tmp_path / "rewritten.db"
    with open_decisions(str(path), create=True) as log:
        for number in range(16):
            asyncio.run(log.append(decision(number, kept_until=0.0), {}))
    assert run("verify", path)[0] == 0
    code, out = run("verify", path, "--anchor", old)
    assert code == 1
    assert "row 16: the anchor has another hash for it" in out


def test_one_line_a_request_the_last_at_the_end(whole):
    out = lines("show", whole)
    assert len(out) == 12
    assert "support/high  validate -> strong  reject 0.10  $0.023000  0.50 s" in out[6]
    assert out[6].endswith("the validator rejected")
    assert "cheap -> repair" in out[-1]
    assert len(lines("show", whole, "--last", 2)) == 2


def test_only_those_that_are_wanted(whole):
    assert len(lines("show", whole, "--route", "mail")) == 4
    assert len(lines("show", whole, "--key", "k2", "--last", 3)) == 3
    assert len(lines("show", whole, "--plan", "validate")) == 1
    assert len(lines("show", whole, "--ending", "draft", "--route", "support")) == 6
    assert len(lines("show", whole, "--criticality", "high")) == 1
    assert len(lines("show", whole, "--since", "4m")) == 5
    assert lines("show", whole, "--route", "none") == ["Nothing in the log fits."]


def test_audits_and_what_they_tripped(whole):
    out = lines("show", whole, "--audits")
    assert [line.split("  ")[3] for line in out[:3]] == ["right", "right", "wrong"]
    assert "support/low tripped" in out[3]


def test_one_request_in_full_with_its_audit_by_the_start_of_its_id(whole):
    text = "\n".join(lines("show", whole, f"{2:032x}"))
    for part in ("row 3, hash ", "low criticality", "draft     lab/small", "$0.001000",
                 "chance 0.5, drawn", "an audit of it", "label:        wrong"):  # fmt: skip
        assert part in text
    assert run("show", whole, "000")[0] == 1  # more than one starts so
    assert run("show", whole, "zzz")[0] == 1


def test_what_was_said_is_shown_when_asked_for_and_can_not_act(whole):
    name = f"{0xABC:032x}"
    assert "kept?" not in "\n".join(lines("show", whole, name))
    text = "\n".join(lines("show", whole, name, "--bodies"))
    assert "It is." in text
    assert "\\u001b[31mthis" in text  # as JSON has it
    assert "\x1b" not in text
    assert "\x07" not in text
    (one,) = shown(whole, name, "--bodies")
    assert json.loads(one["bodies"]["answer"])["content"] == "It is."


def test_json_is_one_object_a_line_with_its_place_in_the_chain(whole):
    found = shown(whole, "--last", 3)
    assert [one["seq"] for one in found] == [14, 15, 16]
    assert all(len(one["hash"]) == 64 for one in found)
    assert shown(whole, f"{2:032x}")[1]["entry"] == "audit"


def test_a_followed_log_goes_on(whole, tmp_path, decision):
    path = tmp_path / "followed.db"
    with open_decisions(str(path), create=True) as log:
        asyncio.run(log.append(decision(1), {}))
        words = [Path(sys.executable).with_name("ossay"), "log", "show", path, "--follow", "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as tail:
            try:
                first = json.loads(tail.stdout.readline())
                asyncio.run(log.append(decision(2), {}))
                second = json.loads(tail.stdout.readline())
            finally:
                tail.kill()
    assert [one["seq"] for one in (first, second)] == [1, 2]


def test_sums(whole):
    text = "\n".join(lines("stats", whole))
    for part in ("12 requests", "Criticality: 11 low, 0 medium, 1 high.", "Cost: $0.034",
                 "audits $0.06", "Escapes: ", "Of 3 audits drawn, 3 brought a verdict; 1 did not",
                 "5 published drafts had no chance of audit", "Tripped ", "support/low",
                 "100.0% rejected", "request"):  # fmt: skip
        assert part in text
    found = json.loads(run("stats", whole, "--json")[1])
    assert found["escapes"]["estimate"]["rate"] == pytest.approx(1 / 0.5 / 7)
    assert found["money"]["audits_usd"] == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("route", {"support": 8, "mail": 4}),
        ("key", {"team": 8, "k2": 4}),
        ("criticality", {"low": 11, "high": 1}),
        ("model", {"lab/small": 11, "lab/big": 1}),
    ],
)
def test_sums_by_group(whole, by, groups):
    found = json.loads(run("stats", whole, "--by", by, "--json")[1])
    assert {name: one["requests"] for name, one in found["groups"].items()} == groups
    assert lines("stats", whole, "--by", by)[0].split()[0] == by


def test_an_empty_log(tmp_path):
    open_decisions(str(tmp_path / "new.db"), create=True).close()
    assert lines("verify", tmp_path / "new.db")[0] == "Whole: 0 rows, 0 bodies."
    assert lines("show", tmp_path / "new.db") == ["The log is empty."]
    assert lines("stats", tmp_path / "new.db") == ["No requests."]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("verify", "none.db"), "no decision log at"),
        (("verify", "LOG", "--anchor", "12"), "'12' is no head of a log"),
        (("show", "LOG", "--since", "yesterday"), "--since 'yesterday' is no time; write 90m"),
        (("show", "LOG", "abc", "--last", "3"), "an ID names one request"),
        (("show", "LOG", "--audits", "--plan", "cheap"), "an audit has no route, key, plan"),
        (("show", "LOG", "zzz"), "no entry 'zzz' in the log"),
    ],
)
def test_bad_input_is_one_line(ossay, whole, words, says):
    words = ["decisions.db" if word == "LOG" else word for word in words]
    done = ossay("log", *words, cwd=whole.parent)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
