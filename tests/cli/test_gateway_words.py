"""What `ossay gateway` says of a file, and refuses, without serving anything."""

import json

import pytest

SMALL = '[routes.support]\ncheap = "scripted/drafter"\nstrong = "scripted/expert"\n'
JUDGED = f'{SMALL}validator = "scripted/validator"\n'


@pytest.fixture
def check(ossay, tmp_path):
    """(text) -> what --check --json says of it."""

    def run(text):
        (tmp_path / "gateway.toml").write_text(text)
        done = ossay("gateway", "gateway.toml", "--check", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def refused(ossay, tmp_path):
    """(text, words) -> why."""

    def run(text, *words):
        (tmp_path / "gateway.toml").write_text(text)
        done = ossay("gateway", *(words or ("gateway.toml", "--check")), cwd=tmp_path)
        assert done.returncode == 2
        assert done.stdout == ""
        return done.stderr

    return run


def test_what_each_criticality_comes_to(check):
    (route,) = check(JUDGED)["routes"]
    assert route["does"]["low"].startswith("cheap: scripted/drafter answers at once")
    assert route["does"]["medium"].startswith("validate: scripted/drafter drafts")
    assert route["does"]["high"].endswith("before its row is on disk")


def test_below_the_routes_own_criticality_nothing_comes(check):
    (route,) = check(f'{JUDGED}criticality = "medium"')["routes"]
    assert list(route["does"]) == ["medium", "high"]


def test_without_anybody_to_validate_the_strong_model_answers(check):
    (route,) = check(SMALL)["routes"]
    assert route["does"]["medium"] == "strong: scripted/expert answers; nobody is there to validate"


def test_what_validating_may_save(check, tmp_path):
    (tmp_path / "ossay.toml").write_text("""
        [providers.here]
        base_url = "http://127.0.0.1:9/v1"
        [providers.here.prices]
        small = { input = 0.1, output = 0.4, date = "2026-01-01", source = "made up" }
        large = { input = 10, output = 40, date = "2026-01-01", source = "made up" }
    """)
    text = '[routes.a]\ncheap = "here/small"\nvalidator = "here/small"\nstrong = "here/large"\n'
    (route,) = check(text)["routes"]
    assert 0.9 < route["break_even"] < 1.0
    (route,) = check(text.replace('validator = "here/small', 'validator = "here/large'))["routes"]
    assert route["break_even"] < 0.25
    assert route["pins"]["cheap"].startswith("here/small#")


def test_in_words(ossay, tmp_path):
    (tmp_path / "gateway.toml").write_text(f'[gateway]\nlog = "postgresql://me:pw@h/d"\n{JUDGED}')
    done = ossay("gateway", "gateway.toml", "--check", cwd=tmp_path)
    assert "no keys: this machine alone" in done.stdout
    assert "route support, the default" in done.stdout
    assert "--gateway gateway.toml --route support" in done.stdout
    assert "pw" not in done.stdout


def test_nothing_is_written(check, tmp_path):
    check(JUDGED)
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.toml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALL.replace("drafter", "reference"), "gateway.toml:2: routes.support.cheap = 'scripted/"
         "reference': it plays in campaigns only"),
        (SMALL.replace("drafter", "drafter?wrng=1"), "gateway.toml:2: routes.support.cheap = "),
        (SMALL.replace("scripted/expert", "grok/x"), "gateway.toml:3: routes.support.strong = "),
        (SMALL.replace("scripted/expert", "openai/x"), "gateway.toml:3: routes.support.strong = "),
        (f'{SMALL}policy = "none.json"', "gateway.toml:4: routes.support.policy = 'none.json': No"),
        (f'{SMALL}policy = "gateway.toml"', "gateway.toml:4: gateway.toml: not a policy"),
        (f'{SMALL}check = {{ schema = "gateway.toml" }}', "gateway.toml:4: 'gateway.toml' is no J"),
        (f'{SMALL}check = {{ command = ["x"], files = "no" }}', "gateway.toml:4: routes.support.c"),
        ('[gateway]\nlog = "env:NOWHERE"\n' + SMALL, "gateway.toml:2: gateway.log: 'NOWHERE' is n"),
        ('[gateway]\nlog = "mysql://h/d"\n' + SMALL, "gateway.toml:2: gateway.log: no l"),
        ("[routes.a\n", "gateway.toml:1: not valid TOML"),
        ('[gateway]\nhost = "0.0.0.0"\n' + SMALL, "gateway.toml:2: host '0.0.0.0' is reached from"),
        (f'{SMALL}embeddings = "scripted/expert"', "gateway.toml:4: routes.support.embeddings = "),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_named_with_its_line(refused, text, said):
    assert refused(text).startswith(said)


def test_a_file_in_whatever_an_editor_makes_of_it(ossay, tmp_path):
    words = ("gateway", "gateway.toml", "--check")
    file = tmp_path / "gateway.toml"
    file.write_text(SMALL.replace("\n", "\r\n"), encoding="utf-8-sig")
    assert "is sound" in ossay(*words, cwd=tmp_path).stdout
    file.write_bytes(b"# caf\xe9\n" + SMALL.encode())
    assert "no UTF-8 at byte 5; save it as UTF-8" in ossay(*words, cwd=tmp_path).stderr


def test_a_schema_that_would_not_be_checked(refused, tmp_path):
    (tmp_path / "s.json").write_text('{"pattern": "(a+)+"}')
    said = refused(f'{SMALL}check = {{ schema = "s.json" }}')
    assert said.startswith("gateway.toml:4: routes.support.check.schema: ")
    assert "pattern" in said


def test_words_that_make_no_command(refused):
    assert "--example" in refused("", "--json")
    assert "two things" in refused(SMALL, "gateway.toml", "--check", "--new-key", "a")
    assert "--new-key 'a b'" in refused("", "--new-key", "a b")
    assert "two files" in refused("", "gateway.toml", "--example", "other.toml")
    assert "--example none.toml" in refused("", "none.toml")
    taken = f'{SMALL}[keys.a]\nsha256 = "{"0" * 64}"\n'
    assert "has a key 'a' already" in refused(taken, "gateway.toml", "--new-key", "a")


def test_a_new_key_in_words(ossay, tmp_path):
    done = ossay("gateway", "--new-key", "team.a", cwd=tmp_path)
    assert done.stdout.count("osk-") == 1
    assert '[keys."team.a"]\nsha256 = "' in done.stdout
