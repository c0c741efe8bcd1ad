"""A script that passes some instances and does nothing in the others: `scripted/sometimes`.

`scripted/sometimes?rate=0.7&seed=1` plays 'reference' in 7 of 10 instances, by the hash of its seed
and the instance, and 'do_nothing' in the rest: the same at every attempt and on every machine. Two
with different seeds pass independently; with one seed, the one of the higher rate passes whatever
the other passes. Knows nothing of what the scripts are for.
"""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qsl

import msgspec

from ossay.core.errors import UnknownName, UsageError
from ossay.core.task import Instance
from ossay.models.scripted import Rehearsal, Scripted

_OPTIONS = ("rate", "seed")


class Sometimes(Rehearsal):
    """Passes the share `rate` of instances, chosen by `seed`."""

    def __init__(self, rate: float, seed: int, reference: str) -> None:
        super().__init__(reference.partition("/")[2])
        self._rate = rate
        self._seed = seed

    def rehearse(self, instance: Instance) -> Scripted:
        """Return the player of this instance's script."""
        script = "reference" if self.passes(instance.task, instance.seed) else "do_nothing"
        player = Rehearsal(script).rehearse(instance)
        player.card = self.card
        return player

    def passes(self, task: str, seed: int) -> bool:
        """Whether it plays 'reference' at this instance."""
        named = msgspec.json.encode((self._seed, task, seed))
        drawn = int.from_bytes(hashlib.sha256(named).digest()[:8], "big") / 2**64
        return drawn < self._rate


def sometimes(query: str, reference: str) -> Sometimes:
    """Return the model with the options of `query`: rate=0.5 and seed=1 where they are left out.

    Raises:
        UnknownName: no such option.
        UsageError: an option with a value that it does not take.
    """
    given = {"rate": "0.5", "seed": "1"}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _OPTIONS:
            raise UnknownName.of("option", key, _OPTIONS)
        given[key] = value
    try:
        rate = float(given["rate"])
    except ValueError:
        rate = -1.0
    if not 0.0 <= rate <= 1.0:
        raise UsageError(f"{reference!r}: rate={given['rate']!r} must be a share from 0 to 1")
    if not (given["seed"].isdecimal() and given["seed"].isascii() and len(given["seed"]) <= 15):
        raise UsageError(f"{reference!r}: seed={given['seed']!r} must be a whole number from 0")
    return Sometimes(rate, int(given["seed"]), reference)
