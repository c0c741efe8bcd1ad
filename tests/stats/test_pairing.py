"""Shared items: order, what is missing, duplicates, NaN; and that the room imports light."""

import subprocess
import sys
from pathlib import Path

import pytest

import ossay.stats
from ossay.stats.pairing import align


def test_shared_items_keep_the_order_of_a():
    found = align([("x", 1), ("y", 0), ("z", 1)], [("z", 0), ("x", 1), ("y", 1)])
    assert found.items == ("x", "y", "z")
    assert (found.a, found.b) == ((1.0, 0.0, 1.0), (1.0, 1.0, 0.0))
    assert found.only_in_a == found.only_in_b == ()


def test_missing_items_are_named_and_the_intersection_is_by_flag_only():
    a, b = [("x", 1), ("y", 0), ("z", 1)], [("z", 0), ("q", 1)]
    with pytest.raises(ValueError, match=r"B lacks 2 items of A \('x', 'y'\) and A lacks 1"):
        align(a, b)
    found = align(a, b, intersect=True)
    assert (found.items, found.only_in_a, found.only_in_b) == (("z",), ("x", "y"), ("q",))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([("x", 1), ("x", 1)], [("x", 1)], "A has item 'x' twice"),
        ([("x", 1)], [("x", float("nan"))], "B has nan for item 'x'"),
        ([], [], "none is shared"),
        ([(str(i), 1) for i in range(9)], [], r"'0', '1', '2', …"),
    ],
)
def test_bad_items_are_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        align(a, b)


def test_the_room_imports_without_numpy():
    folder = Path(ossay.stats.__file__).parent
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    imports = "\n".join(f"import ossay.stats.{name}" for name in names)
    code = f"{imports}\nimport sys\nassert not {{'numpy', 'scipy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
