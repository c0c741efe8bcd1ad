"""Which file a block belongs to, and what changes make of it."""

import pytest

from ossay.suites.coding.answer import read_answer
from ossay.suites.coding.parts import parts_of

FILES = {
    "lib/sum.ts": "export function sum(a: number, b: number) {\n  return a - b;\n}\n",
    "lib/text.ts": "export const HEAD = 1;\n\nexport const TAIL = 2;\n",
}
MENDED = FILES["lib/sum.ts"].replace("-", "+")
HUNK = "@@ -1,3 +1,3 @@\n-  return a - b;\n+  return a + b;\n"


def made(reply):
    found = parts_of(read_answer(reply), FILES)
    assert not found.problem
    return {part.path: part.text for part in found.parts}


@pytest.mark.parametrize(
    "reply",
    [
        f"`lib/sum.ts`\n\n```diff\n{HUNK}```",
        f"**src/lib/sum.ts**\n```diff\n{HUNK[HUNK.index('-  ') :]}```",
        f"```diff\n--- a/lib/sum.ts\n+++ b/lib/sum.ts\n{HUNK}```",
        f"lib/sum.ts:\n```ts\n{HUNK}```",
        "lib/sum.ts\n```ts\n<<<<<<< SEARCH\n  return a - b;\n=======\n  return a + b;\n"
        ">>>>>>> REPLACE\n```",
    ],
)
def test_a_change_is_applied_with_or_without_a_header(reply):
    assert made(reply) == {"lib/sum.ts": MENDED}


def test_one_diff_may_name_a_file_twice():
    changed = "-export const HEAD = 1;\n+export const HEAD = 3;\n"
    one = f"--- a/lib/text.ts\n+++ b/lib/text.ts\n@@\n{changed}"
    two = one.replace("HEAD", "TAIL").replace("= 1", "= 2").replace("= 3", "= 4")
    text = FILES["lib/text.ts"].replace("= 1", "= 3").replace("= 2", "= 4")
    assert made(f"```diff\n{one}{two}```") == {"lib/text.ts": text}


def test_blocks_that_belong_nowhere_are_left_out():
    assert made("```ts\nx\n```\n" * 80_000 + "```ts\nconst other = 1;\n```\n") == {}


def test_changes_without_end_are_too_much_at_once():
    much = "```diff\n--- /dev/null\n+++ b/lib/new.ts\n@@\n" + "+x\n" * 200_000 + "```\n"
    more = "`lib/new.ts`\n```ts\n<<<<<<<\nx\n=======\nx\n>>>>>>>\n```\n"
    found = parts_of(read_answer(much + 7_000 * more), FILES)
    assert "finds no place" in found.problem
    assert len(found.parts) == 1
