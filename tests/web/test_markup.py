import html
import re

from hypothesis import given
from hypothesis import strategies as st

from ossay.core.display import visible
from ossay.web.markup import blocks_of

HOSTILE = [
    "<script>alert(1)</script>",
    "```html\n<img src=x onerror=alert(1)>\n```",
    "[click](javascript:alert(1))",
    "```js\n</code></pre><script>alert(1)</script>\n```",
    "```<script>\nx\n```",
    "\u202egnp.exe\u202c \u2066\u200b",
    "\x1b[31mred\x07\x00",
]


def said(blocks):
    """The text that a reader sees."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", str(block.html))) for block in blocks)


def test_words_and_code_are_told_apart():
    words, code, rest = blocks_of("Like so:\n\n```ts\nconst a = 1 < 2;\n```\n\nThat is all.")
    assert (words.code, code.code, code.language, rest.code) == (False, True, "ts", False)
    assert words.html == "Like so:"
    assert said([code]) == "const a = 1 < 2;\n"


def test_a_fence_that_is_never_closed_is_code_to_the_end():
    assert [block.code for block in blocks_of("Here:\n```py\nx = 1\ny = 2")] == [False, True]


def test_what_is_hostile_is_text():
    for text in HOSTILE:
        for block in blocks_of(text):
            assert not re.search(r"<(?!span class=\"[\w ]+\">|span>|/span>)", str(block.html))
            assert visible(said([block])) == said([block])


@given(st.text(max_size=300))
def test_nothing_of_an_answer_without_fences_is_lost(text):
    text = text.replace("`", "").replace("~", "")
    squeezed = re.sub(r"\s", "", visible(text))
    assert re.sub(r"\s", "", said(blocks_of(text))) == squeezed


def test_a_long_answer_is_cut_and_says_so():
    (block,) = blocks_of("word " * 1_000_000)
    assert len(block.html) < 201_000
    assert "characters left out" in block.html
