"""`ossay doctor`: what is found, what it says to do, and when a campaign can run."""

import os
from pathlib import Path

import msgspec
import pytest

from ossay.agent.sandbox.find import Probed
from ossay.campaign.doctor import Finding, _sandbox, examine, fit
from ossay.core.settings import Settings, settings_from
from ossay.models.catalogue import CATALOGUE
from ossay.store.ledger import open_ledger


def at(home: Path, **environ: str) -> dict[str, Finding]:
    """What is found with this home and environment, by name."""
    environ = {"OSSAY_HOME": str(home), "HOME": str(home), "PATH": os.environ["PATH"], **environ}
    return {found.name: found for found in examine(settings_from(environ, home), environ)}


def test_a_fresh_home_is_fit_if_a_sandbox_works(tmp_path):
    found = at(tmp_path / "new")
    assert found["python"].state == "ok"
    assert found["ledger"] == Finding(
        "ledger", "ok", f"none yet; the first run makes {tmp_path / 'new' / 'ledger.sqlite'}"
    )
    assert not (tmp_path / "new").exists()  # it only looks
    assert found["smollm2-135m"].next_step == "ossay pull smollm2-135m"
    assert found["vocabulary"].next_step == "ossay pull vocab"
    assert fit(list(found.values())) is (found["sandbox"].state != "missing")


def test_a_ledger_is_counted(tmp_path):
    open_ledger(str(tmp_path / "ledger.sqlite"), create=True).close()
    assert at(tmp_path)["ledger"].detail.endswith("0 campaigns, 0 runs")


def test_a_ledger_that_is_none_is_essential(tmp_path):
    (tmp_path / "ledger.sqlite").write_text("not a database at all, but long enough to be read")
    found = at(tmp_path)
    assert found["ledger"].state == "missing"
    assert not fit(list(found.values()))


def test_the_password_of_a_ledger_is_not_shown(tmp_path):
    url = "postgresql://me:hunter2@127.0.0.1:9/x"
    found = at(tmp_path, OSSAY_LEDGER=url)["ledger"]
    assert found.state == "missing"
    assert "hunter2" not in msgspec.json.encode(found).decode()


def test_a_broken_config_is_essential(tmp_path):
    (tmp_path / "ossay.toml").write_text("[provider.mine]\n")
    found = at(tmp_path)
    assert "did you mean 'providers'" in found["config"].detail
    assert not fit(list(found.values()))


def test_keys_are_named_and_never_shown(tmp_path):
    found = at(tmp_path, GROQ_API_KEY="gsk-very-secret", OPENAI_API_KEY="")
    assert "set: GROQ_API_KEY; not set: " in found["API keys"].detail
    assert "OPENAI_API_KEY" in found["API keys"].detail
    assert "very-secret" not in msgspec.json.encode(list(found.values())).decode()


def test_without_keys_a_campaign_can_still_run(tmp_path):
    found = at(tmp_path)["API keys"]
    assert (found.state, found.next_step) == ("warn", "for models behind endpoints: export NAME=…")


def test_programs_are_looked_for_on_the_path_given(tmp_path):
    found = at(tmp_path, PATH=str(tmp_path))
    assert found["C++ compiler"].state == "warn"
    assert found["C++ compiler"].next_step == "install g++"
    (tmp_path / "g++").write_text("#!/bin/sh\n")
    (tmp_path / "g++").chmod(0o755)
    assert at(tmp_path, PATH=str(tmp_path))["C++ compiler"].state == "ok"


def test_the_engine_says_what_it_computes_with(tmp_path):
    from ossay.engine.kernels import cpu

    found = at(tmp_path)["engine"]
    if cpu.available():
        assert found == Finding(
            "engine", "ok", f"fast kernels, computing with {cpu.instruction_set()}"
        )
    else:
        assert (found.state, found.next_step) == ("warn", cpu.missing())
        assert "C++20 compiler" in found.next_step


def test_a_damaged_model_says_how_to_mend_it(tmp_path):
    settings = settings_from({"OSSAY_HOME": str(tmp_path)}, tmp_path)
    name = "smollm2-135m"
    settings.models.mkdir()
    CATALOGUE[name].place(name, settings).write_bytes(b"GGUF")
    found = at(tmp_path)[name]
    assert (found.state, found.next_step) == ("missing", "ossay pull smollm2-135m")
    assert fit([found])  # other models can be measured


def test_extras_come_from_the_distribution_with_versions(tmp_path):
    found = at(tmp_path)
    assert "xllamacpp" in found["extra local"].detail
    assert "extra dev" not in found


@pytest.mark.parametrize(
    ("probed", "state"),
    [
        ([Probed("bubblewrap", True, "python 3.11.7, pytest"), Probed("docker", False, "x")], "ok"),
        ([Probed("bubblewrap", False, "x"), Probed("docker", True, "python 3, pytest")], "ok"),
        ([Probed("bubblewrap", True, "python 3.11.7, no pytest: install it")], "warn"),
        ([Probed("bubblewrap", False, "bwrap is not on PATH")], "missing"),
    ],
)
def test_one_sandbox_is_enough(probed, state):
    found = _sandbox(probed)
    assert found.state == state
    assert fit([found]) is (state != "missing")
    assert all(kind.detail in found.detail for kind in probed)


def test_a_home_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")  # a folder can't be made inside a file, whoever asks
    found = at_settings(Settings(tmp_path / "file" / "home", str(tmp_path / "file" / "l"), None))
    assert found["ledger"].state == "missing"
    assert "OSSAY_HOME" in found["ledger"].next_step


def at_settings(settings: Settings) -> dict[str, Finding]:
    return {found.name: found for found in examine(settings, {"PATH": os.environ["PATH"]})}
