"""POST /v1/responses: a body into a question; and the responses that are kept for later turns.

`responses_stream` writes the answer. Knows nothing of HTTP.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ossay.core.types import Message, Reply, Request, Tool
from ossay.server.asked import effort_of, sampling_of
from ossay.server.errors import ApiError
from ossay.server.fields import invalid, read_fields, read_object, unknown_fields
from ossay.server.responses_body import ResponsesBody, refuse
from ossay.server.responses_items import messages_of
from ossay.server.responses_store import Store
from ossay.server.responses_stream import ResponsesEncoder
from ossay.server.responses_tools import choice_of, schema_name_of, schema_of, tools_of


class AskedResponse(Struct, frozen=True):
    """A decoded request, see `wire.Asked`.

    Attributes:
        said: What the response repeats of its request.
        conversation: The messages without the instructions, for a turn that follows.
        sealed: Whether reasoning goes out as `encrypted_content` too.
        store: Where the answer is kept; None where the client wants it forgotten.
    """

    model: str
    stream: bool
    request: Request
    ignored: tuple[str, ...]
    said: dict[str, Any]
    conversation: tuple[Message, ...]
    sealed: bool
    store: Store | None

    def encoder(self, *, created: int, unique: str) -> ResponsesEncoder:
        """Return a fresh encoder."""
        id = f"resp_{unique}"

        def keep(body: bytes, reply: Reply, items: list[dict[str, Any]]) -> None:
            if self.store is not None:
                self.store.put(id, body, (*self.conversation, reply.message), items)

        return ResponsesEncoder(
            fixed={"id": id, "object": "response", "created_at": created, **self.said},
            unique=unique,
            sealed=self.sealed,
            keep=keep,
        )


class Responses:
    """The Responses API.

    Args:
        store: Keeps what was answered, unless a request says otherwise.
        most_bytes: Of JSON, for the kept items that an input refers to.
    """

    path = "/v1/responses"

    def __init__(self, store: Store | None = None, *, most_bytes: int = 8 << 20) -> None:
        self._store = Store() if store is None else store
        self._most_bytes = most_bytes

    def decode(self, body: bytes) -> AskedResponse:
        """Read a body. Raises `ApiError`."""
        wire = read_object(body)
        read = read_fields(wire, ResponsesBody)
        refuse(read)
        tools = tools_of(read.tools)
        choice = choice_of(read.tool_choice, tools)
        schema = schema_of(read.text)
        effort = effort_of(read.reasoning.effort if read.reasoning else None, "reasoning.effort")
        conversation = self._conversation(read)
        start = (Message("system", read.instructions),) if read.instructions else ()
        return AskedResponse(
            model=read.model,
            stream=bool(read.stream),
            request=Request(
                start + conversation,
                tools=tools,
                tool_choice=choice,
                sampling=sampling_of(
                    read,
                    max_tokens=read.max_output_tokens or read.max_tokens,
                    reasoning_effort=effort,
                ),
                response_schema=schema,
                response_name=schema_name_of(read.text),
                parallel_tool_calls=bool(read.parallel_tool_calls),
            ),
            ignored=unknown_fields(wire, ResponsesBody),
            said=_said(read, wire, tools, choice, effort),
            conversation=conversation,
            sealed="reasoning.encrypted_content" in (read.include or ()),
            store=None if read.store is False else self._store,
        )

    def retrieve(self, id: str) -> bytes:
        """Return the JSON of a response that was kept. Raises `ApiError`."""
        stored = self._store.find(id)
        if stored is None:
            raise _not_found(id)
        return stored.body

    def delete(self, id: str) -> bytes:
        """Forget a response, and return the JSON that says so. Raises `ApiError`."""
        if not self._store.remove(id):
            raise _not_found(id)
        return msgspec.json.encode({"id": id, "object": "response", "deleted": True})

    def _conversation(self, read: ResponsesBody) -> tuple[Message, ...]:
        """What was said before, and the input."""
        before: tuple[Message, ...] = ()
        if read.previous_response_id is not None:
            stored = self._store.find(read.previous_response_id)
            if stored is None:
                raise ApiError(
                    400,
                    f"previous response with id {read.previous_response_id!r} not found; it may "
                    "have been forgotten: send the items themselves",
                    code="previous_response_not_found",
                    param="previous_response_id",
                )
            before = stored.messages
        if read.input is None:
            raise invalid("input", "is missing", code="missing_required_parameter")
        messages = messages_of(
            read.input, before=before, find=self._store.item, most_bytes=self._most_bytes
        )
        if not messages:
            raise invalid("input", "must hold at least one item")
        return messages


def _said(
    read: ResponsesBody,
    wire: dict[str, Any],
    tools: tuple[Tool, ...],
    choice: str,
    effort: str | None,
) -> dict[str, Any]:
    """Return what a response repeats of its request: every field that OpenAI's type has."""
    named = any(tool.name == choice for tool in tools)
    text = wire.get("text") or {}
    return {
        "model": read.model,
        "background": False,
        "instructions": read.instructions,
        "max_output_tokens": read.max_output_tokens or read.max_tokens,
        "max_tool_calls": read.max_tool_calls,
        "metadata": read.metadata or {},
        "parallel_tool_calls": bool(read.parallel_tool_calls),
        "previous_response_id": read.previous_response_id,
        "prompt_cache_key": read.prompt_cache_key,
        "reasoning": {"effort": effort, "summary": None},
        "safety_identifier": read.safety_identifier,
        "service_tier": "default",
        "store": read.store is not False,
        "temperature": read.temperature,
        "text": {"format": text.get("format") or {"type": "text"}, "verbosity": "medium"},
        "tool_choice": {"type": "function", "name": choice} if named else choice,
        "tools": [
            {
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "strict": tool.strict,
            }
            for tool in tools
        ],
        "top_logprobs": 0,
        "top_p": read.top_p,
        "truncation": "disabled",
        "user": read.user,
    }


def _not_found(id: str) -> ApiError:
    return ApiError(404, f"response with id {id!r} not found", param="id")
