"""Changes as replies show them: what git makes always applies, and sloppy ones mostly do."""

import difflib

from hypothesis import given
from hypothesis import strategies as st

from ossay.suites.coding.patch import apply, diff_of, pairs_of

OLD = "one\n  two\nthree\nfour\nfive\n"
NEW = "one\n  TWO\nthree\nfour\nfive\nsix\n"


def diff(old, new, context=3):
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "a", "b", "", "", context, "")
    return "\n".join(lines)


LINES = st.lists(st.sampled_from(["a", "b", "  c", "d();", "+e", "-f", ""]), min_size=1)


@given(LINES, LINES)
def test_a_true_diff_gives_the_new_text(old, new):
    before, after = ("\n".join([*lines, "end"]) + "\n" for lines in (old, new))
    hunks = diff_of(diff(before, after))
    if any(line.startswith(("--", "++")) for line in diff(before, after).splitlines()[2:]):
        return  # such a line cannot be told from a header
    assert before == after or apply(before, hunks) == after


def test_sloppy_diffs_apply():
    for text in (
        "@@ -90,2 +90,2 @@\n one\n-  two\n+  TWO\n three\n@@\n five\n+six",
        "-  two\n+  TWO\n three\n four\n five\n+six",
        " one\n-two\n+  TWO\n three\n  four\n five\n+six\n\n",
        "--- a/x\n+++ b/x\n@@ ... @@\n-  two  \n+  TWO\n@@ @@\n four\n five\n+six\n"
        "\\ No newline at end of file",
    ):
        assert apply(OLD, diff_of(text)) == NEW, text


def test_search_and_replace_applies():
    text = (
        "<<<<<<< SEARCH\ntwo\n=======\n  TWO\n>>>>>>> REPLACE\n\n"
        "<<<<<<< SEARCH\nfive\n=======\nfive\nsix\n>>>>>>> REPLACE"
    )
    assert apply(OLD, pairs_of(text)) == NEW


def test_what_has_no_place_is_none():
    assert apply(OLD, diff_of("@@\n-seven\n+eight")) is None
    assert apply(OLD, pairs_of("<<<<<<< SEARCH\n=======\nnew\n>>>>>>> REPLACE")) is None
    assert diff_of("no change at all\n in here") == ()


def test_the_nearest_of_several_places_is_taken():
    text = "x\na\nx\nb\nx\n"
    assert apply(text, diff_of("@@ -3,1 +3,1 @@\n-x\n+y")) == "x\na\ny\nb\nx\n"


@given(st.text(alphabet="<=>+-@ SEARCHab\n\r", max_size=300), st.text("ab\n ", max_size=60))
def test_any_text_can_be_tried(change, text):
    apply(text, diff_of(change))
    apply(text, pairs_of(change))


def test_hostile_changes_end_soon():
    many = 200_000
    assert pairs_of("<<<<<<< SEARCH\n" * many) == ()
    assert apply("a\n" * many, diff_of("@@\n" + "-a\n" * many + "+b")) is None
    assert apply("a\nb\n" * 50, diff_of("@@\n-c\n+d\n" * many)) is None
