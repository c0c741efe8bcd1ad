"""The shapes of what chat, completions and the models list answer, for the OpenAPI document.

The encoders write JSON without them, since that is faster; tests hold the two together: what the
server sends must fit these types, with no field more. Knows nothing of how an answer is made.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=0)]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Exact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all: no field but those named."""


class ErrorDetail(Exact, frozen=True):
    """What went wrong: `code` is for programs, `param` is the field at fault."""

    message: str
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    param: str | None
    code: str | None


class Error(Exact, frozen=True):
    """The body of every answer that is not 2xx."""

    error: ErrorDetail


class PromptDetails(Exact, frozen=True):
    """Of the tokens asked."""

    cached_tokens: Count


class CompletionDetails(Exact, frozen=True):
    """Of the tokens answered."""

    reasoning_tokens: Count


class Usage(Exact, frozen=True):
    """Tokens; cached ones are part of the prompt's, reasoning ones of the completion's."""

    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class CalledFunction(Exact, frozen=True):
    """What the model calls. `arguments` is its text, perhaps not valid JSON."""

    name: str
    arguments: str


class Call(Exact, frozen=True):
    """A tool call."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class ChatMessage(Exact, frozen=True):
    """What the model says. `reasoning` and `reasoning_content` are the same text."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    reasoning: str = ""
    reasoning_content: str = ""
    tool_calls: list[Call] = []


class ChatChoice(Exact, frozen=True):
    """The one answer."""

    index: Literal[0]
    message: ChatMessage
    logprobs: None
    finish_reason: FinishReason


class ChatCompletion(Exact, frozen=True):
    """The answer of a chat request that is not streamed."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: Annotated[list[ChatChoice], Meta(min_length=1, max_length=1)]
    usage: Usage


class FunctionPiece(Exact, frozen=True):
    """A piece of what the model calls."""

    arguments: str
    name: str = ""


class CallPiece(Exact, frozen=True):
    """A piece of a tool call; the first one of a call carries `id`, `type` and name."""

    index: Count
    function: FunctionPiece
    id: str = ""
    type: Literal["function"] = "function"


class ChatDelta(Exact, frozen=True):
    """What one event adds."""

    role: Literal["assistant"] = "assistant"
    content: str = ""
    reasoning: str = ""
    reasoning_content: str = ""
    tool_calls: list[CallPiece] = []


class ChatChunkChoice(Exact, frozen=True):
    """The one answer, as far as this event goes."""

    index: Literal[0]
    delta: ChatDelta
    logprobs: None
    finish_reason: FinishReason | None


class ChatChunk(Exact, frozen=True):
    """One event of a chat stream, which ends with `data: [DONE]`."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: Annotated[list[ChatChunkChoice], Meta(max_length=1)]
    usage: Usage | None = None


class TextChoice(Exact, frozen=True):
    """The one text."""

    index: Literal[0]
    text: str
    logprobs: None
    finish_reason: FinishReason | None


class TextCompletion(Exact, frozen=True):
    """The answer of a completion request, and, in pieces, each event of its stream."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: Annotated[list[TextChoice], Meta(max_length=1)]
    usage: Usage | None = None


class Model(Exact, frozen=True):
    """A name under which the model is served."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: Literal["ossay"]
    max_model_len: Count | None = None


class ModelList(Exact, frozen=True):
    """All names."""

    object: Literal["list"]
    data: list[Model]


class Health(Exact, frozen=True):
    """Whether requests are taken."""

    status: Literal["ok", "draining"]
    model: str


ANSWERS = (Error, ChatCompletion, ChatChunk, TextCompletion, Model, ModelList, Health)
