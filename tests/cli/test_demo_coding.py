"""Which coding tasks the demo can show: what is missing is named, and the rest goes on."""

import pytest

from ossay.cli.demo_coding import LOOKED_AT, OTHERS, coding_here
from ossay.suites.coding import Coding
from ossay.suites.toolchain import _COMPILER_BYTES, typescript_place


@pytest.fixture
def machine(tmp_path):
    """(home, PATH) with a program named node and a file of the compiler's size."""
    compiler = typescript_place(tmp_path) / "lib" / "typescript.js"
    compiler.parent.mkdir(parents=True)
    with compiler.open("wb") as file:
        file.truncate(_COMPILER_BYTES)
    node = tmp_path / "bin" / "node"
    node.parent.mkdir()
    node.write_text("#!/bin/sh\n")
    node.chmod(0o755)
    return tmp_path, str(node.parent)


def test_all_five_where_everything_is_here(machine):
    found = coding_here(*machine, chromium="/usr/lib/chromium/chromium")
    assert found.missing == ""
    assert set(found.tasks) == set(Coding(lambda: None).tasks)


def test_without_a_browser_four_are_left(machine):
    found = coding_here(*machine, chromium="")
    assert found.tasks == OTHERS
    assert LOOKED_AT in found.missing
    assert "Chromium" in found.missing
    assert "ossay doctor --install" in found.missing


def test_without_node_or_typescript_none_is_left_and_both_are_named(tmp_path):
    found = coding_here(tmp_path, str(tmp_path), chromium="/x")
    assert found.tasks == ()
    assert "Node.js and TypeScript" in found.missing
    assert "ossay doctor --install" in found.missing


def test_without_typescript_alone_nothing_is_said_of_node(machine, tmp_path):
    found = coding_here(tmp_path / "elsewhere", machine[1], chromium="/x")
    assert found.tasks == ()
    assert "TypeScript" in found.missing
    assert "Node" not in found.missing
