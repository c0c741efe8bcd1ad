"""Whoever runs a gateway hears that its log can't be written, and is not flooded with it."""

import asyncio
from types import SimpleNamespace

from ossay.cli.gateway_losses import tell_losses


class Script:
    """A clock that, at each look, plays what happens to the log meanwhile, and ends with that."""

    def __init__(self, log, *unwritten):
        self.log = log
        self.left = [*unwritten]
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        if not self.left:
            raise asyncio.CancelledError
        self.log.unwritten = self.left.pop(0)


def told(caplog, *unwritten):
    log = SimpleNamespace(unwritten=0, trouble="the disk is full")
    clock = Script(log, *unwritten)
    try:
        asyncio.run(tell_losses(log, clock))
    except asyncio.CancelledError:
        return [record.getMessage() for record in caplog.records], clock.slept
    raise AssertionError("it looks for ever")


def test_a_log_that_is_well_is_not_spoken_of(caplog):
    assert told(caplog, 0, 0, 0)[0] == []


def test_lost_rows_are_told_of_once_a_minute(caplog):
    said, slept = told(caplog, 0, 1, 7, 9, 9)
    assert said == [
        "the decision log lacks 1 row that could not be written: the disk is full",
        "the decision log lacks 8 rows that could not be written: the disk is full",
    ]
    assert slept == [1.0, 1.0, 60.0, 1.0, 60.0, 1.0]
