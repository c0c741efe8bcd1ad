"""Reading TOML strictly."""

import pytest
from msgspec import Struct

from ossay.core.config import decode_toml, read_toml
from ossay.core.errors import ConfigError


class Limits(Struct, frozen=True):
    max_usd: float | None = None


class Row(Struct, frozen=True):
    price: float = 0.0


class File(Struct, frozen=True):
    name: str
    attempts: int = 3
    limits: Limits = Limits()
    rows: dict[str, Row] = {}
    many: tuple[Row, ...] = ()


def test_a_file_becomes_a_struct(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text('name = "x"\n[limits]\nmax_usd = 2\n[rows.a]\nprice = 1.5\n')
    assert read_toml(path, File) == File("x", limits=Limits(2.0), rows={"a": Row(1.5)})


@pytest.mark.parametrize(
    ("text", "key", "suggestion"),
    [
        ('name = "x"\natempts = 2', "'atempts'", "did you mean 'attempts'?"),
        ('name = "x"\n[limits]\nmax_us = 2', "'max_us' in [limits]", "did you mean 'max_usd'?"),
        ('name = "x"\n[rows.a]\nprize = 2', "'prize' in [rows.a]", "did you mean 'price'?"),
        ('name = "x"\n[[many]]\nprize = 2', "'prize' in [many]", "did you mean 'price'?"),
        ('name = "x"\nzzz = 2', "'zzz'", "known: attempts, limits, many, name, rows"),
    ],
)
def test_an_unknown_key_raises_and_names_the_nearest(text, key, suggestion):
    with pytest.raises(ConfigError) as caught:
        decode_toml(text, File, source="plan.toml")
    assert f"plan.toml: unknown key {key}" in str(caught.value)
    assert suggestion in str(caught.value)


@pytest.mark.parametrize("text", ["name = ", "name = 3", 'attempts = 1\n"" = 2'])
def test_a_bad_value_names_the_file(text):
    with pytest.raises(ConfigError, match=r"^plan\.toml: "):
        decode_toml(text, File, source="plan.toml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere\.toml"):
        read_toml(tmp_path / "nowhere.toml", File)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = " + "[" * 3000 + "]" * 3000, "nested deeper than 100 levels"),
        ("a" + ".a" * 3000 + " = 1", "nested deeper than 100 levels"),
        ("[a" + ".a" * 500 + "]", "nested deeper than 100 levels"),
        ("attempts = " + "9" * 5000, "not valid TOML"),
        ("[limits]\nmax_usd = " + "9" * 400, "out of range"),
    ],
    ids=["array", "key", "table", "digits", "number"],
)
def test_what_breaks_parsers_is_a_bad_file_like_any_other(text, says):
    with pytest.raises(ConfigError, match=rf"^plan\.toml: .*{says}"):
        decode_toml('name = "x"\n' + text if text[0] == "[" else text, File, source="plan.toml")
