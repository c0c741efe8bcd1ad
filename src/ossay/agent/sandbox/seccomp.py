"""A seccomp filter for commands that a model wrote, as the bytes that bubblewrap loads.

It takes away what namespaces do not cover (vsock, the kernel's keyrings and log, BPF, perf), ways
to get new namespaces and mounts, and memory that no process's size shows (memfd, System V shared
memory, io_uring). Everything else is allowed, so ordinary programs do not notice it. Knows nothing
of processes; the numbers are those of the kernel's asm/unistd.h.
"""

from __future__ import annotations

import errno
import struct
from typing import NamedTuple

# struct seccomp_data: nr at 0, arch at 4, args from 16, 8 bytes each (low half first).
_NR, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24

# BPF: load word, jump if equal / greater or equal / any bit set, return.
_LD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000

_X32_BIT = 0x40000000
_NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag that clone takes
_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6: what is left is empty without a network
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX


class _Machine(NamedTuple):
    audit: int  # AUDIT_ARCH_*
    column: int  # in _REFUSED and _ABSENT


_MACHINES = {"x86_64": _Machine(0xC000003E, 0), "aarch64": _Machine(0xC00000B7, 1)}

# name: (x86_64, aarch64); None where the machine has no such call.
_REFUSED: dict[str, tuple[int, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}

# Answered as an older kernel would, so that programs fall back to something else.
_ABSENT: dict[str, tuple[int, int | None]] = {
    "clone3": (435, 435),  # its flags are behind a pointer that a filter cannot read
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "shmget": (29, 194),
}

_CLONE, _SOCKET, _IOCTL = (56, 220), (41, 198), (16, 29)


def seccomp_filter(machine: str) -> bytes | None:
    """The filter for `machine` (as uname names it), None where there is no table for it."""
    known = _MACHINES.get(machine)
    if known is None:
        return None
    column = known.column
    code = [_load(_ARCH), *_unless(_JEQ, known.audit, _deny(errno.ENOSYS)), _load(_NR)]
    if machine == "x86_64":
        code += _when(_JGE, _X32_BIT, _deny(errno.ENOSYS))
    for table, number in ((_REFUSED, errno.EPERM), (_ABSENT, errno.ENOSYS)):
        for call in (row[column] for row in table.values()):
            if call is not None:
                code += _when(_JEQ, call, _deny(number))
    code += _argument(_CLONE[column], _ARG0, _when(_JSET, _NEW_NAMESPACES, _deny(errno.EPERM)))
    families = [line for family in _FAMILIES for line in _when(_JEQ, family, _give(_ALLOW))]
    code += _argument(_SOCKET[column], _ARG0, [*families, _deny(errno.EAFNOSUPPORT)])
    inputs = [line for call in _TERMINAL_INPUT for line in _when(_JEQ, call, _deny(errno.EPERM))]
    code += _argument(_IOCTL[column], _ARG1, inputs)
    code.append(_give(_ALLOW))
    return b"".join(code)


def _line(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _load(offset: int) -> bytes:
    return _line(_LD, 0, 0, offset)


def _give(value: int) -> bytes:
    return _line(_RET, 0, 0, value)


def _deny(number: int) -> bytes:
    return _give(_ERRNO | number)


def _when(test: int, value: int, then: bytes) -> list[bytes]:
    return [_line(test, 0, 1, value), then]


def _unless(test: int, value: int, then: bytes) -> list[bytes]:
    return [_line(test, 1, 0, value), then]


def _argument(call: int, offset: int, body: list[bytes]) -> list[bytes]:
    """For one system call, run `body` on an argument and allow what it does not end."""
    inner = [_load(offset), *body, _give(_ALLOW)]
    return [_line(_JEQ, 0, len(inner), call), *inner]
