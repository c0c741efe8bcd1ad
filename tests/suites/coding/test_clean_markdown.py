"""clean_markdown: honest functions of many forms pass, near misses are told, cheats fail."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from ossay.agent.sandbox.find import find_sandbox
from ossay.core.settings import settings_from
from ossay.core.task import Step, Transcript
from ossay.core.types import Message, Reply, Timing, Usage
from ossay.suites.coding.clean_markdown import FUNCTION, CleanMarkdown, tier
from ossay.suites.coding.markdown_documents import draw_document
from ossay.suites.coding.markdown_rules import ALWAYS, SOMETIMES, draw_rules, solution
from ossay.suites.registry import open_suite
from ossay.suites.rehearsal import check_suite
from ossay.suites.toolchain import typescript_is_there

SANDBOX = find_sandbox()
HOME = settings_from(os.environ, Path.cwd()).home
TASK = CleanMarkdown(lambda: SANDBOX, home=lambda: HOME)

needs_compiler = pytest.mark.skipif(
    "typescript" not in os.environ.get("OSSAY_REQUIRE", "") and not typescript_is_there(HOME),
    reason="no TypeScript here: ossay doctor --install",
)


def graded(instance, code, language="ts"):
    reply = f"Here you are.\n\n```{language}\n{code}\n```\n"
    steps = (Step(Reply(Message("assistant", reply), Usage(), Timing(0.0, 0.0))),)
    said = Transcript(instance.task, instance.seed, "", instance.prompt, "answered", steps=steps)
    return TASK.grade(instance, Path("nowhere"), said)


def pipeline(rules):
    """Another way than the reference's: a row of replacements, what is to stay put aside first."""
    choice = {
        ("heading", "plain"): "t",
        ("heading", "upper"): "t.toUpperCase()",
        ("heading", "colon"): "t + ':'",
        ("heading", "ruled"): "t + '\\n' + '='.repeat(t.length)",
        ("code", "keep"): "apart(keep(body))",
        ("code", "indent"): "apart(keep(body.replace(/^(?=.)/gm, '    ')))",
        ("code", "drop"): "'\\n\\n'",
        ("link", "text"): "'$1'",
        ("link", "both"): "'$1 ($2)'",
    }
    of = {part: choice.get((part, variant), variant) for part, variant in rules.items()}
    steps = []
    if "front" in rules:
        kept = "f.match(/^title: (.*)$/m)[1] + '\\n'" if of["front"] == "title" else "''"
        steps.append(f"t = t.replace(/^---\\n([\\s\\S]*?)\\n---\\n/, (_, f) => {kept});")
    steps.append(
        f"t = t.replace(/^```.*\\n([\\s\\S]*?)\\n```$/gm, (_, body) => {of['code']});"
        "t = t.replace(/`([^`\\n]*)`/g, (_, code) => keep(code));"
        "t = t.replace(/<!--[\\s\\S]*?-->/g, '').replace(/^import .*$/gm, '');"
        "t = t.replace(/^<[A-Z].*\\/>$/gm, '');"
    )
    if of.get("component") == "drop":
        steps.append("t = t.replace(/^<([A-Z]\\w*)[^>]*>\\n[\\s\\S]*?\\n<\\/\\1>$/gm, '');")
    steps.append("t = t.replace(/^<\\/?[A-Z][^>]*>$/gm, '').replace(/^---$/gm, '');")
    if of.get("table") == "rows":
        steps.append(
            "t = t.replace(/^\\|[-| ]+\\|\\n/gm, '')"
            ".replace(/^\\| (.*) \\|$/gm, (_, r) => r.split(' | ').join(', '));"
        )
    else:
        steps.append("t = t.replace(/^\\|.*\\|$/gm, '');")
    words = "'[Image: $1]'" if of.get("image") == "words" else "''"
    bullet = "'• '" if of.get("list") == "bullet" else "''"
    quote = "'| '" if of.get("quote") == "marks" else "''"
    steps.append(
        f"t = t.replace(/^!\\[(.*)\\]\\(.*\\)$/gm, {words});"
        f"t = t.replace(/\\[([^\\]]*)\\]\\(([^)]*)\\)/g, {of['link']});"
        "t = t.replace(/\\*\\*(.+?)\\*\\*/g, '$1').replace(/\\*(.+?)\\*/g, '$1');"
        f"t = t.replace(/^#+ (.*)$/gm, (_, t) => {of['heading']});"
        f"t = t.replace(/^- /gm, {bullet}).replace(/^> /gm, {quote});"
    )
    body = "\n  ".join(steps)
    return f"""\
const kept = [];
const keep = (text) => `\\u0000${{kept.push(text) - 1}}\\u0000`;
const apart = (text) => `\\n\\n${{text}}\\n\\n`;

function {FUNCTION}(text) {{
  let t = text + "\\n";
  {body}
  t = t.replace(/^\\n+|\\n+$/g, "").replace(/\\n{{2,}}/g, "\\n\\n");
  return t.replace(/\\u0000(\\d+)\\u0000/g, (_, n) => kept[n]);
}}
"""


@needs_compiler
@pytest.mark.parametrize("seed", range(101, 107))
def test_a_row_of_replacements_passes_too(seed):
    instance = TASK.instance(seed)
    code = pipeline(instance.secret["rules"])
    grade = graded(instance, f"{code}\nmodule.exports = {{ {FUNCTION} }};", "js")
    assert grade.passed, grade.reason
    assert grade.facts["tier"] == "exact"


FORMS = {
    "arrow": lambda code: code.replace(
        f"export function {FUNCTION}(text: string): string {{",
        f"export const {FUNCTION} = (text: string): string => {{",
    ),
    "default without a name": lambda code: code.replace(f"function {FUNCTION}", "default function"),
    "exported alone": lambda code: (
        code.replace("export function", "function") + f"\nmodule.exports = {FUNCTION};"
    ),
    "not exported": lambda code: code.replace("export function", "function"),
    "loose types": lambda code: "// @ts-nocheck\n" + code.replace(": string[]", ": number"),
    "a program too": lambda code: (
        "import fs from 'node:fs';\n"
        + code
        + f"\nconsole.log({FUNCTION}('x'));\n"
        + f"if (require.main === module) fs.writeFileSync('out', {FUNCTION}(process.argv[2]));"
    ),
    "spaces at the ends": lambda code: code.replace('.join("\\n\\n")', '.join("  \\n\\n") + "\\n"'),
}


@needs_compiler
@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_the_code_does_not_matter(form):
    instance = TASK.instance(7)
    right = solution(instance.secret["rules"])
    code = FORMS[form](right)
    assert code != right
    grade = graded(instance, code)
    assert grade.passed, grade.reason
    assert grade.facts["missing_export"] == (form == "not exported")


@needs_compiler
def test_what_goes_wrong_is_told():
    instance = TASK.instance(9)
    right = solution(instance.secret["rules"])
    start = right.index("export function")
    for code, reason in {
        right.replace('.join("\\n\\n")', '.join("\\n\\n\\n")'): "line breaks differ: line",
        right[:start] + f"export function {FUNCTION}() {{ throw 1; }}": "wrong: 1",
        right[:start] + f"export function {FUNCTION}() {{ for (;;); }}": "limit on",
        right[: start + 400]: "cannot be parsed: answer.ts:",
        right[:start] + f"const odd = 1; odd.call(); export const {FUNCTION} = 2;": "odd.call",
        right[:start] + f"export function {FUNCTION}() {{ return null; }}": "returned object",
        right[:start] + f"export async function {FUNCTION}(a) {{ return a; }}": "returned object",
        f"export function {FUNCTION}() {{ return 'x'.repeat(3e8); }}": "wrong",
    }.items():
        grade = graded(instance, code)
        assert not grade.passed
        assert reason in grade.reason, grade.reason


def test_how_near_an_output_comes():
    right = "Title\n=====\n\n    code\n\n\n    more"
    assert tier(f"\n{right} \n", right) == "exact"
    assert tier(right.replace("\n", "\r\n"), right) == "exact"
    assert tier(right.replace("\n\n", "\n"), right) == "line breaks differ"
    assert tier(right.replace("    ", ""), right) == "white space differs"
    assert tier("Title", right) == "wrong"


def test_every_variant_of_every_rule_comes_up():
    seen = set()
    for seed in range(200):
        rng = random.Random(seed)
        rules = draw_rules(rng)
        seen |= set(rules.items())
        document = draw_document(rng, rules)
        assert "```" not in document.clean
        assert not document.clean.startswith("\n")
    every = {(part, name) for part, kinds in (ALWAYS | SOMETIMES).items() for name in kinds}
    assert seen == every


@needs_compiler
def test_two_seeds_hold():
    suite = open_suite("coding", lambda: SANDBOX)
    upsets = asyncio.run(check_suite(suite, [7, 8], sandbox=SANDBOX, tasks=[TASK.name]))
    assert [(upset.seed, upset.script, upset.upset) for upset in upsets] == []
