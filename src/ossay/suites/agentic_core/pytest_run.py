"""Running a workspace's tests as the prompt says, to see that those given ran and all passed.

Done in the sandbox on a writable copy, since tests may write. Knows nothing of what the tests
check: whoever must know that the code is right asks it with probes, since a report of a test run
can be forged by what runs in it.
"""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path

from ossay.agent.sandbox.base import Sandbox
from ossay.agent.workspace import PathRefused, Workspace
from ossay.core.display import visible
from ossay.core.task import Instance
from ossay.suites.agentic_core.common import CHECK_LIMITS, list_files, read_bytes

TEST_COMMAND = "python3 -m pytest -q"

_PASSED = "PASSED "


def problem_of_run(sandbox: Sandbox, instance: Instance, workspace: Path) -> str:
    """Say why the test run does not pass with every protected test in it, '' if it does."""
    with tempfile.TemporaryDirectory(prefix="ossay-tests-") as place:
        copy = _copied(workspace, Path(place))
        try:
            # -rp lists every test that passed, without its output.
            done = sandbox.run(
                ("bash", "-c", f"{TEST_COMMAND} -rp --color=no"), copy.root, limits=CHECK_LIMITS
            )
        finally:
            copy.remove()
    lines = [line for line in done.output.splitlines() if line.strip()]
    if done.exit_code != 0:
        last = visible(lines[-1], 200) if lines else "no output"
        return f"`{TEST_COMMAND}` does not pass beside the files that were added: {last}"
    passed = {
        line.removeprefix(_PASSED).partition("[")[0].strip()
        for line in lines
        if line.startswith(_PASSED)
    }
    missing = [name for name in _given_tests(instance) if name not in passed]
    return f"`{TEST_COMMAND}` no longer runs {missing[0]} as it was given" if missing else ""


def _given_tests(instance: Instance) -> list[str]:
    """Return the names of the protected tests as pytest writes them."""
    return [
        f"{path}::{node.name}"
        for path in instance.protected
        if path.endswith(".py")
        for node in ast.parse(instance.files[path]).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def _copied(workspace: Path, place: Path) -> Workspace:
    """Copy the plain files of a workspace that are of a size to be read."""
    copy = Workspace.create(place, {})
    for path in list_files(workspace):
        data = read_bytes(workspace, path)
        if data is not None:
            try:
                copy.write(path, data)
            except PathRefused:
                continue
    return copy
