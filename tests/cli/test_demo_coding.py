"""Which coding tasks the demo can show: what is missing is named, and the rest goes on."""

from types import SimpleNamespace

from ossay.agent.sandbox.base import Completed
from ossay.cli.demo_coding import CodingHere, coding_here


class Programs:
    """A sandbox in which some programs work."""

    kind = "bubblewrap"

    def __init__(self, *names: str) -> None:
        self.names = names

    def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
        there = argv[0] in self.names
        return Completed(0 if there else 127, "" if there else f"{argv[0]}: not found", 0.0)


def suite(**needs):
    """A suite of tasks that need this."""

    def task(name):
        return SimpleNamespace(instance=lambda seed: SimpleNamespace(needs=needs[name]))

    return SimpleNamespace(tasks={name: task(name) for name in needs})


def test_what_works_is_shown():
    found = coding_here(suite(a=("node",), b=("node", "python")), Programs("node", "python3"))
    assert found == CodingHere(("a", "b"))


def test_what_lacks_something_is_left_out_and_the_rest_goes_on():
    found = coding_here(suite(a=("python",), b=("node",), c=("node",)), Programs("python3"))
    assert found.tasks == ("a",)
    (said,) = found.missing
    assert said.startswith("Left out: b, c. 'node' does not work inside the bubblewrap sandbox")
    assert "ossay doctor" in said


def test_nothing_is_left_where_nothing_works():
    found = coding_here(suite(a=("python",), b=("node",)), Programs())
    assert found.tasks == ()
    assert len(found.missing) == 2
