"""Claims files as people and attackers write them."""

import contextlib
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.claims.check import check_claims
from ossay.claims.file import MAX_BYTES, parse_claims, read_claims
from ossay.claims.span import Span, decimals, printed, sure, total
from ossay.claims.tables import Place
from ossay.core.errors import UsageError
from ossay.core.results import Records, Result, Source

GOOD = """
title = "t"
[[source]]
id = "s"
name = "n"
citation = "c"
[table.t]
source = "s"
columns = ["m", "passed", "n"]
rows = [["a", 1, 2], ["b", 2, 2]]
[[claim]]
id = "x"
says = "half"
source = "s"
kind = "rate"
table = "t"
of = "a"
states = 0.5
"""


def fresh_rng():
    return np.random.default_rng(1)


def parse(text, **place):
    return parse_claims(text, source="f.toml", place=Place(**{"folder": Path(), **place}))


def test_the_good_file():
    file = parse(GOOD)
    found = check_claims(file, fresh_rng)
    assert [one.answer.verdict for one in found] == ["reproduced"]
    assert found[0].sources == (file.sources["s"],)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "t"', 'titel = "t"', "did you mean 'title'"),
        ('name = "n"', 'nam = "n"', "did you mean 'name'"),
        ("columns =", "colums =", "did you mean 'columns'"),
        ("states =", "statse =", "did you mean 'states'"),
        ("[[claim]]", "[[clam]]", "did you mean 'claim'"),
        ('kind = "rate"', 'kind = "rat"', "did you mean 'rate'"),
        ('kind = "rate"', "kind = 7", "kind 7"),
        ('kind = "rate"', "", "kind None"),
        ('citation = "c"', "", "neither `url` nor `citation`"),
        ('source = "s"\nkind', 'source = "q"\nkind', "no source 'q'"),
        ('source = "s"\ncolumns', 'source = "q"\ncolumns', "table 't'"),
        ('id = "x"', 'id = ""', "may not be empty"),
        ('id = "x"', 'id = ["x"]', "claim"),
        ('["b", 2, 2]', '["a", 2, 2]', "row 'a' twice"),
        ('["b", 2, 2]', '["b", 2]', "2 values for 3 columns"),
        ('["b", 2, 2]', '["b", nan, 2]', "nan"),
        ('["b", 2, 2]', '["b", -inf, 2]', "inf"),
        ('["b", 2, 2]', '["b", 99999999999999999, 2]', "15 digits"),
        ('["b", 2, 2]', '["b", [2], 2]', "got `array`"),
        ('["b", 2, 2]', '{ m = "b" }', "mixes rows"),
        ('"passed", "n"]', '"n", "n"]', "column 'n' twice"),
        ('rows = [["a", 1, 2], ["b", 2, 2]]', "rows = []", "needs one of `rows`"),
        ('rows = [["a"', 'key = "q"\nrows = [["a"', "no column of table 't' 'q'"),
        ('rows = [["a"', 'csv = "t.csv"\nrows = [["a"', "needs one of `rows`"),
        ('rows = [["a"', 'digits = { q = 1 }\nrows = [["a"', "'q'"),
        ('rows = [["a", 1', 'rows = [["a", "one"', "'one', which is no number"),
        ('rows = [["a", 1', 'rows = [["a", ""', "has no 'passed'"),
        ("[table.t]", "[table]\nt = 3\n[other]", "other"),
        ("states = 0.5", "states = true", "got `bool`"),
        ("states = 0.5", "states = 0.5\nlevel = 95", "level=95"),
    ],
)
def test_a_bad_file_is_named(old, new, says):
    assert old in GOOD
    with pytest.raises(UsageError) as error:
        check_claims(parse(GOOD.replace(old, new, 1)), fresh_rng)
    assert says in str(error.value)


@pytest.mark.parametrize("what", ["claim", "source"])
def test_an_id_twice(what):
    block = GOOD[GOOD.index(f"[[{what}]]") :]
    block = block.split("[table.t]")[0]
    with pytest.raises(UsageError, match="there twice"):
        parse(GOOD + block)


def test_no_claims():
    with pytest.raises(UsageError, match="no \\[\\[claim\\]\\]"):
        parse("claim = []\n" + GOOD[: GOOD.index("[[claim]]")])


def test_a_long_chain_of_claims():
    chain = "".join(
        f'[[claim]]\nid = "c{place}"\nsays = "s"\nsource = "s"\nkind = "sum"\n'
        f'of = [{{ claim = "c{place + 1}" }}]\nstates = 1\n'
        for place in range(500)
    )
    with pytest.raises(UsageError, match="more than 50 deep"):
        check_claims(parse(GOOD + chain), fresh_rng, ["c0"])


def test_numbers_beyond_all_numbers():
    body = 'kind = "product"\nof = [1e15, 1e15]\nstates = 1\n'
    text = GOOD[: GOOD.index('kind = "rate"')] + body.replace("[1e15, 1e15]", f"{[1e15] * 30}")
    with pytest.raises(UsageError, match="beyond all numbers"):
        check_claims(parse(text), fresh_rng)


def test_only_names_no_claim():
    with pytest.raises(UsageError, match="no claim 'y'"):
        check_claims(parse(GOOD), fresh_rng, ["y"])


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b"title = ", b"a" * (MAX_BYTES + 1), b"", b"\x00", b"[[claim]]\n" * 9]
)
def test_broken_bytes(tmp_path, raw):
    path = tmp_path / "f.toml"
    path.write_bytes(raw)
    with pytest.raises(UsageError) as error:
        read_claims(path)
    assert "f.toml" in str(error.value)


def test_ten_megabytes_say_what_to_do(tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(GOOD + "# " + "x" * 10_000_000)
    with pytest.raises(UsageError, match="put its rows into a CSV"):
        read_claims(path)


CSV = 'rows = [["a", 1, 2], ["b", 2, 2]]'
COLUMNS = 'columns = ["m", "passed", "n"]\n'


def with_table(line):
    return GOOD.replace(COLUMNS, "").replace(CSV, line)


def test_a_csv_beside_the_file(tmp_path):
    (tmp_path / "t.csv").write_text("\ufeffm,passed,n\na,1,2\n\nb,2,2\n", encoding="utf-8")
    path = tmp_path / "f.toml"
    path.write_text(with_table('csv = "t.csv"'))
    assert check_claims(read_claims(path), fresh_rng)[0].answer.verdict == "reproduced"


@pytest.mark.parametrize("line", ['csv = "{}"', 'records = "{}"'])
@pytest.mark.parametrize("name", ["../t.csv", "sub/../../t.csv", "/etc/passwd", "link.csv"])
def test_no_file_outside_the_folder(tmp_path, line, name):
    folder = tmp_path / "inner"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "t.csv").write_text("m,passed,n\na,1,2\n")
    (folder / "link.csv").symlink_to(tmp_path / "t.csv")
    path = folder / "f.toml"
    path.write_text(with_table(line.format(name)))
    with pytest.raises(UsageError, match="outside the folder") as error:
        read_claims(path)
    assert "--outside" in str(error.value)


def test_outside_by_wish(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "t.csv").write_text("m,passed,n\na,1,2\n")
    path = tmp_path / "inner/f.toml"
    for name in ("../t.csv", str(tmp_path / "t.csv")):
        path.write_text(with_table(f'csv = "{name}"'))
        assert read_claims(path, outside=True).tables["t"].columns == ("m", "passed", "n")


@pytest.mark.parametrize(
    "raw", [b"", b"m,n\n", b"\xff\xff", b'm,n\n"a', b"m,m\na,1\n", b"m,n\na\n", b"m,n\na,nan\n"]
)
def test_a_broken_csv(tmp_path, raw):
    (tmp_path / "t.csv").write_bytes(raw)
    with pytest.raises(UsageError):
        parse(with_table('csv = "t.csv"'), folder=tmp_path)


def test_a_missing_or_odd_file(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name in ("none.csv", "folder.csv", "a\\u0000b"):
        with pytest.raises(UsageError):
            parse(with_table(f'csv = "{name}"'), folder=tmp_path)


BETTER = """
[[claim]]
id = "better"
says = "a is better"
source = "s"
kind = "better"
table = "t"
a = "a"
b = "b"
[[claim]]
id = "all"
says = "the order"
source = "s"
kind = "family"
table = "t"
models = ["a", "b"]
[[claim]]
id = "cost"
says = "the cost"
source = "s"
kind = "sum"
of = [{ table = "t", row = "a", column = "cost_usd" }]
states = 1.5
"""


def rows_of_two():
    """30 items: a has 24, b 9; 15 of them only a."""
    for item in range(30):
        yield "a", f"q{item}", float(item < 24), 0.05
        yield "b", f"q{item}", float(item < 9), 0.01


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_records_are_compared_item_by_item(tmp_path, suffix):
    lines = ["model,item,score,cost_usd"]
    lines += [",".join(map(str, row)) for row in rows_of_two()]
    text = "\n".join(lines) + "\n"
    path = tmp_path / f"r{suffix}"
    if suffix.endswith("gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    body = with_table(f'records = "r{suffix}"').replace("states = 0.5", "states = 0.8") + BETTER
    file = parse(body, folder=tmp_path)
    found = {one.claim.id: one.answer for one in check_claims(file, fresh_rng)}
    assert found["x"].verdict == "reproduced"
    assert found["better"].verdict == "supported"
    assert "only the first right 15" in " ".join(found["better"].steps)
    assert found["better"].numbers["p"] == pytest.approx(2 * 0.5**15)
    assert found["all"].numbers["least_p"] == pytest.approx(2 * 0.5**15)
    assert found["cost"].verdict == "reproduced"


def test_a_campaign_of_the_ledger():
    rows = tuple(
        Result(model, item, score, cost_usd=cost, source="camp")
        for model, item, score, cost in rows_of_two()
    )
    records = Records((Source("camp", "campaign"),), rows)
    body = with_table('campaign = "camp"').replace("states = 0.5", "states = 0.8") + BETTER
    file = parse(body, ledgered=lambda name: (records, None))
    assert {one.answer.verdict for one in check_claims(file, fresh_rng)} == {
        "reproduced",
        "supported",
    }
    with pytest.raises(UsageError, match="no ledger is open"):
        parse(body)


def test_a_missing_score_is_no_zero():
    rows = (
        Result("a", "1", 1.0, source="c"),
        Result("a", "2", None, missing="unparsed", source="c"),
    )
    file = parse(
        with_table('campaign = "c"').replace("states = 0.5", "states = 1.0"),
        ledgered=lambda name: (Records((Source("c", "campaign"),), rows), None),
    )
    assert file.tables["t"].rows["a"]["n"] == 1
    assert file.tables["t"].rows["a"]["missing"] == 1
    assert check_claims(file, fresh_rng)[0].answer.verdict == "reproduced"


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(UsageError):
        parse(text)


VALUE = st.one_of(
    st.integers(), st.floats(), st.text(max_size=8), st.booleans(), st.lists(st.integers())
)


@given(
    st.dictionaries(
        st.sampled_from(["kind", "of", "states", "table", "a", "b", "n", "k", "passed", "margin"]),
        VALUE,
    ),
    st.sampled_from(["rate", "mean", "ratio", "better", "stable", "floor", "pass_k", "family"]),
)
def test_any_values_are_answered_or_refused(data, kind):
    from ossay.claims.file import _claim

    fields = {"id": "x", "says": "s", "source": "s", **data, "kind": kind}
    try:
        claim = _claim(fields, 1)
    except UsageError:
        return
    file = parse(GOOD)
    file.claims["x"] = claim
    with contextlib.suppress(UsageError):
        check_claims(file, fresh_rng)


@given(st.floats(-1e9, 1e9), st.integers(0, 9))
def test_a_number_is_within_its_own_rounding(value, digits):
    rounded = round(value, digits)
    span = printed(rounded, digits)
    assert span.low - 1e-6 <= value <= span.high + 1e-6
    assert sure(rounded).meets(span.low, span.high)
    assert decimals(rounded) <= 12


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(0, 4))
def test_sums_and_products_hold_what_they_are_of(values, digits):
    spans = [printed(value, digits) for value in values]
    found = total(spans)
    assert found.low <= found.value <= found.high
    both = spans[0] * spans[-1]
    assert both.low <= both.value <= both.high


def test_a_divisor_that_may_be_zero():
    with pytest.raises(ValueError, match="division"):
        sure(1.0) / Span(-0.5, 0.0, 0.5)
