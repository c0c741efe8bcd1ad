"""Ledgers to test with: SQLite always, PostgreSQL from the server programs of this machine."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossay.core.records import CampaignRecord, RunKey
from ossay.core.types import ModelCard


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket folder of a running server; no TCP, no durability, gone afterwards."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not programs:
        missing = "no PostgreSQL server programs (apt-get install postgresql)"
        if "postgres" in os.environ.get("OSSAY_REQUIRE", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    home = Path(tempfile.mkdtemp(prefix="ossay-pg-", dir=memory))
    # The server refuses to run as root; and it must not outlive us.
    run = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(home, user.pw_uid, user.pw_gid)
        run += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    data = home / "data"
    subprocess.run(
        [*run, f"{programs[-1]}/initdb", "-D", data, "-U", "ossay", "-A", "trust", "-E", "UTF8",
         "--locale=C", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd=home,
    )  # fmt: skip
    settings = {"listen_addresses": "", "fsync": "off", "full_page_writes": "off"}
    with (home.parent / f"{home.name}.log").open("wb") as log:
        server = subprocess.Popen(
            [*run, f"{programs[-1]}/postgres", "-D", data, "-k", home]
            + [word for key, value in settings.items() for word in ("-c", f"{key}={value}")],
            stdout=log, stderr=log, cwd=home,
        )  # fmt: skip
    try:
        _await_server(programs[-1], home, server)
        yield str(home)
    finally:
        server.send_signal(3)  # SIGQUIT: stop at once, what it holds is thrown away
        server.wait(30)
        shutil.rmtree(home)
        (home.parent / f"{home.name}.log").unlink()


def _await_server(programs: str, home: Path, server: subprocess.Popen[bytes]) -> None:
    asked = [f"{programs}/pg_isready", "-q", "-h", str(home)]
    for _ in range(300):
        if subprocess.run(asked, check=False).returncode == 0:
            return
        assert server.poll() is None, "the PostgreSQL server did not start"
        time.sleep(0.1)
    pytest.fail("the PostgreSQL server is not ready after 30 s")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a ledger that is not there yet, on each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def second_url(request: pytest.FixtureRequest, ledger_url: str, tmp_path: Path) -> str:
    """The address of another ledger that is not there yet, on the same kind of database."""
    if "://" in ledger_url:
        return new_database(request.getfixturevalue("postgres"))
    return str(tmp_path / "second.sqlite")


def new_database(socket: str) -> str:
    """A schema: to a ledger it is a database of its own, and no 7 MB are copied for it."""
    import psycopg

    name = f"ossay_{uuid.uuid4().hex}"
    with psycopg.connect(host=socket, user="ossay", dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {name}")
    return f"postgresql://ossay@/postgres?host={socket}&options=-csearch_path%3D{name}"


@pytest.fixture
def header() -> Callable[[str], CampaignRecord]:
    """Makes the header of a campaign of that name."""
    return lambda name: CampaignRecord(
        name, 1_000.0, f"ossay run {name}", "", (ModelCard("lab/one"),), {"sums": "1"}, {}, ()
    )


@pytest.fixture
def planned() -> Callable[[str, int], list[tuple[str, RunKey]]]:
    """Makes ids and keys of so many runs of that campaign."""
    return lambda name, count: [
        (f"{name}-{index:04}", RunKey("lab/one", "sums", "add", index, 1)) for index in range(count)
    ]
