"""The first steps: a file that works, and a key.

Knows nothing of serving.
"""

from __future__ import annotations

import hashlib
import secrets
import shlex
from importlib.resources import files
from pathlib import Path

import click
import msgspec

from ossay.core.errors import UsageError
from ossay.gateway.sense import is_name

_PREFIX = "osk-"
_BYTES = 32
# Drawn by `scripted/drafter` as right, with a slip, wrong.
_ASKED = ("Where is my parcel?", "When do you open?", "How long is the guarantee?")


def example() -> str:
    """The file's text."""
    return files("ossay.gateway").joinpath("example.toml").read_text(encoding="utf-8")


def write_example(path: Path) -> None:
    """Write it where there is no file yet, and say what to type. Raises `UsageError`."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(example())
    except FileExistsError:
        raise UsageError(
            f"{str(path)!r} is there already and stays as it is; give another: "
            "`ossay gateway --example OTHER.toml`"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error
    click.echo(_NEXT.format(
        file=shlex.quote(str(path)),
        log=shlex.quote(str(path.parent / "decisions.db")),
        asked=" ".join(f'"{one}"' for one in _ASKED),
    ))  # fmt: skip


_NEXT = """\
Wrote {file}: scripted models, so it needs no keys. Start it:

    ossay gateway {file}

In a second terminal, ask three questions. The first draft is good, the second has a slip that the
validator repairs, the third is wrong: it is rejected, and the strong model answers.

    for q in {asked}; do
      curl -si http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\
        -d "{{\\"model\\": \\"support\\", \\"messages\\": [{{\\"role\\": \\"user\\", \\"content\\": \\"$q\\"}}]}}" \\
        | grep -e x-ossay -e content\\"; echo
    done

Then see what was decided and why, and that nobody has changed it since:

    ossay log show {log}
    ossay log verify {log}"""  # noqa: E501  lines to be typed


def print_key(name: str, file: Path | None, *, as_json: bool) -> None:
    """Make a key and print it, the only time, with the lines that let it in.

    Raises:
        UsageError: a name that is none, or that the file has already.
    """
    if not is_name(name):
        raise UsageError(f"--new-key {name!r}: take letters, digits, '.', '_' and '-', 64 at most")
    if file is not None:
        from ossay.cli.gateway_source import Source

        if name in Source(file).file.keys:
            raise UsageError(f"{str(file)!r} has a key {name!r} already; take another name")
    key = _PREFIX + secrets.token_urlsafe(_BYTES)
    digest = hashlib.sha256(key.encode()).hexdigest()
    table = f"keys.{name}" if "." not in name else f'keys."{name}"'
    lines = f'[{table}]\nsha256 = "{digest}"'
    if as_json:
        told = {"name": name, "key": key, "sha256": digest, "toml": lines}
        click.echo(msgspec.json.encode(told))
        return
    where = str(file) if file is not None else "gateway.toml"
    click.echo(
        f"The key, shown this once; clients send it as 'Authorization: Bearer KEY':\n\n{key}"
    )
    click.echo(f"\nLines for {where}, which holds its hash alone; then start the gateway again:\n")
    click.echo(lines)
