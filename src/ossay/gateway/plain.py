"""What of a body may go up: what was read of it, and nothing that was not.

What nobody has looked at must not go past what judged the request, nor past its row's hash: fields
that the house does not know or drops, messages with what only other roles have, names in other
letters, which some readers take for the same, or a field that is there twice, of which readers take
the one or the other. What is not in a row either may be sent where it has no room for a text: a
name for the caller or a cache, a wish for more words. Knows nothing of what is done with a body
that holds more.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

# OpenAI takes 64 characters of a safety identifier; of a user nobody says how many.
_Name = Annotated[str, Meta(max_length=256)]
_Stop = Annotated[str, Meta(min_length=1)]  # an empty one is dropped when it is read
_Level = Literal["low", "medium", "high"]  # others are read as the nearest of these
_Number = float | int


class _Strict(Struct, forbid_unknown_fields=True):
    """Holds nothing but its fields."""


class _Called(_Strict):
    name: str
    arguments: str | UnsetType = UNSET


class _Call(_Strict):
    id: str
    function: _Called
    type: Literal["function"] | UnsetType = UNSET


class _Part(_Strict):
    type: Literal["text"]
    text: str


class _Said(_Strict, tag_field="role"):
    """What every message may say; of a refusal only that there is none."""

    content: str | list[_Part] | UnsetType | None = UNSET
    refusal: UnsetType | None = UNSET


class _Asked(_Said):
    """Who calls no tools and answers no call: what says so would be dropped unread."""

    tool_calls: UnsetType | None = UNSET
    tool_call_id: UnsetType | None = UNSET


class _System(_Asked, tag="system"):
    """A developer is none: not every endpoint knows that role, so it is put in other words."""


class _User(_Asked, tag="user"):
    """Has no more to say."""


class _Assistant(_Said, tag="assistant"):
    tool_calls: list[_Call] | UnsetType | None = UNSET
    tool_call_id: UnsetType | None = UNSET


class _Result(_Said, tag="tool"):
    tool_call_id: str | UnsetType = UNSET
    tool_calls: UnsetType | None = UNSET


class _Offered(_Strict):
    name: str
    description: str | UnsetType | None = UNSET
    parameters: Any = UNSET
    strict: bool | UnsetType | None = UNSET


class _Tool(_Strict):
    type: Literal["function"]
    function: _Offered


class _Named(_Strict):
    name: str


class _Choice(_Strict):
    type: Literal["function"]
    function: _Named


class _Format(_Strict, tag_field="type"):
    """How the answer is to look."""


class _Free(_Format, tag="text"):
    json_schema: UnsetType | None = UNSET


class _Object(_Format, tag="json_object"):
    json_schema: UnsetType | None = UNSET


class _Schema(_Strict):
    """Without its description, which is dropped when it is read."""

    name: str | UnsetType | None = UNSET
    description: UnsetType | None = UNSET
    schema: Any = UNSET
    strict: bool | UnsetType | None = UNSET


class _Follows(_Format, tag="json_schema"):
    json_schema: _Schema


class _Body(Struct):
    """All that may go up; other fields of a body stay behind."""

    messages: list[_System | _User | _Assistant | _Result]
    tools: list[_Tool] | UnsetType | None = UNSET
    tool_choice: Literal["auto", "none", "required"] | _Choice | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    response_format: _Free | _Object | _Follows | UnsetType | None = UNSET
    reasoning_effort: _Level | UnsetType | None = UNSET
    verbosity: _Level | UnsetType | None = UNSET
    stream: bool | UnsetType | None = UNSET
    stop: _Stop | list[_Stop] | UnsetType | None = UNSET
    seed: int | UnsetType | None = UNSET
    temperature: _Number | UnsetType | None = UNSET
    top_p: _Number | UnsetType | None = UNSET
    top_k: Annotated[int, Meta(ge=1)] | UnsetType | None = UNSET  # less is dropped when it is read
    min_p: _Number | UnsetType | None = UNSET
    presence_penalty: _Number | UnsetType | None = UNSET
    frequency_penalty: _Number | UnsetType | None = UNSET
    max_tokens: int | UnsetType | None = UNSET
    max_completion_tokens: int | UnsetType | None = UNSET
    user: _Name | UnsetType | None = UNSET
    prompt_cache_key: _Name | UnsetType | None = UNSET
    safety_identifier: _Name | UnsetType | None = UNSET


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


def plain(body: bytes) -> bytes | None:
    """Return what of a body was read, written anew; None where there is more in it.

    `body` has been read as a chat.
    """
    try:
        return _encode(_decode(body))
    except msgspec.ValidationError:
        return None
