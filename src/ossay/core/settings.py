"""Where things live on this machine, from the environment.

| variable | meaning | default |
|---|---|---|
| OSSAY_HOME | ledger, pulled models and tools | $XDG_DATA_HOME/ossay or ~/.local/share/ossay |
| OSSAY_CONFIG | the user's ossay.toml | ./ossay.toml, then ~/.config/ossay/ossay.toml |
| OSSAY_LEDGER | path or database URL of the ledger | $OSSAY_HOME/ledger.sqlite |

Knows nothing of what the files contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class Settings(Struct, frozen=True):
    """Places on this machine. `config` is None where the user has no ossay.toml."""

    home: Path
    ledger: str
    config: Path | None

    @property
    def models(self) -> Path:
        """Where `ossay pull` puts model files."""
        return self.home / "models"


def settings_from(environ: Mapping[str, str], cwd: Path) -> Settings:
    """Work out the places from an environment and a working directory."""
    user = Path(environ.get("HOME") or "~").expanduser()
    data = Path(environ.get("XDG_DATA_HOME") or user / ".local" / "share")
    home = Path(environ.get("OSSAY_HOME") or data / "ossay")
    config_home = Path(environ.get("XDG_CONFIG_HOME") or user / ".config")
    config: Path | None
    if environ.get("OSSAY_CONFIG"):
        config = Path(environ["OSSAY_CONFIG"])
    else:
        places = (cwd / "ossay.toml", config_home / "ossay" / "ossay.toml")
        config = next((place for place in places if place.is_file()), None)
    return Settings(home, environ.get("OSSAY_LEDGER") or str(home / "ledger.sqlite"), config)
