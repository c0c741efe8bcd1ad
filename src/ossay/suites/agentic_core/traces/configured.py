"""Projects in which files and the environment decide: layers, a start script."""

from __future__ import annotations

import json
import random
from typing import Any

from ossay.suites.agentic_core.traces.sketch import Sketch, filled, names_of

_LAYERED = {
    "README.md": """
        # $name

        The $service service of $company. `sh run.sh` starts it as on the server. Settings are
        read from the files in `config/`; see `$name/layers.py` for which of them count.
        """,
    "run.sh": """
        #!/bin/sh
        # Starts the service as on the server.
        export ${NAME}_STAGE=$stage
        exec python3 -m $name
        """,
    "$name/__init__.py": '''
        """The $service service."""
        ''',
    "$name/__main__.py": '''
        """Start the service and say how it is set up."""

        import os

        from $name.layers import settings

        found = settings(os.environ.get("${NAME}_STAGE", "development"))
        print("$label:", found["$section"]["$key"])
        ''',
    "$name/defaults.py": '''
        """What applies where no file says anything."""

        DEFAULTS = {
            "$section": {
                "host": "localhost",
                "$key": @defaults@,
            },
            "$second": {
                "$key": @second@,
            },
        }
        ''',
    "$name/layers.py": '''
        """Layers of settings, from the files in config/."""

        import copy
        import json
        from pathlib import Path

        from $name.defaults import DEFAULTS

        FOLDER = Path(__file__).parent.parent / "config"


        def names(stage):
            """The layers of a stage, in the order in which they are read."""
            $order


        def settings(stage):
            """Put the layers of a stage together, section by section."""
            merged = {}
            for layer in names(stage):
                data = DEFAULTS
                if layer != "defaults":
                    data = json.loads((FOLDER / f"{layer}.json").read_text())
                for section, values in copy.deepcopy(data).items():
                    known = merged.setdefault(section, {})
                    for key, value in values.items():
                        $store
            return merged
        ''',
}


def layered(rng: random.Random) -> Sketch:
    """Layers of JSON files, where the first or the last that has a key wins."""
    names = names_of(rng)
    stage, unused = rng.sample(("staging", "production", "preview"), 2)
    first_wins = rng.random() < 0.5
    local_too = rng.random() < 0.5
    strongest = ["local", stage, "base"] if local_too else [stage, "base"]
    sets = {layer: rng.random() < 0.6 for layer in ("local", stage, unused, "base")}
    order = [*strongest, "defaults"] if first_wins else ["defaults", *reversed(strongest)]
    names |= {
        "stage": stage,
        "section": names["third"],
        "second": names["other"],
        "order": "return [" + ", ".join("stage" if x == stage else f'"{x}"' for x in order) + "]",
        "store": "known.setdefault(key, value)" if first_wins else "known[key] = value",
    }
    origin = next((layer for layer in strongest if sets[layer]), "defaults")
    files = filled(_LAYERED, names)
    for layer in ("base", stage, unused, "local"):
        files[f"config/{layer}.json"] = _layer(names, layer, sets[layer])
    return Sketch(files, origin, "sh run.sh", names["label"])


def _layer(names: dict[str, Any], layer: str, sets: bool) -> str:
    section: dict[str, Any] = {"host": f"{layer}.{names['company'].lower()}.example"}
    if sets:
        section[names["key"]] = f"@{layer}@"
    text = json.dumps(
        {names["section"]: section, names["second"]: {names["key"]: f"@{layer}_second@"}}, indent=2
    )
    return text.replace('"@', "@").replace('@"', "@") + "\n"


_STARTED = {
    "README.md": """
        # $name

        The $service service of $company. On the server it is started with `sh start.sh`.
        Without any setting it works with @readme@ ($label).
        """,
    "service.env": """
        # Read by start.sh.
        ${NAME}_HOST=$word.example
        $CONST=@bare@
        ${NAME}_$CONST=@envfile@
        """,
    "settings.ini": """
        [$name]
        host = localhost
        $in_file

        [$name-test]
        $key = @testing@
        """,
    "$name/__init__.py": '''
        """The $service service."""
        ''',
    "$name/__main__.py": '''
        """Start the service and say how it is set up."""

        import os
        import sys

        from $name.options import resolve

        print("$label:", resolve(sys.argv[1:], os.environ))
        ''',
    "$name/options.py": '''
        """Where the $label setting comes from."""

        import argparse

        from $name.ini import from_ini

        FALLBACK = @fallback@


        def resolve(arguments, environ):
            """Return the first that is set."""
            parser = argparse.ArgumentParser(prog="$name")
            parser.add_argument("--$key", type=int)
            parser.add_argument("--site", default="main")
            options = parser.parse_args(arguments)
            $candidates
            for candidate in candidates:
                if candidate is not None:
                    return int(candidate)
            return FALLBACK
        ''',
    "$name/ini.py": '''
        """The settings file."""

        import configparser


        def from_ini(key, section="$name"):
            """Return a setting of the file, None where it has none."""
            parser = configparser.ConfigParser()
            parser.read("settings.ini")
            return parser.get(section, key, fallback=None)
        ''',
    "$name/$word_b.py": '''
        """How the $other service calls us; kept for its tests."""

        import os


        def environment():
            """The environment that the $other service sets."""
            return dict(os.environ, ${NAME}_$CONST=str(@caller@))
        ''',
}

_START = """
    #!/bin/sh
    # Starts the service as on the server.
    set -a
    $block
    set +a
    exec python3 -m $name --site $site$flag
    """


def started(rng: random.Random) -> Sketch:
    """A start script, its environment file, a flag and a settings file: which one counts."""
    names = names_of(rng)
    case = rng.choice(("flag", "script", "envfile", "ini", "fallback"))
    key, constant = names["key"], names["CONST"]
    sourced = ". ./service.env"
    own = f"{names['NAME']}_{constant}=@script@"
    block = {
        "script": [sourced, own],
        "envfile": [own, sourced],
    }.get(case, rng.sample((sourced, own), 2))
    asked = {
        "flag": f"options.{key}",
        "environment": f'environ.get("{names["NAME"]}_{constant}")',
        "file": f'from_ini("{key}")',
    }
    order = ["flag", "environment", "file"]
    if case == "ini":
        order = ["flag", "file", "environment"]
    if case == "fallback":
        # A variable that nobody sets.
        asked["environment"] = f'environ.get("{names["NAME"]}_{constant}_DEFAULT")'
    with_file = case == "ini" or (case in ("flag", "script", "envfile") and rng.random() < 0.6)
    names |= {
        "in_file": f"{key} = @ini@" if with_file else "verbose = no",
        "candidates": "candidates = [" + ", ".join(asked[source] for source in order) + "]",
        "block": "\n".join(block),
        "site": names["third"],
        "flag": f" --{key} @flag@" if case == "flag" else "",
    }
    files = filled({**_STARTED, "start.sh": _START}, names)
    return Sketch(files, case, "sh start.sh", names["label"])
