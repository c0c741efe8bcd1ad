"""The names under which a model is served.

Knows nothing of the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ossay.core.errors import nearest
from ossay.server.errors import ApiError


class Names:
    """Names of one model.

    A reference such as 'groq/openai/gpt-oss-120b' can be asked for as it is, without its provider,
    and by its last part. Options after '?' are no part of a name.
    """

    def __init__(self, reference: str, aliases: Iterable[str] = ()) -> None:
        path = reference.partition("?")[0].rstrip("/")
        _, _, name = path.partition("/")
        short = name.rpartition("/")[2] or name
        local = name.startswith("/")  # a folder: its place is nobody's business
        whole = [] if local else [name, path, reference]
        self.all = tuple(dict.fromkeys([*aliases, short, *whole]))

    @property
    def first(self) -> str:
        """The name that the server goes by."""
        return self.all[0]

    def check(self, name: str) -> None:
        """Raise `ApiError` 404 where nothing of that name is served."""
        if name not in self.all:
            raise ApiError(
                404,
                f"the model {name[:200]!r} is not served here{nearest(name[:200], self.all)}",
                code="model_not_found",
                param="model",
            )

    def listed(self, created: int, context_tokens: int | None) -> list[dict[str, Any]]:
        """Return the entries of GET /v1/models."""
        known = {} if context_tokens is None else {"max_model_len": context_tokens}  # as vLLM
        return [
            {"id": name, "object": "model", "created": created, "owned_by": "ossay", **known}
            for name in self.all
        ]
