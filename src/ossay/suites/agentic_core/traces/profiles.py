"""A project in which profiles decide, each a file that builds on another."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import fill
from ossay.suites.agentic_core.traces.sketch import Sketch, filled, names_of

_PROFILED = {
    "README.md": """
        # $name

        Reports of the $service service for $company. `python3 -m $name` shows the set-up of the
        active profile. Profiles are the files in `profiles/`; they build on each other.
        """,
    "project.json": """
        {
          "title": "$company",
          "active": "$active",
          "$key": @project@
        }
        """,
    "$name/__init__.py": '''
        """Reports."""
        ''',
    "$name/__main__.py": '''
        """Show the set-up of the active profile."""

        import json
        from pathlib import Path

        from $name.profiles import lookup

        active = json.loads(Path("project.json").read_text())["active"]
        print("$label:", lookup(active, "$key"))
        ''',
    "$name/profiles.py": '''
        """Profiles and what they build on."""

        import configparser

        FALLBACK = {"$key": @fallback@, "paper": "A4"}


        def load(name):
            """Return the settings of one profile."""
            parser = configparser.ConfigParser()
            parser.read(f"profiles/{name}.ini")
            return dict(parser["profile"])


        def lookup(name, key):
            """Return a setting of a profile, or of what it builds on."""
            $walk
            return FALLBACK[key]
        ''',
}

_NEAREST = """\
while name:
        profile = load(name)
        if key in profile:
            return profile[key]
        name = profile.get("extends")"""
_DEEPEST = """\
found = None
    while name:
        profile = load(name)
        found = profile.get(key, found)
        name = profile.get("extends")
    if found is not None:
        return found"""


def profiled(rng: random.Random) -> Sketch:
    """Profiles that extend each other; the nearest or the deepest that has the key wins."""
    names = names_of(rng)
    pool = ["archive", "compact", "draft", "house", "nightly", "print", "review", "summary"]
    chain = rng.sample(pool, 4)
    stray = rng.sample(sorted(set(pool) - set(chain)), 2)
    sets = {name: rng.random() < 0.55 for name in chain}
    deepest = rng.random() < 1 / 3
    having = [name for name in chain if sets[name]]
    names |= {"active": chain[0], "walk": _DEEPEST if deepest else _NEAREST}
    files = filled(_PROFILED, names)
    for name, below in zip(chain, [*chain[1:], ""], strict=True):
        files[f"profiles/{name}.ini"] = _profile(names, name, below, sets[name], rng)
    for name in stray:
        files[f"profiles/{name}.ini"] = _profile(names, name, rng.choice(chain), True, rng)
    origin = (having[-1] if deepest else having[0]) if having else "fallback"
    return Sketch(files, origin, f"python3 -m {names['name']}", names["label"])


def _profile(names: dict[str, Any], name: str, below: str, sets: bool, rng: random.Random) -> str:
    lines = ["margin = " + rng.choice(("narrow", "wide")), "tone = " + rng.choice(("dry", "warm"))]
    if below:
        lines.append(f"extends = {below}")
    if sets:
        lines.append(f"{names['key']} = @{name}@")
    rng.shuffle(lines)
    return fill("; The profile $name.\n[profile]\n$lines\n", name=name, lines="\n".join(lines))
