"""The shipped rubrics: they read, hold the published numbers, and use facts that graders give."""

import pytest

from ossay.core.errors import ConfigError
from ossay.core.score import open_items, score
from ossay.suites.rubrics import read_rubrics, rubric_of

# Base, what is added, caps: the published scales, items of ours left out.
PUBLISHED = {
    "clean_markdown": ([9, 8.5, 8], [0.25, -0.5, -0.5], [9.25]),
    "folder_watcher_fix": ([9], [0.25, 0.25, -0.25, -1, -0.5], [9.5]),
    "typescript_narrowing": ([1, 6, 8], [0.5, -0.5, -1, -0.5], [8.5]),
    "benchmark_visualization": (
        [1, 5, 7.5, 8, 8.5],
        [0.5, 0.5, 0, 0.5, 0.25, -0.5, -0.5],
        [],
    ),
    "todo_add_feature": ([8, 9], [0.5, 0.25, -0.5, -0.25], [9.5]),
}


@pytest.mark.parametrize("task", PUBLISHED)
def test_the_published_points(task):
    rubric = rubric_of(task)
    tiers, more, caps = PUBLISHED[task]
    assert [item.points for item in rubric.tiers if not item.added] == tiers
    assert [item.points for item in (*rubric.bonuses, *rubric.penalties)] == more
    assert [cap.at for cap in rubric.caps] == caps


def test_there_is_one_for_each_task():
    from ossay.suites.registry import open_suite

    tasks = open_suite("coding", lambda: None).tasks
    assert set(tasks) <= set(read_rubrics())
    assert set(read_rubrics()) == set(PUBLISHED)
    assert rubric_of("sums") is None


@pytest.mark.parametrize(
    ("task", "facts", "chosen", "value"),
    [
        ("clean_markdown", {"tier": "exact", "characters": 1_900, "prose_characters": 0}, [], 9.25),
        ("clean_markdown", {"tier": "exact", "characters": 2_500, "prose_characters": 0}, [], 9),
        ("clean_markdown", {"tier": "line breaks differ", "characters": 900}, [], 8.5),
        ("clean_markdown", {"tier": "wrong", "characters": 90, "missing_export": True}, [], 1),
        ("clean_markdown", {"tier": "exact", "characters": 2_100, "missing_export": True}, [], 8.5),
        ("typescript_narrowing", {"passed": False}, [], 1),
        (
            "typescript_narrowing",
            {"passed": True, "in_operators": 2, "in_needed": False, "prose_characters": 9},
            [],
            6,
        ),
        (
            "typescript_narrowing",
            {"passed": True, "in_operators": 2, "in_needed": True, "prose_characters": 900},
            [],
            7.5,
        ),
        (
            "typescript_narrowing",
            {"passed": True, "in_operators": 0, "in_needed": False, "candidates": 3},
            ["several_work"],
            8.5,
        ),
        ("todo_add_feature", {"passed": True, "whole_files": 0, "characters": 1_500}, [], 9.5),
        ("todo_add_feature", {"passed": True, "whole_files": 1, "characters": 1_800}, [], 9.25),
        ("todo_add_feature", {"passed": True, "whole_files": 4, "characters": 2_900}, [], 7.5),
        ("todo_add_feature", {"passed": False, "done": 1, "characters": 1_500}, [], 6),
        ("todo_add_feature", {"passed": False, "done": 0, "characters": 60}, [], 1),
        ("folder_watcher_fix", {"passed": True, "prose_characters": 90}, [], 9.25),
        ("folder_watcher_fix", {"passed": True, "extra_lines": 3, "diff_form": False,
                                "prose_characters": 300}, ["unnecessary_code"], 8.75),
        ("folder_watcher_fix", {"passed": False, "done": 2, "prose_characters": 90}, [], 5),
        ("benchmark_visualization", {"runs": False}, [], 1),
        (
            "benchmark_visualization",
            {"runs": True, "labels_right": True},
            ["side_by_side", "colour_by_benchmark", "pleasing"],
            9.75,
        ),
    ],
)  # fmt: skip
def test_what_answers_come_to(task, facts, chosen, value):
    assert score(rubric_of(task), chosen, facts).value == value


def test_what_the_machine_knows_is_not_asked():
    markdown = {"tier": "exact", "characters": 1, "prose_characters": 0, "missing_export": False}
    assert open_items(rubric_of("clean_markdown"), markdown) == ()
    working = {"passed": True, "in_operators": 0, "in_needed": True, "prose_characters": 0}
    items = open_items(rubric_of("typescript_narrowing"), {**working, "candidates": 1})
    assert items == ()


def test_a_folder_of_ones_own(tmp_path):
    own = """
        name = "mine"
        version = "7"
        date = 2026-11-21
        task = "clean_markdown"
        title = "Mine"
        scale = [0, 5]
        [[tier]]
        id = "good"
        text = "Good."
        points = 5
    """
    (tmp_path / "mine.toml").write_text(own)
    (tmp_path / "notes.txt").write_text("no rubric")
    rubrics = read_rubrics(tmp_path)
    assert rubrics["clean_markdown"].name == "mine"
    assert rubrics["todo_add_feature"] == rubric_of("todo_add_feature")
    (tmp_path / "other.toml").write_text(own)
    with pytest.raises(ConfigError, match=r"'other.toml' and 'mine.toml' are both of task"):
        read_rubrics(tmp_path)
    (tmp_path / "other.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="cannot read"):
        read_rubrics(tmp_path)
    with pytest.raises(ConfigError, match="no folder of rubrics"):
        read_rubrics(tmp_path / "none")
