"""Modules that each break text into lines."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.duplicated.family import Family, Host

FAMILY = Family(
    readme="""
    # $package

    Prints the notes of $company on narrow paper. Text is broken at white space into lines of at
    most `width` characters; a word that is longer than a line is cut.
    """,
    block="""
    $result = []
    $current = ""
    for $word in $source.split():
        while len($word) > width:
            if $current:
                $result.append($current)
                $current = ""
            $result.append($word[:width])
            $word = $word[width:]
        if $current and len($current) + 1 + len($word) > width:
            $result.append($current)
            $current = $word
        else:
            $current = f"{$current} {$word}".strip()
    if $current:
        $result.append($current)
    """,
    names=(
        {"result": "lines", "current": "current", "word": "word"},
        {"result": "rows", "current": "row", "word": "token"},
        {"result": "broken", "current": "line", "word": "piece"},
    ),
    hosts=(
        Host(
            "boxes", "box",
            '''
            """Text in a frame."""

            $imports


            def box(text, width):
                """Return the text in a frame of characters, all lines equally long."""
                $block
                edge = "+" + "-" * (width + 2) + "+"
                return "\\n".join([edge, *(f"| {part:<{width}} |" for part in $result), edge])
            ''',
            "text",
            """
            def test_box():
                assert $function("a few words in a frame", 9) == <?>


            def test_long_word():
                assert $function("an incomprehensible word", 6) == <?>
            """,
        ),
        Host(
            "quotes", "quote",
            '''
            """Quoted text."""

            $imports

            MARK = "> "


            def quote(message, width, depth=1):
                """Return the lines of a quoted message, `depth` marks before each."""
                $block
                return [MARK * depth + part for part in $result] or [MARK.strip()]
            ''',
            "message",
            """
            def test_quote():
                assert $function("thank you for your letter", 10) == <?>
                assert $function("thank you", 10, 2) == <?>


            def test_nothing_said():
                assert $function("  ", 10) == <?>
            """,
        ),
        Host(
            "pages", "pages",
            '''
            """Text on pages."""

            $imports


            def pages(content, width, height):
                """Return the pages, each a list of at most `height` lines."""
                $block
                starts = range(0, len($result), height)
                return [$result[start : start + height] for start in starts]
            ''',
            "content",
            """
            def test_pages():
                assert $function("one two three four five six seven", 9, 2) == <?>


            def test_empty():
                assert $function("", 9, 2) == <?>
            """,
        ),
    ),
    shared=("breaking", "break_lines", "Breaking text into lines."),
    parameters=("text", "width"),
    empty="[]",
)  # fmt: skip


def probes(rng: random.Random) -> dict[str, list[str]]:
    """Calls of the public functions."""
    words = ["a", "an", "the", "garden", "incomprehensible", "tea", "\n", "  ", "x" * 23, "bread,"]
    texts = ["", " ", "exactly10!", "exactly10! and"]
    texts += [" ".join(rng.choices(words, k=rng.randint(1, 14))) for _ in range(9)]
    widths = [rng.randint(4, 20) for _ in texts]
    pairs = list(zip(texts, widths, strict=True))
    return {
        "box": [f"box({text!r}, {width})" for text, width in pairs],
        "quote": [f"quote({text!r}, {width}, {width % 3})" for text, width in pairs],
        "pages": [f"pages({text!r}, {width}, {1 + width % 3})" for text, width in pairs],
    }
