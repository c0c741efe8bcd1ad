"""A project in which arguments decide: defaults, options that are handed on, keywords."""

from __future__ import annotations

import random

from ossay.suites.agentic_core.traces.sketch import Sketch, filled, names_of

_PASSED = {
    "README.md": """
        # $name

        Copies files of the $service service. `python3 -m $name` says how the next copy will be
        made. The $label setting is @readme@ where a job does not ask for something else.
        """,
    "$name/__init__.py": '''
        """Copies."""
        ''',
    "$name/__main__.py": '''
        """Say how the next copy will be made."""

        from $name import jobs, limits

        limits.$CONST = @rebound@


        if __name__ == "__main__":
            print(jobs.nightly())
        ''',
    "$name/limits.py": '''
        """Limits that were agreed with the $other service."""

        $CONST = @limits@
        FALLBACK_$CONST = @fallback@
        ''',
    "$name/transport.py": '''
        """Moving files."""

        from $name import limits


        def transfer(files, *, $key=limits.$CONST, verbose=False):
            """Move the files and say how."""
            line = f"$label: {$key}"
            return f"{line} ({', '.join(files)})" if verbose else line


        def preview(files, *, $key=@preview@):
            """Say how many files would be moved at once."""
            return files[:$key]
        ''',
    "$name/session.py": '''
        """A session holds the options of all its transfers."""

        from $name.transport import transfer


        class Session:
            """Options are handed on to `transfer`."""

            def __init__(self, **options):
                self.options = {
                    "verbose": False,$own
                    **options,
                }

            def transfer(self, files):
                """Move files with the session's options."""
                return transfer(files, **self.options)
        ''',
    "$name/jobs.py": '''
        """The jobs."""

        from $name.session import Session

        OPTIONS = {
            "$key": @options@,
        }


        def nightly():
            """The big copy."""
            session = Session($given)
            return session.transfer(["$word", "$word_b"])


        def hourly():
            """The small copy."""
            session = Session($key=@hourly@, verbose=True)
            return session.transfer(["$word_c"])
        ''',
}


def passed(rng: random.Random) -> Sketch:
    """A keyword argument with a default, handed through layers that may set it."""
    names = names_of(rng)
    key = names["key"]
    case = rng.choice(("limits", "session", "options", "nightly"))
    own = case == "session" or (case in ("options", "nightly") and rng.random() < 0.5)
    names |= {
        "own": f'\n            "{key}": @session@,' if own else "",
        "given": {"options": "**OPTIONS", "nightly": f"{key}=@nightly@"}.get(case, ""),
    }
    return Sketch(filled(_PASSED, names), case, f"python3 -m {names['name']}", names["label"])
