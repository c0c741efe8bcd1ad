"""What may name a campaign. A name becomes part of commands, paths and pages.

Knows nothing of where a name came from.
"""

from __future__ import annotations

import re

CAMPAIGN_NAME = "up to 100 letters, digits, '.', '_' and '-', the first a letter or digit"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def is_campaign_name(text: str) -> bool:
    """Whether `text` is as `CAMPAIGN_NAME` says: a plain file name, no path and no escape."""
    return _NAME.fullmatch(text) is not None
