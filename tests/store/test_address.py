from pathlib import Path

import pytest

from ossay.core.errors import LedgerError
from ossay.store.address import parse_address


def test_a_path_is_a_sqlite_file():
    assert parse_address("runs/ledger.sqlite").path == Path("runs/ledger.sqlite")
    assert parse_address("sqlite:////srv/ledger.sqlite").path == Path("/srv/ledger.sqlite")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg(scheme):
    assert parse_address(f"{scheme}://me@db/runs").url == "postgresql+psycopg://me@db/runs"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mysql://db/runs", "no ledger can be kept in 'mysql'"),
        ("postgresq://db/runs", "did you mean 'postgresql'?"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        (":memory:", "must last"),
        ("", "must last"),
    ],
)
def test_other_places_are_refused_with_the_next_step(text, told):
    with pytest.raises(LedgerError, match=told.replace("?", r"\?")):
        parse_address(text)


def test_the_error_reads_as_one_sentence():
    with pytest.raises(LedgerError) as caught:
        parse_address("mysql://db/runs")
    assert str(caught.value) == (
        "no ledger can be kept in 'mysql': give the path of a file, or "
        "postgresql://USER@HOST/DATABASE; known: postgres, postgresql, sqlite"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2%2Fsecret@db:5432/runs",
        "postgresql://me:hunter2%2Fsecret@db:notaport/runs",
        "postgresql://me@db/runs?sslmode=require&password=hunter2%2Fsecret",
    ],
)
def test_the_password_is_never_shown(url):
    address = parse_address(url)
    for text in (str(address), address.scrub(f"said hunter2/secret and hunter2%2Fsecret of {url}")):
        assert "hunter2" not in text
    assert "me" in str(address)
