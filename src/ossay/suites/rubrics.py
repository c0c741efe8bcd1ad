"""The rubrics that come with the suites, and a folder of the user's own.

One TOML file a rubric, beside the suite's tasks. Knows nothing of raters or scores.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ossay.core.errors import ConfigError
from ossay.core.rubric import Rubric, decode_rubric

_SHIPPED = Path(__file__).parent / "coding" / "rubrics"


def rubric_of(task: str) -> Rubric | None:
    """The shipped rubric of a task, None where there is none."""
    return _shipped().get(task)


def read_rubrics(folder: Path | None = None) -> dict[str, Rubric]:
    """Task -> rubric: the shipped ones, those of `folder` in their place.

    Raises:
        ConfigError: a file of the folder is no rubric, or two are of one task.
    """
    return {**_shipped(), **({} if folder is None else _read(folder))}


@cache
def _shipped() -> dict[str, Rubric]:
    return _read(_SHIPPED)


def _read(folder: Path) -> dict[str, Rubric]:
    if not folder.is_dir():
        raise ConfigError(f"no folder of rubrics at {str(folder)!r}; give one with *.toml files")
    found: dict[str, Rubric] = {}
    files: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read {str(path)!r}: {error}") from error
        rubric = decode_rubric(text, source=path.name)
        if rubric.task in found:
            raise ConfigError(
                f"{path.name!r} and {files[rubric.task]!r} are both of task {rubric.task!r}; "
                "keep one of them in the folder"
            )
        found[rubric.task], files[rubric.task] = rubric, path.name
    return found
