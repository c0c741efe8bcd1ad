"""Where things live."""

from pathlib import Path

from ossay.core.settings import settings_from


def test_defaults_follow_the_home(tmp_path):
    settings = settings_from({"HOME": "/home/ann"}, tmp_path)
    assert settings.home == Path("/home/ann/.local/share/ossay")
    assert settings.ledger == "/home/ann/.local/share/ossay/ledger.sqlite"
    assert settings.models == Path("/home/ann/.local/share/ossay/models")
    assert settings.config is None


def test_variables_win(tmp_path):
    (tmp_path / "ossay.toml").touch()
    environ = {"HOME": "/h", "OSSAY_HOME": "/data", "OSSAY_LEDGER": "postgresql://db/x"}
    settings = settings_from(environ, tmp_path)
    assert settings.home == Path("/data")
    assert settings.ledger == "postgresql://db/x"
    assert settings.config == tmp_path / "ossay.toml"
