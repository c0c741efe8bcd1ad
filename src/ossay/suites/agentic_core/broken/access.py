"""A project that decides who may do what: roles, path patterns, deny before allow."""

from __future__ import annotations

import random
from typing import Any

from ossay.suites.agentic_core.common import Vocabulary, fill
from ossay.suites.agentic_core.project import Bug, Project

_README = """
    # $name

    Decides who may do what in the $service service.

    - A rule is `(effect, role, action, path)`; the effect is `"allow"` or `"deny"`.
    - A rule applies when the user has its role, its action is the action asked for or `*`, and its
      path matches. Paths are parts separated by `/`; in a rule `*` stands for exactly one part,
      and `**` as the last part for any number of further parts, none included. Otherwise parts
      must be equal, and all of them must match.
    - A role may include other roles (`INCLUDES`), which may include others again: the user has
      all of them.
    - If any rule that applies denies, the answer is no. Else it is yes if one allows, else no.
    - `$may(user_roles, action, path, rules)` gives the answer; `$visible(user_roles, paths, rules)`
      keeps the paths that the user may `read`, in the order given.
"""

_ROLES = '''
    """Which roles include which."""

    INCLUDES = {
        "$admin": ["$editor", "$auditor"],
        "$editor": ["$writer"],
        "$writer": ["$guest"],
        "$auditor": ["$guest"],
    }


    def all_roles(roles):
        """Return the given roles and all that they include, as a set."""
        found = set()
        open_roles = list(roles)
        while open_roles:
            role = open_roles.pop()
            if role not in found:
                found.add(role)
                open_roles.extend(INCLUDES.get(role, []))
        return found
'''

_PATTERNS = '''
    """Matching paths."""


    def $matches(pattern, path):
        """Whether a path fits the pattern of a rule."""
        wanted = pattern.strip("/").split("/")
        parts = path.strip("/").split("/")
        if wanted[-1] == "**":
            wanted = wanted[:-1]
            parts = parts[: len(wanted)]
        if len(wanted) != len(parts):
            return False
        return all(want in ("*", part) for want, part in zip(wanted, parts))
'''

_DECIDE = '''
    """Deciding. A rule is (effect, role, action, path)."""

    from $name.patterns import $matches
    from $name.roles import all_roles


    def effects(user_roles, action, path, rules):
        """Return the effects of the rules that apply, as a set."""
        roles = all_roles(user_roles)
        return {
            effect
            for effect, role, rule_action, pattern in rules
            if role in roles and rule_action in (action, "*") and $matches(pattern, path)
        }


    def $may(user_roles, action, path, rules):
        """Whether the user may do that: a deny that applies beats every allow."""
        found = effects(user_roles, action, path, rules)
        return "allow" in found and "deny" not in found


    def $visible(user_roles, paths, rules):
        """Return the paths that the user may read, in the order given."""
        return [path for path in paths if $may(user_roles, "read", path, rules)]
'''

_TESTS = """
    from $name.decide import $may, $visible
    from $name.patterns import $matches

    RULES = [
        ("allow", "$guest", "read", "/$a/*"),
        ("allow", "$writer", "*", "/$a/drafts/**"),
        ("deny", "$writer", "delete", "/$a/drafts/*"),
        ("allow", "$auditor", "read", "/$b/**"),
        ("deny", "$guest", "read", "/$a/secret"),
    ]


    def test_a_star_is_one_part():
        assert $matches("/$a/*", "/$a/$b") == <?>
        assert $matches("/$a/*", "/$a") == <?>
        assert $matches("/$a/*", "/$a/$b/1") == <?>
        assert $matches("/*/$b", "/$a/$b") == <?>


    def test_two_stars_are_any_number():
        assert $matches("/$a/**", "/$a/$b/1") == <?>
        assert $matches("/$a/**", "/$a") == <?>
        assert $matches("/$a/**", "/$b/$a") == <?>
        assert $matches("/$a/$b/**", "/$a") == <?>


    def test_parts_must_be_equal():
        assert $matches("/$a", "/${a}s") == <?>
        assert $matches("/$a/$b", "/$a") == <?>


    def test_own_role():
        assert $may(["$guest"], "read", "/$a/1", RULES) is True
        assert $may(["$guest"], "write", "/$a/1", RULES) is False
        assert $may([], "read", "/$a/1", RULES) is False


    def test_included_roles():
        assert $may(["$writer"], "read", "/$a/1", RULES) is True
        assert $may(["$editor"], "read", "/$a/1", RULES) is True
        assert $may(["$admin"], "write", "/$a/drafts/1/2", RULES) is True


    def test_deny_beats_allow():
        assert $may(["$writer"], "write", "/$a/drafts/1", RULES) is True
        assert $may(["$writer"], "delete", "/$a/drafts/1", RULES) is False
        assert $may(["$guest"], "read", "/$a/secret", RULES) is False


    def test_visible():
        paths = ["/$b/x", "/$a/2", "/$a/secret", "/$a/1"]
        assert $visible(["$guest"], paths, RULES) == ["/$a/2", "/$a/1"]
        assert $visible(["$auditor"], paths, RULES) == ["/$b/x", "/$a/2", "/$a/1"]
"""


def build(rng: random.Random) -> Project:
    """Draw one such project."""
    words = Vocabulary(rng)
    values: dict[str, Any] = {
        "name": words.draw("package"),
        "service": words.draw("service"),
        "a": words.draw("product"),
        "b": words.draw("animal"),
        "admin": rng.choice(("admin", "owner", "root")),
        "editor": rng.choice(("editor", "maintainer", "publisher")),
        "writer": rng.choice(("writer", "author", "contributor")),
        "auditor": rng.choice(("auditor", "inspector", "reviewer")),
        "guest": rng.choice(("guest", "visitor", "member")),
        "may": rng.choice(("may", "is_allowed", "can")),
        "visible": rng.choice(("visible", "readable", "shown_to")),
        "matches": rng.choice(("matches", "fits", "covers")),
    }
    name = values["name"]
    roles, patterns, decide = (f"{name}/{m}.py" for m in ("roles", "patterns", "decide"))
    return Project(
        name=name,
        readme=fill(_README, **values),
        code={
            f"{name}/__init__.py": f'"""Permissions of the {values["service"]} service."""\n',
            roles: fill(_ROLES, **values),
            patterns: fill(_PATTERNS, **values),
            decide: fill(_DECIDE, **values),
        },
        tests={"tests/test_decide.py": fill(_TESTS, **values)},
        setup=(
            f"from {name}.decide import {values['may']}, {values['visible']}\n"
            f"from {name}.patterns import {values['matches']}\n"
        ),
        probes=_probes(rng, values),
        bugs=(
            Bug(
                roles,
                "open_roles.extend(INCLUDES.get(role, []))",
                "found.update(INCLUDES.get(role, []))",
            ),
            Bug(patterns, "len(wanted) != len(parts)", "len(wanted) > len(parts)"),
            Bug(patterns, 'want in ("*", part)', 'want == "*" or part.startswith(want)'),
            Bug(
                patterns,
                "wanted = wanted[:-1]\n        parts = parts[: len(wanted)]",
                "parts = parts[: len(wanted)]",
            ),
            Bug(patterns, 'if wanted[-1] == "**":', 'if wanted[-1].startswith("*"):'),
            Bug(decide, '"allow" in found and "deny" not in found', '"allow" in found'),
            Bug(decide, 'rule_action in (action, "*")', "rule_action == action"),
            Bug(decide, "roles = all_roles(user_roles)", "roles = set(user_roles)"),
        ),
    )


def _probes(rng: random.Random, values: dict[str, Any]) -> tuple[str, ...]:
    may, visible, matches = (values[key] for key in ("may", "visible", "matches"))
    roles = [values[key] for key in ("admin", "editor", "writer", "auditor", "guest")]
    pairs = [
        ("/x/*", "/x/y"), ("/x/*", "/x"), ("/x/*", "/x/y/z"), ("/x/**", "/x"), ("/x/**", "/x/y"),
        ("/x/**", "/x/y/z"), ("/x/y", "/x/yes"), ("/x/y", "/x"), ("/x", "/x/y"), ("/*/y", "/x/y"),
        ("/*/y/**", "/q/y/1/2"), ("/x/y/**", "/x"), ("/x/y/**", "/x/z/y"), ("/*/*", "/a/b"),
        ("/x/doc", "/x/docs"), ("/doc/*", "/docs/1"), ("/*/1", "/x/12"), ("/x/*", "/y/x/z"),
        ("/*", "/x/y"), ("/x/*/y", "/x/q/y"), ("/x/*/y", "/x/q/z"),
    ]  # fmt: skip
    probes = [f"{matches}({pattern!r}, {path!r})" for pattern, path in pairs]
    parts = ["docs", "doc", "img", "1", "2"]
    for _ in range(8):
        rules = [
            (
                rng.choice(("allow", "allow", "deny")),
                rng.choice(roles),
                rng.choice(("read", "write", "*")),
                "/"
                + "/".join(rng.choice([*parts, "*"]) for _ in range(rng.randint(1, 2)))
                + rng.choice(("", "", "/**")),
            )
            for _ in range(rng.randint(3, 9))
        ]
        paths = ["/" + "/".join(rng.choices(parts, k=rng.randint(1, 3))) for _ in range(8)]
        user = rng.sample(roles, rng.randint(1, 2))
        probes.append(f"{visible}({user!r}, {paths!r}, {rules!r})")
        probes += [f"{may}({user!r}, 'write', {path!r}, {rules!r})" for path in paths[:4]]
    wide = [("allow", role, "read", f"/{role}") for role in roles]
    probes += [f"{visible}([{role!r}], {['/' + r for r in roles]}, {wide!r})" for role in roles]
    rules = [("allow", roles[4], "*", "/docs/**"), ("deny", roles[2], "write", "/docs/1")]
    for role in roles:
        probes += [f"{may}([{role!r}], {a!r}, '/docs/1', {rules!r})" for a in ("read", "write")]
    return tuple(probes)
