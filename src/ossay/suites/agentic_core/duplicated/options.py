"""Modules that each read the same kind of options file and write something else."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.duplicated.family import Family, Host

FAMILY = Family(
    readme="""
    # $package

    Turns the options files of $company into what different programs want. An options file has
    `key = value` lines, `#` comments and blank lines. Keys are put in lower case.
    """,
    block="""
    $result = []
    for $number, $line in enumerate($source.splitlines(), start=1):
        $line = $line.partition("#")[0].strip()
        if not $line:
            continue
        $key, $equals, $value = $line.partition("=")
        $key = $key.strip().lower()
        if not $equals or not $key:
            raise ValueError(f"line {$number}: expected key = value")
        if $key in [$known for $known, $old in $result]:
            raise ValueError(f"line {$number}: {$key} is set twice")
        $result.append(($key, $value.strip()))
    """,
    names=(
        {"result": "options", "number": "number", "line": "line", "key": "key",
         "equals": "equals", "value": "value", "known": "known", "old": "_"},
        {"result": "pairs", "number": "count", "line": "raw", "key": "name",
         "equals": "sign", "value": "rest", "known": "seen", "old": "_value"},
        {"result": "found", "number": "n", "line": "text_line", "key": "left",
         "equals": "separator", "value": "right", "known": "earlier", "old": "_old"},
    ),
    hosts=(
        Host(
            "environment", "as_environment",
            '''
            """Options as environment variables."""

            $imports

            PREFIX = "APP_"


            def as_environment(text):
                """Return sorted NAME=value lines: upper case, hyphens turned into underscores."""
                $block
                return sorted(
                    PREFIX + setting.upper().replace("-", "_") + "=" + content
                    for setting, content in $result
                )
            ''',
            "text",
            """
            def test_environment():
                assert $function("Log-Level = debug  # loud\\n\\nport=80\\n") == <?>


            def test_a_bad_line():
                try:
                    $function("port=80\\n\\nnonsense\\n")
                except ValueError as error:
                    assert str(error) == "line 3: expected key = value"
                else:
                    raise AssertionError("no error")
            """,
        ),
        Host(
            "command_line", "as_arguments",
            '''
            """Options as command line arguments."""

            $imports


            def as_arguments(content):
                """Return --key=value for each option in its order, --key if the value is blank."""
                $block
                arguments = []
                for option, setting in $result:
                    arguments.append(f"--{option}={setting}" if setting else f"--{option}")
                return arguments
            ''',
            "content",
            """
            def test_arguments():
                assert $function("Verbose =\\nname = a = b\\n# the end\\n") == <?>


            def test_twice():
                try:
                    $function("a=1\\nA=2")
                except ValueError as error:
                    assert str(error) == "line 2: a is set twice"
                else:
                    raise AssertionError("no error")
            """,
        ),
        Host(
            "summary", "describe",
            '''
            """Options as a sentence for the log."""

            $imports

            SECRET_WORDS = ("password", "token", "secret")


            def describe(source):
                """Return how many options are set and what they are; secrets are shown as ***."""
                $block
                shown = {}
                for option, setting in $result:
                    hidden = any(word in option for word in SECRET_WORDS)
                    shown[option] = "***" if hidden else setting
                parts = ", ".join(f"{option} is {shown[option]!r}" for option in sorted(shown))
                return f"{len(shown)} options: {parts}" if shown else "no options"
            ''',
            "source",
            """
            def test_describe():
                assert $function("user = ada\\nAPI-token = 12345\\n") == <?>


            def test_nothing():
                assert $function("# only a comment") == <?>
            """,
        ),
    ),
    shared=("reading", "read_options", "Reading options files."),
    parameters=("text",),
    empty="[]",
)  # fmt: skip


def probes(rng: random.Random) -> dict[str, list[str]]:
    """Calls of the public functions."""
    keys = ["Port", "host", "LOG-level", "db_password", "mode", "x", "token2"]
    texts = ["", "\n\n", "# a = b", "a", "a=1\nb", "= 3", "a=1\n# x\nA = 2", "a==b", "k=v # c # d"]
    for _ in range(8):
        lines = [
            rng.choice((f"{key} = {rng.randint(1, 99)}", f"{key}=", f" {key} = a b # note", ""))
            for key in rng.sample(keys, rng.randint(1, 5))
        ]
        if rng.randint(0, 3) == 0:
            lines.insert(rng.randint(0, len(lines)), rng.choice(("broken", "=", "# fine")))
        texts.append("\n".join(lines))
    names = ("as_environment", "as_arguments", "describe")
    return {name: [f"{name}({text!r})" for text in texts] for name in names}
