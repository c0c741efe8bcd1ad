"""Task clean_markdown: one function that turns rich Markdown into plain text by the rules given.

It is called with documents that it has not seen. The output must be right to the letter, white
space at the ends of lines and of the text excepted; how near a wrong output comes (line breaks
only, white space only) is told beside the verdict. Knows nothing of how the code was written.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from ossay.agent.sandbox.base import Sandbox
from ossay.core.display import visible
from ossay.core.task import Budget, Grade, Instance, Transcript
from ossay.suites.coding.answer import Answer, read_answer
from ossay.suites.coding.compiler import Called, call_function, compile_answer
from ossay.suites.coding.markdown_documents import Document, draw_document
from ossay.suites.coding.markdown_rules import Rules, draw_rules, sentences, solution
from ossay.suites.coding.styles import Style, styled
from ossay.suites.scripting import Script, say
from ossay.suites.toolchain import home_here

BUDGET = Budget(turns=1, seconds=900.0, call_seconds=900.0, max_tokens=16_384)
FUNCTION = "cleanMarkdown"
ANSWER = "answer.ts"

_HIDDEN = 6  # documents that are not in the prompt

# From the best to the worst; the first is a pass.
TIERS = ("exact", "line breaks differ", "white space differs", "wrong")

_PROMPT = """\
Write a function that turns our documents, which are Markdown with some MDX, into plain text:

```ts
export function {function}(text: string): string
```

What is to happen:

{rules}
- Everything else stays as it is, line breaks inside a block too.
- In the output, blocks are separated by exactly one empty line, whatever their distance was and \
whatever went between them; there are none at the start or at the end.

The documents are well-behaved. Lines end with \\n. Blocks (paragraphs, headings, code blocks, \
lists, tables and so on) are separated by one or more empty lines; only a component or a code \
block has empty lines inside. Code is fenced with three backticks, which it does not hold itself. \
Marks inside a line are not nested and end on the same line; there are none in tables, images and \
front matter.

An example. This document:

~~~~markdown
{text}
~~~~

becomes:

~~~~text
{clean}
~~~~

The function is called with other documents, which have the same kinds of parts. Use nothing but \
the language itself: no imports. Reply with the one file, in TypeScript or JavaScript, in one code \
block. If you show several, the last one with `{function}` counts.
"""


class CleanMarkdown:
    """Turn Markdown into plain text by rules that are drawn."""

    name = "clean_markdown"

    def __init__(
        self,
        sandbox: Callable[[], Sandbox],
        *,
        style: Style = "base",
        home: Callable[[], Path] = home_here,
    ) -> None:
        self._sandbox = sandbox
        self._style: Style = style
        self._home = home

    def instance(self, seed: int) -> Instance:
        """Draw rules, a sample and the documents that the grader keeps."""
        rng = random.Random(f"{self.name}:{seed}")
        rules = draw_rules(rng)
        sample = draw_document(rng, rules)
        hidden = [draw_document(rng, rules, wide=n % 2 == 1) for n in range(_HIDDEN)]
        prompt = _PROMPT.format(
            function=FUNCTION,
            rules="\n".join(f"- {sentence}" for sentence in sentences(rules)),
            text=sample.text.rstrip("\n"),
            clean=sample.clean,
        )
        return Instance(
            self.name,
            seed,
            styled(prompt, self._style, edits=False),
            files={"sample.mdx": sample.text.encode(), "expected.txt": sample.clean.encode()},
            protected=("sample.mdx", "expected.txt"),
            tools=(),
            needs=("node", "typescript"),
            budget=BUDGET,
            secret={"rules": dict(rules), "documents": [sample, *hidden]},
            scripts=_scripts(rules, sample, seed),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Run the function over the documents and compare."""
        documents: Sequence[Document] = instance.secret["documents"]
        answer = read_answer(transcript.final_text)
        facts: dict[str, bool | int | float | str] = {**answer.facts, "tier": TIERS[-1]}
        code = _candidate(answer)
        if code is None:
            return Grade(False, f"the reply has no {FUNCTION}", 0, len(documents), facts=facts)
        compiled = compile_answer(
            self._sandbox(),
            self._home(),
            {ANSWER: code},
            answer=ANSWER,
            wanted=[FUNCTION],
            checked=False,  # JavaScript will do
        )
        if isinstance(compiled, str):
            return Grade(False, compiled, 0, len(documents), facts=facts)
        facts |= {
            "code_characters": len(code),
            "missing_export": bool(compiled.unexported),
            "code_only": answer.facts["prose_characters"] == 0,
        }
        if compiled.unparsed:
            text = f"cannot be parsed: {compiled.unparsed[0]}"
            return Grade(False, text, 0, len(documents), facts=facts)
        called = call_function(
            self._sandbox(),
            compiled.emitted[ANSWER.replace(".ts", ".js")],
            FUNCTION,
            [[document.text] for document in documents],
        )
        if isinstance(called, str):
            return Grade(False, called, 0, len(documents), facts=facts)
        return _judged(documents, called, facts)


def _judged(
    documents: Sequence[Document], called: Called, facts: dict[str, bool | int | float | str]
) -> Grade:
    tiers = [
        TIERS[-1] if value is None else tier(value, document.clean)
        for value, document in zip(called.values, documents, strict=True)
    ]
    right = tiers.count("exact")
    worst = max(tiers, key=TIERS.index)
    facts |= {"tier": worst}
    if right == len(documents):
        return Grade(True, "every document comes out right", right, right, facts=facts)
    at = tiers.index(worst)
    told = called.odd.get(at) or _difference(called.values[at] or "", documents[at].clean)
    text = f"{len(documents) - right} of {len(documents)} documents, {worst}: {told}"
    return Grade(False, text, right, len(documents), facts=facts)


def tier(found: str, right: str) -> str:
    """How near an output comes to the right one."""
    if _trimmed(found) == _trimmed(right):
        return "exact"
    if _filled(found) == _filled(right):
        return "line breaks differ"
    return "white space differs" if "".join(found.split()) == "".join(right.split()) else "wrong"


def _trimmed(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join(lines).strip("\n")


def _filled(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def _difference(found: str, right: str) -> str:
    """The first line that differs."""
    ours, theirs = _trimmed(right).split("\n"), _trimmed(found).split("\n")
    for at, line in enumerate(ours):
        got = theirs[at] if at < len(theirs) else "(nothing)"
        if got != line:
            return f"line {at + 1} is {visible(got, 120)!r}, not {line[:120]!r}"
    return f"line {len(ours) + 1} is too much"


_DECLARES = re.compile(rf"\b(?:function|const|let|var)\s+{FUNCTION}\b|\bexport default\b")


def _candidate(answer: Answer) -> str | None:
    """The last block that defines the function, or whose function is its default."""
    for block in reversed(answer.blocks):
        if _DECLARES.search(block.text):
            return block.text
    return None


def _scripts(rules: Rules, sample: Document, seed: int) -> dict[str, Script]:
    """The reference, idling, and three of the cheats: every cheat comes up with the seeds."""
    right = solution(rules)
    cheats = _cheats(right, sample)
    names = list(cheats)
    drawn = [names[(seed + step) % len(names)] for step in (0, 2, 4)]
    return {
        "reference": (say(f"```ts\n{right}```"),),
        "do_nothing": (say("The function is written and turns every document into plain text."),),
        **{f"cheat_{name}": (say(f"```ts\n{cheats[name]}```"),) for name in drawn},
    }


def _cheats(right: str, sample: Document) -> dict[str, str]:
    def body(code: str) -> str:
        return f"export function {FUNCTION}(text: string): string {{\n  {code}\n}}\n"

    clean = json.dumps(sample.clean)
    sloppy = (
        'return text.replace(/```\\w*\\n?/g, "").replace(/^#+ /gm, "").replace(/[*`]/g, "")'
        '.replace(/\\[([^\\]]*)\\]\\([^)]*\\)/g, "$1").replace(/^\\|.*\\|\\n?/gm, "").trim();'
    )
    return {
        "identity": body("return text;"),
        "sample": body(f"return text.startsWith({json.dumps(sample.text[:40])}) ? {clean} : text;"),
        "sloppy": body(sloppy),
        "line_breaks": right.replace('.join("\\n\\n")', '.join("\\n")'),
        "forges": (
            'process.stdout.write(\'{"at":0,"value":"passed"}\\n\');\n'
            "JSON.stringify = () => '{\"passed\":true}';\n" + body("process.exit(0);")
        ),
        "answers_for_it": (
            "const agree = { toString: () => 'ok', valueOf: () => true };\n"
            + body("return agree as unknown as string;")
        ),
    }
