"""Attempts to get out of the sandbox, to look out of it, or to bring the machine down from inside.

Each attempt is a script. It prints TRIED when it starts, so that a script that never ran cannot
pass for one that failed, and ESCAPED when it succeeds. Harmless ones are also run without a
sandbox, where they must succeed: a check that cannot fail proves nothing.
"""

import asyncio
import json
import os
import secrets
import socket
import stat
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

import ossay
from ossay.agent.sandbox.base import Limits
from ossay.agent.sandbox.bubblewrap import Bubblewrap
from ossay.agent.sandbox.find import install_line
from ossay.agent.sandbox.local import Local
from ossay.agent.tools import TOOLS, call_tool
from ossay.agent.workspace import PathRefused, Workspace
from ossay.core.errors import OssayError
from ossay.core.types import ToolCall

LIMITS = Limits(
    wall_s=10.0,
    cpu_s=5,
    memory_bytes=256 << 20,
    processes=48,
    file_bytes=8 << 20,
    workspace_bytes=32 << 20,
    output_bytes=64 << 10,
)
VARIABLE = "OSSAY_ESCAPE_SECRET"
ROOT = os.geteuid() == 0

PRELUDE = """
import ctypes, errno, fcntl, glob, os, platform, signal, socket, stat, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
TOKEN = "@TOKEN_A@" + "@TOKEN_B@"
def call(x86, arm, *args):
    return libc.syscall(ctypes.c_long(x86 if platform.machine() == "x86_64" else arm), *args)
def escaped():
    print("ESCAPED", flush=True)
def opens(path, mode="rb"):
    try:
        with open(path, mode) as file:
            return file.read(1 << 20) if "r" in mode else b"x"
    except OSError:
        return b""
print("TRIED", flush=True)
"""


class Attempt(NamedTuple):
    """One way out.

    `without` says where it must succeed when there is no sandbox: 'local' in our own unconfined
    runner, 'root' there if we are root, 'bare' as a plain child process, '' nowhere, since it would
    do harm or need what not every machine has. `then` is a second command in the same workspace.
    """

    name: str
    code: str
    without: str = ""
    limit: str = ""
    bash: bool = False
    then: str = ""
    limits: Limits = LIMITS


def _sees(path):
    return f"if TOKEN.encode() in opens({path!r}): escaped()"


READING = [
    Attempt("the environment", f"if {VARIABLE!r} in os.environ: escaped()", "bare"),
    Attempt(
        "its own environ file",
        f"if {VARIABLE!r}.encode() in opens('/proc/self/environ'): escaped()",
        "bare",
    ),
    Attempt("environ of number 1", _sees("/proc/1/environ")),
    Attempt(
        "environ of every process",
        "if any(TOKEN.encode() in opens(p) for p in glob.glob('/proc/[0-9]*/environ')): escaped()",
        "local",
    ),
    Attempt(
        "command line of every process",
        "if any(TOKEN.encode() in opens(p) for p in glob.glob('/proc/[0-9]*/cmdline')): escaped()",
        "local",
    ),
    Attempt("the root of a host process", _sees("/proc/@VICTIM@/root@SECRET@"), "local"),
    Attempt("the memory of a host process", "if opens('/proc/@VICTIM@/maps'): escaped()", "local"),
    Attempt("a file of the host", _sees("@SECRET@"), "local"),
    Attempt("a file in the host's home", _sees("@HOME_SECRET@"), "local"),
    Attempt("a file in the host's /tmp", _sees("@TMP_SECRET@"), "local"),
    Attempt("another workspace", _sees("@NEIGHBOUR@/theirs.txt"), "local"),
    Attempt(
        "homes and ssh keys",
        "if any(map(os.path.exists, ['@HOME@', '/root', '/home', *glob.glob('/home/*/.ssh/*')])):"
        " escaped()",
        "local",
    ),
    Attempt("shadow", "if opens('/etc/shadow'): escaped()", "root"),
    Attempt("the repository", "if opens('@REPOSITORY@/pyproject.toml'): escaped()", "local"),
    Attempt("the graders' source", "if opens('@OSSAY@/core/task.py'): escaped()", "local"),
    Attempt("import ossay", "import ossay; escaped()", "local"),
    Attempt(
        "search for ossay",
        "for top, below, files in os.walk('/'):\n"
        "    if top == '/': below[:] = [n for n in below if n not in ('proc', 'dev')]\n"
        "    if 'ossay' in below or 'ossay' in files: escaped()",
    ),
    Attempt(
        "var, run, sys, boot, mnt, srv",
        "if any(map(os.path.exists, ['/var', '/run', '/sys', '/boot', '/mnt', '/srv'])): escaped()",
        "local",
    ),
    Attempt("the host's name", "if socket.gethostname() == '@HOST@': escaped()", "local"),
    Attempt("the host's disks", "if glob.glob('/dev/[vs]d*') + glob.glob('/dev/nvme*'): escaped()"),
    Attempt(
        "physical memory",
        "if any(map(opens, ['/dev/mem', '/dev/kmem', '/dev/port', '/proc/kcore'])): escaped()",
    ),
    Attempt(
        "the kernel's log",
        "buffer = ctypes.create_string_buffer(4096)\n"
        "if libc.klogctl(3, buffer, 4096) >= 0 or opens('/dev/kmsg'): escaped()",
        "root",
    ),
    Attempt(
        "descriptors that were left open",
        "for fd in range(3, 400):\n    try: os.fstat(fd); escaped()\n    except OSError: pass",
        "bare",
    ),
    Attempt(
        "watch a directory of the host",
        "if libc.inotify_add_watch(libc.inotify_init(), b'@OUTSIDE@', 2) >= 0: escaped()",
        "local",
    ),
    Attempt("read through a link", "os.symlink('@SECRET@', 'x')\n" + _sees("x"), "local"),
    Attempt("read through a hard link", "os.link('@SECRET@', 'x')\n" + _sees("x"), "local"),
    Attempt("read through ..", _sees("../" * 20 + "@SECRET@"), "local"),
]

WRITING = [
    Attempt(
        "write anywhere",
        "places = '/ /usr /usr/bin /usr/local/bin /etc /bin /lib /opt /opt/python /opt/tools '\n"
        "places += '/opt/tools/lib /dev /dev/pts /proc /proc/sys /var /home /root /sys /run'\n"
        "for place in places.split():\n"
        "    if opens(place + '/@MARK@', 'wb'): escaped()",
        "root",
    ),
    Attempt(
        "change a program",
        "for path in ['/bin/sh', '/usr/bin/env', '/etc/passwd', sys.executable, os.__file__]:\n"
        "    if opens(path, 'ab'): escaped()",
        "root",
    ),
    Attempt(
        "write through a link",
        "os.symlink('@OUTSIDE@', 'x')\nif opens('x/@MARK@', 'wb'): escaped()",
        "local",
    ),
    Attempt("write through ..", "if opens('../@MARK@', 'wb'): escaped()", "local"),
    Attempt(
        "write into another workspace", "if opens('@NEIGHBOUR@/@MARK@', 'wb'): escaped()", "local"
    ),
    Attempt(
        "replace the workspace",
        "for act in (lambda: os.rename('/workspace', '/w'), lambda: os.rmdir('/workspace')):\n"
        "    try: act(); escaped()\n"
        "    except OSError: pass",
    ),
    Attempt(
        "a set-uid program",
        "with open('/bin/true', 'rb') as f, open('x', 'wb') as g: g.write(f.read())\n"
        "os.chmod('x', 0o6755)\n"
        "open('y', 'w').close(); os.chmod('y', 0o2777)",
    ),
    Attempt("write to the sandbox's own program", "if opens('/proc/1/exe', 'ab'): escaped()"),
    Attempt(
        "kernel settings",
        "for name in ('kernel/core_pattern', 'kernel/hostname', 'vm/drop_caches', 'fs/file-max'):\n"
        "    if opens('/proc/sys/' + name, 'ab'): escaped()\n"
        "if opens('/proc/sysrq-trigger', 'ab'): escaped()",
        "root",
    ),
    Attempt(
        "be spared when memory runs out",
        "os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-1000')\nescaped()",
    ),
    Attempt("cgroups", "if os.path.exists('/sys/fs/cgroup'): escaped()", "local"),
    Attempt(
        "mount the cgroups",
        "mkdir /tmp/c; for t in cgroup cgroup2; do mount -t $t none /tmp/c && echo ESCAPED; done",
        bash=True,
    ),
]

KERNEL = [
    Attempt("a new user namespace", "if call(272, 97, 0x10000000) == 0: escaped()", "root"),
    Attempt(
        "a new user namespace by clone",
        "pid = call(56, 220, 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)\n"
        "if pid == 0: os._exit(0)\n"
        "if pid > 0: escaped()",
        "root",
    ),
    Attempt(
        "a new user namespace by clone3",
        "args = struct.pack('=11Q', 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)\n"
        "pid = call(435, 435, args, 64)\n"
        "if pid == 0: os._exit(0)\n"
        "if pid > 0: escaped()",
        "root",
    ),
    Attempt(
        "a new namespace and a mount in it",
        "unshare -Urm mount -t tmpfs none /tmp && echo ESCAPED",
        "root",
        bash=True,
    ),
    Attempt("mount", "mount -t tmpfs none /workspace && echo ESCAPED", bash=True),
    Attempt("mount by the newer calls", "if call(430, 430, b'tmpfs', 0) >= 0: escaped()", "root"),
    Attempt(
        "unmount",
        "for p in /workspace /proc /tmp; do umount -l $p && echo ESCAPED; done",
        bash=True,
    ),
    Attempt(
        "remount for writing",
        "for p in / /usr /proc; do mount -o remount,bind,rw $p && echo ESCAPED; done",
        bash=True,
    ),
    Attempt("chroot", "os.chroot('/tmp'); escaped()", "root"),
    Attempt("pivot_root", "if call(155, 41, b'/tmp', b'/tmp') == 0: escaped()"),
    Attempt(
        "enter a namespace",
        "if libc.setns(os.open('/proc/self/ns/net', os.O_RDONLY), 0) == 0: escaped()",
        "root",
    ),
    Attempt(
        "make a device",
        "os.mknod('zero', stat.S_IFCHR | 0o666, os.makedev(1, 5))\nif opens('zero'): escaped()",
        "root",
    ),
    Attempt("become root", "os.setuid(0); escaped()", "root"),
    Attempt("su", "su root -c 'echo ESCAPED'; sudo -n echo ESCAPED", "root", bash=True),
    Attempt(
        "capabilities",
        "lines = [line.split() for line in open('/proc/self/status')]\n"
        "if any(int(l[1], 16) for l in lines if l[0] in ('CapEff:', 'CapPrm:')): escaped()",
        "root",
    ),
    Attempt(
        "trace a host process",
        "if libc.ptrace(16, @VICTIM@, 0, 0) == 0:\n"
        "    escaped(); os.waitpid(@VICTIM@, 0x40000000); libc.ptrace(17, @VICTIM@, 0, 0)",
        "root",
    ),
    Attempt("signal a host process", "os.kill(@VICTIM@, 0); escaped()", "local"),
    Attempt("signal everybody", "kill -9 -1; true", bash=True),
    Attempt(
        "signal the parents",
        "for pid in {os.getppid(), 1}:\n"
        "    for number in (9, 15, 19): os.kill(pid, number)\n"
        "time.sleep(0.1)",
    ),
    Attempt(
        "run before everybody else",
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)); escaped()",
        "root",
    ),
    Attempt("name the host", "socket.sethostname('x'); escaped()"),
    Attempt("set the clock", "time.clock_settime(time.CLOCK_REALTIME, time.time()); escaped()"),
    Attempt("restart the machine", "if libc.reboot(0) == 0: escaped()"),
    Attempt("the user's keyring", "if call(250, 219, 0, -4, 1) >= 0: escaped()", "root"),
    Attempt(
        "a BPF map",
        "if call(321, 280, 0, struct.pack('=18I', 2, 4, 8, 1, *[0] * 14), 72) >= 0: escaped()",
        "root",
    ),
    Attempt(
        "perf events",
        "attr = struct.pack('=IIQ', 1, 112, 0).ljust(112, b'\\0')\n"
        "if call(298, 241, attr, 0, -1, -1, 0) >= 0: escaped()",
        "root",
    ),
    Attempt("io_uring", "if call(425, 425, 4, ctypes.create_string_buffer(120)) >= 0: escaped()"),
    Attempt("userfaultfd", "if call(323, 282, 1) >= 0: escaped()", "root"),
    Attempt(
        "files by handle",
        "handle = ctypes.create_string_buffer(struct.pack('=Ii', 128, 0), 136)\n"
        "if call(303, 264, -100, b'/usr', handle, ctypes.byref(ctypes.c_int()), 0) == 0: escaped()",
        "root",
    ),
    Attempt(
        "type into a terminal",
        "fcntl.ioctl(os.openpty()[1], 0x5412, b'x'); escaped()",
        "root",
    ),
    Attempt("the caller's terminal", "os.open('/dev/tty', os.O_RDWR); escaped()"),
    Attempt("memory without a name", "os.memfd_create('x'); escaped()", "local"),
    Attempt(
        "System V shared memory",
        "number = libc.shmget(0, 4096, 0o1600)\n"
        "if number >= 0: escaped(); libc.shmctl(number, 0, 0)",
        "local",
    ),
    Attempt(
        "raise the limits",
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2); escaped()",
        "bare",
    ),
]

NETWORK = [
    Attempt(
        "TCP to the host's loopback",
        "socket.create_connection(('127.0.0.1', @TCP@), 2); escaped()",
        "local",
    ),
    Attempt(
        "TCP to the host's address",
        "socket.create_connection(('@ADDRESS@', @TCP@), 2); escaped()",
        "local",
    ),
    Attempt(
        "UDP to the host",
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.settimeout(0.3)\n"
        "s.sendto(b'x', ('127.0.0.1', @UDP@))\n"
        "if s.recv(9): escaped()",
        "local",
    ),
    Attempt(
        "an abstract socket of the host",
        "socket.socket(socket.AF_UNIX).connect('\\0' + '@ABSTRACT@'); escaped()",
        "local",
    ),
    Attempt(
        "a socket file of the host",
        "socket.socket(socket.AF_UNIX).connect('@SOCKET@'); escaped()",
        "local",
    ),
    Attempt("a name server", "socket.getaddrinfo('example.org', 80); escaped()"),
    Attempt(
        "a cloud's metadata", "socket.create_connection(('169.254.169.254', 80), 2); escaped()"
    ),
    Attempt("raw packets", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW); escaped()", "root"),
    Attempt("raw IP", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); escaped()", "root"),
    Attempt("netlink", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); escaped()", "local"),
    Attempt("the virtual machine's host", "socket.socket(40, socket.SOCK_STREAM); escaped()"),
    Attempt(
        "network interfaces",
        "names = {l.split(':')[0].strip() for l in open('/proc/net/dev') if ':' in l}\n"
        "if '@INTERFACE@' in names: escaped()",
        "local",
    ),
]

_FILL = "block = bytes(1 << 20)\n"

LIMITED = [
    Attempt("fork bomb", "bomb() { bomb | bomb & }; bomb; sleep 9", limit="processes", bash=True),
    Attempt(
        "fork bomb that never gives up",
        "while True:\n    try: os.fork()\n    except OSError: pass",
        limit="processes",
    ),
    Attempt(
        "threads without end",
        "try:\n"
        "    while True: threading.Thread(target=time.sleep, args=(9,)).start()\n"
        "except RuntimeError: time.sleep(9)",
        limit="processes",
    ),
    Attempt(
        "memory of one process",
        "x = []\nwhile True: x.append(bytearray(b'x') * (1 << 20))",
        limit="memory",
    ),
    Attempt(
        "memory of many processes",
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        x = bytearray(b'x') * (100 << 20); time.sleep(9)\n"
        "time.sleep(9); escaped()",
        limit="memory",
    ),
    Attempt(
        "shared memory",
        "import mmap\n"
        "x = mmap.mmap(-1, 1 << 30)\n"
        "for at in range(0, 1 << 30, 4096): x[at] = 1\n"
        "time.sleep(9); escaped()",
        limit="memory",
    ),
    Attempt(
        "files in memory",
        _FILL + "for place in ('/dev/shm', '/tmp'):\n"
        "    written = 0\n"
        "    try:\n"
        "        for number in range(300):\n"
        "            with open(f'{place}/{number}', 'wb') as f: written += f.write(block)\n"
        "    except OSError: pass\n"
        "    if written > 200 << 20: escaped()",
    ),
    Attempt(
        "many empty files in memory",
        "for number in range(10**7): open(f'/tmp/{number}', 'w').close()\nescaped()",
        limit="disk",
    ),
    Attempt(
        "one big file",
        "dd if=/dev/zero of=x bs=1M; sleep 9",
        limit="disk",
        bash=True,
        limits=replace(LIMITS, workspace_bytes=4 << 20),
    ),
    Attempt("one file above its limit", "exec dd if=/dev/zero of=x bs=1M", limit="disk", bash=True),
    Attempt(
        "many files",
        _FILL + "for number in range(10**6):\n"
        "    with open(str(number), 'wb') as f: f.write(block)\n"
        "escaped()",
        limit="disk",
    ),
    Attempt(
        "100,000 empty files",
        "for number in range(10**5): open(str(number), 'w').close()\ntime.sleep(9); escaped()",
        limit="disk",
        limits=replace(LIMITS, workspace_bytes=4 << 20),
    ),
    Attempt(
        "sparse files",
        "for number in range(100):\n"
        "    with open(str(number), 'wb') as f: f.truncate(8 << 20)\n"
        "time.sleep(9); escaped()",
        limit="disk",
    ),
    Attempt(
        "files without a name",
        _FILL + "held = []\n"
        "for number in range(100):\n"
        "    held.append(open('x', 'wb')); os.unlink('x')\n"
        "    for _ in range(7): held[-1].write(block)\n"
        "time.sleep(9); escaped()",
        limit="disk",
    ),
    Attempt(
        "files behind a closed door",
        _FILL + "os.mkdir('d')\n"
        "for number in range(30):\n"
        "    os.chmod('d', 0o700)\n"
        "    with open(f'd/{number}', 'wb') as f: f.write(block * 7)\n"
        "    os.chmod('d', 0)\n"
        "time.sleep(9); escaped()",
        limit="disk",
    ),
    Attempt(
        "directories without end",
        "for _ in range(400): os.mkdir('d'); os.chdir('d')\ntime.sleep(9); escaped()",
        limit="disk",
    ),
    Attempt("10 GB of output", "yes | head -c 10G", limit="output", bash=True),
    Attempt("10 GB of errors", "head -c 10G /dev/zero >&2", limit="output", bash=True),
    Attempt("CPU without end", "while True: pass", limit="cpu", limits=replace(LIMITS, cpu_s=1)),
    Attempt(
        "CPU of many processes",
        "for n in 1 2 3 4; do (while :; do :; done) & done; wait",
        limit="cpu",
        bash=True,
        limits=replace(LIMITS, cpu_s=1),
    ),
    Attempt(
        "sleep for ever", "sleep 1000", limit="wall", bash=True, limits=replace(LIMITS, wall_s=0.5)
    ),
    Attempt(
        "ignore every signal",
        "for number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "time.sleep(1000)",
        limit="wall",
        limits=replace(LIMITS, wall_s=0.5),
    ),
    Attempt(
        "sleep in the background, holding the output",
        "(sleep 1000 &); sleep 1000 & echo",
        bash=True,
    ),
]

LASTING = [
    Attempt(
        "a daemon",
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        for fd in range(3): os.close(fd)\n"
        "        for beat in range(200):\n"
        "            open('beat', 'w').write(str(beat)); time.sleep(0.02)\n"
        "    os._exit(0)\n"
        "while not os.path.exists('beat'): time.sleep(0.01)",
        "local",
        then="a = open('beat').read(); time.sleep(0.3)\nif open('beat').read() != a: escaped()",
    ),
    Attempt(
        "a file in /tmp",
        "open('/tmp/@MARK@', 'w').close()",
        "local",
        then="if os.path.exists('/tmp/@MARK@'): escaped()",
    ),
    Attempt(
        "shell start files",
        "for f in ~/.bashrc ~/.profile ~/.bash_profile /etc/profile /etc/bash.bashrc; do\n"
        "  echo 'echo ESC''APED' >> $f\n"
        "done; export BASH_ENV=/workspace/e; echo 'echo ESC''APED' > e",
        bash=True,
        then="bash -lic true; bash -c true",
    ),
    Attempt(
        "a preloaded library",
        "export LD_PRELOAD=/workspace/evil.so; echo /workspace/evil.so > /etc/ld.so.preload; true",
        bash=True,
        then='if [ -n "$LD_PRELOAD" ] || [ -e /etc/ld.so.preload ]; then echo ESCAPED; fi',
    ),
    Attempt(
        "Python's start files",
        "import site, sysconfig\n"
        "places = [*sys.path, *site.getsitepackages(), site.getusersitepackages(), '/workspace']\n"
        "for place in places:\n"
        "    for name in ('sitecustomize.py', 'usercustomize.py', 'x.pth'):\n"
        "        try:\n"
        "            os.makedirs(place, exist_ok=True)\n"
        "            open(f'{place}/{name}', 'w').write('import os; print(\"ESC\" + \"APED\")')\n"
        "        except OSError: pass",
        then="import json",
    ),
]

ATTEMPTS = [*READING, *WRITING, *KERNEL, *NETWORK, *LIMITED, *LASTING]
CONTROLLED = [
    attempt
    for attempt in ATTEMPTS
    if attempt.without in ("local", "bare") or (attempt.without == "root" and ROOT)
]


class World:
    """A host with something to lose: secrets, servers, a process, a directory."""

    def __init__(self, parent: Path) -> None:
        self.token = secrets.token_hex(16)
        self.mark = f"ossay-escape-{secrets.token_hex(8)}"
        self.parent = parent
        self.outside = parent / "outside"
        self.outside.mkdir()
        self.hits: Counter[str] = Counter()
        self.secrets = {
            "SECRET": self.outside / "secret.txt",
            "HOME_SECRET": Path.home() / f"{self.mark}-home",
            "TMP_SECRET": Path("/tmp", f"{self.mark}-secret"),
        }
        for path in self.secrets.values():
            path.write_text(self.token)
        self.neighbour = Workspace.create(parent, {"theirs.txt": self.token.encode()})
        os.environ[VARIABLE] = self.token
        self.leaked = os.open(self.secrets["SECRET"], os.O_RDONLY)
        os.set_inheritable(self.leaked, True)
        self.victim = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)", self.token]
        )
        self._serve()

    def _serve(self) -> None:
        self.tcp = socket.create_server(("", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0{self.mark}")
        self.file = socket.socket(socket.AF_UNIX)
        self.file.bind(f"/tmp/{self.mark}-socket")
        self.servers = (self.tcp, self.abstract, self.file)
        for server in self.servers:
            server.listen()
        works = [lambda s=s: self._accept(s) for s in self.servers]
        self.threads = [threading.Thread(target=work, daemon=True) for work in [*works, self._echo]]
        for thread in self.threads:
            thread.start()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self.hits["connections"] += 1
            connection.close()

    def _echo(self) -> None:
        while True:
            data, sender = self.udp.recvfrom(100)
            if data == self.token.encode():
                return
            self.hits["datagrams"] += 1
            self.udp.sendto(b"heard", sender)

    def fill(self, code: str) -> str:
        """Put this world's names into a script. The token is never whole in a command line."""
        names = {
            "TOKEN_A": self.token[:16],
            "TOKEN_B": self.token[16:],
            "MARK": self.mark,
            "OUTSIDE": self.outside,
            "NEIGHBOUR": self.neighbour.root,
            "HOME": Path.home(),
            "REPOSITORY": Path(__file__).parents[2],
            "OSSAY": Path(ossay.__file__).parent,
            "VICTIM": self.victim.pid,
            "HOST": socket.gethostname(),
            "TCP": self.tcp.getsockname()[1],
            "UDP": self.udp.getsockname()[1],
            "ABSTRACT": self.mark,
            "SOCKET": f"/tmp/{self.mark}-socket",
            "ADDRESS": self._address(),
            "INTERFACE": self._interface(),
            **self.secrets,
        }
        for name, value in names.items():
            code = code.replace(f"@{name}@", str(value))
        return code

    def _address(self) -> str:
        """An address of this machine that is not loopback's, if it has one."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))  # sends nothing
            except OSError:
                return "127.0.0.2"
            return str(probe.getsockname()[0])

    def _interface(self) -> str:
        names = [name for _, name in socket.if_nameindex() if name != "lo"]
        return names[0] if names else "lo"

    def check(self, hits: Counter[str]) -> None:
        """Nothing was harmed, reached or left behind."""
        assert self.victim.poll() is None
        assert self.hits == hits
        for path in self.secrets.values():
            assert path.read_text() == self.token
        assert [path.name for path in self.outside.iterdir()] == ["secret.txt"]
        assert [entry.path for entry in self.neighbour.listing()] == ["theirs.txt"]
        assert [str(place) for place in self._marks() if os.path.lexists(place)] == []

    def clean(self) -> None:
        """Take away what attempts without a sandbox left."""
        for place in self._marks():
            if os.path.lexists(place):  # False too where we may not look
                place.unlink()

    def _marks(self) -> list[Path]:
        tops = ("", "usr", "usr/bin", "usr/local/bin", "etc", "opt", "dev", "var", "home", "root")
        places = [self.outside, self.neighbour.root, self.parent]
        places += [Path("/", top) for top in (*tops, "bin", "lib", "run", "tmp")]
        return [place / self.mark for place in places]

    def close(self) -> None:
        """Stop the servers and the process, delete the secrets."""
        self.clean()
        for server in self.servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(self.token.encode(), self.udp.getsockname())
        for thread in self.threads:
            thread.join()
        self.udp.close()
        Path(f"/tmp/{self.mark}-socket").unlink()
        self.victim.kill()
        self.victim.wait()
        os.close(self.leaked)
        del os.environ[VARIABLE]
        for path in self.secrets.values():
            path.unlink()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


@pytest.fixture
def workspace(world):
    workspace = Workspace.create(world.parent, {"a.txt": b"a\n"})
    yield workspace
    workspace.remove()


def _sandboxes():
    """The sandbox as it is used here and, for root, also as ordinary users have it."""
    return ["default", "namespace"] if ROOT else ["default"]


@pytest.fixture(scope="module", params=_sandboxes())
def sandbox(request):
    if os.environ.get("OSSAY_TEST_NO_SANDBOX") == "1":
        pytest.skip("OSSAY_TEST_NO_SANDBOX=1")
    try:
        return Bubblewrap(as_root=None if request.param == "default" else False)
    except OssayError as error:
        pytest.fail(f"{error}: {install_line()}")


def _command(world, attempt, code):
    if attempt.bash:
        return ["bash", "-c", world.fill(f"echo TRIED\n{code}")]
    return ["python3", "-c", world.fill(PRELUDE + code)]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_the_attempt_fails(attempt, sandbox, world, workspace, request):
    identity = request.node.callspec.params["sandbox"]
    if attempt.limit == "processes" and ROOT and identity == "namespace":
        # The kernel does not limit the processes of root in a namespace of its own, which is why
        # the sandbox never uses that identity as root; a bomb there could take the machine down.
        pytest.skip("bombs are tried as root's borrowed user, and as an ordinary user")
    hits = world.hits.copy()
    codes = [code for code in (attempt.code, attempt.then) if code]
    for code in codes:
        done = sandbox.run(_command(world, attempt, code), workspace.root, limits=attempt.limits)
        assert "TRIED" in done.output
        assert "ESCAPED" not in done.output
        assert "SyntaxError" not in done.output
        assert world.token not in done.output
        assert done.limit == attempt.limit, done.output
        assert len(done.output.encode()) <= attempt.limits.output_bytes * 3  # replaced bytes grow
    world.check(hits)
    assert stat.S_IMODE(workspace.root.stat().st_mode) == 0o700
    assert workspace.root.stat().st_uid == os.geteuid()
    for entry in workspace.listing():
        assert entry.kind == "directory" or not entry.mode & (stat.S_ISUID | stat.S_ISGID)


@pytest.mark.parametrize("attempt", CONTROLLED, ids=lambda attempt: attempt.name)
def test_without_a_sandbox_the_attempt_succeeds(attempt, world, workspace):
    output = ""
    for code in (code for code in (attempt.code, attempt.then) if code):
        command = _command(world, attempt, code)
        if attempt.without == "bare":
            done = subprocess.run(
                command,
                cwd=workspace.root,
                capture_output=True,
                text=True,
                check=False,
                pass_fds=[world.leaked],
            )
            output = done.stdout
        else:
            output = Local().run(command, workspace.root, limits=attempt.limits).output
    world.clean()
    assert "ESCAPED" in output


# Ways out by the tools that run outside the sandbox, on what a command left for them or still does.


def _use(tool, workspace, sandbox, **arguments):
    call = ToolCall("call_1", tool, json.dumps(arguments))
    return asyncio.run(
        call_tool(
            call,
            offered=tuple(TOOLS),
            workspace=workspace,
            sandbox=sandbox,
            limits=LIMITS,
            max_chars=1000,
        )
    )


def test_a_fifo_does_not_hold_fs_read_or_fs_write_up(sandbox, workspace):
    assert _use("shell", workspace, sandbox, command="mkfifo x").problem == ""
    for tool, more in (("fs_read", {}), ("fs_write", {"content": "x"})):
        result = _use(tool, workspace, sandbox, path="x", **more)
        assert result.problem == "failed"
        assert "not a regular file" in result.output


def test_a_link_left_behind_does_not_take_the_tools_outside(sandbox, world, workspace):
    links = f"ln -s {world.secrets['SECRET']} a; ln -s {world.outside} b; ln -s ../outside c"
    _use("shell", workspace, sandbox, command=links)
    for path in ("a", "b/secret.txt", "c/secret.txt", "b/../outside/secret.txt"):
        assert "leaves the workspace" in _use("fs_read", workspace, sandbox, path=path).output
        written = _use("fs_write", workspace, sandbox, path=path, content="x")
        assert "leaves the workspace" in written.output
    copy = workspace.frozen_copy(world.parent / "copy")
    assert sorted(path.name for path in copy.iterdir()) == ["a.txt"]
    Workspace(copy).remove()
    world.check(world.hits.copy())


def test_a_link_that_a_command_swaps_meanwhile_never_wins(sandbox, world, workspace):
    code = world.fill(
        "import os, time\n"
        "os.symlink('@OUTSIDE@', 'bad')\n"
        "os.mkdir('good'); open('good/secret.txt', 'w').close()\n"
        "end = time.monotonic() + 0.8\n"
        "while time.monotonic() < end:\n"
        "    for name in ('good', 'bad'):\n"
        "        os.rename(name, 'd'); os.rename('d', name)\n"
    )
    seen = set()
    with ThreadPoolExecutor(1) as pool:
        command = ["python3", "-c", code]
        swaps = pool.submit(sandbox.run, command, workspace.root, limits=LIMITS)
        while not swaps.done():
            try:
                seen.add(workspace.read("d/secret.txt", 100))
            except PathRefused as refusal:
                seen.add(str(refusal))
            copy = workspace.frozen_copy(world.parent / "copy")
            seen |= {p.read_bytes() for p in copy.rglob("*") if p.is_file() and not p.is_symlink()}
            Workspace(copy).remove()
    assert swaps.result().exit_code == 0, swaps.result().output
    assert world.token.encode() not in seen
    assert b"" in seen
    assert any("leaves the workspace" in str(what) for what in seen)
    world.check(world.hits.copy())


def test_there_are_enough_attempts():
    assert len(ATTEMPTS) >= 40
    assert len({attempt.name for attempt in ATTEMPTS}) == len(ATTEMPTS)
    assert sum(bool(attempt.without) for attempt in ATTEMPTS) >= 40
