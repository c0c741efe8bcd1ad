"""The kinds of claims and their keys, for whoever writes a claims file.

Taken from the Structs that read them, so that it can't be out of date. Knows nothing of files.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

_EVERY = ("id", "says", "source", "kind", "note")


def kinds_lines(width: int) -> Iterator[str]:
    """Yield what `ossay claims --kinds` prints, in lines of at most `width`."""
    import msgspec

    from ossay.claims.kinds import KINDS

    yield f"Every claim: {', '.join(_EVERY[:4])}, and a note if you like."
    for name in KINDS.names():
        type_ = KINDS.get(name)
        fields = [one for one in msgspec.structs.fields(type_) if one.name not in _EVERY]
        needed = [one.name for one in fields if one.required]
        optional = [one.name for one in fields if not one.required]
        yield ""
        yield f"{name}: {(type_.__doc__ or '').strip().splitlines()[0]}"
        for label, keys in (("needs", needed), ("takes", optional)):
            if keys:
                yield from textwrap.wrap(
                    f"{label} {', '.join(keys)}",
                    width,
                    initial_indent="  ",
                    subsequent_indent="        ",
                )
