import os
import subprocess

import msgspec

from ossay.store.presence import SILENCE_S, Presence, is_gone, own_presence


def test_this_process_is_not_gone():
    here = own_presence()
    assert here.pid == os.getpid()
    assert not is_gone(here, here, silent_s=1e9)


def test_a_process_that_ended_is_gone_even_before_it_is_reaped():
    here = own_presence()
    with subprocess.Popen(["sleep", "60"]) as process:
        born = _born(process.pid)
        other = msgspec.structs.replace(here, pid=process.pid, born=born)
        assert not is_gone(other, here, silent_s=0)
        process.kill()
        while _state(process.pid) not in "ZX":
            pass
        assert is_gone(other, here, silent_s=0)
    assert is_gone(other, here, silent_s=0)


def test_a_pid_that_is_used_again_is_another_process():
    here = own_presence()
    earlier = msgspec.structs.replace(here, born=here.born - 1)
    assert is_gone(earlier, here, silent_s=0)


def test_elsewhere_only_silence_tells():
    here = own_presence()
    for elsewhere in (
        msgspec.structs.replace(here, host="another"),
        msgspec.structs.replace(here, boot="another"),
        Presence("another", "", 1, 0),
    ):
        assert not is_gone(elsewhere, here, silent_s=SILENCE_S)
        assert is_gone(elsewhere, here, silent_s=SILENCE_S + 1)


def _fields(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()


def _born(pid: int) -> int:
    return int(_fields(pid)[19])


def _state(pid: int) -> str:
    return _fields(pid)[0]
