"""The system call filter, run by a small interpreter of its own language."""

import errno
import struct

import pytest

from ossay.agent.sandbox.seccomp import seccomp_filter

ALLOW = 0x7FFF0000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
I386 = 0x40000003


def decide(code, audit, number, *arguments):
    """What the kernel would answer: 'allow' or the name of an error."""
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, audit, 0, *words)
    lines = list(struct.iter_unpack("=HBBI", code))
    at = accumulator = 0
    while True:
        operation, yes, no, value = lines[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x06:
            return "allow" if value == ALLOW else errno.errorcode[value & 0xFFFF]
        else:
            tests = {
                0x15: accumulator == value,
                0x35: accumulator >= value,
                0x45: bool(accumulator & value),
            }
            at += yes if tests[operation] else no


CALLS = [
    # name, x86_64, aarch64, arguments, answer
    ("read", 0, 63, (), "allow"),
    ("execve", 59, 221, (), "allow"),
    ("clone of a thread", 56, 220, (0x3D0F00,), "allow"),
    ("clone of a process", 56, 220, (17,), "allow"),
    ("clone with a user namespace", 56, 220, (0x10000011,), "EPERM"),
    ("clone with a network namespace", 56, 220, (0x40000011,), "EPERM"),
    ("clone3", 435, 435, (), "ENOSYS"),
    ("unshare", 272, 97, (0,), "EPERM"),
    ("mount", 165, 40, (), "EPERM"),
    ("bpf", 321, 280, (), "EPERM"),
    ("keyctl", 250, 219, (), "EPERM"),
    ("ptrace", 101, 117, (), "EPERM"),
    ("memfd_create", 319, 279, (), "ENOSYS"),
    ("io_uring_setup", 425, 425, (), "ENOSYS"),
    ("socket of a file", 41, 198, (1, 1), "allow"),
    ("socket of IPv4", 41, 198, (2, 1), "allow"),
    ("socket of IPv6", 41, 198, (10, 1), "allow"),
    ("socket of netlink", 41, 198, (16, 3), "EAFNOSUPPORT"),
    ("socket of packets", 41, 198, (17, 3), "EAFNOSUPPORT"),
    ("socket of the virtual machine", 41, 198, (40, 1), "EAFNOSUPPORT"),
    ("ioctl of a terminal's size", 16, 29, (0, 0x5413), "allow"),
    ("ioctl that types", 16, 29, (0, 0x5412), "EPERM"),
    ("ioctl that types, high bits set", 16, 29, (0, (1 << 32) | 0x5412), "EPERM"),
]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
def test_each_call_gets_its_answer(machine, call):
    _, x86, arm, arguments, answer = call
    code = seccomp_filter(machine)
    assert decide(code, AUDIT[machine], x86 if machine == "x86_64" else arm, *arguments) == answer


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_calls_of_another_machine_do_not_exist(machine):
    code = seccomp_filter(machine)
    assert decide(code, I386, 11) == "ENOSYS"


def test_the_x32_way_around_the_numbers_is_shut():
    assert decide(seccomp_filter("x86_64"), AUDIT["x86_64"], 0x40000000 | 165) == "ENOSYS"


def test_the_filter_is_short_enough_for_the_kernel():
    for machine in AUDIT:
        assert len(seccomp_filter(machine)) // 8 < 4096


def test_a_machine_without_a_table_has_no_filter():
    assert seccomp_filter("riscv64") is None
