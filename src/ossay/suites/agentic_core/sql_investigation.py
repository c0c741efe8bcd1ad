"""Task 10, sql_investigation: answer a question from a SQLite database, and hand in the query.

The right answer is computed in Python from the generator's rows, which are drawn so that misreading
any one rule of the notes or of the question gives another answer. The query is run in the sandbox
on a pristine copy of the rows and on a second World of the same schema, so a query that holds the
answer as a constant fails. The bytes of shop.db may differ between versions of SQLite; its content
follows from the seed. Knows nothing of the questions; `shop_questions` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.errors import EnvironmentDefect
from ossay.core.task import Grade, Instance, Transcript
from ossay.suites.agentic_core.answers import HALF_CENT, read_object, same_number
from ossay.suites.agentic_core.common import SandboxSource, read_text, rng_of, run_check
from ossay.suites.agentic_core.prompts import prompt
from ossay.suites.agentic_core.shop import Style, World, make_style, make_world
from ossay.suites.agentic_core.shop_answers import Answer
from ossay.suites.agentic_core.shop_notes import names_of, notes_on
from ossay.suites.agentic_core.shop_questions import QUESTIONS, FieldKind, Question
from ossay.suites.agentic_core.shop_storage import database, rows, schema
from ossay.suites.scripting import Script, call, say

DATABASE, NOTES, ANSWER, QUERY = "shop.db", "NOTES.md", "answer.json", "query.sql"

_PROMPT = """
    $database is the SQLite database of a small web shop. $notes says what its columns mean and how
    the shop counts; please keep to it.

    $asked

    Hand in two files:

    - $answer: a JSON object with these $count fields. Amounts of money are in euros, not in cents,
      as numbers such as 1234.50.
    - $query: one SELECT statement for SQLite (it may begin with WITH) that returns exactly one row,
      with one column per field, named like the field, and with the same values. It will also be run
      on other databases of this shop that have the same tables and other rows, so it must work
      everything out from the tables; the month stays the same.

    Python's sqlite3 module is at hand; the sqlite3 command line may not be. Do not change
    $database.
    """

# Runs the handed-in query once per set of rows, read-only, and sends back at most two rows of each.
_CHECK = """\
import sqlite3, time
emit("ready")
DENIED = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA,
          sqlite3.SQLITE_TRANSACTION}
def guard(action, name, other, *rest):
    loads = action == sqlite3.SQLITE_FUNCTION and other == "load_extension"
    return sqlite3.SQLITE_DENY if loads or action in DENIED else sqlite3.SQLITE_OK
def plain(value):
    if isinstance(value, bytes):
        return None
    return value[:500] if isinstance(value, str) else value
for tables in payload["databases"]:
    connection = sqlite3.connect(":memory:")
    for statement in payload["schema"]:
        connection.execute(statement)
    for table, lines in tables.items():
        places = ",".join("?" * len(lines[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({places})", lines)
    connection.commit()
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(guard)
    end = time.process_time() + 5
    connection.set_progress_handler(lambda end=end: time.process_time() > end, 10000)
    try:
        cursor = connection.execute(payload["query"])
        found = [[plain(value) for value in row] for row in cursor.fetchmany(2)]
        emit({"columns": [item[0] for item in cursor.description or ()], "rows": found})
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
        emit({"error": f"{type(error).__name__}: {error}"[:200]})
        break
"""


class Case(NamedTuple):
    """What a seed stands for. `other` is the second shop that the query must be right about."""

    kind: str
    question: Question
    style: Style
    world: World
    answer: Answer
    careless: Answer
    other: World
    other_answer: Answer


def draw_case(seed: int) -> Case:
    """Draw shops until the question has one answer in both and each misread rule has another."""
    name = SqlInvestigation.name
    rng = rng_of(name, seed)
    kind = rng.choice(list(QUESTIONS))
    question = QUESTIONS[kind]
    style = make_style(rng, question.needs)
    while True:
        world = make_world(rng, style)
        answer = question.answer(world, style, "")
        careless = question.answer(world, style, "any_status_and_account")
        if answer and careless and careless != answer and _tells(question, world, style, answer):
            break
    hidden = rng_of(f"{name}, second shop", seed)
    while True:
        other = make_world(hidden, style)
        second = question.answer(other, style, "")
        if second and second != answer:
            return Case(kind, question, style, world, answer, careless, other, second)


def _tells(question: Question, world: World, style: Style, answer: Answer) -> bool:
    """Whether each rule that can be misread matters in this shop."""
    wrong = (question.answer(world, style, rule) for rule in question.misreadings(style))
    return all(found is not None and found != answer for found in wrong)


class SqlInvestigation:
    """Answer a question from a database and give the query that does."""

    name = "sql_investigation"

    def __init__(self, sandbox: SandboxSource = find_sandbox) -> None:
        self._sandbox = sandbox

    def instance(self, seed: int) -> Instance:
        """Make up a shop and a question about it."""
        case = draw_case(seed)
        return Instance(
            self.name,
            seed,
            _prompt(case),
            files={
                DATABASE: database(case.world, case.style),
                NOTES: notes_on(case.style).encode(),
            },
            protected=(DATABASE, NOTES),
            needs=("python", "sqlite3"),
            secret={
                "kind": case.kind,
                "answer": {key: str(value) for key, value in case.answer.items()},
            },
            scripts=_scripts(case),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Compare the answer's fields, then what the query gives on both databases."""
        case = draw_case(instance.seed)
        fields = case.question.fields
        of = len(fields) + 1
        answer = read_object(workspace, ANSWER)
        if isinstance(answer, str):
            return Grade(False, f"{ANSWER} {answer}", 0, of)
        wrong = [key for key in fields if not _same(fields[key], answer.get(key), case.answer[key])]
        done = len(fields) - len(wrong)
        if wrong:
            return Grade(False, f"wrong in {ANSWER}: {', '.join(wrong)}", done, of)
        query = read_text(workspace, QUERY)
        if query is None or not query.strip():
            return Grade(False, f"{QUERY} is missing, empty or not a plain file", done, of)
        problem = self._query_problem(case, workspace, query)
        if problem:
            return Grade(False, f"{QUERY} {problem}", done, of)
        return Grade(True, "the answer is right and the query gives it", of, of)

    def _query_problem(self, case: Case, workspace: Path, query: str) -> str:
        """Say what is wrong with the query, '' if nothing is."""
        worlds = ((case.world, case.answer), (case.other, case.other_answer))
        payload = {
            "query": query,
            "schema": schema(case.style),
            "databases": [rows(world, case.style) for world, _ in worlds],
        }
        emitted = run_check(self._sandbox(), workspace, _CHECK, payload)
        if not emitted or emitted[0] != "ready":
            raise EnvironmentDefect("the check of a query did not start in the sandbox")
        places = (f"on {DATABASE}", "on another database with the same tables")
        for n, (_, right) in enumerate(worlds, 1):
            if len(emitted) <= n:
                return "used too much time or memory"
            problem = _result_problem(emitted[n], case.question.fields, right)
            if problem:
                return f"{problem} {places[n - 1]}"
        return ""


def _result_problem(result: Any, fields: Mapping[str, FieldKind], right: Answer) -> str:
    if "error" in result:
        return f"fails ({' '.join(result['error'].split())})"
    if len(result["rows"]) != 1:
        return f"returns {'no' if not result['rows'] else 'more than one'} row"
    names = [str(name).strip().lower() for name in result["columns"]]
    row: Sequence[Any] = result["rows"][0]
    given = dict(zip(names, row, strict=True))
    missing = [field for field in fields if field not in given]
    if missing:
        return f"has no column {missing[0]!r}"
    wrong = [key for key, kind in fields.items() if not _same(kind, given[key], right[key])]
    return f"gives a wrong {wrong[0]!r}" if wrong else ""


def _same(kind: FieldKind, value: Any, right: Fraction | int | str) -> bool:
    if isinstance(right, str):
        return isinstance(value, str) and value.strip().casefold() == right.casefold()
    return same_number(value, right, HALF_CENT if kind == "money" else 0)


def _prompt(case: Case) -> str:
    return prompt(
        _PROMPT,
        database=DATABASE,
        notes=NOTES,
        answer=ANSWER,
        query=QUERY,
        count=len(case.question.fields),
        asked=prompt(case.question.asked, **names_of(case.style)),
    )


def _plain(answer: Answer) -> dict[str, Any]:
    return {k: round(float(v), 2) if isinstance(v, Fraction) else v for k, v in answer.items()}


def _literal(value: object) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _scripts(case: Case) -> dict[str, Script]:
    sql = Template(case.question.sql).substitute(names_of(case.style))
    answer = _plain(case.answer)
    constants = ", ".join(f"{_literal(value)} AS {field}" for field, value in answer.items())
    statuses = f"o.status IN ({names_of(case.style)['done']}) AND c.is_test = 0"
    careless = sql.replace(statuses, "1")
    run = (
        "import json, sqlite3\n"
        "shop = sqlite3.connect('file:shop.db?mode=ro', uri=True)\n"
        "shop.row_factory = sqlite3.Row\n"
        "found = dict(shop.execute(open('query.sql').read()).fetchone())\n"
        "json.dump(found, open('answer.json', 'w'), indent=2)\nprint(found)\n"
    )
    tables = (
        "import sqlite3\n"
        "shop = sqlite3.connect('file:shop.db?mode=ro', uri=True)\n"
        "for row in shop.execute('SELECT sql FROM sqlite_master'):\n    print(row[0])\n"
    )
    vandal = (
        "import sqlite3\nshop = sqlite3.connect('shop.db')\n"
        f"shop.execute('DELETE FROM {case.style.tables['orders']} WHERE id % 2')\nshop.commit()\n"
    )

    def shell(program: str) -> Script:
        return (call("shell", command=f"python3 - <<'EOF'\n{program}EOF"),)

    def writes(path: str, content: str) -> Script:
        return (call("fs_write", path=path, content=content),)

    look = (call("fs_read", path=NOTES), *shell(tables))
    good = writes(ANSWER, json.dumps(answer, indent=2))
    done = say("answer.json and query.sql are written.")
    return {
        "reference": (*look, *writes(QUERY, sql), *shell(run), done),
        "do_nothing": (say("I ran the query and wrote answer.json and query.sql."),),
        # Counts every order of the month and every account.
        "cheat_careless": (
            *look,
            *writes(QUERY, careless),
            *writes(ANSWER, json.dumps(_plain(case.careless))),
            done,
        ),
        "cheat_constants": (*good, *writes(QUERY, f"SELECT {constants};"), done),
        "cheat_no_query": (*look, *good, done),
        "cheat_edits_database": (*shell(vandal), *good, *writes(QUERY, sql), done),
    }
