"""A project that orders build targets by what they need."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Decides in which order the parts of $company's site are built.

    A build file has one target a line, `target: need need ...`; the needs may be missing. `#`
    starts a comment, blank lines are passed over. A target may have several lines: its needs are
    put together. A need that has no line of its own is a target without needs.

    - `$order(text)` lists all targets, each after everything that it needs. Among those that could
      come next, the alphabetically first one comes first.
    - Targets that need each other in a circle raise `Circle`; its `targets` are those that
      can't be ordered, sorted.
    - `$affected(text, target)` lists, sorted, every target that has to be built again when `target`
      changes: those that need it, directly or through others. The target itself is not listed.
    - `$rounds(text)` groups the targets: the first round has those without needs, each later one
      those whose needs are all in earlier rounds. Each round is sorted.
"""

_PARSE = '''
    """Reading build files."""


    def $parse(text):
        """Return target -> set of the targets that it needs."""
        needs = {}
        for line in text.splitlines():
            line = line.partition("#")[0].strip()
            if not line:
                continue
            target, _, rest = line.partition(":")
            named = rest.split()
            needs.setdefault(target.strip(), set()).update(named)
            for need in named:
                needs.setdefault(need, set())
        return needs
'''

_ORDER = '''
    """The order of building."""

    import heapq

    from $name.parse import $parse


    class Circle(Exception):
        """Some targets need each other."""

        def __init__(self, targets):
            super().__init__("in a circle: " + ", ".join(targets))
            self.targets = targets


    def $order(text):
        """Return all targets of a build file in the order of building."""
        needs = $parse(text)
        open_needs = {target: len(needed) for target, needed in needs.items()}
        needed_by = {target: [] for target in needs}
        for target, needed in needs.items():
            for need in needed:
                needed_by[need].append(target)
        ready = [target for target, count in open_needs.items() if count == 0]
        heapq.heapify(ready)
        order = []
        while ready:
            target = heapq.heappop(ready)
            order.append(target)
            for other in needed_by[target]:
                open_needs[other] -= 1
                if open_needs[other] == 0:
                    heapq.heappush(ready, other)
        if len(order) < len(needs):
            raise Circle(sorted(set(needs) - set(order)))
        return order


    def $rounds(text):
        """Return the targets in rounds that can each be built at once."""
        needs = $parse(text)
        round_of = {}
        for target in $order(text):
            round_of[target] = max((round_of[need] + 1 for need in needs[target]), default=0)
        last = max(round_of.values(), default=-1)
        return [sorted(t for t, n in round_of.items() if n == number) for number in range(last + 1)]
'''

_IMPACT = '''
    """What a change means."""

    from $name.parse import $parse


    def $affected(text, target):
        """Return the sorted targets that need `target`, directly or through others."""
        needs = $parse(text)
        affected = set()
        changed = [target]
        while changed:
            current = changed.pop()
            for other, needed in needs.items():
                if current in needed and other not in affected:
                    affected.add(other)
                    changed.append(other)
        affected.discard(target)
        return sorted(affected)
'''

_TESTS = '''
    import pytest

    from $name.impact import $affected
    from $name.order import Circle, $order, $rounds

    SITE = """
    $site: $pages $style
    $pages: $texts $images  # the long part
    $style: $theme
    $extra: $texts
    """


    def test_needs_come_first():
        assert $order(SITE) == <?>


    def test_alphabetical_where_there_is_a_choice():
        assert $order("$z:\\n$m:\\n$a:\\n$c: $z") == <?>
        assert $order("$b:\\n$c:\\n$z:\\n$a: $b") == <?>


    def test_a_need_named_twice():
        assert $order("$b: $a $a\\n$b: $a") == <?>


    def test_lines_of_a_target_are_put_together():
        assert $order("$a: $z\\n$a: $m\\n$z: $b") == <?>


    def test_circle():
        with pytest.raises(Circle) as caught:
            $order("$a: $b\\n$b: $c\\n$c: $a\\n$z:")
        assert caught.value.targets == ["$a", "$b", "$c"]


    def test_affected():
        assert $affected(SITE, "$style") == <?>
        assert $affected(SITE, "$texts") == <?>
        assert $affected(SITE, "$site") == <?>


    def test_rounds():
        assert $rounds(SITE) == <?>
        assert $rounds("$a: $b\\n$b: $c\\n$z: $a $c") == <?>
'''


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    letters = sorted(words.several("animal", 5))
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "company": words.draw("company"),
        **dict(zip("abcmz", letters, strict=True)),
        "site": rng.choice(("site", "website", "all")),
        "pages": rng.choice(("pages", "html", "articles")),
        "style": rng.choice(("style", "css")),
        "theme": rng.choice(("theme", "colours", "fonts")),
        "texts": rng.choice(("texts", "notes", "markdown")),
        "images": rng.choice(("images", "photos", "icons")),
        "extra": rng.choice(("feed", "sitemap", "index")),
        "parse": rng.choice(("parse", "read_targets", "needs_of")),
        "order": rng.choice(("order", "build_order", "plan")),
        "rounds": rng.choice(("rounds", "stages", "levels")),
        "affected": rng.choice(("affected", "rebuild", "dependents")),
    }
    name = values["name"]
    parse, order, impact = (f"{name}/{m}.py" for m in ("parse", "order", "impact"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": "",
            parse: fill(_PARSE, **values),
            order: fill(_ORDER, **values),
            impact: fill(_IMPACT, **values),
        },
        tests={"tests/test_targets.py": fill(_TESTS, **values)},
        setup=_SETUP.format(**values),
        probes=_probes(rng, values),
        bugs=(
            Bug(parse, 'line.partition("#")[0].strip()', "line.strip()"),
            Bug(
                parse,
                "needs.setdefault(target.strip(), set()).update(named)",
                "needs[target.strip()] = set(named)",
            ),
            Bug(
                parse,
                "        for need in named:\n            needs.setdefault(need, set())\n",
                "        for need in named:\n            needs[need] = set()\n",
            ),
            Bug(order, "heapq.heappop(ready)", "ready.pop()"),
            Bug(order, "heapq.heappush(ready, other)", "ready.append(other)"),
            Bug(order, "sorted(set(needs) - set(order))", "sorted(set(needs))"),
            Bug(order, "round_of[need] + 1 for need", "round_of[need] for need"),
            Bug(order, "max((round_of[need]", "min((round_of[need]"),
            Bug(impact, "while changed:", "if changed:"),
            Bug(impact, "changed.append(other)", "changed.append(target)"),
        ),
    )


_SETUP = """\
from {name}.impact import {affected}
from {name}.order import Circle, {order}, {rounds}


def order_or_circle(text):
    try:
        return {order}(text)
    except Circle as circle:
        return {{"circle": circle.targets}}
"""


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    rounds, affected = values["rounds"], values["affected"]
    names = ["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "oak", "pine", "yew"]
    probes = []
    for _ in range(8):
        rank = rng.sample(names, rng.randint(4, 10))
        lines = []
        for position, target in enumerate(rank):
            for _ in range(rng.randint(0, 2)):
                needs = rng.sample(rank[:position], min(position, rng.randint(0, 3)))
                note = rng.choice(("", "  # as before", " # needs oak"))
                lines.append(f"{target}: {' '.join(needs)}{note}")
        rng.shuffle(lines)
        text = "\n".join([*lines, *(f"{target}:" for target in rank)])
        probes += [f"order_or_circle({text!r})", f"{rounds}({text!r})"]
        probes += [f"{affected}({text!r}, {rank[n]!r})" for n in (0, 1, -1)]
    for size in (2, 3):
        ring = rng.sample(names, size)
        text = "\n".join(f"{a}: {b}" for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
        probes.append(f"order_or_circle({text + chr(10) + 'aspen: ' + ring[0]!r})")
        probes.append(f"order_or_circle({'alder:' + chr(10) + text!r})")
    chain = "\n".join(f"{a}: {b}" for a, b in zip(names[1:], names[:-1], strict=True))
    probes += [f"{affected}({chain!r}, 'birch')", f"{rounds}({chain!r})"]
    return tuple(probes)
