"""What every sandbox promises, shown with the real bubblewrap and with none."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import ossay
from ossay.agent.sandbox.base import Limits
from ossay.agent.sandbox.bubblewrap import Bubblewrap
from ossay.agent.sandbox.docker import Docker, daemon_version
from ossay.agent.sandbox.find import advice, find_sandbox, install_line, probe
from ossay.agent.sandbox.local import Local
from ossay.agent.sandbox.output import KILL_FACTOR, Capture
from ossay.agent.sandbox.processes import private_bytes, use_of
from ossay.agent.workspace import Workspace
from ossay.core.errors import EnvironmentDefect, OssayError

LIMITS = Limits(wall_s=20.0, output_bytes=64 << 10)


@pytest.fixture(scope="module")
def bubblewrap():
    if os.environ.get("OSSAY_TEST_NO_SANDBOX") == "1":
        pytest.skip("OSSAY_TEST_NO_SANDBOX=1")
    try:
        return Bubblewrap()
    except OssayError as error:
        pytest.fail(f"{error}: {install_line()}")


@pytest.fixture(params=["bubblewrap", "local"])
def sandbox(request):
    return Local() if request.param == "local" else request.getfixturevalue("bubblewrap")


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace.create(tmp_path, {"a.txt": b"a\n", "test_a.py": b"def test_a(): pass\n"})
    yield workspace
    workspace.remove()


def bash(sandbox, workspace, script, *, limits=LIMITS, **more):
    return sandbox.run(["bash", "-c", script], workspace.root, limits=limits, **more)


def test_output_and_errors_come_interleaved(sandbox, workspace):
    done = bash(sandbox, workspace, "echo one; echo two >&2; echo three; exit 7")
    assert (done.exit_code, done.output, done.limit) == (7, "one\ntwo\nthree\n", "")
    assert done.seconds > 0


def test_a_command_killed_by_its_own_signal_has_the_shells_exit_code(sandbox, workspace):
    assert bash(sandbox, workspace, "kill -SEGV $$").exit_code == 128 + signal.SIGSEGV


def test_a_command_that_does_not_exist_is_no_failure_of_the_sandbox(sandbox, workspace):
    done = sandbox.run(["no-such-program"], workspace.root, limits=LIMITS)
    assert done.exit_code == 127
    assert "no-such-program" in done.output


def test_input_arrives_and_ends(sandbox, workspace):
    data = b"line\n" * 100_000
    assert bash(sandbox, workspace, "wc -l", stdin=data).output.strip() == "100000"
    assert bash(sandbox, workspace, "cat").output == ""


def test_undecodable_output_is_replaced(sandbox, workspace):
    assert bash(sandbox, workspace, r"printf 'a\xffb'").output == "a\N{REPLACEMENT CHARACTER}b"


def test_head_and_tail_of_long_output_are_kept(sandbox, workspace):
    limits = replace(LIMITS, output_bytes=4000)
    done = bash(sandbox, workspace, "seq 1 10000", limits=limits)
    whole = "".join(f"{number}\n" for number in range(1, 10_001))
    assert done.output == whole[:3000] + whole[-1000:]
    assert done.cut_bytes == len(whole) - 4000
    assert (done.exit_code, done.limit) == (0, "")


def test_what_a_command_writes_stays_and_belongs_to_us(sandbox, workspace):
    bash(sandbox, workspace, "mkdir -p d/e; echo hi > d/e/f; chmod 4755 d/e/f; rm a.txt")
    assert workspace.read("d/e/f", 10) == b"hi\n"
    assert "a.txt" not in workspace.digests()
    assert {path.lstat().st_uid for path in workspace.root.rglob("*")} == {os.geteuid()}


def test_python_and_pytest_are_there(sandbox, workspace):
    script = "python3 -c 'import sqlite3' && python -V && pytest -q && python3 -m pytest -q"
    done = bash(sandbox, workspace, script)
    assert done.exit_code == 0, done.output
    assert done.output.count("1 passed") == 2
    assert sorted(workspace.digests()) == ["a.txt", "test_a.py"]


def test_the_environment_holds_nothing_of_ours(sandbox, workspace):
    os.environ["OSSAY_TEST_VARIABLE"] = "planted"
    try:
        names = {line.split("=")[0] for line in bash(sandbox, workspace, "env").output.splitlines()}
    finally:
        del os.environ["OSSAY_TEST_VARIABLE"]
    wanted = {"PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"}
    assert wanted <= names
    known = {"PYTEST_ADDOPTS", "PYTHONPATH", "PYTHONNOUSERSITE", "TMPDIR", "LD_LIBRARY_PATH"}
    assert names - wanted <= known | {"PWD", "SHLVL", "_"}


def test_each_limit_is_named(sandbox, workspace):
    tight = replace(LIMITS, wall_s=0.3)
    done = bash(sandbox, workspace, "echo started; sleep 60", limits=tight)
    assert (done.exit_code, done.limit, done.output) == (None, "wall", "started\n")
    flood = bash(sandbox, workspace, "yes", limits=replace(LIMITS, output_bytes=1000))
    assert flood.limit == "output"
    assert len(flood.output) == 1000
    assert flood.cut_bytes > KILL_FACTOR * 900
    crowd = replace(LIMITS, processes=10)
    script = "for n in $(seq 30); do sleep 60 & done; wait"
    assert bash(sandbox, workspace, script, limits=crowd).limit == "processes"
    disk = replace(LIMITS, workspace_bytes=1 << 20)
    assert bash(sandbox, workspace, "head -c 3M /dev/zero > x", limits=disk).limit == "disk"


def test_a_full_workspace_can_be_cleaned_up(sandbox, workspace):
    (workspace.root / "big").write_bytes(bytes(2 << 20))
    disk = replace(LIMITS, workspace_bytes=1 << 20)
    assert bash(sandbox, workspace, "rm big; echo done", limits=disk).output == "done\n"
    assert bash(sandbox, workspace, "head -c 3M /dev/zero > x", limits=disk).limit == "disk"


def test_what_runs_in_the_background_does_not_hold_the_command_up(sandbox, workspace):
    done = bash(sandbox, workspace, "sleep 600 & (sleep 600 &) ; echo done")
    assert (done.output, done.limit) == ("done\n", "")


def test_many_threads_run_at_once(sandbox, tmp_path):
    def work(number):
        workspace = Workspace.create(tmp_path, {"n": str(number).encode()})
        done = bash(sandbox, workspace, "cat n; echo $(($(cat n) * 2)) > m")
        twice = int(workspace.read("m", 20))
        workspace.remove()
        return int(done.output), twice

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(work, range(96))) == [(n, 2 * n) for n in range(96)]


def test_no_descriptor_is_left_open(sandbox, workspace):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        bash(sandbox, workspace, "true")
        bash(sandbox, workspace, "sleep 9", limits=replace(LIMITS, wall_s=0.05))
    assert len(os.listdir("/proc/self/fd")) == before


def test_read_only_is_read_only(bubblewrap, workspace):
    done = bash(bubblewrap, workspace, "cat a.txt; touch b; echo x > a.txt", readonly=True)
    assert done.output.startswith("a\n")
    assert done.output.count("Read-only file system") == 2
    assert workspace.read("a.txt", 10) == b"a\n"


def test_a_frozen_copy_can_be_read_inside(bubblewrap, workspace, tmp_path):
    copy = workspace.frozen_copy(tmp_path / "copy")
    done = bubblewrap.run(["pytest", "-q"], copy, limits=LIMITS, readonly=True)
    assert "1 passed" in done.output
    Workspace(copy).remove()


def test_the_same_command_says_the_same_everywhere(bubblewrap, workspace):
    """Place, name, time zone, home and hash seed do not depend on the machine."""
    script = "pwd; hostname; date +%Z; echo ~; python3 -c 'print(hash(\"x\"))'; ps -e | wc -l"
    one, other = (bash(bubblewrap, workspace, script).output for _ in range(2))
    assert one == other
    assert one.startswith("/workspace\nsandbox\nUTC\n/tmp\n")


def test_the_command_line_of_number_1_does_not_name_the_host(bubblewrap, workspace):
    output = bash(bubblewrap, workspace, "tr '\\0' ' ' < /proc/1/cmdline; ps -ef").output
    assert "bwrap --args" in output
    assert str(workspace.root) not in output
    assert sys.base_prefix not in output or sys.base_prefix == "/usr"


def test_nothing_outlives_a_command(bubblewrap, workspace):
    script = "for n in 1 2 3; do setsid sleep 4242.$n > /dev/null 2>&1 & done; sleep 0.1"
    bash(bubblewrap, workspace, script)
    assert "4242" not in _command_lines()


def test_nothing_outlives_ossay(bubblewrap, workspace):
    """Kill -9 of the process that runs a command takes the command with it."""
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ossay.agent.sandbox.base import Limits
        from ossay.agent.sandbox.bubblewrap import Bubblewrap
        Bubblewrap().run(["sleep", "5353"], Path(sys.argv[1]), limits=Limits(wall_s=60))
    """)
    process = subprocess.Popen([sys.executable, "-c", program, str(workspace.root)])
    _wait_until(lambda: "5353" in _command_lines())
    process.kill()
    process.wait()
    _wait_until(lambda: "5353" not in _command_lines())


def _command_lines():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(line for line in found if line.startswith("sleep"))


def _wait_until(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("did not happen within 10 s")


def test_a_sandbox_that_fails_says_so(workspace, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no permission to make namespaces >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(EnvironmentDefect, match="no permission to make namespaces"):
        bash(Bubblewrap(str(broken)), workspace, "true")


def test_a_workspace_that_is_gone_is_no_failure_of_the_model(bubblewrap, tmp_path):
    with pytest.raises((OSError, EnvironmentDefect)):
        bubblewrap.run(["true"], tmp_path / "nothing", limits=LIMITS)


def test_a_local_command_has_a_home_of_its_own_that_goes(workspace):
    home = bash(Local(), workspace, "touch ~/x; echo $HOME").output.strip()
    assert home != str(Path.home())
    assert not Path(home).exists()


# An ordinary user: the same promises without being root.

_AS_USER = """
import json, os, sys, tempfile
from pathlib import Path
from ossay.agent.sandbox.base import Limits
from ossay.agent.sandbox.bubblewrap import Bubblewrap
from ossay.agent.workspace import Workspace
tight = Limits(wall_s=10, cpu_s=5, processes=32, memory_bytes=256 << 20, workspace_bytes=8 << 20)
scripts = {
    "id": "id -u",
    "write": "echo hi > made; cat made",
    "home": "ls /root /home /var 2>&1 | grep -c cannot",
    "bomb": "bomb() { bomb | bomb & }; bomb; sleep 9",
    "stubborn": "python3 -c 'import os\\nwhile 1:\\n try: os.fork()\\n except OSError: pass'",
    "disk": "head -c 20M /dev/zero > x; sleep 9",
    "namespace": "unshare -Ur true && echo made",
    "pytest": "python3 -c 'import sys; print(sys.version_info[:2])'",
}
with tempfile.TemporaryDirectory() as parent:
    answers = {"uid": os.geteuid()}
    for name, script in scripts.items():
        workspace = Workspace.create(Path(parent), {})
        done = Bubblewrap().run(["bash", "-c", script], workspace.root, limits=tight)
        answers[name] = [done.exit_code, done.limit, done.output]
        workspace.remove()
print(json.dumps(answers))
"""


def test_an_ordinary_user_is_confined_as_well(bubblewrap):
    if os.geteuid() != 0:
        pytest.skip("every test here already runs as an ordinary user")
    become = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]
    places = {Path(ossay.__file__).parents[1], Path(msgspec.__file__).parents[1]}
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(map(str, places))}
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        command = [*become, python, "-B", "-c", _AS_USER]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            break
    else:
        pytest.skip("user 1234 can start no Python that can import ossay")
    answers = json.loads(done.stdout)
    assert answers["uid"] == 1234
    assert answers["id"] == [0, "", "1000\n"]
    assert answers["write"] == [0, "", "hi\n"]
    assert answers["home"] == [0, "", "3\n"]
    assert answers["bomb"][1] == "processes"
    assert answers["stubborn"][1] == "processes"
    assert answers["disk"][1] == "disk"
    assert "made" not in answers["namespace"][2]
    assert answers["pytest"][0] == 0


# Docker: what it would be told. Exercised for real only where a daemon answers.


def test_docker_is_told_to_confine(tmp_path):
    limits = Limits(memory_bytes=1 << 30, processes=77, file_bytes=1000, cpu_s=9)
    line = Docker(image="some-image").arguments(
        ["bash", "-c", "echo 'a b'"], tmp_path, limits=limits, name="n", user=1000
    )
    assert line[:2] == ["docker", "run"]
    pairs = set(itertools.pairwise(line))
    for pair in [
        ("--network", "none"),
        ("--cap-drop", "ALL"),
        ("--security-opt", "no-new-privileges"),
        ("--pids-limit", "77"),
        ("--memory", str(1 << 30)),
        ("--memory-swap", str(1 << 30)),
        ("--user", "1000:1000"),
        ("--ulimit", "fsize=1000"),
        ("--ulimit", "cpu=9:10"),
        ("--pull", "never"),
        ("--workdir", "/workspace"),
        ("--volume", f"{tmp_path}:/workspace:rw"),
    ]:
        assert pair in pairs, pair
    assert {"--rm", "--read-only", "--init"} <= set(line)
    assert line[-5:] == ["--entrypoint", "bash", "some-image", "-c", "echo 'a b'"]
    assert not any(part.startswith("OSSAY") for part in line)


def test_docker_mounts_a_readonly_workspace_read_only(tmp_path):
    line = Docker().arguments(["true"], tmp_path, limits=Limits(), name="n", user=1, readonly=True)
    assert f"{tmp_path}:/workspace:ro" in line


def test_a_daemon_that_does_not_answer_is_no_daemon(tmp_path):
    assert daemon_version(str(tmp_path / "nothing")) is None
    silent = tmp_path / "docker"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o755)
    assert daemon_version(str(silent)) is None
    silent.write_text("#!/bin/sh\necho cannot connect >&2; exit 1\n")
    assert daemon_version(str(silent)) is None
    silent.write_text("#!/bin/sh\necho 27.1\n")
    assert daemon_version(str(silent)) == "27.1"


def test_docker_for_real(workspace):
    if shutil.which("docker") is None or daemon_version() is None:
        pytest.skip("no docker daemon answers")
    done = bash(Docker(), workspace, "id -u; touch made; touch /x; echo $HOME")
    assert "Read-only file system" in done.output
    assert "made" in workspace.digests()


# Finding one.


@pytest.mark.parametrize(
    ("release", "line"),
    [
        ("ID=debian\n", "sudo apt-get install -y bubblewrap"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "sudo apt-get install -y bubblewrap"),
        ("ID=fedora\n", "sudo dnf install -y bubblewrap"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "sudo dnf install -y bubblewrap"),
        ("ID=arch\n", "sudo pacman -S --noconfirm bubblewrap"),
        ("", "install the package 'bubblewrap' with this system's package manager"),
    ],
)
def test_the_install_line_fits_the_system(release, line):
    assert install_line(release, root=False) == line
    assert not install_line(release, root=True).startswith("sudo")


def test_a_sandbox_that_works_is_found_and_probed(bubblewrap):
    assert find_sandbox().kind == "bubblewrap"
    assert find_sandbox() is find_sandbox(trust_local=True)
    probed = {found.name: found for found in probe()}
    assert probed["bubblewrap"].works
    assert "pytest" in probed["bubblewrap"].detail
    assert set(probed) == {"bubblewrap", "docker"}


def test_without_any_sandbox_the_text_says_what_to_install(tmp_path):
    program = (
        "from ossay.agent.sandbox.find import find_sandbox\n"
        "from ossay.core.errors import SandboxUnavailable\n"
        "try: find_sandbox()\n"
        "except SandboxUnavailable as error: print(error)\n"
        "print(find_sandbox(trust_local=True).kind)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "bwrap is not on PATH" in output
    assert install_line() in output
    assert "--trust-local" in output
    assert output.endswith("local\n")
    assert "bubblewrap" in advice()


# The parts.


@given(st.lists(st.binary(max_size=50), max_size=40), st.integers(4, 60))
def test_capture_keeps_head_and_tail_of_anything(pieces, limit):
    capture = Capture(limit)
    for piece in pieces:
        capture.feed(piece)
    whole = b"".join(pieces)
    head = limit * 3 // 4
    kept = whole if len(whole) <= limit else whole[:head] + whole[len(whole) - (limit - head) :]
    assert capture.text() == (kept.decode("utf-8", "replace"), len(whole) - len(kept))
    assert capture.total == len(whole)


def test_use_counts_the_tree():
    script = "import time, threading; threading.Thread(target=time.sleep, args=(60,)).start()\n"
    script += "x = bytearray(b'x') * (50 << 20); print(flush=True); time.sleep(60)"
    shell = ["bash", "-c", f'{sys.executable} -c "$0" & wait', script]
    with subprocess.Popen(shell, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            use = use_of(process.pid, 100)
            assert (len(use.pids), use.tasks) == (2, 3)
            assert use.resident_bytes > 50 << 20
            assert 50 << 20 < private_bytes(use.pids) < use.resident_bytes + (1 << 20)
            assert use_of(process.pid, 1).tasks <= 3
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    assert use_of(process.pid, 100).tasks == 0


def test_without_pytest_the_sandbox_works_and_says_what_is_missing(bubblewrap, workspace, tmp_path):
    only = tmp_path / "only"
    only.mkdir()
    (only / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ossay.agent.sandbox.base import Limits\n"
        "from ossay.agent.sandbox.bubblewrap import Bubblewrap\n"
        "sandbox = Bubblewrap()\n"
        "script = ['bash', '-c', 'python3 -c 1 && command -v pytest || echo none']\n"
        "print(sandbox.missing, sandbox.run(script, Path(sys.argv[1]), limits=Limits()).output)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, str(workspace.root)],
        env={
            "PYTHONPATH": f"{Path(ossay.__file__).parents[1]}:{only}",
            "PATH": os.environ["PATH"],
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "('pytest',) none\n\n", done.stderr
