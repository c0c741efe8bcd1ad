"""`ossay power` as its user runs it."""

import json

import pytest


def needed(ossay, *args, cwd):
    done = ossay("power", *args, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_known_needs(ossay, tmp_path):
    assert needed(ossay, "--a", "23/30", "--b", "25/30", cwd=tmp_path)["needed_n"] == 564
    assert needed(ossay, "--a", "0.767", "--b", "90%", cwd=tmp_path)["needed_n"] == 122
    out = ossay("power", "--a", "23/30", "--b", "25/30", cwd=tmp_path).stdout
    assert out.startswith("About 564 items a model show a difference of 6.7 points")
    assert "Barnard, different items" in out


def test_other_questions(ossay, tmp_path):
    at_30 = needed(ossay, "--a", "23/30", "--b", "25/30", "--n", "30", cwd=tmp_path)
    assert at_30["power"] == pytest.approx(0.1, abs=0.02)
    least = needed(ossay, "--a", "0.767", "--n", "30", cwd=tmp_path)
    assert least["difference"] == pytest.approx(0.229, abs=0.005)
    paired = needed(ossay, "--a", ".767", "--b", ".833", "--paired", "--differ", ".2", cwd=tmp_path)
    assert paired["needed_n"] == pytest.approx(381, abs=5)
    words = ("--a", ".7", "--b", ".8", "--clusters-of", "3", "--icc", ".4", "--pairs-tested", "15")
    assert len(needed(ossay, *words, cwd=tmp_path)["notes"]) == 2


def test_like_earlier_records(ossay, tmp_path):
    rows = [f"t{item},a,{int(item < 60)}\nt{item},b,{int(item < 40)}" for item in range(100)]
    (tmp_path / "t.csv").write_text("item,model,score\n" + "\n".join(rows) + "\n")
    words = ("--like", "a", "b", "--records", "t.csv")
    found = needed(ossay, *words, cwd=tmp_path)
    assert found["differ"] == pytest.approx(0.2)
    assert 30 < found["needed_n"] < 50
    assert needed(ossay, *words, "--n", "100", cwd=tmp_path)["power"] > 0.99


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "give --a and --b"),
        (("--a", "0.5"), "give --a and --b"),
        (("--a", "76.7", "--b", "83.3"), "rate_a=76.7 is outside [0, 1]"),
        (("--a", "0.5", "--b", "0.6", "--differ", "0.2"), "add --paired"),
        (("--a", "0.5", "--b", "0.6", "--n", "0"), "n=0"),
        (("--a", "0.5", "--b", "0.6", "--power", "80"), "power=80"),
        (("--a", "0.5", "--b", "0.6", "--icc", "2"), "icc=2"),
        (("--a", "0.5", "--b", "0.6", "--metric", "score"), "add --like A B"),
        (("--like", "a", "b", "--a", "0.5"), "leave out --a"),
        (("--a", "many", "--b", "0.6"), "'many' is no rate"),
    ],
)
def test_bad_usage_names_the_next_step(ossay, tmp_path, words, says):
    done = ossay("power", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
