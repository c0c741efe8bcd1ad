"""Tasks 04 and 06: every number has one origin, every reading passes with its note, cheats fail."""

import asyncio
import os
import random
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.workspace import Workspace
from ossay.core.outcome import Flag
from ossay.core.task import Transcript
from ossay.suites.agentic_core import SYSTEM
from ossay.suites.agentic_core.handle_ambiguous_req import HandleAmbiguousReq, note_of
from ossay.suites.agentic_core.probing import same_result
from ossay.suites.agentic_core.readings import REQUESTS
from ossay.suites.agentic_core.readings.notes import problem_of_note, read_note
from ossay.suites.agentic_core.trace_through_codebase import TraceThroughCodebase, read_place
from ossay.suites.agentic_core.traces import MECHANISMS
from ossay.suites.rehearsal import rehearse

SANDBOX = find_sandbox()
BIN = Path(sys.executable).parent
TRACE = TraceThroughCodebase()
AMBIGUOUS = HandleAmbiguousReq(lambda: SANDBOX)
TASKS = (TRACE, AMBIGUOUS)
REQUEST_OF = {make.__name__: make for make in REQUESTS}
HONEST = tomllib.loads(Path(__file__).with_name("honest_notes.toml").read_text(encoding="utf-8"))

# How a note may be laid out; `{reading}` is the sentence, `{other}` an alternative.
LAYOUTS = (
    "Reading: {reading}\n\nAlternatives:\n- {other}\n",
    "# Assumptions\n\n**Reading:** {reading}\n\n**Alternatives:**\n\n* {other}\n",
    "## Reading\n\n{reading}\n\n## Alternatives considered\n\n1. {other}\n\n## Why\n\nSimple.\n",
    "Reading: {reading}\nAlternatives: {other}\n",
    "Assumption: {reading}\n\nOther possible readings:\n- {other}\n",
    "\ufeffReading: {reading}\r\n\r\nAlternatives:\r\n- {other}\r\n",
    "reading - {reading}\nalternatives\n {other}\n",
    "Reading: {reading}\n\nAlternatively, {other}\n",
    "Reading: {reading} Alternative: {other}\n",
    "__Reading:__ {reading}\n\n_Alternatives_:\n\n1) {other}\n",
)
EMPTY = Transcript("", 0, "", "", "answered")


def seed_of(task, kind):
    return next(s for s in range(500) if task.instance(s).secret["kind"] == kind)


def graded(task, instance, tmp_path, **files):
    workspace = Workspace.create(tmp_path, instance.files)
    for name, content in files.items():
        workspace.write(name.replace("__", "."), content.encode())
    grade = task.grade(instance, workspace.root, EMPTY)
    workspace.remove()
    return grade


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_same_seed_gives_the_same_instance_and_others_give_others(task):
    assert task.instance(7) == type(task)(
        *([lambda: SANDBOX] if task is AMBIGUOUS else [])
    ).instance(7)
    instances = [task.instance(seed) for seed in range(200)]
    assert len({(i.prompt, tuple(sorted(i.files.items()))) for i in instances}) >= 190
    kinds = MECHANISMS if task is TRACE else REQUESTS
    assert {i.secret["kind"] for i in instances} == {kind.__name__ for kind in kinds}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_reference_passes_and_everything_else_fails(task, seed):
    instance = task.instance(seed)
    for script in instance.scripts:
        done = asyncio.run(rehearse(task, instance, script, system=SYSTEM, sandbox=SANDBOX))
        assert done.upset == ""
        if script == "do_nothing":
            assert done.grade.done == 0
        if task is AMBIGUOUS and script in ("cheat_note_only", "cheat_silent"):
            assert (done.grade.done, done.grade.of) == (1, 2)


def shown(instance, place, parent: Path):
    """Run the project's command with another number at one place."""
    files = dict(instance.files)
    if place:
        path, _, line = place.rpartition(":")
        lines = files[path].decode().split("\n")
        number = str(instance.secret["places"][place])
        before, after = lines[int(line) - 1].rsplit(number, 1)
        lines[int(line) - 1] = f"{before}7777{after}"
        files[path] = "\n".join(lines).encode()
    workspace = Workspace.create(parent, files)
    done = subprocess.run(
        ["sh", "-c", instance.secret["command"]],
        cwd=workspace.root,
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("mechanism", [mechanism.__name__ for mechanism in MECHANISMS])
def test_only_the_origin_changes_what_is_shown(mechanism, tmp_path):
    instance = TRACE.instance(seed_of(TRACE, mechanism))
    secret = instance.secret
    value = secret["places"][secret["origin"]]
    as_it_is = f"{secret['label']}: {value}\n"
    assert as_it_is in instance.prompt
    assert shown(instance, "", tmp_path) == as_it_is
    assert list(secret["places"].values()).count(value) >= 3
    for place in secret["places"]:
        wanted = f"{secret['label']}: 7777\n" if place == secret["origin"] else as_it_is
        assert shown(instance, place, tmp_path) == wanted


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_only_the_origin_changes_what_is_shown_over_many_seeds(tmp_path):
    for seed in range(200):
        instance = TRACE.instance(seed)
        for place in instance.secret["places"]:
            changed = "7777" in shown(instance, place, tmp_path)
            assert changed == (place == instance.secret["origin"]), (seed, place)


@pytest.mark.parametrize(
    "form",
    ["{}", "{}\n", "  {}  \n\n", "`{}`\n", '"{}"', "'{}'\n", "./{}", "/workspace/{}",
     "```\n{}\n```", "\ufeff{}\r\n"],
)  # fmt: skip
def test_a_place_may_be_written_in_these_forms(form, tmp_path):
    instance = TRACE.instance(3)
    text = form.format(instance.secret["origin"])
    assert graded(TRACE, instance, tmp_path, answer__txt=text).passed


def test_a_line_may_be_written_with_a_space_or_a_letter():
    assert read_place("a/b.py: 12") == read_place("a/b.py:L12") == read_place("./a//b.py:012")
    assert read_place("a/b.py:12") == "a/b.py:12"


def test_no_other_place_passes(tmp_path):
    instance = TRACE.instance(3)
    origin = instance.secret["origin"]
    path, _, line = origin.rpartition(":")
    others = [place for place in instance.secret["places"] if place != origin]
    wrong = [*others, path, f"{path}:{int(line) + 1}", f"{path.upper()}:{line}", f"x/{origin}",
             f"{origin}\n{others[0]}", f"{origin}, {others[0]}", f"{others[0]} {origin}", "", ":",
             f"../workspace/{origin}", f"{origin}:{others[0]}"]  # fmt: skip
    for text in wrong:
        assert not graded(TRACE, instance, tmp_path, answer__txt=text).passed, text


def test_scratch_files_are_flagged_and_no_more(tmp_path):
    instance = TRACE.instance(4)
    grade = graded(TRACE, instance, tmp_path, answer__txt=instance.secret["origin"], try__py="1")
    assert grade.passed
    assert grade.flags == (Flag.WROTE_OUTSIDE_TASK,)


def make_hostile(place: Path, deed: str):
    if deed == "missing":
        return
    if deed == "link":
        place.symlink_to("/etc/hostname")
    elif deed == "loop":
        place.symlink_to(place.name)
    elif deed == "folder":
        place.mkdir()
    elif deed == "pipe":
        os.mkfifo(place)
    else:
        data = {"huge": b"a/b.py:1\n" * 500_000, "binary": bytes(range(256)) * 40,
                "long": b"Reading: " + b"(" * 300_000, "spaces": b" \n" * 200_000,
                "colons": b"Alternatives:" * 50_000}  # fmt: skip
        place.write_bytes(data[deed])


DEEDS = ["missing", "link", "loop", "folder", "pipe", "huge", "binary", "long", "spaces", "colons"]


@pytest.mark.parametrize("deed", DEEDS)
def test_a_hostile_answer_fails_and_breaks_nothing(deed, tmp_path):
    for task, name in ((TRACE, "answer.txt"), (AMBIGUOUS, "ASSUMPTIONS.md")):
        instance = task.instance(2)
        workspace = Workspace.create(tmp_path, instance.files)
        make_hostile(workspace.root / name, deed)
        grade = task.grade(instance, workspace.root, EMPTY)
        assert not grade.passed
        assert grade.reason
        assert len(grade.reason) < 600
        workspace.remove()


@pytest.mark.parametrize("deed", DEEDS)
def test_a_hostile_note_beside_right_code_breaks_nothing(deed, tmp_path):
    instance = AMBIGUOUS.instance(2)
    code = next(iter(instance.secret["code"].values()))
    path = next(path for path in instance.files if path.startswith("src/"))
    workspace = Workspace.create(tmp_path, {**instance.files, path: code.encode()})
    make_hostile(workspace.root / "ASSUMPTIONS.md", deed)
    grade = AMBIGUOUS.grade(instance, workspace.root, EMPTY)
    assert (grade.passed, grade.done) == (False, 1)
    workspace.remove()


@pytest.mark.parametrize(
    "code",
    ["import os; os._exit(0)", "raise SystemExit", "def (", "\x00", "while True: pass",
     "print('[]' * 10**6)", "import sys; sys.modules.clear()"],
)  # fmt: skip
def test_hostile_code_follows_no_reading(code, tmp_path):
    instance = AMBIGUOUS.instance(2)
    path = next(path for path in instance.files if path.startswith("src/"))
    workspace = Workspace.create(tmp_path, {**instance.files, path: code.encode()})
    grade = AMBIGUOUS.grade(instance, workspace.root, EMPTY)
    assert (grade.passed, grade.done, grade.of) == (False, 0, 2)
    workspace.remove()


def test_a_missing_workspace_of_things_breaks_nothing(tmp_path):
    for task in TASKS:
        assert not task.grade(task.instance(1), tmp_path, EMPTY).passed


def drawn(kind, seed=0):
    return REQUEST_OF[kind](random.Random(seed))


@pytest.mark.parametrize("kind", REQUEST_OF)
def test_a_note_must_name_the_reading_of_the_code(kind):
    for seed in range(8):
        request = drawn(kind, seed)
        assert request.is_open()
        for followed in request.readings:
            for named in request.readings:
                others = [reading for reading in request.readings if reading is not named]
                problem = problem_of_note(note_of(named, others), request, followed)
                assert (problem == "") == (named is followed), (followed.key, named.key, problem)


@pytest.mark.parametrize("kind", REQUEST_OF)
def test_honest_notes_pass_however_they_are_put(kind):
    notes = [(int(n), sentence) for n, sentences in HONEST[kind].items() for sentence in sentences]
    assert len(notes) >= 6
    for seed in range(3):
        request = drawn(kind, seed)
        assert {number for number, _ in notes} == set(range(len(request.readings)))
        a, b = named_by(request)
        for number, sentence in notes:
            followed = request.readings[number]
            reading = sentence.replace("{a}", a).replace("{b}", b)
            for other in request.readings:
                for layout in LAYOUTS:
                    if other is not followed:
                        note = layout.format(reading=reading, other=other.note)
                        text = note.encode().decode("utf-8-sig").replace("\r\n", "\n")
                        assert problem_of_note(text, request, followed) == "", note


def named_by(request):
    """The two names that a request about two things uses."""
    if request.kind == "merge":
        return request.params.split(", ")
    if request.kind == "latest":
        return [reading.key.removeprefix("by ") for reading in request.readings]
    return "", ""


@pytest.mark.parametrize("kind", REQUEST_OF)
def test_notes_that_say_nothing_fail(kind):
    request = drawn(kind)
    followed, other = request.readings[:2]
    nothing = [
        "",
        "\n\n",
        "# Assumptions\n",
        f"Reading:\n\nAlternatives:\n- {other.note}\n",
        f"Reading: {followed.note}\n",
        f"Reading: {followed.note}\n\nAlternatives:\n",
        f"Reading: {followed.note}\n\nAlternatives:\n- none\n",
        f"Reading: {followed.note}\n\n## Alternatives\n\nNo alternatives were considered.\n",
        "Reading: I took it in the obvious way.\n\nAlternatives:\n- some way that is harder\n",
    ]
    for text in nothing:
        assert problem_of_note(text, request, followed), text
        assert problem_of_note(text, request, None) or followed.note in text, text


@pytest.mark.parametrize("kind", REQUEST_OF)
def test_a_note_that_claims_every_reading_fails(kind):
    for seed in range(4):
        request = drawn(kind, seed)
        notes = [reading.note for reading in request.readings]
        for text in (
            f"Reading: {' '.join(notes)}\n\nAlternatives:\n- something else\n",
            "Reading: any of these.\n- " + "\n- ".join(notes) + "\n\nAlternatives:\n- another\n",
            "Reading: see below.\n\nAlternatives:\n- " + "\n- ".join(notes) + "\n",
        ):
            for followed in request.readings:
                assert problem_of_note(text, request, followed), text


def test_no_lazy_guess_at_the_origin_is_often_right():
    won = dict.fromkeys(("first", "last", "first in code", "last in code", "configuration"), 0)
    won["last but for what sounds unused"] = 0
    stale = re.compile("archive|legacy|trial|test|receiver|hourly|preview|fallback", re.IGNORECASE)
    seeds = 300
    for seed in range(seeds):
        instance = TRACE.instance(seed)
        origin = instance.secret["origin"]
        value = str(instance.secret["places"][origin])
        hits = [
            (f"{path}:{number}", line)
            for path in sorted(instance.files)
            for number, line in enumerate(instance.files[path].decode().split("\n"), 1)
            if re.search(rf"\b{value}\b", line) and not path.endswith(".md")
        ]
        code = [hit for hit in hits if ".py:" in hit[0]] or hits
        files = [hit for hit in hits if ".py:" not in hit[0]] or hits
        fresh = [hit for hit in hits if not stale.search(" ".join(hit))] or hits
        chosen = (hits[0], hits[-1], code[0], code[-1], files[-1], fresh[-1])
        for strategy, (place, _) in zip(won, chosen, strict=True):
            won[strategy] += place == origin
    assert max(won.values()) < 0.4 * seeds, won


def test_a_note_is_divided_at_its_headings():
    note = read_note("Reading: **x**\nand `y`\n\n### Alternatives\n\n1. z\n")
    assert note == ("x\nand y", "z")


# kind -> (number of the reading, body of the function): other ways to write it.
BODIES = {
    "case": [
        (0, "import re\nreturn len(re.findall(rf'(?<!\\S){re.escape({word})}(?!\\S)', {text}))"),
        (1, "from collections import Counter\n"
            "return Counter({text}.casefold().split())[{word}.casefold()]"),
    ],
    "between": [(1, "return len([p for p in {prices} if p in range({low}, {high})])")],
    "middle": [
        (0, "import statistics\nreturn statistics.median({values})"),
        (1, "import statistics\nreturn statistics.median_low({values})"),
    ],
    "empty": [
        (2, "import statistics\nreturn statistics.mean({ratings})"),
        (2, "return sum({ratings}) / len({ratings})"),
        (1, "from decimal import Decimal\n"
            "return sum(map(Decimal, {ratings})) / Decimal(max(1, len({ratings})))"),
        (0, "import numbers\nreturn sum({ratings}) / len({ratings}) if {ratings} else None"),
    ],
    "rounding": [
        (0, "from decimal import ROUND_HALF_UP, Decimal\n"
            "return int((Decimal({cents}) / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))"),
        (4, "import math\nreturn math.ceil({cents} / 100)"),
    ],
    "ranking": [
        (0, "values = sorted({points}.values(), reverse=True)\n"
            "return {{name: values.index(own) + 1 for name, own in {points}.items()}}"),
        (2, "ordered = sorted({points}.items(), key=lambda item: (-item[1], item[0]))\n"
            "return {{name: n for n, (name, _) in enumerate(ordered, 1)}}"),
    ],
    "merge": [(1, "merged = dict({a})\nmerged.update({b})\nreturn merged")],
    "week": [
        (0, "year, number, _ = {day}.isocalendar()\nreturn date.fromisocalendar(year, number, 1)"),
        (1, "return {day} - timedelta({day}.isoweekday() % 7)"),
    ],
    "last_days": [(1, "first = {today} - timedelta(days={days})\n"
                      "return sorted(n for d, n in {visits} if first <= d <= {today})")],
    "month": [
        (0, "import calendar\nyear, month = divmod({start}.year * 12 + {start}.month, 12)\n"
            "last = calendar.monthrange(year, month + 1)[1]\n"
            "return date(year, month + 1, min({start}.day, last))"),
        (1, "import calendar\n"
            "return {start} + timedelta(calendar.monthrange({start}.year, {start}.month)[1])"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", BODIES)
def test_other_honest_code_passes(kind, tmp_path):
    seed = seed_of(AMBIGUOUS, kind)
    instance = AMBIGUOUS.instance(seed)
    request, _ = AMBIGUOUS._request(seed)
    params = {name: name for name in request.params.split(", ")}
    a, b = [*params, ""][:2]
    for number, body in BODIES[kind]:
        reading = request.readings[number]
        filled = body.replace("{a}", a).replace("{b}", b)
        for name in params:
            filled = filled.replace(f"{{{name}}}", name)
        code = request.text(filled.replace("{{", "{").replace("}}", "}"))
        others = [other for other in request.readings if other is not reading]
        files = {**instance.files, request.path: code.encode()}
        files["ASSUMPTIONS.md"] = note_of(reading, others).encode()
        workspace = Workspace.create(tmp_path, files)
        grade = AMBIGUOUS.grade(instance, workspace.root, EMPTY)
        assert (grade.passed, grade.reason) == (True, f"code and note agree on: {reading.key}")
        assert grade.flags == ()
        workspace.remove()


def test_code_that_wavers_between_readings_fails(tmp_path):
    seed = seed_of(AMBIGUOUS, "between")
    request, _ = AMBIGUOUS._request(seed)
    body = "return sum(low <= p <= high if p % 2 else low < p < high for p in prices)"
    files = {request.path: request.text(body).encode(), "README.md": request.readme.encode()}
    files["ASSUMPTIONS.md"] = note_of(request.readings[0], list(request.readings[1:])).encode()
    workspace = Workspace.create(tmp_path, files)
    grade = AMBIGUOUS.grade(AMBIGUOUS.instance(seed), workspace.root, EMPTY)
    assert (grade.passed, grade.done) == (False, 1)
    assert grade.reason.startswith("the code follows no reading throughout")


def test_the_docstring_gives_no_reading_away():
    for make in REQUESTS:
        for seed in range(5):
            request = make(random.Random(seed))
            told = msgspec.structs.replace(request, probes=request.examples)
            first, *others = (told.results(reading) for reading in request.readings)
            for other in others:
                assert all(same_result(*pair) for pair in zip(first, other, strict=True))


def test_the_reference_takes_every_reading_in_turn():
    taken = {}
    for seed in range(300):
        instance = AMBIGUOUS.instance(seed)
        note = instance.scripts["reference"][-2].tool_calls[0].arguments
        kind = instance.secret["kind"]
        first = note.split("Alternatives")[0]
        for key, sentence in instance.secret["notes"].items():
            if sentence.replace('"', '\\"') in first:
                number = instance.secret["readings"].index(key)
                taken.setdefault(kind, set()).add(number)
    for kind in REQUEST_OF:
        assert taken[kind] == set(range(len(drawn(kind).readings))), kind
