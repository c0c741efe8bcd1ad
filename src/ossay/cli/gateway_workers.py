"""Several processes on one address: begun, replaced where one dies, ended together.

Each has a socket of its own (SO_REUSEPORT), and the kernel deals connections out. A child notices
its parent's end at a pipe, whatever ended it. Knows nothing of what they serve.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

import click

from ossay.cli.gateway_budgets import Share
from ossay.core.errors import UsageError
from ossay.server.serve import bind

# What a child does: serve on its socket, and call back when it listens; its exit code.
Serve = Callable[[socket.socket, Share, Callable[[Sequence[str]], None]], int]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LIVED_S = 5.0  # a child that died sooner is not begun again at once
_LOOK_S = 0.2


def sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Bind `count` sockets to one address. Raises `UsageError` where it is taken."""
    first = bind(host, port)  # an address that another program shares out would be shared with it
    if count == 1:
        return [first]
    address, family = first.getsockname(), first.family
    first.close()
    found: list[socket.socket] = []
    try:
        for _ in range(count):
            one = socket.socket(family, socket.SOCK_STREAM)
            found.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
    except OSError as error:
        for one in found:
            one.close()
        raise UsageError(
            f"cannot listen on {host}:{port} with {count} processes: {error.strerror or error}"
        ) from error
    return found


class Crew:
    """The parent: it serves nothing itself.

    Args:
        bound: A socket for each child.
        serve: What a child does.
        ready: Called once, when all listen.
    """

    def __init__(self, bound: list[socket.socket], serve: Serve, ready: Callable[[], None]) -> None:
        self._bound = bound
        self._serve = serve
        self._ready = ready
        self._children: dict[int, tuple[int, float]] = {}  # process -> which, since when
        self._ending: int | None = None
        self._code = 0
        self._life, self._held = os.pipe()  # a child reads the end of it when we are gone
        self._news, self._tell = os.pipe()

    def run(self) -> int:
        """Return the exit code once all are gone."""
        before = {number: signal.signal(number, self._signalled) for number in _SIGNALS}
        try:
            for which in range(len(self._bound)):
                self._begin(which, again=False)
            self._await_all()
            while self._children:
                self._reap(starting=False)
                time.sleep(_LOOK_S)
        finally:
            self._kill(signal.SIGKILL)
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._code

    def _begin(self, which: int, *, again: bool) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # ours to answer, not yet a child's
        if self._ending is not None:  # a signal came in the meantime, and the sockets are closed
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        process = os.fork()
        if process:
            self._children[process] = (which, time.monotonic())
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        code = 1
        try:
            code = self._live(which, again=again)
        except UsageError as error:
            click.echo(f"Error: {error}", err=True)
            code = 2
        except KeyboardInterrupt:
            code = 130
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # what is above belongs to the parent

    def _live(self, which: int, *, again: bool) -> int:
        os.setpgid(0, 0)  # a terminal's Ctrl-C is for the parent, which passes it on once
        os.close(self._held)
        os.close(self._news)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for other, one in enumerate(self._bound):
            if other != which:
                one.close()

        def ready(_notes: Sequence[str]) -> None:
            asyncio.get_running_loop().add_reader(self._life, self._orphaned)
            os.write(self._tell, b".")

        return self._serve(self._bound[which], Share(which, len(self._bound), again), ready)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._life)
        signal.raise_signal(signal.SIGTERM)

    def _await_all(self) -> None:
        """Wait until every child listens, or one can't."""
        heard = 0
        while heard < len(self._bound) and self._ending is None and self._children:
            if select.select([self._news], [], [], _LOOK_S)[0]:
                heard += len(os.read(self._news, 1024))
            self._reap(starting=True)
        if self._ending is None and self._children:
            self._ready()

    def _reap(self, *, starting: bool) -> None:
        """Take note of children that are gone; begin them again unless all are to end."""
        while self._children:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            found = self._children.pop(process, None)
            if found is None:
                continue
            which, since = found
            code = os.waitstatus_to_exitcode(status)
            if self._ending is not None:
                self._code = max(self._code, code if code >= 0 else 128 - code)
            elif starting or code == 2:
                self._code = code if code > 0 else 1
                self._end(signal.SIGTERM)
            else:
                how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
                click.echo(f"ossay: process {process} {how}; another takes its place", err=True)
                if time.monotonic() - since < _LIVED_S:
                    time.sleep(1.0)
                self._begin(which, again=True)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        self._end(number)

    def _end(self, number: int) -> None:
        """Tell all children; the door is closed when they have closed theirs."""
        self._ending = number
        for one in self._bound:
            one.close()
        self._kill(number)

    def _kill(self, number: int) -> None:
        for process in self._children:
            with suppress(ProcessLookupError):  # a signal may come between its end and the note
                os.kill(process, number)
