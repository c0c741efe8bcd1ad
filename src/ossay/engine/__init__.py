"""gpt-oss inference: token ids in, token ids out.

    from ossay.engine import Sampling, load

    with load("gpt-oss-20b") as engine:
        for token in engine.generate([200006, 1428], Sampling(max_tokens=16)):
            print(token.id)

`load(path)` gives an `Engine`. Knows nothing of text, of the chat format or of HTTP.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ossay.engine.constraint import Binding, Constraint
    from ossay.engine.engine import Engine, Sizes, Stats
    from ossay.engine.errors import CheckpointError, GenerationError, RequestError
    from ossay.engine.grammar import Grammar, Vocabulary
    from ossay.engine.handle import Handle
    from ossay.engine.loading import load
    from ossay.engine.sampling import Sampling
    from ossay.engine.sequence import Token

# Imported when first asked for: whoever needs `shape` alone must not pay for numpy.
_HOMES = {
    "Binding": "constraint",
    "CheckpointError": "errors",
    "Constraint": "constraint",
    "Engine": "engine",
    "GenerationError": "errors",
    "Grammar": "grammar",
    "Handle": "handle",
    "RequestError": "errors",
    "Sampling": "sampling",
    "Sizes": "engine",
    "Stats": "engine",
    "Token": "sequence",
    "Vocabulary": "grammar",
    "load": "loading",
}

__all__ = [
    "Binding",
    "CheckpointError",
    "Constraint",
    "Engine",
    "GenerationError",
    "Grammar",
    "Handle",
    "RequestError",
    "Sampling",
    "Sizes",
    "Stats",
    "Token",
    "Vocabulary",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ossay.engine.{_HOMES[name]}"), name)
