"""Summaries beside rows, with the digits that were printed."""

import json

import pytest

from ossay.core.errors import UsageError
from ossay.core.results import Stated
from ossay.records.stated import read_stated


@pytest.fixture
def stated(tmp_path):
    def read(text, name="s.json", **asked):
        path = tmp_path / name
        path.write_text(text)
        return read_stated(path, **asked)

    return read


def test_percent_in_json_with_its_digits(stated):
    text = '[{"name": "A", "resolved": 74.40, "tags": [1]}, {"name": "B", "resolved": 9}]'
    assert stated(text, columns={"model": "name", "value": "resolved"}) == (
        Stated("A", 0.744, digits=4, source="s"),
        Stated("B", 0.09, digits=2, source="s"),
    )
    assert stated(text)[0].model == "A"  # by custom


def test_shares_in_csv_with_n(stated):
    assert stated("model,score,n\nA,0.5,30\nB,1,\n", "s.csv") == (
        Stated("A", 0.5, digits=1, n=30, source="s"),
        Stated("B", 1.0, digits=0, source="s"),
    )


def test_a_unit_that_cannot_be_told_must_be_said(stated):
    text = "model,value\nA,1500\n"
    with pytest.raises(UsageError, match="neither shares nor percent"):
        stated(text, "s.csv")
    assert stated(text, "s.csv", unit="as is")[0].value == 1500.0
    assert stated("model,value\nA,0.9\n", "s.csv", unit="percent")[0].value == pytest.approx(0.009)
    with pytest.raises(UsageError, match=r"line 2: 52\.8 is no share"):
        stated("model,value\nA,52.8\n", "s.csv", unit="share")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "no summaries"),
        ('{"a": 1}', "no list of objects"),
        ('[{"a": 1}]', "no model among 'a'; say --column model=COLUMN"),
        ('[{"model": "A"}]', "no value among"),
        ('[{"model": "A", "value": "good"}]', "entry 1, value: 'good' is no number"),
        ('[{"model": "A", "value": null}]', "entry 1: no value"),
        ('[{"model": "", "value": 1}]', "entry 1: no model"),
        ('[{"model": "A", "value": 1, "n": -1}]', "entry 1: -1.0 is negative"),
        (json.dumps([{"model": "A", "value": [1]}]), "is no number"),
        ('[{"model": "A", "value": 1e999}]', "larger than a number can be|out of range"),
    ],
)
def test_summaries_that_are_none(stated, text, says):
    with pytest.raises(UsageError, match=says):
        stated(text)
