"""A project that simulates a cache: least recently used leaves first, entries grow old."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Tries out cache sizes on recorded traffic of the $service service before anything is bought.

    - A record is `(second, key, size)`, in the order of time. Looking a key up is a hit when it is
      in the cache and not too old; else it is a miss, and the entry is put in with the time and
      size of the record.
    - An entry is too old when $ttl seconds or more have passed since it was put in. A hit doesn't
      make it younger.
    - The cache holds at most `capacity` units, the sum of the sizes of its entries. When a new
      entry doesn't fit, the entry that was *used* least recently leaves, then the next one, until
      it fits. Hits count as use. Putting a too old entry in again replaces it.
    - An entry larger than the whole cache is not put in, and drives nothing out.
    - `$simulate` returns hit or miss for each record, `$left` the keys that are in the cache at
      the end, least recently used first (old ones included), `$rate` the hits per hundred records,
      rounded down, 0 for no records.
"""

_ENTRY = '''
    """One cached entry."""

    MAX_AGE = $ttl


    class Entry:
        """What is kept of one key."""

        def __init__(self, size, stored_at):
            self.size = size
            self.stored_at = stored_at

        def too_old(self, now):
            """Whether the entry may no longer be used."""
            return now - self.stored_at >= MAX_AGE
'''

_CACHE = '''
    """A cache with a bound on the sum of sizes."""

    from collections import OrderedDict

    from $name.entry import Entry


    class Cache:
        """Entries by key, least recently used first."""

        def __init__(self, capacity):
            self.capacity = capacity
            self.used = 0
            self.entries = OrderedDict()

        def look_up(self, key, now):
            """Return whether a usable entry is there, and count that as its use."""
            entry = self.entries.get(key)
            if entry is None or entry.too_old(now):
                return False
            self.entries.move_to_end(key)
            return True

        def put(self, key, size, now):
            """Put an entry in, driving out as many others as it takes."""
            self.remove(key)
            if size > self.capacity:
                return
            while self.used + size > self.capacity:
                self.remove(next(iter(self.entries)))
            self.entries[key] = Entry(size, now)
            self.used += size

        def remove(self, key):
            """Take an entry out, if it is there."""
            entry = self.entries.pop(key, None)
            if entry is not None:
                self.used -= entry.size
'''

_SIMULATE = '''
    """Playing recorded traffic. A record is (second, key, size)."""

    from $name.cache import Cache


    def play(records, capacity):
        """Return the cache at the end, and hit (True) or miss (False) for each record."""
        cache = Cache(capacity)
        hits = []
        for now, key, size in records:
            hit = cache.look_up(key, now)
            if not hit:
                cache.put(key, size, now)
            hits.append(hit)
        return cache, hits


    def $simulate(records, capacity):
        """Return hit or miss for each record."""
        return play(records, capacity)[1]


    def $left(records, capacity):
        """Return the keys in the cache at the end, least recently used first."""
        return list(play(records, capacity)[0].entries)


    def $rate(records, capacity):
        """Return the hits per hundred records, rounded down; 0 for no records."""
        hits = $simulate(records, capacity)
        return 100 * sum(hits) // len(hits) if hits else 0
'''

_TESTS = """
    from $name.simulate import $left, $rate, $simulate


    def test_second_look_is_a_hit():
        assert $simulate([(0, "$a", 3), (1, "$a", 3), (2, "$b", 3), (3, "$a", 3)], 10) == <?>


    def test_the_least_recently_used_leaves():
        assert $left([(0, "$a", 4), (1, "$b", 4), (2, "$c", 4)], 10) == <?>


    def test_a_hit_counts_as_use():
        assert $left([(0, "$a", 4), (1, "$b", 4), (2, "$a", 4), (3, "$c", 4)], 10) == <?>


    def test_several_leave_for_a_large_one():
        assert $left([(0, "$a", 3), (1, "$b", 3), (2, "$c", 3), (3, "$d", 6)], 10) == <?>


    def test_the_cache_may_be_full_to_the_brim():
        assert $left([(0, "$a", 5), (1, "$b", 5)], 10) == <?>


    def test_entries_grow_old():
        assert $simulate([(0, "$a", 1), ($just_young, "$a", 1), ($ttl, "$a", 1)], 10) == <?>
        assert $simulate([(0, "$a", 1), ($ttl, "$a", 1), ($just_old, "$a", 1)], 10) == <?>


    def test_renewed_entries_take_their_place_once():
        assert $left([(0, "$a", 6), (1, "$b", 4), ($late, "$a", 6), ($late, "$b", 4)], 10) == <?>
        visits = [(n * $late, "$a", 3) for n in range(4)]
        assert $left([*visits, (4 * $late, "$b", 4)], 10) == ["$a", "$b"]


    def test_too_large_for_the_cache():
        assert $left([(0, "$a", 4), (1, "$b", 11), (2, "$c", 4)], 10) == <?>


    def test_rate():
        assert $rate([(0, "$a", 1), (1, "$a", 1), (2, "$b", 1)], 10) == <?>
        assert $rate([(0, "$a", 1), (1, "$a", 1), (2, "$a", 1)], 10) == <?>
        assert $rate([], 10) == <?>
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    ttl = rng.randint(20, 90)
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "service": words.draw("service"),
        **dict(zip("abcd", words.several("product", 4), strict=True)),
        "ttl": ttl,
        "just_young": ttl - 1,
        "just_old": ttl + 1,
        "late": ttl + rng.randint(5, 50),
        "simulate": rng.choice(("simulate", "hit_or_miss", "replay")),
        "left": rng.choice(("left", "kept", "contents")),
        "rate": rng.choice(("hit_rate", "rate", "percent_hit")),
    }
    name = values["name"]
    entry, cache, simulate = (f"{name}/{m}.py" for m in ("entry", "cache", "simulate"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": "",
            entry: fill(_ENTRY, **values),
            cache: fill(_CACHE, **values),
            simulate: fill(_SIMULATE, **values),
        },
        tests={"tests/test_cache.py": fill(_TESTS, **values)},
        setup=f"from {name}.simulate import "
        f"{values['left']}, {values['rate']}, {values['simulate']}\n",
        probes=_probes(rng, values),
        bugs=(
            Bug(entry, ">= MAX_AGE", "> MAX_AGE"),
            Bug(cache, "        self.entries.move_to_end(key)\n", ""),
            Bug(cache, "next(iter(self.entries))", "next(reversed(self.entries))"),
            Bug(
                cache,
                "while self.used + size > self.capacity:",
                "while self.used + size >= self.capacity:",
            ),
            Bug(
                cache,
                "while self.used + size > self.capacity:",
                "if self.used + size > self.capacity:",
            ),
            Bug(cache, "        self.remove(key)\n        if size", "        if size"),
            Bug(
                cache,
                "        if size > self.capacity:\n            return\n",
                "        if size > self.capacity:\n            size = self.capacity\n",
            ),
            Bug(cache, "self.used -= entry.size", "self.used -= 1"),
            Bug(simulate, "100 * sum(hits) // len(hits)", "100 * (sum(hits) // len(hits))"),
        ),
    )


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    simulate, left, rate = (values[key] for key in ("simulate", "left", "rate"))
    ttl = values["ttl"]
    probes = []
    for _ in range(10):
        sizes = {key: rng.randint(1, 6) for key in "pqrstuv"}
        capacity = rng.randint(7, 16)
        now = 0
        records = []
        for _ in range(rng.randint(8, 22)):
            now += rng.choice((0, 1, 1, 3, ttl // 2))
            key = rng.choice("pqrstuv")
            records.append((now, key, sizes[key]))
        probes += [f"{function}({records!r}, {capacity})" for function in (simulate, left, rate)]
    for late in (ttl - 1, ttl, ttl + 1):
        probes.append(f"{simulate}([(3, 'p', 2), (4, 'q', 2), ({3 + late}, 'p', 2)], 9)")
    probes.append(f"{rate}([(5, 'p', 1), ({5 + ttl}, 'p', 1)], 9)")
    probes += [f"{left}([(0, 'p', 2), (1, 'q', {n}), (2, 'r', 2)], 9)" for n in (9, 10, 99)]
    probes.append(f"{simulate}([(0, 'p', 12), (1, 'p', 12), (2, 'q', 9), (3, 'q', 9)], 9)")
    probes.append(f"{left}([(0, 'p', 5), (1, 'q', 4)], 9)")
    renewed = f"(0, 'p', 2), (1, 'q', 2), ({ttl}, 'p', 2)"
    probes.append(f"{left}([{renewed}], 9)")
    probes.append(f"{left}([(0, 'p', 4), ({ttl}, 'p', 4), ({ttl + 1}, 'q', 5)], 9)")
    probes.append(
        f"{left}([(0, 'p', 6), (1, 'q', 3), ({ttl + 1}, 'p', 6), ({ttl + 1}, 'q', 3)], 9)"
    )
    probes.append(f"{left}([(0, 'p', 3), (1, 'q', 3), (2, 'r', 3), (3, 's', 9)], 9)")
    again = [(n * ttl, "p", 3) for n in range(rng.randint(4, 6))]
    probes.append(f"{left}({again!r} + [({6 * ttl}, 'q', 4)], 9)")
    return tuple(probes)
