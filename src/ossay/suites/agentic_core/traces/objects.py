"""Projects in which objects decide: the order of base classes, a registry."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.traces.sketch import Sketch, filled, names_of

_INHERITED = {
    "README.md": """
        # $name

        Jobs of the $service service at $company. `python3 -m $name` shows how the nightly job is
        set up. Unless a job says otherwise, its $label setting is @readme@.
        """,
    "$name/__init__.py": '''
        """Jobs."""
        ''',
    "$name/__main__.py": '''
        """Show how the nightly job is set up."""

        from $name.jobs.nightly import Nightly

        print("$label:", Nightly($given).$key)
        ''',
    "$name/jobs/__init__.py": '''
        """One module a job."""
        ''',
    "$name/jobs/base.py": '''
        """What all jobs have."""


        class Job:
            """A job; subclasses say what it does."""

            $key = @base@
            urgent = False

            def __init__(self, urgent=False):
                self.urgent = urgent
                if urgent:
                    self.$key = @urgent@
        ''',
    "$name/jobs/kinds.py": '''
        """Kinds of jobs, to be combined."""

        from $name.jobs.base import Job


        class Reporting(Job):
            """Writes a report when it is done."""

            recipients = ("$word", "$word_b")$reporting


        class Heavy(Job):
            """Uses much of the machine."""

            $key = @heavy@


        class Light(Job):
            """Uses little of the machine."""

            $key = @light@
        ''',
    "$name/jobs/nightly.py": '''
        """The job of the night."""

        from $name.jobs.kinds import $kinds


        class Nightly($bases):
            """Tidies up after the $service service."""

            at = "02:30"


        class NightlyTrial(Nightly):
            """The same on the test system."""

            $key = @trial@
        ''',
    "$name/jobs/hourly.py": '''
        """The job of the hour."""

        from $name.jobs.kinds import Light


        class Hourly(Light):
            """Looks after the $other service."""

            $key = @hourly@
        ''',
    "$name/archive/nightly.py": '''
        """The nightly job as it was before the move to $word_c."""

        from $name.jobs.base import Job


        class Nightly(Job):
            """Tidies up after the $service service."""

            $key = @archived@
        ''',
}


def inherited(rng: random.Random) -> Sketch:
    """An attribute looked up along the method resolution order, or set on the instance."""
    names = names_of(rng)
    case = rng.choice(("diamond", "first", "urgent"))
    other = rng.choice(("Heavy", "Light"))
    bases = ["Reporting", other]
    defined = case == "first" or (case == "urgent" and rng.random() < 0.5)
    names |= {
        "bases": ", ".join(bases),
        "kinds": ", ".join(sorted(bases)),
        "given": "urgent=True" if case == "urgent" else "",
        "reporting": f"\n    {names['key']} = @reporting@" if defined else "",
    }
    origin = {"diamond": other.lower(), "first": "reporting", "urgent": "urgent"}[case]
    return Sketch(filled(_INHERITED, names), origin, f"python3 -m {names['name']}", names["label"])


_REGISTERED = {
    "README.md": """
        # $name

        Writes what the $service service knows in several formats. `python3 -m $name` shows the
        set-up of the format that $company uses.
        """,
    "$name/__init__.py": '''
        """Formats."""
        ''',
    "$name/__main__.py": '''
        """Show the set-up of our format."""

        from $name.formats import find

        FORMAT = "$asked"

        print("$label:", find(FORMAT).$key)
        ''',
    "$name/registry.py": '''
        """Which format goes by which name."""

        ALIASES = {"$asked": "$kind", "plain": "text"}

        _known = {}


        def register(name):
            """Class decorator: make a format known."""

            def add(cls):
                $store
                return cls

            return add


        def find(name):
            """Return the format of that name."""
            $look_up
        ''',
    "$name/formats/__init__.py": '''
        """All formats. Importing one makes it known."""

        $imports
        from $name.registry import find
        ''',
    "$name/formats/base.py": '''
        """What formats share."""


        class Format:
            """A way to write rows."""

            $key = @base@
            separator = "\\n"
        ''',
    "$name/formats/$word.py": '''
        """A table with a line above and below."""

        from $name.formats.base import Format
        from $name.registry import register


        @register("$kind")
        class Table(Format):
            """Rows between two lines."""

            $key = @one@
        ''',
    "$name/formats/$word_b.py": '''
        """A table as the $other service wants it."""

        from $name.formats.base import Format
        from $name.registry import register


        @register("$kind")
        class Table(Format):
            """Rows with numbers in front."""

            $key = @two@
            numbered = True
        ''',
    "$name/formats/$word_c.py": '''
        """Formats for $company alone."""

        from $name.formats.base import Format
        from $name.registry import register


        @register("$asked")
        class House(Format):
            """Rows with the house's name on top."""

            $key = @house@


        @register("text")
        class Text(Format):
            """Rows as plain text."""

            $key = @text@
        ''',
}


def registered(rng: random.Random) -> Sketch:
    """A class found by name: aliases, and two that claim the same name."""
    names = names_of(rng)
    keeps_first, alias_first = rng.random() < 0.5, rng.random() < 2 / 3
    modules = {"one": names["word"], "two": names["word_b"], "house": names["word_c"]}
    order = rng.sample(sorted(modules), 3)
    claimants = [key for key in order if key != "house"]
    names |= {
        "asked": rng.choice(("weekly", "daily", "printed")),
        "kind": rng.choice(("table", "grid", "columns")),
        "store": "_known.setdefault(name, cls)" if keeps_first else "_known[name] = cls",
        "look_up": "return _known[ALIASES.get(name, name)]"
        if alias_first
        else "return _known[name] if name in _known else _known[ALIASES[name]]",
        "imports": "\n".join(
            f"from {names['name']}.formats import {modules[key]}" for key in order
        ),
    }
    origin = claimants[0 if keeps_first else 1] if alias_first else "house"
    return Sketch(filled(_REGISTERED, names), origin, f"python3 -m {names['name']}", names["label"])
