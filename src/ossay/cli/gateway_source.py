"""gateway.toml and the files that it names, read; what is wrong with one names the file's line.

Knows nothing of models.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct

from ossay.core.errors import ConfigError, UsageError
from ossay.gateway.decode import Document
from ossay.gateway.file import GatewayFile, RouteTable
from ossay.gateway.lines import Path as Place
from ossay.gateway.lines import shown
from ossay.gateway.sense import check_sense

if TYPE_CHECKING:
    from ossay.router.policy import Policy

_FROM_ENVIRONMENT = "env:"
_MOST_BYTES = 32 << 20  # of a file that is named; a policy has 100 kB
_MOST_FILES = 1_000  # beside a draft that is checked


class Beside(Struct, frozen=True):
    """What a route's own files hold: its policy, and what its check is made of.

    `files` lie beside a draft that a command checks, by their path.
    """

    policy: Policy | None = None
    schema: object = None
    files: Mapping[str, bytes] = {}
    check: bytes = b""


class Source:
    """The file, read.

    Attributes:
        path: Where it is.
        file: What it says.
    """

    def __init__(self, path: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.path = path
        self._environ = environ
        try:
            text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
        except FileNotFoundError:
            raise UsageError(
                f"no file {str(path)!r}; `ossay gateway --example {path.name}` writes one"
            ) from None
        except UnicodeDecodeError as error:
            raise UsageError(
                f"{str(path)!r} is no UTF-8 at byte {error.start}; save it as UTF-8"
            ) from error
        except OSError as error:
            raise UsageError(f"cannot read {str(path)!r}: {error.strerror}") from error
        self._document = Document(text, source=str(path))
        self.file = self._document.decode(GatewayFile)
        check_sense(self._document, self.file)

    @property
    def log(self) -> str:
        """The decision log's URL, or its path from where this process is."""
        said = self.file.gateway.log
        if said.startswith(_FROM_ENVIRONMENT):
            name = said.removeprefix(_FROM_ENVIRONMENT)
            said = self._environ.get(name, "")
            if not said:
                self.fail(("gateway", "log"), f"gateway.log: {name!r} is not set; set it to a URL")
        return said if "://" in said else str(self.path.parent / Path(said).expanduser())

    @property
    def shown_log(self) -> str:
        """The log's place without a password."""
        from ossay.store.address import parse_address

        log = self.log
        with self.blaming(("gateway", "log")):
            return str(parse_address(log))

    def address(self, given: str | None = None) -> str:
        """Where to listen: as given, else the file's.

        Raises:
            UsageError: others reach it, and nobody needs a key.
        """
        from ossay.server.origin import is_loopback

        host = self.file.gateway.host if given is None else given
        if not (self.file.keys or is_loopback(host.partition("%")[0])):
            said = (
                f"host {host!r} is reached from other machines, and {str(self.path)!r} has no "
                "keys: `ossay gateway --new-key NAME` makes one and the lines that let it in"
            )
            if given is not None:
                raise UsageError(said)
            self.fail(("gateway", "host"), said)
        return host

    def fail(self, place: Place, said: str) -> NoReturn:
        """Raise `ConfigError` that names the line of a place in the file."""
        self._document.fail(place, said)

    @contextmanager
    def blaming(self, place: Place, said: str = "") -> Iterator[None]:
        """Raise what the user can mend as `ConfigError` that names that place's line."""
        try:
            yield
        except UsageError as error:
            self.fail(place, f"{shown(place)}{said}: {error}")

    def beside(self, name: str) -> Beside:
        """Read the files that a route names. Raises `ConfigError`."""
        table = self.file.routes[name]
        policy = self._policy(name, table)
        schema, files, check = None, {}, b""
        if table.check is not None and table.check.schema is not None:
            place: Place = ("routes", name, "check", "schema")
            check = self._read(place, table.check.schema)
            try:
                schema = json.loads(check)
            except (ValueError, RecursionError) as error:
                self.fail(place, f"{table.check.schema!r} is no JSON: {error}")
        elif table.check is not None and table.check.files is not None:
            files = self._files(("routes", name, "check", "files"), table.check.files)
            check = b"\0".join(part for key in files for part in (key.encode(), files[key]))
        return Beside(policy, schema, files, check)

    def _policy(self, name: str, table: RouteTable) -> Policy | None:
        if table.policy is None:
            return None
        from ossay.router.policy_file import decode_policy

        place: Place = ("routes", name, "policy")
        data = self._read(place, table.policy)
        try:
            return decode_policy(data, source=table.policy)
        except ConfigError as error:
            self.fail(place, str(error))

    def _read(self, place: Place, name: str) -> bytes:
        path = self.path.parent / name
        try:
            if path.stat().st_size > _MOST_BYTES:
                self.fail(place, f"{shown(place)} = {name!r} is larger than {_MOST_BYTES:,} bytes")
            return path.read_bytes()
        except OSError as error:
            self.fail(place, f"{shown(place)} = {name!r}: {error.strerror}: {str(path)!r}")

    def _files(self, place: Place, name: str) -> dict[str, bytes]:
        folder = self.path.parent / name
        if not folder.is_dir():
            self.fail(place, f"{shown(place)} = {name!r}: no such folder: {str(folder)!r}")
        found: dict[str, bytes] = {}
        left = _MOST_BYTES
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            left -= path.stat().st_size
            if left < 0 or len(found) >= _MOST_FILES:
                self.fail(
                    place,
                    f"{shown(place)} = {name!r} holds more than {_MOST_FILES:,} files or "
                    f"{_MOST_BYTES:,} bytes; give a folder with the checks alone",
                )
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
        return found
