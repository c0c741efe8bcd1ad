"""gateway.toml: what is read, and that every error names its line and the next step."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.cli.gateway_first import example
from ossay.core.errors import ConfigError
from ossay.gateway.file import read_gateway
from ossay.gateway.lines import lines_of, shown

HASH = "a" * 64
WHOLE = f"""\
# What our shop runs.
[gateway]
port = 0
detectors = [
  "money",  # and nothing else
]
redact = ["email"]

[routes.support]
cheap = "scripted/drafter?wrong=0.2&slip=0.2"
validator = "scripted/validator"
strong = [
  "scripted/expert",
  "scripted/echo",
]
plans = {{ low = "cheap", high = "strong" }}
deadlines.draft = 5
audit_share = 0.05
check = {{ schema = "answer.json" }}

[keys.team-a]
sha256 = "{HASH}"
routes = ["support"]
budget_usd = 20
"""


def wrong(text):
    with pytest.raises(ConfigError) as caught:
        read_gateway(text, source="gateway.toml")
    return str(caught.value)


def test_what_is_written_and_what_is_not():
    file = read_gateway(WHOLE, source="gateway.toml")
    route = file.routes["support"]
    assert file.default == "support"  # the only one
    assert file.gateway.host == "127.0.0.1"
    assert file.gateway.detectors == ("money",)
    assert route.strongs == ("scripted/expert", "scripted/echo")
    assert route.route("support").plans.medium == "validate"
    assert route.route("support").deadlines.draft == 5.0
    assert file.keys["team-a"].budget_usd == 20.0


def test_one_strong_model_needs_no_list():
    file = read_gateway('routes.a = {cheap = "a/b", strong = "c/d"}', source="gateway.toml")
    assert file.routes["a"].strongs == ("c/d",)
    assert file.routes["a"].judge == "c/d"


def test_of_two_routes_none_is_the_default():
    text = '[routes]\na = {cheap = "a/b", strong = "c/d"}\nb = {cheap = "a/b", strong = "c/d"}\n'
    assert read_gateway(text, source="").default == ""
    assert read_gateway(f'gateway.default = "b"\n{text}', source="").default == "b"


def test_the_example_is_sound():
    file = read_gateway(example(), source="gateway.toml")
    assert list(file.routes) == ["support"]
    assert not file.keys


HINTS = [line for line in example().splitlines() if re.match(r"# \w+ = ", line)]


@pytest.mark.parametrize("hint", HINTS)
def test_what_the_example_has_as_a_comment_is_sound_too(hint):
    text = example().replace(hint, hint.removeprefix("# "))
    text = text.replace("# [keys", "[keys").replace('# sha256 = "…"', f'sha256 = "{HASH}"')
    if '"…"' not in hint:
        assert read_gateway(text.replace("# audit_share", "audit_share", 1), source="").routes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("audit_share = 0.05", "audit_share = 1.5",
         "18: routes.support.audit_share = 1.5 must be a share from 0 to 1"),
        ("audit_share = 0.05", "audit_share = nan",
         "18: routes.support.audit_share = nan must be a share from 0 to 1"),
        ("audit_share = 0.05", "audit_shar = 0.05",
         "18: unknown key 'audit_shar' in [routes.support]; did you mean 'audit_share'?"),
        ("port = 0", 'port = "80"', "3: gateway.port = '80' must be a port from 0 to 65535"),
        ("port = 0", "port = true", "3: gateway.port = true must be a port from 0 to 65535"),
        ('"money",', '"monney",', "5: no detector 'monney'; did you mean 'money'?"),
        ('"email"', '"e-mail"', "7: "),
        ("[gateway]\n", "[gatevay]\n", "2: unknown key 'gatevay'; did you mean 'gateway'?"),
        ('"scripted/echo"', '"echo"', "14: routes.support.strong[1] = 'echo' must be a model as "),
        ('"scripted/echo"', "7", "14: routes.support.strong[1] = 7 must be a model as provider"),
        ('low = "cheap"', 'low = "cheep"',
         "16: routes.support.plans.low = 'cheep' must be one of 'cheap', 'validate', "),
        ('high = "strong"', 'high = "cheap"', "16: route 'support': plans.high = 'cheap' would "),
        ("deadlines.draft = 5", "deadlines.draft = -5",
         "17: routes.support.deadlines.draft = -5 must be "),
        ("deadlines.draft = 5", 'retries = {kinds = ["refuse"]}',
         "17: routes.support.retries.kinds[0] = 'refuse' must be one of "),
        ("deadlines.draft = 5", "floor = {low = 'strong'}", "17: route 'support': floor guard a "),
        ("deadlines.draft = 5", "most_escapes = 0.0", "17: routes.support.most_escapes = 0.0 "),
        ('{ schema = "answer.json" }', '{ schema = "a", command = ["b"] }',
         "19: a check has either a schema or a command; give one of them"),
        ('{ schema = "answer.json" }', '{ command = ["b"], file = "../b" }',
         "19: routes.support.check.file = '../b' must be a plain file name"),
        ('{ schema = "answer.json" }', "{ command = [] }",
         "19: routes.support.check.command = [] must be a command and its arguments"),
        ('routes = ["support"]', 'routes = ["suport"]', "23: no route 'suport'; did you mean "),
        ("budget_usd = 20", "budget_usd = 0", "24: keys.team-a.budget_usd = 0 must be a number "),
        ("[keys.team-a]", '[keys."team a"]', "21: 'team a' is no name; take letters, digits"),
        ('"scripted/validator"', '"scripted/validator', "11: not valid TOML: "),
    ],
)  # fmt: skip
def test_an_error_names_the_line(old, new, said):
    assert WHOLE.count(old) == 1
    assert wrong(WHOLE.replace(old, new)).startswith(f"gateway.toml:{said}")


def test_what_is_missing():
    assert wrong("") == (
        "gateway.toml:1: the file has no 'routes', which must be tables with names, such as "
        "[routes.support]"
    )
    assert wrong("[routes]").startswith("gateway.toml:1: no route; write [routes.NAME]")
    assert wrong('\n[routes.a]\ncheap = "a/b"').startswith("gateway.toml:2: [routes.a] has no 's")
    assert wrong('[[routes]]\ncheap = "a/b"').startswith("gateway.toml:1: routes = [ … ] must be")
    assert wrong("routes.a = 3").startswith("gateway.toml:1: routes.a = 3 must be a table")


def test_a_key_in_the_place_of_its_hash_is_not_shown():
    said = wrong(WHOLE.replace(HASH, "sk-mine-and-nobody-elses"))
    assert said.startswith("gateway.toml:22: keys.team-a.sha256 = … must be the SHA-256")
    assert "mine" not in said


def test_two_names_for_one_key():
    said = wrong(f'{WHOLE}\n[keys.team-b]\nsha256 = "{HASH}"')
    assert said == "gateway.toml:27: keys 'team-a' and 'team-b' are the same key"


def test_a_model_has_one_breaker():
    other = '[routes.b]\ncheap = "scripted/echo"\nstrong = "scripted/expert"\n'
    assert read_gateway(WHOLE + other, source="").routes
    said = wrong(f"{WHOLE}{other}breaker = {{ trips_after = 2 }}")
    assert "has one breaker for all routes" in said


def test_what_cannot_be_redacted_upstream():
    text = WHOLE.replace('redact = ["email"]', "").replace("audit_share = 0.05",
                                                           "redact_upstream = true")  # fmt: skip
    assert "needs what to redact" in wrong(text)


@pytest.mark.parametrize("deep", ["a = " + "[" * 5000 + "]" * 5000, "a" + ".a" * 60 + " = 1"])
def test_a_deep_file(deep):
    assert "levels" in wrong(deep)


def test_lines_of_every_kind_of_value():
    text = (
        'a."b.c".d = 1  # x = 2\n'
        "text = '''\n[not.a.table]\n'''\n"
        'other = """\n\\"""" # "quotes"\n'
        "day = 1979-05-27 07:32:00\n"
        "list = [ # one\n  [1, 2], {x = 3},\n]\n"
        "[[many]]\nx = 1\n[[many]]\nx = 2\n"
    )
    tomllib.loads(text)
    lines = {shown(path): line for path, line in lines_of(text).items()}
    assert lines["a.'b.c'.d"] == 1
    assert lines["text"] == 2
    assert lines["other"] == 5
    assert lines["day"] == 7
    assert lines["list[0][1]"] == 9
    assert lines["list[1].x"] == 9
    assert lines["many.x"] == 12


KEYS = st.text("ab-_.é\"'= #]", min_size=1, max_size=5)
LEAVES = st.integers() | st.booleans() | st.text(max_size=8) | st.floats(allow_nan=False)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def quoted(text):
    return '"' + "".join(f"\\U{ord(one):08x}" for one in text) + '"'


def written(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(k)} = {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(written, value)) + " ]"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower()


def paths(value, path=()):
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return {path}.union(*(paths(one, (*path, key)) for key, one in inner))


@given(TREES)
def test_every_path_has_a_line(tree):
    text = "".join(f"{quoted(key)} = {written(value)}\n" for key, value in tree.items())
    assert set(lines_of(text)) | {()} == paths(tomllib.loads(text))
