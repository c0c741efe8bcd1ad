"""What of a body may go up: messages and tools that say nothing but what is read of them.

What nobody has looked at must not go past what judged the request, nor past its row's hash: fields
of messages that the house does not know, their names in other letters, which some readers take for
the same, or a field that is there twice, of which readers take the one or the other. Knows nothing
of what is done with a body that does.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType


class _Function(Struct, forbid_unknown_fields=True):
    name: str
    arguments: str | UnsetType = UNSET


class _Call(Struct, forbid_unknown_fields=True):
    id: str
    function: _Function
    type: str | UnsetType = UNSET


class _Part(Struct, forbid_unknown_fields=True):
    type: str
    text: str


class _Message(Struct, forbid_unknown_fields=True):
    role: str
    content: str | list[_Part] | UnsetType | None = UNSET
    tool_calls: list[_Call] | UnsetType | None = UNSET
    tool_call_id: str | UnsetType | None = UNSET
    refusal: UnsetType | None = UNSET


class _Offered(Struct, forbid_unknown_fields=True):
    name: str
    description: str | UnsetType | None = UNSET
    parameters: Any = UNSET
    strict: bool | UnsetType | None = UNSET


class _Tool(Struct, forbid_unknown_fields=True):
    type: str
    function: _Offered


class _Body(Struct):
    messages: list[_Message]
    tools: list[_Tool] | UnsetType | None = UNSET


_decoder = msgspec.json.Decoder(_Body)
_fields = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode
# A role that not every endpoint knows; on the way through pieces it is put in other words.
_DEVELOPER = b'"developer"'


def plain(body: bytes) -> bytes | None:
    """Return a body with messages and tools as they were read; None where there is more in them.

    `body` has been read as a chat.
    """
    if _DEVELOPER in body:
        return None
    try:
        read = _decoder.decode(body)
    except msgspec.ValidationError:
        return None
    fields = _fields.decode(body)
    fields["messages"] = Raw(_encode(read.messages))
    if read.tools is not UNSET:
        fields["tools"] = Raw(_encode(read.tools))
    return _encode(fields)
