"""Checking a claims file: each claim with its answer and the sources behind it.

Knows nothing of terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ossay.claims.claim import Checked
from ossay.claims.evidence import Evidence
from ossay.claims.file import ClaimsFile
from ossay.core.errors import UnknownName

if TYPE_CHECKING:
    import numpy as np


def check_claims(
    file: ClaimsFile,
    make_rng: Callable[[], np.random.Generator],
    only: Sequence[str] = (),
) -> tuple[Checked, ...]:
    """Check all claims, or those named, in the order of the file.

    Args:
        file: From `file.read_claims`.
        make_rng: Gives a fresh generator with the same seed each time.
        only: Ids of claims.

    Raises:
        UnknownName: `only` names none.
        UsageError: what a claim is bound to doesn't fit it; the text names the claim.
    """
    for name in only:
        if name not in file.claims:
            raise UnknownName.of("claim", name, file.claims)
    evidence = Evidence(file.tables, file.claims, make_rng)
    found = []
    for claim in file.claims.values():
        if only and claim.id not in only:
            continue
        answer = evidence.answer(claim.id)
        used = dict.fromkeys([claim.source, *sorted(evidence.sources_of(claim.id))])
        found.append(Checked(claim, answer, tuple(file.sources[name] for name in used)))
    return tuple(found)
