"""Reading the answer file that a model left: what counts as the same JSON value, number or time.

Lenient in spelling (key case, "42" for 42, `Z` for `+00:00`, a BOM), strict in value; whatever
cannot be read comes back as None. Knows nothing of any one task.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from ossay.suites.agentic_core.common import read_text

# What rounding to two decimals may take away, with room for the noise of binary floats.
HALF_CENT = Fraction(1, 200) + Fraction(1, 10**6)

_NUMBER = re.compile(r"[+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")
_LONGEST = 64  # characters of a number or a time


def read_object(workspace: Path, path: str) -> Mapping[str, Any] | str:
    """Return the JSON object in a file of the workspace, keys in lower case, or why there is none.

    The reason is a clause that follows 'FILE …', such as 'is not valid JSON'.
    """
    text = read_text(workspace, path)
    if text is None:
        return "is missing, or not a plain file of at most 1 MiB"
    if not text.strip():
        return "is empty"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "is not valid JSON"
    if not isinstance(value, dict):
        return "is not a JSON object"
    return {key.strip().lower(): item for key, item in value.items()}


def as_number(value: Any) -> Fraction | None:
    """Return the number that a JSON value is or spells; None for anything else, NaN included."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, float):
        return Fraction(Decimal(repr(value))) if math.isfinite(value) else None
    if isinstance(value, str) and len(value) <= _LONGEST and _NUMBER.fullmatch(value.strip()):
        return Fraction(value.strip().replace(",", ""))
    return None


def same_number(value: Any, expected: Fraction | int, within: Fraction | int = 0) -> bool:
    """Whether `value` is a number no further than `within` from `expected`."""
    number = as_number(value)
    return number is not None and abs(number - expected) <= within


def as_word(value: Any) -> str:
    """Return a code in one spelling: 'Disk Full' and 'disk-full' are 'disk_full'; '' if no text."""
    if not isinstance(value, str) or len(value) > 1000:
        return ""
    return re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")


def as_time(value: Any, zone: tzinfo) -> datetime | None:
    """Return the moment that an ISO 8601 text names; in `zone` where it names none."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    text = value.strip().strip("[]").replace(",", ".")
    text = re.sub(r"\s*(?:UTC|GMT|Z)$", "+00:00", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+([+-][0-9]{2}:?[0-9]{2})$", r"\1", text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def same_time(value: Any, expected: datetime) -> bool:
    """Whether `value` names the moment `expected`, in any zone.

    It may leave out the zone of `expected`. Where either has no fraction of a second, the second
    must be the same; else the millisecond.
    """
    moment = as_time(value, expected.tzinfo or UTC)
    if moment is None:
        return False
    if not moment.microsecond or not expected.microsecond:
        off = abs(moment.replace(microsecond=0) - expected.replace(microsecond=0))
        return off == timedelta(0)
    return abs(moment - expected) < timedelta(milliseconds=1)
