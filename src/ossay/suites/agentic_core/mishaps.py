"""Texts to measure, and what goes wrong on the way to them: one function a mishap.

Each returns a Case: prompt, files, the right length, the lengths that mistakes give, and the tool
calls that get there. Knows nothing of grading.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import NamedTuple

from ossay.core.types import Message
from ossay.suites.agentic_core.common import Vocabulary, as_files
from ossay.suites.agentic_core.prompts import prompt
from ossay.suites.scripting import call

UNITS = {
    "characters": "in characters (Unicode code points)",
    "bytes": "in bytes (as encoded in UTF-8)",
}

_PHRASES = (
    "asks for a second invoice", "the parcel arrived wet", "très content, merci bien",
    "prefers delivery on Tuesday", "Rückgabe wegen falscher Größe", "wants 20 % off, as agreed",
    "el envío llegó mañana, no hoy", "called twice, no answer", "køber igen næste år",
    "says the façade is chipped", "sent photos of the jalapeño crate", "is happy now",
    "señala un año de garantía", "price was 45 £, not 54 £", "½ of the order is missing",
)  # fmt: skip
_FAR_PHRASES = (
    "ご注文ありがとうございます", "η παραγγελία ήταν σωστή", "zażółć gęślą jaźń – dzięki",
    "доставка в пятницу", "rated it ★★★★☆", "paid 45 €, not 54 €", "wrote “thank you” 📦",
    "→ forwarded to the 2nd line", "děkujeme, přijďte zas",
)  # fmt: skip


class Case(NamedTuple):
    """One problem: what the prompt says, the files, the texts to measure, how to do it.

    `ways` are the messages that the reference plays; `wrong` are lengths that mistakes give.
    """

    prompt: str
    files: Mapping[str, bytes]
    right: int
    wrong: Mapping[str, int]
    ways: tuple[Message, ...]
    data: str  # the file that holds the text


def measure(text: str, unit: str) -> int:
    """The length of `text` in 'characters' (code points) or 'bytes' (of UTF-8)."""
    return len(text) if unit == "characters" else len(text.encode())


def _other(unit: str) -> str:
    return "bytes" if unit == "characters" else "characters"


def _lines(rng: random.Random, words: Vocabulary, *, far: bool, most: int = 40) -> list[str]:
    """Notes on customers; `far` lets letters in that ISO-8859-1 does not have."""
    phrases = (*_PHRASES, *_FAR_PHRASES) if far else _PHRASES
    names = words.several("first_name", 5)
    lines = []
    for _ in range(rng.randint(8, most)):
        said = "; ".join(rng.sample(phrases, rng.randint(1, 3)))
        day = f"{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        lines.append(f"2026-{day} {rng.choice(names)}: {said}")
    # At least one line is surely beyond ASCII.
    lines[rng.randrange(len(lines))] += f" ({rng.choice(('café', 'Zürich', 'Málaga', 'Ærø'))})"
    return lines


class _Extent(NamedTuple):
    """Which part of a file is the text, in words and in fact."""

    words: str
    text: str


def _extent(rng: random.Random, head: str, body: str) -> tuple[_Extent, _Extent]:
    """Return one way to delimit the text and the neighbouring one that it could be mistaken for."""
    begin, start = rng.choice(
        (("The text is everything in the file, the first line included", head + body),
         ("The text begins after the first line: the first line and the newline that ends it do "
          "not count", body))
        if head
        else (("The text is everything in the file", body),)
    )  # fmt: skip
    whole = _Extent(f"{begin}. The newline at the very end of the file counts too.", start)
    short = _Extent(f"{begin}. The newline at the very end of the file does not count.", start[:-1])
    return (whole, short) if rng.random() < 0.5 else (short, whole)


def _wrong(extent: _Extent, neighbour: _Extent, unit: str) -> dict[str, int]:
    return {
        "other_unit": measure(extent.text, _other(unit)),
        "end_of_file": measure(neighbour.text, unit),
        "end_and_unit": measure(neighbour.text, _other(unit)),
        "lines": extent.text.count("\n"),
        "more_lines": extent.text.count("\n") + 1,
    }


_MOVED = """
    Ticket $ticket: the translation office charges by length and needs to know how long the data
    set $dataset is. It was put at $path.

    Files get moved and renamed here from time to time, so the path may be out of date. The file is
    in any case somewhere in data/, and its first line reads "# dataset: $dataset".

    Measure the text of this data set $unit. The file is UTF-8 and its line breaks are single
    newlines. $extent

    Write the length to length.txt: the number in digits, nothing else. Do not change, move or
    delete anything in data/.
    """


def _moved(rng: random.Random, unit: str) -> Case:
    words = Vocabulary(rng)
    topic = rng.choice(("customer-notes", "complaints", "survey-replies", "returns", "reviews"))
    number = rng.randint(100, 899)
    dataset = f"{topic}-{number:04d}"
    month = rng.randint(1, 12)
    before = f"data/incoming/{topic}.txt"
    now = rng.choice(
        (f"data/archive/2026-{month:02d}/{topic}.txt", f"data/incoming/{topic}-{number}.final.txt",
         f"data/incoming/done/{topic}_{month:02d}.txt", f"data/{words.draw('city').lower()}.txt")
    )  # fmt: skip
    body = "\n".join(_lines(rng, words, far=True)) + "\n"
    extent, neighbour = _extent(rng, f"# dataset: {dataset}\n", body)
    # Data sets with numbers and names much like it, one of them under the name that was given.
    others = rng.sample([n for n in range(number - 90, number + 90) if n != number], 4)
    places = (
        f"data/incoming/old/{topic}.txt",
        f"data/archive/2026-{month % 12 + 1:02d}/{topic}.txt",
        f"data/incoming/{topic}-{others[2]}.txt",
        f"data/archive/{topic}_{others[3]}.txt",
    )
    decoys = {
        place: f"# dataset: {topic}-{other:04d}\n"
        + "\n".join(_lines(rng, Vocabulary(rng), far=True))
        + "\n"
        for place, other in zip(places, others, strict=True)
    }
    wrong = _wrong(extent, neighbour, unit)
    first = next(iter(decoys.values()))
    wrong["other_file"] = measure(first, unit)
    asked = prompt(
        _MOVED, ticket=f"LOC-{rng.randint(1000, 9999)}", dataset=dataset, path=before,
        unit=UNITS[unit], extent=extent.words,
    )  # fmt: skip
    cut = "" if "first line included" in extent.words else ".split('\\n', 1)[1]"
    end = "" if extent.text.endswith("\n") else "[:-1]"
    program = (
        "import pathlib, sys\n"
        f"text = pathlib.Path(sys.argv[1]).read_bytes().decode(){cut}{end}\n"
        f"pathlib.Path('length.txt').write_text(str({_expression(unit)}))\n"
    )
    ways = (
        call("fs_read", path=before),
        call("shell", command="find data -type f | sort; head -qn 1 $(find data -type f | sort)"),
        call(
            "shell",
            command=f"python3 - \"$(grep -rlx '# dataset: {dataset}' data)\" <<'EOF'\n"
            f"{program}EOF\ncat length.txt",
        ),
    )
    files = as_files({now: f"# dataset: {dataset}\n{body}", **decoys})
    return Case(asked, files, measure(extent.text, unit), wrong, ways, now)


_DAMAGED = """
    $path has one JSON object per line, with an "id" and a "text". The exporter crashed a few times
    while it wrote, so some lines are cut off in the middle. Lines that are not valid JSON are to be
    left out altogether.

    How long are the values of "text" in all valid lines together, $unit? Count the decoded values,
    without the quotes around them: an escape such as \\u00e9 counts as the character that it stands
    for. Add up the values only, with nothing between them.

    Write the total to length.txt: the number in digits, nothing else. Do not change anything in
    data/.
    """


def _damaged(rng: random.Random, unit: str) -> Case:
    words = Vocabulary(rng)
    path = f"data/{words.draw('service')}-{words.draw('colour')}.jsonl"
    texts = _lines(rng, words, far=True, most=60)
    cut = set(rng.sample(range(1, len(texts)), rng.randint(1, max(1, len(texts) // 6))))
    lines, lost = [], []
    for n, text in enumerate(texts):
        row = json.dumps({"id": 1000 + n, "text": text}, ensure_ascii=rng.random() < 0.3)
        if n in cut:
            lost.append(text)
            row = row[: row.index('"text": "') + 9 + rng.randint(4, 20)]
        lines.append(row)
    kept = "".join(text for n, text in enumerate(texts) if n not in cut)
    data = "\n".join(lines) + "\n"
    wrong = {
        "other_unit": measure(kept, _other(unit)),
        "with_damaged": measure(kept + "".join(lost), unit),
        "file": measure(data, unit),
        "lines": len(lines),
        "valid_lines": len(lines) - len(cut),
    }
    head = "import json\nrows = []\n" + f"for line in open({path!r}, encoding='utf-8'):\n"
    tail = (
        "text = ''.join(row['text'] for row in rows)\n"
        f"open('length.txt', 'w').write(str({_expression(unit)}))\n"
        "print(len(rows), 'valid lines')\n"
    )
    naive = f"{head}    rows.append(json.loads(line))\n{tail}"
    careful = (
        f"{head}    try:\n        rows.append(json.loads(line))\n"
        f"    except ValueError:\n        print('left out', line[:40])\n{tail}"
    )
    ways = (
        call("shell", command=f"head -n 3 {path}"),
        call("shell", command=f"python3 - <<'EOF'\n{naive}EOF"),
        call("shell", command=f"python3 - <<'EOF'\n{careful}EOF\ncat length.txt"),
    )
    asked = prompt(_DAMAGED, path=path, unit=UNITS[unit])
    return Case(asked, {path: data.encode()}, measure(kept, unit), wrong, ways, path)


_BROKEN_TOOL = """
    How long is the text in $path, $unit? The text is everything in the file, the newline at the
    very end included. The file is UTF-8 and its line breaks are single newlines.

    We have a tool for that: ./tools/textlen.py FILE, see tools/README. Another way is fine too.

    Write the length to length.txt: the number in digits, nothing else. Do not change anything in
    data/.
    """

_TOOL = '''\
#!/usr/bin/env python3
"""Print how long a text file is."""
import argparse
import configparser
import pathlib

here = pathlib.Path(__file__).parent
settings = configparser.ConfigParser()
settings.read(here / "textlen.ini")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("file", type=pathlib.Path)
parser.add_argument("--encoding", default=settings["textlen"]["encoding"])
options = parser.parse_args()

text = options.file.read_bytes().decode(options.encoding)
print("lines:", text.count("\\n"))
print("characters:", len(text))
print("bytes:", len(text.encode("utf-8")))
'''

_TOOL_README = """\
textlen.py FILE prints the number of lines, characters (code points) and bytes (UTF-8) of FILE.
The encoding of FILE is set in textlen.ini; --encoding NAME goes before it.
"""


def _broken_tool(rng: random.Random, unit: str) -> Case:
    words = Vocabulary(rng)
    path = f"data/{words.draw('city').lower()}-{rng.randint(2, 99)}.txt"
    text = "\n".join(_lines(rng, words, far=True)) + "\n"
    files = {
        path: text,
        "tools/textlen.py": _TOOL,
        "tools/textlen.ini": "[textlen]\nencoding = ascii\n",
        "tools/README": _TOOL_README,
    }
    ways = (
        call("shell", command=f"./tools/textlen.py {path}"),
        call("shell", command=f"python3 tools/textlen.py {path}"),
        call("shell", command="cat tools/README"),
        call(
            "shell",
            command=f"python3 tools/textlen.py --encoding utf-8 {path} | "
            f"sed -n 's/^{unit}: //p' > length.txt; cat length.txt",
        ),
    )
    whole = _Extent("", text)
    wrong = _wrong(whole, _Extent("", text[:-1]), unit)
    asked = prompt(_BROKEN_TOOL, path=path, unit=UNITS[unit])
    return Case(asked, as_files(files), measure(text, unit), wrong, ways, path)


_OTHER_ENCODING = """
    $path comes out of an old system and goes into a new one, which works in UTF-8 and wants to know
    the length of the text beforehand, $unit: measure the text, not the file as it is stored now.
    Line breaks in the file are single newline characters. $extent

    data/README tells about the files in data/.

    Write the length to length.txt: the number in digits, nothing else. Do not change anything in
    data/.
    """


def _other_encoding(rng: random.Random, unit: str) -> Case:
    words = Vocabulary(rng)
    encoding, name = rng.choice(
        (
            ("iso-8859-1", "ISO-8859-1 (Latin-1)"),
            ("utf-16-le", "UTF-16LE without a byte order mark"),
        )
    )
    if encoding == "iso-8859-1":
        unit = "bytes"  # as stored, a character is a byte: its size would be right
    folder = words.draw("animal")
    path = f"data/{folder}/{words.draw('package')}.txt"
    body = "\n".join(_lines(rng, words, far=encoding != "iso-8859-1")) + "\n"
    extent, neighbour = _extent(rng, "", body)
    readme = (
        f"data/{folder}/   {name}\ndata/{words.draw('animal')}/   UTF-8\neverything else   UTF-8\n"
    )
    wrong = _wrong(extent, neighbour, unit) | _undecoded(extent.text.encode(encoding))
    wrong |= {f"{k} end": n for k, n in _undecoded(neighbour.text.encode(encoding)).items()}
    end = "" if extent.text.endswith("\n") else "[:-1]"

    def program(codec: str) -> str:
        return (
            f"text = open({path!r}, 'rb').read().decode({codec!r}){end}\n"
            f"open('length.txt', 'w').write(str({_expression(unit)}))\n"
        )

    ways = (
        call("shell", command=f"python3 - <<'EOF'\n{program('utf-8')}EOF"),
        call("fs_read", path="data/README"),
        call("shell", command=f"python3 - <<'EOF'\n{program(encoding)}EOF\ncat length.txt"),
    )
    files = {path: body.encode(encoding), "data/README": readme.encode()}
    asked = prompt(_OTHER_ENCODING, path=path, unit=UNITS[unit], extent=extent.words)
    return Case(asked, files, measure(extent.text, unit), wrong, ways, path)


def _undecoded(stored: bytes) -> dict[str, int]:
    """The lengths that stored bytes have for those who take them for UTF-8."""
    replaced = stored.decode(errors="replace")
    ignored = stored.decode(errors="ignore")  # also what `wc -m` counts
    return {
        "as_stored": len(stored),
        "replaced": len(replaced),
        "replaced_bytes": len(replaced.encode()),
        "ignored": len(ignored),
        "ignored_bytes": len(ignored.encode()),
    }


def _expression(unit: str) -> str:
    return "len(text)" if unit == "characters" else "len(text.encode('utf-8'))"


# The moved file, which the published task has, comes twice as often as each of the others.
MISHAPS = (_moved, _moved, _damaged, _broken_tool, _other_encoding)
