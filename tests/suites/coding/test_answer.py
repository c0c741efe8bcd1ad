"""Reading a reply: fences of all kinds, and nothing that a reply holds makes it fail."""

from hypothesis import given
from hypothesis import strategies as st

from ossay.suites.coding.answer import MOST_CHARACTERS, read_answer

CODE = "const a = 1;\n"


def only(reply):
    (block,) = read_answer(reply).blocks
    return block


def test_fences_of_all_kinds():
    for reply in (
        f"```ts\n{CODE}```",
        f"Words\n~~~~ts\n{CODE}~~~~\nmore words",
        f"```ts\n{CODE}",  # never closed
        f"1. Like so:\n\n   ```ts\n   {CODE}   ```",
        f"```ts\n{CODE}```\n".replace("\n", "\r\n"),
        f"<think>```js\nwrong\n```</think>\n```ts\n{CODE}```",
    ):
        assert (only(reply).language, only(reply).text) == ("ts", CODE), reply


def test_a_longer_fence_holds_shorter_ones():
    assert only(f"````md\n```ts\n{CODE}```\n````").text == f"```ts\n{CODE}```\n"


def test_paths_beside_the_language():
    for info in ("ts src/a.ts", "ts:src/a.ts", 'ts title="src/a.ts"', "src/a.ts", "ts // src/a.ts"):
        assert only(f"```{info}\n{CODE}```").path == "src/a.ts", info
    assert only(f"```ts\n{CODE}```").path == ""


def test_a_reply_without_a_fence_is_code():
    answer = read_answer(CODE)
    assert (answer.fenced, answer.blocks[0].text) == (False, CODE)
    assert read_answer("").blocks == read_answer("<think>so</think>").blocks == ()


def test_facts_count_words_and_code_apart():
    facts = read_answer(f"Words.\n\n```ts\n{CODE}```\n").facts
    assert facts["code_blocks"] == 1
    assert facts["code_characters"] == len(CODE)
    assert 6 <= facts["prose_characters"] <= 12
    assert facts["characters"] == len(f"Words.\n\n```ts\n{CODE}```")


@given(st.text(alphabet="`~ab:/. \n\r\t<>think\x00\ud800\u202e", max_size=300))
def test_any_reply_can_be_read(reply):
    answer = read_answer(reply)
    assert all(value >= 0 for value in answer.facts.values())
    assert sum(len(block.text) for block in answer.blocks) <= len(reply) + 1


def test_a_huge_reply_is_cut():
    assert len(read_answer("x" * (MOST_CHARACTERS + 5)).text) == MOST_CHARACTERS
    read_answer("```\n" * 100_000)


def test_hostile_replies_end_soon():
    for reply in (
        "```" + "a" * 900_000,
        "``` " + "a." * 400_000,
        "<think>" * 100_000,
        "~" * 900_000,
    ):
        read_answer(reply)
