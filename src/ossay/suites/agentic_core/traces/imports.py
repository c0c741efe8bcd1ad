"""Projects in which imports decide: chains of re-exports, and a module that patches another."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.traces.sketch import Sketch, filled, names_of

_REEXPORT = {
    "README.md": """
        # $name

        The $service service of $company. Start it with `python3 -m $name`.

        Settings live in `$name/settings`. Out of the box the $label setting is @readme@.
        """,
    "$name/__init__.py": '''
        """The $service service."""
        ''',
    "$name/__main__.py": '''
        """Start the service and say how it is set up."""

        from $name.$service import announce

        announce()
        ''',
    "$name/$service.py": '''
        """What the service says when it starts."""

        from $name import settings


        def announce():
            """Print the setting that matters most."""
            print(f"$label: {settings.$CONST}")


        def rehearse($key=@rehearse@):
            """Announce without a start; for trying things out."""
            print(f"$label: {$key}")
        ''',
    "$name/settings/__init__.py": '''
        """All settings in one place. Import from here, never from the modules below."""

        $imports
        ''',
    "$name/settings/defaults.py": '''
        """What applies where nothing else is said."""
        $listed
        COLOUR = "teal"
        $CONST = @defaults@
        GREETING = "hello"
        ''',
    "$name/settings/$word.py": '''
        """Settings of the connection to the $other service."""

        from $name.settings.hosts import $imported

        PROTOCOL = "https"
        ''',
    "$name/settings/hosts.py": '''
        """One block for each host."""

        $CONST = @plain@

        PRIMARY_HOST = "$word_b.example"
        PRIMARY_$CONST = @primary@

        BACKUP_HOST = "$word_c.example"
        BACKUP_$CONST = @backup@
        ''',
    "$name/settings/legacy.py": '''
        """Settings of the old installation; the importer of the $third service needed them."""

        COLOUR = "red"
        $CONST = @legacy@
        ''',
}


def reexport(rng: random.Random) -> Sketch:
    """A settings package that collects names; a star import may or may not win."""
    names = names_of(rng)
    case = rng.choice(("star_last", "star_last_listed", "star_first"))
    end = rng.choice(("plain", "primary", "backup"))
    star = f"from {names['name']}.settings.defaults import *"
    explicit = f"from {names['name']}.settings.{names['word']} import {names['CONST']}, PROTOCOL"
    lines = [star, explicit] if case == "star_first" else [explicit, star]
    constant = names["CONST"]
    prefix = "" if end == "plain" else f"{end.upper()}_"
    names |= {
        "imports": "\n".join(lines),
        "listed": '\n__all__ = ["COLOUR", "GREETING"]\n' if case == "star_last_listed" else "",
        "imported": constant if end == "plain" else f"{prefix}{constant} as {constant}",
    }
    origin = "defaults" if case == "star_last" else end
    return Sketch(filled(_REEXPORT, names), origin, f"python3 -m {names['name']}", names["label"])


_PATCHED = {
    "README.md": """
        # $name

        Sends what the $service service has to the $other service: `python3 -m $name`.
        `$name/tuning.py` adapts the settings to this machine.
        """,
    "$name/__init__.py": '''
        """From $service to $other."""
        ''',
    "$name/__main__.py": '''
        """Send everything once."""

        $imports


        def main():
            """Say how it will be sent, then send."""
            print("$label:", sender.current())


        if __name__ == "__main__":
            main()
        ''',
    "$name/settings.py": '''
        """Settings of every machine."""

        HOST = "$word.example"
        $CONST = @settings@
        SECURE = True
        ''',
    "$name/tuning.py": '''
        """Settings of this machine."""

        from $name import settings

        settings.HOST = "$word_b.example"
        settings.$CONST = @tuned@


        def relax():
            """Go easy on the network, for the days of the move."""
            settings.$CONST = @relaxed@
        ''',
    "$name/sender.py": '''
        """Sending."""

        $taken

        $bound
        def current():
            """What applies to the next batch."""
            return $used


        def configure():
            """Prepare a dry run."""
            $CONST = @dry@
            return {"dry": True, "host": "localhost"}
        ''',
    "$name/receiver.py": '''
        """Receiving: the other end, for tests."""

        $CONST = @receiver@


        def accept(data, limit=$CONST):
            """Return the part of the data that is accepted."""
            return data[:limit]
        ''',
    "$name/$word_c.py": '''
        """Settings for $company's trial account; import it instead of tuning."""

        from $name import settings

        settings.$CONST = @trial@
        ''',
}


def patched(rng: random.Random) -> Sketch:
    """One module sets another's constant; who bound the old number before that keeps it."""
    names = names_of(rng)
    name, constant = names["name"], names["CONST"]
    style = rng.choice(("attribute", "copied", "default"))
    # With "attribute" the order makes no difference, so this evens the two origins out.
    tuning_first = rng.random() < 0.25
    order = ["tuning", "sender"] if tuning_first else ["sender", "tuning"]
    copied = style == "copied"
    names |= {
        "imports": "\n".join(f"from {name} import {module}" for module in order),
        "taken": f"from {name}.settings import {constant}"
        if copied
        else f"from {name} import settings",
        "bound": f"\ndef _limit(value=settings.{constant}):\n    return value\n\n"
        if style == "default"
        else "",
        "used": {
            "copied": constant,
            "attribute": f"settings.{constant}",
            "default": "_limit()",
        }[style],
    }
    origin = "tuned" if tuning_first or style == "attribute" else "settings"
    return Sketch(filled(_PATCHED, names), origin, f"python3 -m {name}", names["label"])
