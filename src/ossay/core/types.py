"""What is said to a model and what comes back: Message, Tool, Request, Reply, Usage, Timing.

Knows nothing of any wire format or vendor; `models` translates.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "tool_calls", "length", "content_filter", "unknown"]
Effort = Literal["low", "medium", "high"]
Dialect = Literal["native_tools", "json_action"]


class ToolCall(Struct, frozen=True):
    """A tool call as the model wrote it. `arguments` is its raw text, perhaps not valid JSON."""

    id: str
    name: str
    arguments: str


class Message(Struct, frozen=True, omit_defaults=True):
    """One message of a conversation. `tool_call_id` is set on tool results only."""

    role: Role
    content: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


class Tool(Struct, frozen=True, omit_defaults=True):
    """A function that a model may call. `parameters` is a JSON Schema of type object.

    `strict`: the arguments must follow the schema, or the call of the model fails.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    strict: bool = False


class Sampling(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How to sample. None leaves the choice to the provider, and is recorded as such."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: Effort | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Request(Struct, frozen=True, omit_defaults=True):
    """One question to a model.

    `tool_choice` is 'auto', 'none', 'required' or a tool's name. `response_schema` is a JSON
    Schema that binds the answer's text, and `response_name` what the caller calls it.
    `parallel_tool_calls` None leaves it to the provider.
    `deadline_s` bounds the whole call, retries included; a wait for a free place on this machine
    is not part of it.
    """

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"
    sampling: Sampling = field(default_factory=Sampling)
    response_schema: dict[str, Any] | None = None
    deadline_s: float = 300.0
    parallel_tool_calls: bool | None = None
    response_name: str = ""


class Completion(Struct, frozen=True, omit_defaults=True):
    """A text to go on with, outside any conversation. `prompt` is text or token ids."""

    prompt: str | tuple[int, ...]
    sampling: Sampling = field(default_factory=Sampling)
    deadline_s: float = 300.0


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of a call. None where the provider did not say.

    `cached_input_tokens` are part of `input_tokens`, `reasoning_tokens` of `output_tokens`.
    """

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        """Add field by field; what one side does not know counts as nothing."""
        return Usage(
            _plus(self.input_tokens, other.input_tokens),
            _plus(self.cached_input_tokens, other.cached_input_tokens),
            _plus(self.output_tokens, other.output_tokens),
            _plus(self.reasoning_tokens, other.reasoning_tokens),
        )


class Timing(Struct, frozen=True, omit_defaults=True):
    """When things happened in the attempt that answered. Seconds, from a monotonic clock.

    `started_at` is Unix time. `first_token_s` and `total_s` count from the moment the attempt's
    request was sent; `waited_s` is what earlier attempts and their back-off took before that.
    """

    started_at: float
    total_s: float
    first_token_s: float | None = None
    waited_s: float = 0.0


class Reply(Struct, frozen=True, omit_defaults=True):
    """What a model answered. `model` is the name that the provider says it used."""

    message: Message
    usage: Usage
    timing: Timing
    finish: Finish = "stop"
    model: str = ""
    attempts: int = 1


class ToolCallDelta(Struct, frozen=True, omit_defaults=True):
    """A piece of a tool call. `index` counts the calls of one answer from 0.

    A call's first piece carries its `id` and `name`; `arguments` adds to what came before.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


class Delta(Struct, frozen=True, omit_defaults=True):
    """A piece of an answer as it arrives. The last delta of a stream carries the whole `reply`.

    An empty one says that the call was taken: what can be refused was not.
    """

    content: str = ""
    reasoning: str = ""
    tool_call: ToolCallDelta | None = None
    reply: Reply | None = None


class Price(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """USD per million tokens on a day, with the place where it was read.

    `cached_input` None means that cached input costs what input costs.
    """

    input: float
    output: float
    date: str
    source: str
    cached_input: float | None = None

    def cost(self, usage: Usage) -> float | None:
        """USD for `usage`, unrounded; None where the provider did not count the tokens."""
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        cached = min(usage.cached_input_tokens or 0, usage.input_tokens)
        cached_price = self.input if self.cached_input is None else self.cached_input
        total = (
            (usage.input_tokens - cached) * self.input
            + cached * cached_price
            + usage.output_tokens * self.output
        )
        return total / 1e6


class ModelCard(Struct, frozen=True, omit_defaults=True):
    """What is known of a model before it is asked.

    `reference` is `provider/name` as the user writes it. `details` holds what helps to repeat a
    measurement (file hash, quantisation, library version), never a secret.
    """

    reference: str
    dialect: Dialect = "native_tools"
    price: Price | None = None
    context_tokens: int | None = None
    details: dict[str, str] = field(default_factory=dict)


def _plus(a: int | None, b: int | None) -> int | None:
    if a is None:
        return b
    return a if b is None else a + b
