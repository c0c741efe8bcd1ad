"""POST /v1/chat/completions: a body into a question. `chat_stream` writes the answer.

Knows nothing of HTTP.
"""

from __future__ import annotations

from msgspec import Struct

from ossay.core.types import Request
from ossay.server.asked import sampling_of
from ossay.server.chat_body import ChatBody
from ossay.server.chat_stream import ChatEncoder
from ossay.server.content import messages_of
from ossay.server.fields import invalid, read_fields, read_object, unknown_fields, unsupported
from ossay.server.tools import choice_of, schema_name_of, schema_of, tools_of


class AskedChat(Struct, frozen=True):
    """A decoded chat request, see `wire.Asked`."""

    model: str
    stream: bool
    request: Request
    ignored: tuple[str, ...]
    include_usage: bool
    fingerprint: str

    def encoder(self, *, created: int, unique: str) -> ChatEncoder:
        """Return a fresh encoder."""
        return ChatEncoder(
            id=f"chatcmpl-{unique}",
            created=created,
            model=self.model,
            fingerprint=self.fingerprint,
            include_usage=self.include_usage,
        )


class Chat:
    """Chat completions.

    Args:
        fingerprint: Says which weights and settings answer.
    """

    path = "/v1/chat/completions"

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint

    def decode(self, body: bytes) -> AskedChat:
        """Read a body. Raises `ApiError`."""
        wire = read_object(body)
        read = read_fields(wire, ChatBody)
        _refuse(read)
        tools = tools_of(read.tools)
        return AskedChat(
            model=read.model,
            stream=bool(read.stream),
            request=Request(
                messages_of(read.messages),
                tools=tools,
                tool_choice=choice_of(read.tool_choice, tools),
                sampling=sampling_of(
                    read,
                    max_tokens=read.max_completion_tokens or read.max_tokens,
                    reasoning_effort=read.reasoning_effort,
                ),
                response_schema=schema_of(read.response_format),
                response_name=schema_name_of(read.response_format),
                parallel_tool_calls=bool(read.parallel_tool_calls),
            ),
            ignored=unknown_fields(wire, ChatBody),
            include_usage=bool(read.stream_options and read.stream_options.include_usage),
            fingerprint=self._fingerprint,
        )


def _refuse(read: ChatBody) -> None:
    """Refuse what would change the answer and is not done here."""
    for name, value in (("functions", read.functions), ("function_call", read.function_call)):
        if value is not None:
            raise unsupported(name, "was replaced by 'tools' and 'tool_choice'; send those")
    if read.logprobs or read.top_logprobs:
        raise unsupported("logprobs", "this server returns no log probabilities; leave it out")
    if read.audio is not None or (read.modalities and read.modalities != ["text"]):
        raise unsupported("modalities", "this model writes text only")
    if read.web_search_options is not None:
        raise unsupported("web_search_options", "this server does not search; offer a tool")
    both = (read.max_tokens, read.max_completion_tokens)
    if None not in both and both[0] != both[1]:
        raise invalid("max_tokens", "differs from max_completion_tokens; send one of them")
