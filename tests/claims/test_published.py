"""What ships in examples/published: it reads, it says where it is from, its README is right."""

import re
from pathlib import Path

import numpy as np
import pytest

from ossay.claims.check import check_claims
from ossay.claims.file import parse_claims, read_claims
from ossay.claims.tables import Place
from ossay.claims.words import ORDER, SHOWN
from ossay.core.results import Records, Result, Source

PUBLISHED = Path(__file__).parents[2] / "examples/published"
FILES = sorted(PUBLISHED.glob("*.toml"))


def fresh_rng():
    return np.random.default_rng(1)


def test_there_is_one_file_a_text():
    assert len(FILES) == 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_says_where_its_numbers_are_from(path):
    file = read_claims(path)
    used = {claim.source for claim in file.claims.values()}
    used |= {table.source for table in file.tables.values()}
    assert used == set(file.sources)
    assert all(source.read for source in file.sources.values())


def test_the_readme_counts_what_comes_out(published):
    readme = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    assert " | ".join(SHOWN[word] for word in ORDER) in readme
    for name, answers in published.items():
        row = re.search(rf"^\| `{name}\.toml` \| (.+) \|$", readme, re.MULTILINE)
        verdicts = [answer.verdict for answer in answers.values()]
        assert [int(cell) for cell in row[1].split(" | ")] == [verdicts.count(w) for w in ORDER]


def test_every_answer_shows_its_arithmetic_or_says_why_there_is_none(published):
    for answers in published.values():
        for claim, answer in answers.items():
            assert answer.because.endswith("."), claim
            assert answer.steps or answer.verdict in ("not_checkable", "supported"), claim


def test_the_readmes_own_example_runs():
    readme = (PUBLISHED / "README.md").read_text(encoding="utf-8")
    text = re.search(r"```toml\n(.+?)```", readme, re.DOTALL)[1]
    rows = tuple(
        Result(f"groq/openai/gpt-oss-{size}", f"q{item}", float(item % 5 > 0), source="weekly-3")
        for size in ("20b", "120b")
        for item in range(400)
    )
    records = Records((Source("weekly-3", "campaign"),), rows)
    place = Place(PUBLISHED, ledgered=lambda name: (records, None))
    (found,) = check_claims(parse_claims(text, source="readme", place=place), fresh_rng)
    assert found.answer.verdict == "supported"
