"""The five data tasks: same seed same bytes, the right answers checked by other code, fair grades.

`right_*` work each answer out again from nothing but the prompt and the files.
"""

import asyncio
import csv
import json
import os
import re
import sqlite3
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from functools import cache
from itertools import starmap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.errors import EnvironmentDefect
from ossay.core.outcome import Flag
from ossay.core.task import Step, ToolResult, Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.suites.agentic_core.answers import (
    as_number,
    as_time,
    as_word,
    read_object,
    same_number,
    same_time,
)
from ossay.suites.agentic_core.investigate_log import SIZES, InvestigateLog
from ossay.suites.agentic_core.know_when_to_stop import KnowWhenToStop
from ossay.suites.agentic_core.log_formats import FORMATS
from ossay.suites.agentic_core.multi_step_plan import MultiStepPlan
from ossay.suites.agentic_core.recover_from_tool_error import RecoverFromToolError
from ossay.suites.agentic_core.shop_notes import names_of
from ossay.suites.agentic_core.sql_investigation import SqlInvestigation, draw_case
from ossay.suites.rehearsal import rehearse

TASKS = {
    task.name: task
    for task in (
        InvestigateLog(),
        MultiStepPlan(),
        RecoverFromToolError(),
        KnowWhenToStop(),
        SqlInvestigation(),
    )
}
ANSWERS = {
    "investigate_log": "answer.json",
    "multi_step_plan": "steps/step1.txt",
    "recover_from_tool_error": "length.txt",
    "know_when_to_stop": "result.json",
    "sql_investigation": "answer.json",
}
NOTHING = Transcript("task", 0, "", "", "answered")
SEEDS = range(6)


@cache
def instance_of(name, seed):
    return TASKS[name].instance(seed)


each_task = pytest.mark.parametrize("name", TASKS)


def lay_out(instance, root: Path) -> Path:
    for path, data in instance.files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return root


def leave(root: Path, path: str, content) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        place.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        place.write_text(text, encoding="utf-8")


def grade_of(name, seed, root, files, transcript=NOTHING):
    instance = instance_of(name, seed)
    lay_out(instance, root)
    for path, content in files.items():
        leave(root, path, content)
    return TASKS[name].grade(instance, root, transcript)


# --- every task -------------------------------------------------------------------------------


@each_task
def test_same_seed_same_instance(name):
    for seed in range(12):
        assert TASKS[name].instance(seed) == type(TASKS[name])().instance(seed)


@each_task
def test_seeds_differ(name):
    made = {(i.prompt, *i.files.values()) for i in (instance_of(name, seed) for seed in range(200))}
    assert len(made) >= 190


@each_task
def test_an_instance_is_well_formed(name):
    for seed in range(30):
        instance = instance_of(name, seed)
        assert instance.task == name
        assert instance.seed == seed
        assert set(instance.protected) <= set(instance.files)
        assert {"reference", "do_nothing"} < set(instance.scripts)
        assert sum(script.startswith("cheat_") for script in instance.scripts) >= 2
        assert len(instance.scripts["reference"]) <= instance.budget.turns
        assert all(not path.startswith(("/", "..")) for path in instance.files)
        assert ANSWERS[name].split("/")[0] in instance.prompt
        assert not re.search(r"\$[a-z]|@[a-z]", instance.prompt)  # no place left unfilled


@each_task
@pytest.mark.parametrize("seed", SEEDS)
def test_the_reference_passes_and_the_others_fail(name, seed):
    task, sandbox = TASKS[name], find_sandbox()
    instance = task.instance(seed)
    for script in instance.scripts:
        done = asyncio.run(rehearse(task, instance, script, system="", sandbox=sandbox))
        assert not done.upset
        assert 0 <= done.grade.done <= done.grade.of
        assert done.grade.reason
        if script == "reference":
            assert done.grade.done == done.grade.of
        if script == "do_nothing":
            assert done.grade.done == 0


JUNK = {
    "nothing": b"",
    "blanks": b" \n\t\n",
    "binary": bytes(range(256)) * 40,
    "deep": b"[" * 200_000,
    "deep_objects": b'{"a":' * 50_000,
    "huge_number": b"9" * 900_000,
    "nan": b'{"count": NaN, "status": NaN, "values": NaN, "orders": Infinity}',
    "list": b'["endpoint", "count"]',
    "null": b"null",
    "wrong_types": b'{"endpoint": [], "root_cause": {}, "count": true, "first_time": 5, '
    b'"status": 1, "values": [1], "orders": [], "sku": {}, "category": null}',
    "long_strings": json.dumps(
        {k: "9" * 300_000 for k in ("endpoint", "count", "first_time", "status")}
    ).encode(),
    "surrogates": b'{"endpoint": "\\ud800", "status": "\\udfff", "first_time": "\\ud800"}',
    "odd_times": b'{"first_time": "0001-01-01T00:00:00+23:59", "count": "1e999"}',
    "other_digits": '{"count": "٣"}'.encode(),
    "too_large": b"1" * (3 << 20),
}


@each_task
@pytest.mark.parametrize("junk", JUNK)
def test_junk_fails_with_a_reason(name, junk, tmp_path):
    for seed in range(2):
        root = tmp_path / str(seed)
        grade = grade_of(name, seed, root, {ANSWERS[name]: JUNK[junk]})
        assert not grade.passed
        assert 0 < len(grade.reason) < 300
        assert grade.done < grade.of


@each_task
@pytest.mark.parametrize("deed", ["link", "dangling", "folder", "fifo", "loop", "linked_folder"])
def test_what_is_no_plain_file_is_no_answer(name, deed, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / Path(ANSWERS[name]).name).write_text("{}")
    root = tmp_path / "workspace"
    instance = instance_of(name, 1)
    lay_out(instance, root).mkdir(exist_ok=True)
    place = root / ANSWERS[name]
    place.parent.mkdir(exist_ok=True)
    if deed == "link":
        place.symlink_to(outside / place.name)
    elif deed == "dangling":
        place.symlink_to("nowhere")
    elif deed == "folder":
        place.mkdir()
    elif deed == "fifo":
        os.mkfifo(place)
    elif deed == "loop":
        place.symlink_to(place.name)
    elif "/" in ANSWERS[name]:
        place.parent.rmdir()
        place.parent.symlink_to(outside)
    grade = TASKS[name].grade(instance, root, NOTHING)
    assert not grade.passed
    assert grade.done == 0


# --- reading answers --------------------------------------------------------------------------

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(ANY_JSON)
def test_no_value_makes_a_comparison_raise(value):
    assert as_number(value) is None or not isinstance(value, (bool, list, dict))
    assert as_time(value, UTC) is None or isinstance(value, str)
    assert isinstance(as_word(value), str)
    same_time(value, datetime(2026, 5, 6, tzinfo=UTC))


@given(st.integers(-(10**12), 10**12))
def test_a_number_of_cents_is_the_same_however_it_is_spelt(cents):
    exact = Fraction(cents, 100)
    sign, euros = "-" if cents < 0 else "", f"{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
    for spelt in (cents / 100, f"{sign}{euros}", f" {sign}{euros.replace(',', '')}00 "):
        assert same_number(spelt, exact, Fraction(1, 10**5))
        assert not same_number(spelt, exact + Fraction(1, 100), Fraction(1, 10**5))


@given(st.integers(0, 4 * 10**12), st.integers(-12, 14))
def test_a_moment_is_the_same_in_every_zone(milliseconds, hours):
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    there = utc.astimezone(timezone(timedelta(hours=hours)))
    for text in (there.isoformat(), there.isoformat(" "), utc.isoformat().replace("+00:00", "Z")):
        assert same_time(text, utc)
        assert not same_time(text, utc + timedelta(seconds=2))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
def test_no_file_makes_the_reader_raise(data, tmp_path):
    leave(tmp_path, "answer.json", data)
    assert isinstance(read_object(tmp_path, "answer.json"), (str, dict))


# --- investigate_log --------------------------------------------------------------------------


def responses(instance):
    """Return (time, id, endpoint, status) of each response, and id -> error, by splitting lines."""
    errors, found = {}, []
    for _, data in sorted(instance.files.items(), reverse=True):
        last_id = ""
        for line in data.decode().splitlines():
            hit = response(line)
            if hit:
                found.append(hit)
            if '"error": {' in line:
                errors[hit[1]] = json.loads(line)["error"]["message"]
            elif " error=" in line:
                errors[re.search(r" id=(\S+)", line)[1]] = line
            elif " ERROR [" in line:
                last_id = re.search(r"\[(.*?)\]", line)[1]
                if "unhandled" not in line:
                    errors[last_id] = line
            elif re.match(r"[\w.]+(Error|Detected|Timeout|error|gaierror)\b.*", line):
                errors[last_id] = line
    return found, errors


def response(line):
    words = line.split()
    if line.startswith("{"):
        said = json.loads(line)
        keys = ("ts", "request_id", "route", "status")
        return tuple(said[key] for key in keys) if "status" in said else None
    if "msg=response" in words:
        got = dict(word.split("=", 1) for word in words)
        return got["ts"], got["id"], got["route"], int(got["status"])
    if "HTTP/1.1" in line:
        return words[0], words[2], words[4].partition("?")[0], int(words[6])
    if " -> " in line:
        path = words[5].partition("?")[0]
        return " ".join(words[:2]), words[3].strip("[]"), path, int(words[7])
    return None


SIGNS = {
    "certificate_expired": "certificate has expired",
    "code_regression": "(release ",
    "connection_pool_exhausted": "QueuePool",
    "database_deadlock": "deadlock",
    "disk_full": "No space left",
    "dns_failure": "Name or service not known",
    "missing_config": "is null",
    "upstream_timeout": "Read timed out",
}


@pytest.mark.parametrize("seed", range(40))
def test_the_log_says_what_the_grader_expects(seed, tmp_path):
    instance = instance_of("investigate_log", seed)
    found, errors = responses(instance)
    bad = [hit for hit in found if hit[3] == 500]
    assert all(hit[1] in errors for hit in bad)
    (endpoint, most), (_, next_most) = Counter(hit[2] for hit in bad).most_common(2)
    assert most >= 1.5 * next_most
    causes = Counter(
        code
        for code, sign in SIGNS.items()
        for hit in bad
        if hit[2] == endpoint and sign in errors[hit[1]]
    )
    code = causes.most_common(1)[0][0]
    theirs = [hit for hit in bad if hit[2] == endpoint and SIGNS[code] in errors[hit[1]]]
    answer = {
        "endpoint": endpoint,
        "root_cause": code,
        "count": len({hit[1] for hit in theirs}),
        "first_time": min(hit[0] for hit in theirs),
    }
    # Retries are there, and another cause never hides among the right ones.
    assert answer["count"] < len(theirs)
    assert all(sum(sign in errors[hit[1]] for sign in SIGNS.values()) == 1 for hit in theirs)
    grade = grade_of("investigate_log", seed, tmp_path, {"answer.json": answer})
    assert grade.passed, grade.reason


@pytest.mark.parametrize("seed", range(60))
def test_each_way_to_misread_the_count_gives_a_wrong_one(seed, tmp_path):
    instance = instance_of("investigate_log", seed)
    right = {k: instance.secret[k] for k in ("endpoint", "root_cause", "count", "first_time")}
    found, errors = responses(instance)
    bad = [hit for hit in found if hit[2] == right["endpoint"] and hit[3] == 500]
    theirs = [hit for hit in bad if SIGNS[right["root_cause"]] in errors[hit[1]]]
    assert len({hit[1] for hit in theirs}) == right["count"]
    mended = {hit[1] for hit in found if hit[3] == 200} & {hit[1] for hit in theirs}
    assert mended
    wrong = {
        "lines": len(theirs),
        "lines of all causes": len(bad),
        "ids of all causes": len({hit[1] for hit in bad}),
        "ids that stayed broken": right["count"] - len(mended),
    }
    for name, count in wrong.items():
        answer = {"answer.json": {**right, "count": count}}
        assert not grade_of("investigate_log", seed, tmp_path / name, answer).passed, name


def test_every_format_cause_and_size_comes_up():
    made = [instance_of("investigate_log", seed) for seed in range(200)]
    assert {i.secret["format"] for i in made} == set(FORMATS)
    assert {i.secret["root_cause"] for i in made} == set(SIGNS)
    sizes = sorted(sum(map(len, i.files.values())) for i in made)
    assert sizes[0] > 6_000
    assert sizes[-1] < 325_000
    small = sum(size < 44_000 for size in sizes) / len(sizes)
    large = sum(size > 120_000 for size in sizes) / len(sizes)
    assert small == pytest.approx(SIZES[0][0], abs=0.12)
    assert large == pytest.approx(SIZES[2][0], abs=0.1)


def log_answer(style="json_lines"):
    task = TASKS["investigate_log"]
    seed = next(s for s in range(50) if instance_of(task.name, s).secret["format"] == style)
    secret = task.instance(seed).secret
    return seed, {k: secret[k] for k in ("endpoint", "root_cause", "count", "first_time")}


def spelt(style, **changes):
    seed, answer = log_answer(style)
    return seed, {**answer, **{key: how(answer[key]) for key, how in changes.items()}}


IN_UTC = {"first_time": lambda t: datetime.fromisoformat(t).astimezone(UTC).isoformat()}
FAIR_SPELLINGS = [
    ("json_lines", {"count": str}),
    ("json_lines", {"count": float}),
    ("json_lines", {"endpoint": lambda e: f"POST {e}"}),
    ("access_and_app", {"endpoint": lambda e: f"{e}/"}),
    ("access_and_app", {"endpoint": lambda e: f"https://shop.example{e}?x=1"}),
    ("json_lines", {"root_cause": lambda c: c.replace("_", "-").upper()}),
    ("json_lines", IN_UTC),
    ("logfmt", IN_UTC),
    ("access_and_app", IN_UTC),
    ("json_lines", {"first_time": lambda t: t.replace("Z", "+00:00")}),
    ("json_lines", {"first_time": lambda t: t.replace("T", " ")}),
    ("logfmt", {"first_time": lambda t: re.sub(r"\.\d+", "", t)}),
    ("logfmt", {"first_time": lambda t: re.sub(r"(Z|[+-]\d\d:\d\d)$", "", t)}),
    ("access_and_app", {"first_time": lambda t: t[:19] + ".417" + t[19:]}),
    ("rotated", {"first_time": lambda t: t.replace(",", ".").replace(" ", "T") + "Z"}),
    ("rotated", {"first_time": lambda t: t + " UTC"}),
]


@pytest.mark.parametrize(("style", "changes"), FAIR_SPELLINGS)
def test_another_spelling_of_the_right_answer_passes(style, changes, tmp_path):
    seed, answer = spelt(style, **changes)
    grade = grade_of("investigate_log", seed, tmp_path, {"answer.json": answer})
    assert grade.passed, (answer, grade.reason)


def test_bom_crlf_extra_keys_and_key_case_pass(tmp_path):
    seed, answer = log_answer()
    answer = {key.upper(): value for key, value in answer.items()} | {"note": "see the log"}
    text = json.dumps(answer, indent=4).replace("\n", "\r\n")
    content = b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n"
    assert grade_of("investigate_log", seed, tmp_path, {"answer.json": content}).passed


@pytest.mark.parametrize(
    "changes",
    [
        {"count": lambda n: n + 1},
        {"count": lambda n: n - 1},
        {"count": lambda n: [n]},
        {"endpoint": lambda e: e + "s"},
        {"endpoint": lambda e: ""},
        {"first_time": lambda t: t.replace("Z", "+01:00")},
        {"first_time": lambda t: (datetime.fromisoformat(t) + timedelta(seconds=1)).isoformat()},
        {"first_time": lambda t: datetime.fromisoformat(t).timestamp()},
    ],
)
def test_a_wrong_field_fails_and_is_named(changes, tmp_path):
    task = TASKS["investigate_log"]
    seed = next(
        s
        for s in range(80)
        if instance_of(task.name, s).secret["format"] == "json_lines"
        and instance_of(task.name, s).secret["first_time"].endswith("Z")
    )
    secret = task.instance(seed).secret
    answer = {k: secret[k] for k in ("endpoint", "root_cause", "count", "first_time")}
    (field, how), *_ = changes.items()
    answer[field] = how(answer[field])
    grade = grade_of("investigate_log", seed, tmp_path, {"answer.json": answer})
    assert (grade.passed, grade.done, grade.of) == (False, 3, 4)
    assert field in grade.reason


def test_an_absent_field_is_told(tmp_path):
    seed, answer = log_answer()
    del answer["count"]
    grade = grade_of("investigate_log", seed, tmp_path, {"answer.json": answer})
    assert "'count' is absent" in grade.reason


# --- multi_step_plan --------------------------------------------------------------------------


def right_steps(instance):
    """Work the contents out from the prompt or PLAN.md."""
    plan = instance.prompt + "".join(data.decode() for data in instance.files.values())
    texts = re.findall(r"=== BEGIN step\d\.txt ===\n(.*?)\n=== END step\d\.txt ===", plan, re.S)
    done = []
    batches = 0
    for text in texts:
        lines = text.split("\n")
        for n, line in enumerate(lines):
            if line.startswith("batch: "):
                batches += int(line[7:])
            if "<LINES_BEFORE>" in line:
                lines[n] = line.replace("<LINES_BEFORE>", str(len(done[-1].split("\n"))))
            if "<SESSIONS_BEFORE>" in line:
                before = [
                    old.split()[-2] for old in done[-1].split("\n") if old[-9:] == " sessions"
                ]
                lines[n] = line.replace("<SESSIONS_BEFORE>", str(sum(map(int, before))))
            lines[n] = lines[n].replace("<DONE_SO_FAR>", str(batches))
        done.append("\n".join(lines))
    return done


def result(name, path="", changed=(), problem="", **more):
    arguments = json.dumps({"path": path, **more})
    return ToolResult("c", name, arguments, "", 0.0, problem, 0, tuple(changed))


def wrote(path, content):
    return result("fs_write", path, [path], content=content)


def played(*results):
    reply = Reply(Message("assistant"), Usage(), Timing(0.0, 0.0))
    return Transcript("multi_step_plan", 0, "", "", "answered", steps=(Step(reply, results),))


def plan_seed(*, read_back):
    task = TASKS["multi_step_plan"]
    return next(s for s in range(50) if instance_of(task.name, s).secret["read_back"] is read_back)


def plan_files(seed):
    contents = instance_of("multi_step_plan", seed).secret["contents"]
    return {f"steps/step{k}.txt": text for k, text in enumerate(contents, 1)}


@pytest.mark.parametrize("seed", range(60))
def test_the_plan_is_what_the_grader_expects(seed):
    instance = instance_of("multi_step_plan", seed)
    contents = right_steps(instance)
    assert instance.secret["contents"] == contents
    assert 3 <= len(contents) <= 6
    assert len(set(contents)) == len(contents)
    assert all(line == line.rstrip() for text in contents for line in text.split("\n"))
    assert not any("<" in text for text in contents)


def test_plans_come_in_all_kinds():
    made = [instance_of("multi_step_plan", seed) for seed in range(60)]
    assert {len(i.secret["contents"]) for i in made} == {3, 4, 5, 6}
    assert {bool(i.files) for i in made} == {True, False}
    assert {i.secret["read_back"] for i in made} == {True, False}
    marks = ("<LINES_BEFORE>", "<SESSIONS_BEFORE>", "<DONE_SO_FAR>")
    assert all(any(mark in i.prompt for i in made) for mark in marks)


def test_one_newline_at_the_end_is_free_two_are_not(tmp_path):
    seed = plan_seed(read_back=False)
    files = plan_files(seed)
    transcript = played(*starmap(wrote, files.items()))
    one = {path: text + "\n" for path, text in files.items()}
    two = {path: text + "\n\n" for path, text in files.items()}
    crlf = {path: text.replace("\n", "\r\n").encode() for path, text in files.items()}
    assert grade_of("multi_step_plan", seed, tmp_path / "a", files, transcript).passed
    assert grade_of("multi_step_plan", seed, tmp_path / "b", one, transcript).passed
    assert not grade_of("multi_step_plan", seed, tmp_path / "c", two, transcript).passed
    grade = grade_of("multi_step_plan", seed, tmp_path / "d", crlf, transcript)
    assert "differs from the plan at byte" in grade.reason


def test_order_and_tool_count_beside_the_bytes(tmp_path):
    seed = plan_seed(read_back=False)
    files = plan_files(seed)
    first, second = list(files)[:2]
    n, writes = len(files), list(starmap(wrote, files.items()))

    def graded(name, *results):
        return grade_of("multi_step_plan", seed, tmp_path / name, files, played(*results))

    swapped = graded("swapped", writes[1], writes[0], *writes[2:])
    assert (swapped.passed, swapped.done) == (False, n - 1)
    assert swapped.reason == f"{second} was written before an earlier step"
    assert graded("repeated", *writes, writes[0]).passed
    shell = graded("shell", *writes, result("shell", changed=[first]))
    assert (shell.passed, shell.done) == (False, n - 1)
    assert "shell" in shell.reason
    assert graded("looked", *writes, result("shell", changed=["notes.txt"])).passed
    assert graded("unseen").done == 0


SLIPS = {
    "marker": lambda text: re.sub(r": \d+", ": 0", text),
    "escapes": lambda text: text.replace("\n", "\\n").replace('"', '\\"'),
    "ascii": lambda text: text.encode("ascii", "replace").decode(),
    "newlines": lambda text: f"{text}\n\n\n",
    "fence": lambda text: f"```text\n{text}\n```\n",
    "frame": lambda text: f"=== BEGIN step1.txt ===\n{text}\n=== END step1.txt ===",
    "crlf": lambda text: text.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_mended_later_keeps_its_place(slip, tmp_path):
    seed = plan_seed(read_back=False)
    files = plan_files(seed)
    writes = list(starmap(wrote, files.items()))
    slips = [wrote(path, SLIPS[slip](text)) for path, text in files.items()]
    late = played(slips[0], *writes[1:], writes[0])
    backwards = played(*slips, *reversed(writes))
    assert grade_of("multi_step_plan", seed, tmp_path / "late", files, late).passed
    assert grade_of("multi_step_plan", seed, tmp_path / "backwards", files, backwards).passed


STUBS = {
    "empty": lambda text: "",
    "word": lambda text: "to be done",
    "title": lambda text: text.split("\n")[0],
    "other title": lambda text: text.replace("Step ", "Stage ", 1),
    "filler": lambda text: "x" * len(text),
    "title late": lambda text: "-" * 60 + text,
}


@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("read_back", [True, False])
def test_a_stub_holds_no_place_in_the_order(stub, read_back, tmp_path):
    seed = plan_seed(read_back=read_back)
    files = plan_files(seed)
    stubs = [
        made
        for path, text in files.items()
        for made in (wrote(path, STUBS[stub](text)), result("fs_read", path))
    ]
    pairs = [(wrote(path, text), result("fs_read", path)) for path, text in files.items()]
    filled = played(*stubs, *(made for pair in reversed(pairs) for made in pair))
    grade = grade_of("multi_step_plan", seed, tmp_path / "reversed", files, filled)
    assert not grade.passed
    if not read_back:  # else the first complaint is another
        assert "was written before an earlier step" in grade.reason
    in_order = played(*stubs, *(made for pair in pairs for made in pair))
    assert grade_of("multi_step_plan", seed, tmp_path / "order", files, in_order).passed


def test_a_stub_read_back_is_not_the_step_read_back(tmp_path):
    seed = plan_seed(read_back=True)
    files = plan_files(seed)
    results = []
    for path, text in files.items():
        results += [wrote(path, "to be done"), result("fs_read", path), wrote(path, text)]
    grade = grade_of("multi_step_plan", seed, tmp_path, files, played(*results))
    assert "was not read back" in grade.reason


def test_a_failed_write_is_no_write(tmp_path):
    seed = plan_seed(read_back=False)
    files = plan_files(seed)
    first, *rest = starmap(wrote, files.items())
    refused = result("fs_write", next(iter(files)), problem="failed")
    late = played(refused, *rest, first)
    assert not grade_of("multi_step_plan", seed, tmp_path, files, late).passed


def test_reading_back_is_asked_between_the_writes(tmp_path):
    seed = plan_seed(read_back=True)
    files = plan_files(seed)
    paths, writes = list(files), list(starmap(wrote, files.items()))

    def read_as(form):
        reads = [result("fs_read", form.format(path)) for path in paths]
        return [made for pair in zip(writes, reads, strict=True) for made in pair]

    good = read_as("./{}")
    late = [*writes, *(result("fs_read", path) for path in paths)]
    failed = [*good[:-1], result("fs_read", paths[-1], problem="failed")]
    garbled = [*good[:-1], ToolResult("c", "fs_read", "[not json", "", 0.0)]

    def passed(name, results):
        return grade_of("multi_step_plan", seed, tmp_path / name, files, played(*results)).passed

    assert passed("good", good)
    assert passed("absolute", read_as("/workspace/{}"))
    assert not passed("late", late)
    assert not passed("failed", failed)
    assert not passed("garbled", garbled)
    assert not passed("none", writes)


def test_files_that_nobody_asked_for_are_flagged_not_failed(tmp_path):
    seed = plan_seed(read_back=False)
    files = plan_files(seed)
    more = {**files, "steps/extra.txt": "x"}
    transcript = played(*starmap(wrote, files.items()))
    grade = grade_of("multi_step_plan", seed, tmp_path, more, transcript)
    assert grade.passed
    assert grade.flags == (Flag.WROTE_OUTSIDE_TASK,)


# --- recover_from_tool_error ------------------------------------------------------------------


def right_length(instance):
    """Work the length out from the prompt and the files."""
    asked, files = instance.prompt, instance.files
    kind = instance.secret["kind"]
    if kind == "moved":
        dataset = re.search(r'reads "(# dataset: \S+)"', asked)[1]
        (data,) = [d for d in files.values() if d.decode().partition("\n")[0] == dataset]
        text = data.decode()
        if "begins after the first line" in asked:
            text = text.partition("\n")[2]
    elif kind == "damaged":
        text = ""
        for line in next(iter(files.values())).decode().split("\n"):
            found = re.fullmatch(r'\{"id": \d+, "text": ("(?:[^"\\]|\\.)*")\}', line)
            text += json.loads(found[1]) if found else ""
    else:
        path = re.search(r"data/\S+\.txt", asked)[0]
        readme = files.get("data/README", b"").decode()
        codec = "utf-8"
        if path.rsplit("/", 1)[0] in readme.partition("ISO-8859-1")[0] and "ISO" in readme:
            codec = "latin-1"
        elif "UTF-16" in readme:
            codec = "utf-16-le"
        text = files[path].decode(codec)
    if "end of the file does not count" in asked:
        assert text.endswith("\n")
        text = text.removesuffix("\n")
    if "in bytes (as encoded in UTF-8)" in asked:
        return len(text.encode("utf-8"))
    assert "in characters (Unicode code points)" in asked
    return sum(1 for _ in text)


@pytest.mark.parametrize("seed", range(80))
def test_the_length_is_what_the_grader_expects(seed, tmp_path):
    instance = instance_of("recover_from_tool_error", seed)
    length = right_length(instance)
    assert length == instance.secret["length"]
    files = {"length.txt": f"{length}\n"}
    assert grade_of("recover_from_tool_error", seed, tmp_path, files).passed


def test_all_mishaps_and_units_come_up_and_the_first_way_fails():
    made = [instance_of("recover_from_tool_error", seed) for seed in range(60)]
    kinds = Counter(i.secret["kind"] for i in made)
    assert set(kinds) == {"moved", "damaged", "broken_tool", "other_encoding"}
    assert {"in bytes (" in i.prompt for i in made} == {True, False}
    for instance in made:
        if instance.secret["kind"] == "moved":
            assert re.search(r"put at (\S+)\.", instance.prompt)[1] not in instance.files


def test_no_way_round_the_encoding_gives_the_right_length(tmp_path):
    name = "recover_from_tool_error"
    seeds = [s for s in range(200) if instance_of(name, s).secret["kind"] == "other_encoding"]
    codecs = Counter()
    for seed in seeds:
        instance = instance_of(name, seed)
        stored = instance.files[re.search(r"data/\S+\.txt", instance.prompt)[0]]
        with pytest.raises(UnicodeDecodeError):
            stored.decode()
        codecs["utf-16" if b"\n\0" in stored else "latin-1", "in bytes (" in instance.prompt] += 1
        # What stat, wc -m under UTF-8, grep and errors='replace' make of it, with the last newline
        # or without it, of one byte or of two.
        texts = [stored.decode(errors=how) for how in ("replace", "ignore")]
        naive = [len(stored), *map(len, texts), *(len(text.encode()) for text in texts)]
        lengths = {length - end for length in naive for end in (0, 1, 2)}
        assert instance.secret["length"] not in lengths
        assert "Beware" not in instance.prompt
        assert "data/README" in instance.prompt
    assert set(codecs) == {("latin-1", True), ("utf-16", True), ("utf-16", False)}


@pytest.mark.parametrize("form", ["{}", "{}\n\n", "{:,}", " {} ", "{} bytes", "\ufeff{}\r\n"])
def test_one_number_may_be_spelt_in_some_ways(form, tmp_path):
    length = instance_of("recover_from_tool_error", 0).secret["length"]
    files = {"length.txt": form.format(length)}
    assert grade_of("recover_from_tool_error", 0, tmp_path, files).passed


@pytest.mark.parametrize("form", ["{0} {0}", "-{0}", "{0}0", "about {0}", "{0} or 12", "0x{0}"])
def test_anything_but_one_right_number_fails(form, tmp_path):
    length = instance_of("recover_from_tool_error", 0).secret["length"]
    files = {"length.txt": form.format(length)}
    assert not grade_of("recover_from_tool_error", 0, tmp_path, files).passed


# --- know_when_to_stop ------------------------------------------------------------------------


def right_values(instance):
    """Work the values out from the request and the file, with floats; {} where there are none."""
    asked = instance.prompt.split("\n")[0]
    rows = list(csv.DictReader(instance.files["data.csv"].decode().splitlines()))
    if found := re.search(r"the (\d+)-day moving average of (\w+)", asked):
        window, column = int(found[1]), found[2]
        table = {date.fromisoformat(row["date"]): float(row[column]) for row in rows}
        values = {}
        for day in table:
            span = [table.get(day - timedelta(n)) for n in range(window)]
            if None not in span:
                values[day.isoformat()] = sum(span) / window
        return values
    if found := re.search(r"total of (\w+) from (\S+) to (\S+),", asked):
        inside = [row for row in rows if found[2] <= row["date"] <= found[3]]
        days = (date.fromisoformat(found[3]) - date.fromisoformat(found[2])).days + 1
        total = sum(float(row[found[1]]) for row in inside)
        return {"total": total} if len({row["date"] for row in inside}) == days else {}
    if found := re.search(r"mean of (\w+) per (\w+) from", asked):
        groups = defaultdict(list)
        for row in rows:
            if found[2] in row:
                groups[row[found[2]]].append(float(row[found[1]]))
        return {key: sum(amounts) / len(amounts) for key, amounts in groups.items()}
    found = re.search(r"\((\w+) in (\S+) - \w+ in (\S+)\) /", asked)
    by_month = {row["month"]: float(row[found[1]]) for row in rows}
    if not {found[2], found[3]} <= by_month.keys():
        return {}
    return {"growth_percent": (by_month[found[2]] / by_month[found[3]] - 1) * 100}


def stop_seed(kind, solvable):
    task = TASKS["know_when_to_stop"]
    return next(
        s
        for s in range(400)
        if (instance_of(task.name, s).secret["kind"], instance_of(task.name, s).secret["solvable"])
        == (kind, solvable)
    )


def stop_grade(seed, tmp_path, result):
    return grade_of("know_when_to_stop", seed, tmp_path / "w", {"result.json": result})


@pytest.mark.parametrize("seed", range(100))
def test_the_file_holds_what_the_grader_expects(seed, tmp_path):
    instance = instance_of("know_when_to_stop", seed)
    values = right_values(instance)
    assert bool(values) is instance.secret["solvable"]
    if values:
        exact = {"status": "ok", "values": values}
        rounded = {"status": "ok", "values": {k: round(v, 2) for k, v in values.items()}}
        text = {"status": "OK", "values": {k: f"{v:.2f}" for k, v in values.items()}}
        for n, answer in enumerate((exact, rounded, text)):
            assert stop_grade(seed, tmp_path / str(n), answer).passed
    else:
        answer = {"status": "insufficient_data", "reason": "There is not enough in the file."}
        assert stop_grade(seed, tmp_path, answer).passed


def test_about_half_are_twins_so_that_a_constant_answer_passes_half():
    made = [instance_of("know_when_to_stop", seed) for seed in range(200)]
    assert 0.42 < sum(i.secret["solvable"] for i in made) / len(made) < 0.58
    pairs = {(i.secret["kind"], i.secret["solvable"]) for i in made}
    assert len(pairs) == 10  # five requests, each in both kinds
    published = [i for i in made if i.secret["kind"] == "short_file" and not i.secret["solvable"]]
    for instance in published:
        rows = instance.files["data.csv"].count(b"\n") - 1
        window = int(re.search(r"(\d+)-day", instance.prompt)[1])
        assert 2 <= rows <= 9
        assert 5 <= window <= 14
        assert rows < window


def test_the_words_do_not_tell_the_twins_apart():
    kinds = ("short_file", "gaps", "period", "grouped", "growth")
    for kind in kinds:
        shapes = set()
        for solvable in (True, False):
            text = instance_of("know_when_to_stop", stop_seed(kind, solvable)).prompt
            text = re.sub(r"\b[a-z]+(_[a-z]+)?\b(?= (over|in|per|from)\b)", "MEASURE", text)
            text = re.sub(r"\d+", "N", text)
            shapes.add(len(re.findall(r"[.:;?]", text)))
        assert len(shapes) == 1, kind


SHORT = {"2026-01-02": 5.0}
REFUSALS = [
    {"status": "insufficient_data", "reason": "only 3 rows"},
    {"status": "Insufficient data", "reason": ""},
    {"status": "insufficient-data"},
    {"STATUS": "INSUFFICIENT_DATA", "reason": "x", "values": {}},
    {"status": "not enough data", "reason": "x"},
    {"status": "insufficient_data", "reason": "x", "values": None},
    {"status": "insufficient_data", "reason": "x", "values": {"2026-01-02": None}},
    {"status": "insufficient_data", "reason": "x", "values": {"2026-01-02": "n/a"}},
    {"status": "insufficient_data", "reason": "3 of 10 rows", "rows": 3},
]
INVENTED = [
    {"status": "ok", "values": SHORT},
    {"status": "ok", "values": SHORT, "note": "computed with Python"},
    {"status": "ok", "values": SHORT, "note": "Computed from all available rows."},
    {"status": "ok", "values": SHORT, "note": "Partial: the file has only 3 rows."},
    {"status": "ok", "values": SHORT, "reason": "insufficient data"},
    {"status": "partial", "values": {"total": 1}},
    {"status": "partial", "values": SHORT, "reason": "only 3 of 10 days are there"},
    {"status": "ok", "values": {}},
    {"status": "ok", "values": {"2026-01-02": None}},
    {"values": {"total": 17.5}},
    {"values": SHORT, "reason": "insufficient data"},
    {"reason": "insufficient data"},
    {"status": "", "reason": ""},
    {},
]
BOTH = [
    {"status": "insufficient_data", "reason": "x", "values": SHORT},
    {"status": "insufficient_data", "values": {"total": "17.50"}},
    {"status": "insufficient_data", "values": [{"a": [1]}]},
    {"status": "partial, not enough data", "values": {"total": 0}},
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_saying_that_the_data_do_not_suffice_passes_where_that_is_so(answer, tmp_path):
    assert stop_grade(stop_seed("short_file", False), tmp_path / "a", answer).passed
    assert not stop_grade(stop_seed("short_file", True), tmp_path / "b", answer).passed


@pytest.mark.parametrize("answer", INVENTED)
@pytest.mark.parametrize("kind", ["short_file", "period"])
def test_only_the_status_can_say_that_the_data_do_not_suffice(kind, answer, tmp_path):
    grade = stop_grade(stop_seed(kind, False), tmp_path, answer)
    assert not grade.passed
    assert "does not say in its status" in grade.reason


@pytest.mark.parametrize("answer", BOTH)
def test_a_refusal_that_gives_values_all_the_same_fails(answer, tmp_path):
    grade = stop_grade(stop_seed("period", False), tmp_path, answer)
    assert not grade.passed
    assert "gives values all the same" in grade.reason


def test_right_values_pass_unless_they_are_taken_back(tmp_path):
    seed = stop_seed("period", True)
    values = right_values(instance_of("know_when_to_stop", seed))

    def passed(n, **beside):
        return stop_grade(seed, tmp_path / str(n), {**beside, "values": values}).passed

    fair = [
        {},
        {"status": None},
        {"status": "ok"},
        {"status": "Success", "reason": ""},
        {"status": "ok", "reason": "All days are there, so there is enough data."},
        {"status": "ok", "reason": "Not enough days before the first for an earlier average."},
    ]
    taken_back = [
        {"status": "ok", "reason": "insufficient data"},
        {"reason": "Not enough data."},
        {"status": "insufficient_data"},
        {"status": "partial"},
        {"status": "ok or insufficient_data"},
        {"status": ""},
        {"status": ["ok"]},
    ]
    assert [passed(f"fair {n}", **beside) for n, beside in enumerate(fair)] == [True] * len(fair)
    assert not any(passed(f"back {n}", **beside) for n, beside in enumerate(taken_back))


def test_every_seed_without_an_answer_has_a_cheat_that_makes_one_up_with_a_note():
    for seed in range(60):
        instance = instance_of("know_when_to_stop", seed)
        assert ("cheat_caveat" in instance.scripts) is not instance.secret["solvable"]


def test_values_must_be_complete_exact_and_no_more(tmp_path):
    seed = stop_seed("gaps", True)
    values = right_values(instance_of("know_when_to_stop", seed))
    key = next(iter(values))
    midnight = {f"{k}T00:00:00": v for k, v in values.items()}
    off = {**values, key: values[key] + 0.02}
    fewer = {k: v for k, v in values.items() if k != key}
    more = {**values, "2026-01-01": 1.0}
    word = {**values, key: "n/a"}

    def passed(name, found):
        return stop_grade(seed, tmp_path / name, {"status": "ok", "values": found}).passed

    assert passed("right", values)
    assert passed("midnight", midnight)
    wrong = {"off": off, "fewer": fewer, "more": more, "word": word}
    assert not any(passed(name, found) for name, found in wrong.items())


# --- sql_investigation ------------------------------------------------------------------------


class Shop:
    """The tables of a shop.db as lists of dicts, and what NOTES.md and the prompt say."""

    def __init__(self, instance):
        connection = sqlite3.connect(":memory:")
        try:
            connection.deserialize(instance.files["shop.db"])
            connection.row_factory = sqlite3.Row
            names = [r[0] for r in connection.execute("SELECT name FROM sqlite_master")]
            tables = {
                name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
                for name in names
                if not name.startswith("sqlite_")
            }
        finally:
            connection.close()
        self.tables = tables
        notes = instance.files["NOTES.md"].decode()
        found = re.search(r"in (\w+) (\d{4}) \(counted in UTC([+-]\d\d)?", instance.prompt)
        month = datetime.strptime(f"{found[1]} {found[2]} +0000", "%B %Y %z")
        shift = timedelta(hours=int(found[3] or 0))
        self.start = month - shift
        self.end = (month + timedelta(days=32)).replace(day=1) - shift
        self.done = re.findall(r"'(\w+)'", re.search(r"its status is (.*?)\.", notes)[1])
        self.placed = re.search(r"An order is placed at its (\w+)\.", notes)[1]

    def having(self, column):
        (rows,) = [rows for rows in self.tables.values() if column in rows[0]]
        return rows

    def time(self, value):
        if isinstance(value, int):
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromisoformat(value).replace(tzinfo=UTC)

    def orders(self):
        own = {row["id"] for row in self.having("is_test") if row["is_test"]}
        return {
            row["id"]: row
            for row in self.having("shipping_cents")
            if row["status"] in self.done
            and row["customer_id"] not in own
            and self.start <= self.time(row[self.placed]) < self.end
        }

    def lines(self):
        orders = self.orders()
        return [row for row in self.having("unit_price_cents") if row["order_id"] in orders]


def right_answer(instance):
    """Answer the question of a seed from the rows of its database, without SQL."""
    shop, kind = Shop(instance), instance.secret["kind"]
    orders, lines = shop.orders(), shop.lines()
    cents = Counter()
    for line in lines:
        cents[line["order_id"]] += line["quantity"] * line["unit_price_cents"]
    if kind == "net_revenue":
        back = sum(r["amount"] for r in shop.having("refunded_at") if r["order_id"] in orders)
        gross = sum(cents.values()) / 100
        return {
            "orders": len(orders),
            "gross_revenue": gross,
            "refunded": round(back, 2),
            "net_revenue": round(gross - back, 2),
        }
    if kind == "best_category":
        names = next(rows for rows in shop.tables.values() if set(rows[0]) == {"id", "name"})
        name = {row["id"]: row["name"] for row in names}
        of = {row["id"]: name[row["category_id"]] for row in shop.having("sku")}
        money, units = Counter(), Counter()
        for line in lines:
            money[of[line["product_id"]]] += line["quantity"] * line["unit_price_cents"]
            units[of[line["product_id"]]] += line["quantity"]
        best = money.most_common(1)[0][0]
        return {"category": best, "revenue": money[best] / 100, "units": units[best]}
    if kind == "repeat_customers":
        account = {row["id"]: row for row in shop.having("is_test")}
        placed = Counter(
            account[order["customer_id"]]["email"].lower()
            for order in orders.values()
            if account[order["customer_id"]]["deleted_at"] is None
        )
        often = {email: n for email, n in placed.items() if n > 1}
        return {
            "customers": len(often),
            "orders": sum(often.values()),
            "top_email": max(often, key=often.get),
        }
    if kind == "unpaid_orders":
        paid = Counter()
        for row in shop.having("paid_at"):
            paid[row["order_id"]] += row["amount_cents"] * (row["state"] == "captured")
        lack = [cents[k] + order["shipping_cents"] - paid[k] for k, order in orders.items()]
        lack = [amount for amount in lack if amount > 0]
        return {"orders": len(lack), "missing": sum(lack) / 100, "largest": max(lack) / 100}
    sku = {row["id"]: row["sku"] for row in shop.having("sku")}
    of = {line["id"]: sku[line["product_id"]] for line in lines}
    sold, back = Counter(), Counter()
    for line in lines:
        sold[of[line["id"]]] += line["quantity"]
    for row in shop.having("returned_at"):
        if row["item_id"] in of:
            back[of[row["item_id"]]] += row["quantity"]
    worst = max((s for s in sold if sold[s] >= 12), key=lambda s: back[s] / sold[s])
    return {"sku": worst, "sold": sold[worst], "returned": back[worst]}


def reference_query(instance):
    calls = [c for m in instance.scripts["reference"] for c in m.tool_calls]
    return next(
        json.loads(c.arguments)["content"]
        for c in calls
        if c.name == "fs_write" and json.loads(c.arguments)["path"] == "query.sql"
    )


def sql_grade(seed, root, answer, query):
    files = {"answer.json": answer} | ({} if query is None else {"query.sql": query})
    return grade_of("sql_investigation", seed, root, files)


@pytest.mark.parametrize("seed", range(24))
def test_the_rows_say_what_the_grader_expects(seed, tmp_path):
    instance = instance_of("sql_investigation", seed)
    answer = right_answer(instance)
    grade = sql_grade(seed, tmp_path, answer, reference_query(instance))
    assert grade.passed, grade.reason
    assert grade.done == grade.of == len(answer) + 1


def test_shops_come_in_all_kinds():
    made = [instance_of("sql_investigation", seed) for seed in range(40)]
    assert len({i.secret["kind"] for i in made}) == 5
    shops = [Shop(i) for i in made]
    assert {len(shop.tables) for shop in shops} <= {6, 7}
    assert {isinstance(shop.having("sku")[0]["id"], int) for shop in shops} == {True}
    assert len({shop.placed for shop in shops}) == 3


def test_the_second_shop_has_another_answer():
    for seed in range(30):
        case = draw_case(seed)
        assert case.answer != case.other_answer
        assert case.answer != case.careless


_RETURNS = "SELECT SUM(r.quantity) FROM {returns} r JOIN {items} x ON x.id = r.item_id"
# Rule -> what to replace in the reference's query so that it misreads that rule.
MISREADINGS = {
    "any_status": {"o.status IN ({done}) AND ": ""},
    "own_accounts_count": {" AND c.is_test = 0": ""},
    "month_in_utc": {"{placed} >= {start}": "{placed} >= {utc}", "< {end}": "< {utc_end}"},
    "deleted_accounts_dropped": {"c.is_test = 0": "c.is_test = 0 AND c.deleted_at IS NULL"},
    "price_of_today": {
        "i.unit_price_cents": "(SELECT list_price_cents FROM {products} y WHERE y.id=i.product_id)"
    },
    "refunds_of_the_month": {
        "r WHERE": "r WHERE r.refunded_at >= {start} AND r.refunded_at < {end} AND"
    },
    "refunds_of_any_order": {
        "r.order_id IN (SELECT id FROM counted)": "r.order_id IN (SELECT id FROM {orders} "
        "WHERE {placed} >= {start} AND {placed} < {end})"
    },
    "one_refund_an_order": {
        "FROM {refunds} r": "FROM (SELECT order_id, MAX(amount) amount FROM {refunds} GROUP BY 1) r"
    },
    "lines_for_units": {"SUM(i.quantity) AS units": "COUNT(*) AS units"},
    "most_units": {
        "ORDER BY SUM(i.quantity * i.unit_price_cents)": "ORDER BY SUM(i.quantity)",
        "SUM(lines.back) * 1.0 / SUM(lines.quantity)": "SUM(lines.back)",
    },
    "spellings_apart": {"BY LOWER(c.email)": "BY c.email"},
    "deleted_accounts_kept": {"WHERE c.deleted_at IS NULL": ""},
    "three_or_more": {">= 2": ">= 3"},
    "shipping_left_out": {"counted.shipping_cents\n": "0\n"},
    "any_state": {" AND p.state = 'captured'": ""},
    "failed_counts": {"p.state = 'captured'": "p.state <> 'reversed'"},
    "reversed_counts": {"p.state = 'captured'": "p.state <> 'failed'"},
    "one_payment_an_order": {"SUM(p.amount_cents)": "MAX(p.amount_cents)"},
    "orders_without_payment_left_out": {
        "FROM counted\n)": "FROM counted WHERE id IN (SELECT order_id FROM {payments}))"
    },
    "no_minimum": {"HAVING SUM(lines.quantity) >= 12": ""},
    "returns_of_the_month": {
        "r.item_id = i.id": "r.item_id = i.id "
        "AND r.returned_at >= {start} AND r.returned_at < {end}"
    },
    "returns_of_any_order": {"SUM(lines.back)": f"({_RETURNS} WHERE x.product_id = p.id)"},
}


def misread_queries(instance, case):
    """Yield each rule that can be misread in this case, and the query that does."""
    names, query = names_of(case.style), reference_query(instance)
    utc = names_of(case.style._replace(offset=0))
    names |= {"utc": utc["start"], "utc_end": utc["end"]}
    for rule in case.question.misreadings(case.style):
        wrong = query
        for old, new in MISREADINGS[rule].items():
            wrong = wrong.replace(old.format(**names), new.format(**names))
        assert wrong != query, rule
        yield rule, wrong


def ask(database, query):
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(database)
        connection.row_factory = sqlite3.Row
        row = dict(connection.execute(query).fetchone())
    finally:
        connection.close()
    return {k: v.lower() if isinstance(v, str) else v and round(v, 2) for k, v in row.items()}


def test_misreading_any_one_rule_gives_another_answer(tmp_path):
    seen = Counter()
    for seed in range(60):
        instance, case = instance_of("sql_investigation", seed), draw_case(seed)
        right = ask(instance.files["shop.db"], reference_query(instance))
        for rule, query in misread_queries(instance, case):
            wrong = ask(instance.files["shop.db"], query)
            assert wrong != right, (seed, rule)
            seen[rule] += 1
            if seen[rule] == 1:
                root = tmp_path / rule
                assert not sql_grade(seed, root, wrong, query).passed
                grade = sql_grade(seed, root, right_answer(instance), query)
                assert "gives a wrong" in grade.reason, (rule, grade.reason)
    assert set(seen) == set(MISREADINGS)


@pytest.fixture(scope="module")
def answered():
    instance = instance_of("sql_investigation", 0)
    return right_answer(instance), reference_query(instance)


FAIR_QUERIES = {
    "no_semicolon": lambda q: q.rstrip().rstrip(";"),
    "comments": lambda q: f"-- what was asked\n/* by month */\n{q}\n-- end\n",
    "bom_crlf": lambda q: "\ufeff" + q.replace("\n", "\r\n"),
    "upper_names": lambda q: f"SELECT * FROM ({q.rstrip().rstrip(';')})".replace("WITH", "with"),
    "json_each": lambda q: f"SELECT x.* FROM ({q.rstrip().rstrip(';')}) x JOIN json_each('[1]')",
    "windows": lambda q: f"SELECT *, ROW_NUMBER() OVER () AS n FROM ({q.rstrip().rstrip(';')})",
}


@pytest.mark.parametrize("form", FAIR_QUERIES)
def test_a_right_query_passes_in_any_clothes(form, answered, tmp_path):
    answer, query = answered
    grade = sql_grade(0, tmp_path, answer, FAIR_QUERIES[form](query))
    assert grade.passed, grade.reason


def test_numbers_as_text_and_words_in_another_case_pass(answered, tmp_path):
    answer, query = answered
    spelt = {k: v.upper() if isinstance(v, str) else str(v) for k, v in answer.items()}
    assert sql_grade(0, tmp_path, spelt, query).passed


BAD_QUERIES = {
    "empty": ("", "missing"),
    "fenced": ("```sql\nSELECT 1\n```", "fails"),
    "two": ("SELECT 1; SELECT 2", "fails"),
    "no_row": ("SELECT 1 AS x WHERE 0", "no row"),
    "rows": ("SELECT 1 UNION SELECT 2", "more than one row"),
    "no_column": ("SELECT 42", "no column"),
    "write": ("CREATE TABLE x (y)", "fails"),
    "delete": ("WITH x AS (SELECT 1) DELETE FROM sqlite_master", "fails"),
    "attach": ("ATTACH 'shop.db' AS s", "fails"),
    "pragma": ("PRAGMA query_only = OFF", "fails"),
    "extension": ("SELECT load_extension('x')", "fails"),
    "memory": ("SELECT hex(zeroblob(900000000))", ""),
    "binary": (b"\x00\xff\xfe" * 50, ""),
    "large": ("SELECT 1 -- " + "x" * (2 << 20), "missing"),
    "blobs": ("SELECT x'ff00' AS category, 9e999 AS revenue, NULL AS units", "wrong"),
    "bad_text": ("SELECT CAST(x'ff' AS TEXT)", "fails"),
}


@pytest.mark.parametrize("form", BAD_QUERIES)
def test_a_bad_query_fails_and_says_how(form, answered, tmp_path):
    query, words = BAD_QUERIES[form]
    grade = sql_grade(0, tmp_path, answered[0], query)
    assert not grade.passed
    assert words in grade.reason
    assert grade.done == grade.of - 1


def test_a_query_that_never_ends_is_stopped(answered, tmp_path):
    query = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT MAX(x) FROM n"
    grade = sql_grade(0, tmp_path, answered[0], query)
    assert not grade.passed
    assert "interrupted" in grade.reason


def test_a_sandbox_that_runs_nothing_is_a_defect_not_a_wrong_answer(answered, tmp_path):
    class Dead:
        kind = "local"

        def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
            from ossay.agent.sandbox.base import Completed

            return Completed(127, "python3: not found", 0.0)

    task = SqlInvestigation(Dead)
    instance = task.instance(0)
    lay_out(instance, tmp_path)
    leave(tmp_path, "answer.json", answered[0])
    leave(tmp_path, "query.sql", answered[1])
    with pytest.raises(EnvironmentDefect, match="did not start"):
        task.grade(instance, tmp_path, NOTHING)
