"""Chromium: where it is looked for, and what is said or done where it is not."""

import os

import pytest

from ossay.core.errors import UsageError
from ossay.suites import chromium
from ossay.suites.chromium import find_chromium, install_chromium

HERE = find_chromium()


@pytest.mark.skipif(not HERE, reason="no Chromium here: ossay doctor --install")
def test_what_is_there_is_not_installed_again(tmp_path):
    assert install_chromium({"PATH": str(tmp_path)}) == HERE
    assert os.access(HERE, os.X_OK)


def test_it_is_looked_for_where_a_sandbox_sees_it():
    assert all(place.startswith("/usr/") for place in (*chromium.PLACES, *chromium.FONTS))


@pytest.mark.parametrize(
    ("tools", "root", "told"),
    [
        ({}, True, "nor apt-get"),
        ({"apt-get": "exit 0"}, False, "sudo apt-get install -y chromium fonts-dejavu-core"),
        ({"apt-get": "echo no route to host >&2; exit 100"}, True, "no route to host"),
    ],
)
def test_the_next_step_is_told(tmp_path, tools, root, told):
    for name, script in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(UsageError, match=told):
        install_chromium({"PATH": str(tmp_path)}, root=root, find=lambda: "")
