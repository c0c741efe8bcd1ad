"""Physical cores, from a sysfs that is made up here."""

from pathlib import Path

import pytest

from ossay.core.cores import physical_cores


def sysfs(root: Path, siblings: dict[int, str], quota: str = "") -> Path:
    for cpu, pair in siblings.items():
        place = root / f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
        place.parent.mkdir(parents=True)
        place.write_text(f"{pair}\n")
    if quota:
        (root / "fs/cgroup").mkdir(parents=True)
        (root / "fs/cgroup/cpu.max").write_text(quota)
    return root


@pytest.mark.parametrize(
    ("allowed", "quota", "cores"),
    [
        ({0, 1, 2, 3}, "", 2),  # two cores of two threads
        ({0, 2}, "", 1),  # both threads of one core
        ({0, 1}, "", 2),
        ({0, 1, 2, 3}, "max 100000", 2),
        ({0, 1, 2, 3}, "150000 100000", 1),
        ({0, 1, 2, 3}, "50000 100000", 1),
        ({0, 1, 2, 3}, "garbage", 2),
        ({7, 8, 9}, "", 3),  # not described: each counts
    ],
)
def test_threads_of_one_core_count_once_and_the_quota_holds(tmp_path, allowed, quota, cores):
    place = sysfs(tmp_path, {0: "0,2", 2: "0,2", 1: "1,3", 3: "1,3"}, quota)
    assert physical_cores(allowed, place) == cores


def test_this_machine_has_at_least_one():
    assert physical_cores() >= 1
