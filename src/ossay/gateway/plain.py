"""Whether a body says nothing but what is read of it, so that it may go up as it came.

What nobody has looked at must not go past what judged the request, nor past its row's hash: fields
of messages that the house does not know, or their names in other letters, which some readers take
for the same. Knows nothing of what is done with a body that does.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct


class _Function(Struct, forbid_unknown_fields=True):
    name: str
    arguments: str = ""


class _Call(Struct, forbid_unknown_fields=True):
    id: str
    function: _Function
    type: str = "function"


class _Part(Struct, forbid_unknown_fields=True):
    type: str
    text: str


class _Message(Struct, forbid_unknown_fields=True):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    refusal: None = None


class _Offered(Struct, forbid_unknown_fields=True):
    name: str
    description: str | None = None
    parameters: Raw = Raw()
    strict: bool | None = None


class _Tool(Struct, forbid_unknown_fields=True):
    type: str
    function: _Offered


class _Body(Struct):
    messages: list[_Message]
    tools: list[_Tool] | None = None


_decoder = msgspec.json.Decoder(_Body)
# A role that not every endpoint knows; on the way through pieces it is put in other words.
_DEVELOPER = b'"developer"'


def is_plain(body: bytes) -> bool:
    """Whether messages and tools hold known fields only. `body` has been read as a chat."""
    if _DEVELOPER in body:
        return False
    try:
        _decoder.decode(body)
    except msgspec.ValidationError:
        return False
    return True
