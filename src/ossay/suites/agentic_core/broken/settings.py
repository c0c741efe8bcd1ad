"""A project that reads a settings file: sections, comments, quoted values, lists."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Reads the settings files of the $service service. An example:

        timeout = $timeout        $mark seconds
        [mail]
        sender = "$person $mark 1"
        hosts = $host_a, $host_b
        retry = yes

    - A `$mark` starts a comment, unless it stands inside double quotes.
    - A key ends at the *first* `=`; the value may hold more of them. White space around both is
      dropped. Keys are made lower case, values are left as they are.
    - Keys before the first `[section]` belong to the section `$top`. When a section is named
      twice, its keys are merged; a key that is set twice has its last value.
    - Values: double-quoted text is taken as it stands, without the quotes; then whole numbers
      (`-12`), then `yes`/`on`/`true` and `no`/`off`/`false` in any case; a value with commas
      outside quotes is a list of such values; everything else is text.
    - A line that is neither blank, a section nor `key = value` raises `SettingsError`, which
      says the number of the line, counted from 1.
"""

_LINES = '''
    """From text to lines that mean something."""

    COMMENT = "$mark"


    def without_comment(line):
        """Return the line up to its comment; the mark inside double quotes starts none."""
        quoted = False
        for position, character in enumerate(line):
            if character == '"':
                quoted = not quoted
            elif character == COMMENT and not quoted:
                return line[:position]
        return line


    def split_outside_quotes(text, separator):
        """Split text at each separator that does not stand inside double quotes."""
        parts = [""]
        quoted = False
        for character in text:
            if character == '"':
                quoted = not quoted
            if character == separator and not quoted:
                parts.append("")
            else:
                parts[-1] += character
        return parts


    def numbered_lines(text):
        """Yield (number from 1, line without comment) for the lines that are not blank."""
        for number, line in enumerate(text.splitlines(), start=1):
            line = without_comment(line).strip()
            if line:
                yield number, line
'''

_VALUES = '''
    """From the text of a value to the value."""

    from $name.lines import split_outside_quotes

    TRUE_WORDS = ("yes", "on", "true")
    FALSE_WORDS = ("no", "off", "false")


    def $scalar(text):
        """Return one value: quoted text, a whole number, a truth word, or plain text."""
        text = text.strip()
        if len(text) >= 2 and text[0] == text[-1] == '"':
            return text[1:-1]
        digits = text[1:] if text.startswith("-") else text
        if digits.isdigit():
            return int(text)
        if text.lower() in TRUE_WORDS:
            return True
        if text.lower() in FALSE_WORDS:
            return False
        return text


    def $convert(text):
        """Return a value, or a list of values when there are commas outside quotes."""
        parts = split_outside_quotes(text, ",")
        if len(parts) > 1:
            return [$scalar(part) for part in parts]
        return $scalar(text)
'''

_PARSER = '''
    """Reading a whole settings file."""

    from $name.lines import numbered_lines
    from $name.values import $convert

    TOP = "$top"


    class SettingsError(ValueError):
        """A line that cannot be understood."""


    def $parse(text):
        """Return section -> key -> value. The section of the first lines is always there."""
        sections = {TOP: {}}
        current = TOP
        for number, line in numbered_lines(text):
            if line.startswith("[") and line.endswith("]"):
                current = line[1:-1].strip()
                sections.setdefault(current, {})
            elif "=" in line:
                key, value = line.split("=", 1)
                sections[current][key.strip().lower()] = $convert(value)
            else:
                raise SettingsError(f"line {number}: {line!r} is neither a section nor a setting")
        return sections
'''

_TESTS = """
    import pytest

    from $name.parser import SettingsError, $parse
    from $name.values import $convert


    def test_plain_settings():
        assert $parse("Timeout = $timeout\\n\\nname = $host_a\\n") == <?>


    def test_sections_are_merged():
        assert $parse("[$s1]\\na = 1\\n[$s2]\\na = 2\\n[$s1]\\nb = 3") == <?>


    def test_comments():
        assert $parse("$mark first\\nport = $timeout $mark the usual one\\n") == <?>


    def test_the_mark_inside_quotes_is_no_comment():
        assert $parse('[$s1]\\nsender = "$person $mark 1"  $mark the boss\\n') == <?>


    def test_a_value_may_hold_an_equals_sign():
        assert $parse("filter = size=$timeout\\n") == <?>


    def test_scalars():
        assert $convert("-$timeout") == <?>
        assert $convert("Off") == <?>
        assert $convert('"$timeout"') == <?>
        assert $convert("$host_a") == <?>


    def test_lists():
        assert $convert('$host_a, 12,"a, b", Yes') == <?>


    def test_a_bad_line_is_named():
        with pytest.raises(SettingsError) as caught:
            $parse("a = 1\\n\\nnonsense\\n")
        assert str(caught.value).startswith("line 3:")
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "service": words.draw("service"),
        "person": words.draw("surname"),
        "host_a": words.draw("city").lower(),
        "host_b": words.draw("city").lower(),
        "s1": words.draw("service"),
        "s2": words.draw("service"),
        "timeout": rng.randint(11, 900),
        "mark": rng.choice(("#", ";", "%")),
        "top": rng.choice(("main", "general", "top")),
        "parse": rng.choice(("parse", "read_settings", "loads")),
        "convert": rng.choice(("convert", "value_of", "read_value")),
        "scalar": rng.choice(("scalar", "single", "atom")),
    }
    name = values["name"]
    parser, lines, value_module = (f"{name}/{m}.py" for m in ("parser", "lines", "values"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": f'"""Settings files of the {values["service"]} service."""\n',
            lines: fill(_LINES, **values),
            value_module: fill(_VALUES, **values),
            parser: fill(_PARSER, **values),
        },
        tests={"tests/test_settings.py": fill(_TESTS, **values)},
        setup=_SETUP.format(**values),
        probes=_probes(rng, values),
        bugs=(
            Bug(lines, "elif character == COMMENT and not quoted:", "elif character == COMMENT:"),
            Bug(lines, "if character == separator and not quoted:", "if character == separator:"),
            Bug(lines, "start=1", "start=0"),
            Bug(value_module, "return text[1:-1]", "text = text[1:-1]"),
            Bug(value_module, "if text.lower() in FALSE_WORDS:", "if text in FALSE_WORDS:"),
            Bug(value_module, "[$scalar(".replace("$scalar", values["scalar"]), "[str("),
            Bug(parser, 'key, value = line.split("=", 1)', 'key, value = line.rsplit("=", 1)'),
            Bug(parser, "sections.setdefault(current, {})", "sections[current] = {}"),
            Bug(parser, "key.strip().lower()", "key.strip()"),
        ),
    )


_SETUP = """\
from {name}.parser import SettingsError, {parse}
from {name}.values import {convert}


def line_of(text):
    try:
        {parse}(text)
    except SettingsError as error:
        return str(error).partition(":")[0]
    return "no error"
"""


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    parse, convert, mark = values["parse"], values["convert"], values["mark"]
    pieces = ["7", "-40", "Yes", "oFf", "true", "FALSE", "plain text", '"12"', '"on"', '"a, b"']
    pieces_with_commas = ['"1, 2"', 'yes, "x, y", -3', '"a, b" , "c,"']
    probes = [f"{convert}({piece!r})" for piece in (*pieces, *pieces_with_commas)]
    for _ in range(6):
        text = rng.choice((", ", ",", " ,")).join(rng.choices(pieces, k=rng.randint(2, 4)))
        probes.append(f"{convert}({text!r})")
    for _ in range(12):
        probes.append(f"{parse}({_text(rng, mark)!r})")
    for lines in range(1, 5):
        text = "".join(rng.choice(("x = 1\n", "\n", f"{mark} note\n")) for _ in range(lines))
        probes.append(f"line_of({text + 'broken line'!r})")
    return tuple(probes)


def _text(rng: random.Random, mark: str) -> str:
    lines = []
    for _ in range(rng.randint(3, 9)):
        key = rng.choice(("Host", "port", "NAME", "path", "mode"))
        value = rng.choice(("80", "a=b=c", f'"x {mark} y"', "yes", "1, 2", "two words", '"=" '))
        note = rng.choice(("", "", f"  {mark} note", f' {mark} a "quoted" note'))
        lines.append(rng.choice((f"{key} = {value}{note}", f"{key}={value}", "", f"{mark} {key}")))
        if rng.randint(0, 2) == 0:
            lines.append(rng.choice(("[web]", "[ web ]", "[mail]", f"[db] {mark} new")))
    return "\n".join([*lines, "Last = No", "query = a=1", f'quote = "{mark}"', "[web]", "A=1,2"])
