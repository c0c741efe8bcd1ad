"""Each kind of claim: what it comes to, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from ossay.claims.check import check_claims
from ossay.claims.file import parse_claims
from ossay.claims.kinds import KINDS
from ossay.claims.tables import Place
from ossay.claims.together import together
from ossay.core.errors import UsageError

HEAD = """
title = "t"
[[source]]
id = "s"
name = "a source"
citation = "somewhere"
[table.counts]
source = "s"
columns = ["model", "passed", "n", "usd"]
rows = [["a", 90, 100, 1.5], ["b", 50, 100, 3.0], ["c", 88, 100, ""], ["d", 89, 100, 0.0]]
[table.marks]
source = "s"
columns = ["model", "1", "2", "3", "4", "5", "6", "7"]
rows = [
  ["good", 9, 9, 8, 9, 7, 9, 8], ["bad", 1, 2, 3, 1, 2, 2, 1], ["holed", 1, 2, "", 4, 5, 6, 7],
]
"""


def check(body, tmp_path=Path()):
    """The one claim of `body`, checked."""
    text = HEAD + '\n[[claim]]\nid = "x"\nsays = "it is so"\nsource = "s"\n' + body
    file = parse_claims(text, source="claims.toml", place=Place(tmp_path))
    return check_claims(file, lambda: np.random.default_rng(1), ["x"])[0].answer


VERDICTS = {
    "reproduced": [
        'kind="rate"\nof="a"\ntable="counts"\nstates=0.9',
        'kind="rate"\nof="a"\ntable="counts"\nstates=90\nunit="%"',
        'kind="rate"\nof={passed=1,n=3}\nbetween=[0.3,0.4]',
        'kind="failure_rate"\nof="b"\ntable="counts"\nstates=50\nunit="%"',
        'kind="mean"\ntable="marks"\nrow="good"\nstates=8.4',
        'kind="mean"\ntable="counts"\ncolumn="usd"\nrows=["a","b"]\nstates=2.25',
        'kind="mean"\nof=[1,4]\nweights=[3,1]\nstates=1.75',
        'kind="sum"\ntable="counts"\ncolumn="passed"\nstates=317\ncounts=true',
        'kind="ratio"\na={table="counts",row="b",column="usd"}\nb=1.5\nstates=2',
        'kind="ratio"\nform="less"\na=3\nb=4\nstates=25\nunit="%"',
        'kind="ratio"\nform="more"\na=5\nb=4\nat_least=0.25',
        'kind="product"\nof=[{value=0.07,digits=2},27]\nstates=1.9',
        'kind="count_at_least"\ntable="counts"\nshare=[88,100]\nstates=3',
        'kind="count_at_least"\ntable="counts"\ncolumn="passed"\nthreshold=88\nstates=3',
        'kind="pass_k"\ntable="counts"\nk=1\nstates=0.7925',
        'kind="predictions"\nhits=2\nn=6\nstates=33\nunit="%"',
        'kind="floor"\nn=6\nstates=0.03125',
    ],
    "supported": [
        'kind="better"\ntable="counts"\na="a"\nb="b"',
        'kind="better"\ntable="marks"\ndesign="scores"\na="good"\nb="bad"',
        'kind="better"\ntable="marks"\ndesign="scores"\nless=true\na="bad"\nb="good"',
        'kind="tied"\ntable="counts"\na="a"\nb="d"\nmargin=0.2',
        'kind="family"\ntable="counts"\npairs=[["a","b"],["c","b"]]',
        'kind="leave_one_out"\ntable="marks"\na="good"\nb="bad"',
        'kind="rises"\ntable="counts"\ncolumns=["passed","n"]',
        'kind="compared_with"\ntable="counts"\nname="a"',
        'kind="enough_runs"\nn=50\np1=0.2\np2=[0.8]',
        'kind="enough_runs"\nn=50\np1=0.2\np2=[0.8]\narms=1',
        'kind="floor"\nn=3\ntest="Barnard"\nalpha=0.1',
        'kind="stable"\na={passed=900,n=1000}\nb={passed=901,n=1000}',
    ],
    "not_distinguishable": [
        'kind="better"\ntable="counts"\na="a"\nb="c"',
        'kind="better"\ntable="counts"\na="c"\nb="a"',  # behind by no more than chance
        'kind="tied"\ntable="counts"\na="a"\nb="c"\nmargin=0.05',
        'kind="family"\ntable="counts"\npairs=[["a","b"],["a","c"]]',
        'kind="family"\ntable="counts"\npairs=[["c","a"]]',  # behind by no more than chance
        'kind="stable"\na={passed=2,n=3}\nb={passed=2,n=3}',
        'kind="better"\na={passed=3,n=3}\nb={passed=3,n=3}',
    ],
    "contradicted": [
        'kind="rate"\nof="a"\ntable="counts"\nstates=0.8',
        'kind="better"\ntable="counts"\na="b"\nb="a"',
        'kind="tied"\ntable="counts"\na="a"\nb="b"\nmargin=0.05',
        'kind="better"\ntable="counts"\na="a"\nb="d"\nmargin=0.2',
        'kind="family"\ntable="counts"\nmodels=["b","a"]',
        'kind="rises"\ntable="marks"\ncolumns=["2","3"]\nrows=["good","bad"]',
        'kind="compared_with"\ntable="counts"\nname="A"',
        'kind="enough_runs"\nn=5\np1=0.5\np2=[0.6]',
        'kind="enough_runs"\nn=5\np1=0.5\np2=[0.5]',
        'kind="floor"\nn=5',
        'kind="sum"\ntable="counts"\ncolumn="passed"\nstates=316\ncounts=true',
        'kind="stable"\na={passed=90,n=100}\nb={passed=50,n=100}',
    ],
    "not_reproduced": [
        'kind="mean"\ntable="marks"\nrow="good"\nstates=8.5',
        'kind="ratio"\na=1\nb=3\nstates=0.34',
        'kind="sum"\nof=[1.5,2]\nstates=5',
    ],
    "not_checkable": [
        'kind="mean"\ntable="marks"\nrow="holed"\nstates=4',
        'kind="sum"\ntable="counts"\ncolumn="usd"\nat_most=9',
        'kind="count_at_least"\ntable="counts"\ncolumn="usd"\nthreshold=1\nstates=2',
        'kind="causal"\ncause="tuning"\nneeds="a controlled comparison"',
        'kind="no_data"\nwhy="Nothing is printed."',
        'kind="better"\ntable="counts"\ndesign="printed"\nat="passed"\na="a"\nb="b"',
    ],
}


@pytest.mark.parametrize(
    ("verdict", "body"), [(verdict, body) for verdict in VERDICTS for body in VERDICTS[verdict]]
)
def test_verdicts(verdict, body):
    answer = check(body)
    assert answer.verdict == verdict
    assert answer.because.endswith(".")
    assert (answer.more is None) or verdict == "not_distinguishable"


REFUSED = {
    "division by 0": 'kind="ratio"\na=1\nb=0\nstates=1',
    "may round from 0": 'kind="ratio"\na=1\nb={value=0.0,digits=2}\nstates=1',
    "has no 'usd'": 'kind="ratio"\na=1\nb={table="counts",row="c",column="usd"}\nstates=1',
    "did you mean 'counts'": 'kind="rate"\nof="a"\ntable="count"\nstates=1',
    "did you mean 'passed'": 'kind="rate"\nof={row="a",passed="pased"}\ntable="counts"\nstates=1',
    "no row of table": 'kind="rate"\nof="q"\ntable="counts"\nstates=1',
    "did you mean 'states'": 'kind="rate"\nof="a"\ntable="counts"\nstate=1',
    "did you mean 'digits'": 'kind="ratio"\na={value=1,digit=2}\nb=1\nstates=1',
    "did you mean 'better'": 'kind="beter"\na="a"\nb="b"',
    "state one of": 'kind="rate"\nof="a"\ntable="counts"',
    "a number is one of": 'kind="ratio"\na={value=1,claim="x"}\nb=1\nstates=1',
    "in a circle: 'x' -> 'x'": 'kind="ratio"\na={claim="x"}\nb=1\nstates=1',
    "no claim 'y'": 'kind="ratio"\na={claim="y"}\nb=1\nstates=1',
    "in 0..n": 'kind="rate"\nof={passed=4,n=3}\nstates=1',
    "in 1..": 'kind="rate"\nof={passed=0,n=0}\nstates=1',
    "not a whole number": 'kind="rate"\nof={row="a",passed="usd"}\ntable="counts"\nstates=1',
    "needs `margin`": 'kind="tied"\ntable="counts"\na="a"\nb="b"',
    "is outside [0, 1]": 'kind="enough_runs"\nn=5\np1=0.5\np2=[1.5]',
    "needs `shown_by`": 'kind="causal"\ncause="c"\nneeds="n"\ndesign="randomised"',
    "weights": 'kind="mean"\nof=[1,2]\nweights=[1]\nstates=1',
    "need `at`": 'kind="better"\ntable="counts"\ndesign="printed"\na="a"\nb="b"',
    "digits=40": 'kind="ratio"\na=1\nb=1\nstates=1\ndigits=40',
    "is no number": 'kind="ratio"\na=nan\nb=1\nstates=1',
    "can be stated": 'kind="ratio"\na=1\nb=1\nstates=inf',
    "be better than itself": 'kind="family"\ntable="counts"\npairs=[["a","a"]]',
    "`items` has no use": 'kind="better"\ntable="counts"\na="a"\nb="b"\nitems=["1"]',
    "`at` has no use": 'kind="better"\ntable="marks"\ndesign="scores"\nat="1"\na="good"\nb="bad"',
    "`intersect` has": 'kind="better"\ntable="counts"\na="a"\nb="b"\nintersect=true',
    "`if_n` has no use": 'kind="stable"\ntable="counts"\na="a"\nb="b"\nif_n=[3]',
    "unknown key 'states'": 'kind="means"\ntable="counts"\nprinted="n"\nstates=3',
    "unknown key 'counts'": 'kind="mean"\nof=[1]\nstates=1\ncounts=true',
    "not all terms are": 'kind="sum"\nof=[1.5]\nstates=1\ncounts=true',
    "k=101": 'kind="pass_k"\ntable="counts"\nk=101\nstates=1',
}


@pytest.mark.parametrize(("text", "body"), REFUSED.items(), ids=REFUSED)
def test_refusals(text, body):
    with pytest.raises(UsageError) as error:
        check(body)
    assert text in str(error.value)
    assert "'x'" in str(error.value)


def test_every_kind_is_tried_here():
    tried = " ".join(body for bodies in VERDICTS.values() for body in bodies)
    assert [name for name in KINDS.names() if f'kind="{name}"' not in tried] == ["means"]


def test_a_controlled_comparison_can_support_a_cause():
    body = (
        'kind="causal"\ncause="tuning"\nneeds="n"\ndesign="controlled"\nshown_by="y"\n'
        '[[claim]]\nid="y"\nsays="better"\nsource="s"\nkind="better"\ntable="counts"\n'
        'a="a"\nb="b"'
    )
    assert check(body).verdict == "supported"


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [("4.0", "reproduced"), ("4.1", "not_reproduced"), ("8.0", "not_reproduced")],
)
def test_means_of_rows(shown, verdict):
    body = (
        'kind="means"\ntable="m"\nprinted="mean"\n[table.m]\nsource="s"\n'
        f'columns=["row","p","q","mean"]\nrows=[["one",3,5,{shown}],["two",1,2,1.5]]'
    )
    assert check(body).verdict == verdict


def test_a_family_is_contradicted_by_its_test_alone():
    """d has a point more than c: that is chance, and said; b is behind c after correction."""
    open_ = check('kind="family"\ntable="counts"\npairs=[["a","b"],["c","d"]]')
    assert open_.verdict == "not_distinguishable"
    assert open_.because == (
        "1 of 2 asserted pairs survive the correction; not c > d. The figures have the second "
        "ahead, though not by more than chance: c > d."
    )
    against = check('kind="family"\ntable="counts"\npairs=[["c","d"],["b","c"]]')
    assert (against.verdict, against.numbers["shown"]) == ("contradicted", 0)
    assert against.because == "After the correction the second is the better one: b > c."


def test_failures_by_task_are_those_of_whole_tasks():
    """1 of 3 and 3 of 3 pass: tasks fail 2 of 3 at worst, and none at best."""
    rate = '\nof={}\ntable="t"\nby_task=true\nunit="%"\n'
    table = '[table.t]\nsource="s"\ncolumns=["task","passed","n"]\nrows=[["a",1,3],["b",3,3]]'
    said = "over 2 tasks like these (whole tasks drawn): "
    fails = check(f'kind="failure_rate"\nstates=33.3{rate}{table}')
    assert f"{said}0.0 to 66.7 %" in fails.steps
    assert f"{said}33.3 to 100.0 %" in check(f'kind="rate"\nstates=66.7{rate}{table}').steps


def test_rounding_of_inputs_and_of_the_stated_number_counts():
    # 0.00087 is anything from 0.000865 to 0.000875, so the quotient 1.79 to 1.82.
    a, b = "a={value=0.00087,digits=5}", "b={value=0.000481,digits=6}"
    assert check(f'kind="ratio"\n{a}\n{b}\nstates=1.8').verdict == "reproduced"
    assert check(f'kind="ratio"\n{a}\n{b}\nstates=1.82').verdict == "reproduced"
    assert check(f'kind="ratio"\n{a}\n{b}\nstates=1.85').verdict == "not_reproduced"
    assert check(f'kind="ratio"\n{a}\n{b}\nstates=1.80\ndigits=2').verdict == "reproduced"


def test_roundings_that_only_touch_do_not_agree():
    one = 'kind="sum"\nof=[{value=89.9,digits=1}]\nstates=90.0\ndigits=1'
    assert check(one).verdict == "not_reproduced"
    assert check('kind="sum"\nof=[89.95]\nstates=90.0\ndigits=1').verdict == "reproduced"


def test_a_claim_that_takes_the_number_of_another():
    body = (
        'kind="ratio"\na={claim="y"}\nb=2\nstates=3\n'
        '[[claim]]\nid="y"\nsays="6"\nsource="s"\nkind="sum"\nof=[2,4]\nstates=6'
    )
    assert check(body).value.value == 3.0


def test_a_circle_of_two():
    body = (
        'kind="sum"\nof=[{claim="y"}]\nstates=3\n'
        '[[claim]]\nid="y"\nsays="6"\nsource="s"\nkind="sum"\nof=[{claim="x"}]\nstates=6'
    )
    with pytest.raises(UsageError, match="'x' -> 'y' -> 'x'"):
        check(body)


def test_printed_percentages_at_a_known_n():
    body = 'kind="better"\ntable="p"\ndesign="printed"\nat="right"\na="a"\nb="b"\n'
    table = '[table.p]\nsource="s"\ndigits=1\ncolumns=["m","right"]\nrows=[["a",62.4],["b",60.7]]'
    answer = check(body + "n=477\n" + table)
    assert answer.verdict == "not_distinguishable"
    assert answer.more == pytest.approx(12_400, abs=100)
    assert any("no whole count of 477" in step for step in answer.steps)
    assert check(body + "n=100000\n" + table).verdict == "supported"
    assert check(body + "if_n=[477, 100000]\n" + table).verdict == "not_checkable"


def test_comparisons_of_a_file_are_corrected_together():
    def both(usual):
        body = 'kind="better"\ntable="counts"\na="a"\nb="b"\n' + usual
        file = parse_claims(
            HEAD + '[[claim]]\nid="x"\nsays="s"\nsource="s"\n' + body,
            source="f",
            place=Place(Path()),
        )
        return together(check_claims(file, lambda: np.random.default_rng(1)))

    other = '[[claim]]\nid="y"\nsays="s"\nsource="s"\nkind="better"\n'
    weak = other + "a={passed=27,n=30}\nb={passed=20,n=30}"
    assert both("") is None
    found = both(weak)
    assert (found.comparisons, found.alone, found.corrected) == (2, ("x", "y"), ("x", "y"))
    others = [weak.replace('id="y"', f'id="y{place}"') for place in range(3)]
    found = both("\n".join([weak, *others]))
    assert (len(found.alone), found.corrected) == (5, ("x",))


def test_predictions_are_scored_from_their_bounds():
    def scored(states, third):
        return check(
            f'kind="predictions"\ntable="f"\nstates={states}\n[table.f]\nsource="s"\n'
            'columns=["p","low","high","actual"]\n'
            f'rows=[["1",1,2,1],["2",1,2,3],["3",{third}]]'
        )

    assert scored(2, "0, 9, 9").verdict == "reproduced"
    assert scored(1, "0, 9, 9").verdict == "contradicted"
    assert scored(2, '"", "", ""').verdict == "not_checkable"
    assert scored(3, '"", "", ""').verdict == "contradicted"


@pytest.mark.parametrize(
    ("n", "verdict"),
    [
        ("n=100", "not_distinguishable"),
        ("n=4000", "contradicted"),
        ("if_n=[100, 4000]", "not_checkable"),
        ("", "not_checkable"),
    ],
)
def test_printed_figures_the_other_way_round_contradict_where_the_test_does(n, verdict):
    answer = check(
        f'kind="better"\ntable="p"\ndesign="printed"\nat="right"\na="a"\nb="b"\n{n}\n'
        '[table.p]\nsource="s"\ncolumns=["model","right"]\nrows=[["a",66],["b",69]]'
    )
    assert answer.verdict == verdict
    assert answer.because.startswith("The source's own figures have b ahead. ")
