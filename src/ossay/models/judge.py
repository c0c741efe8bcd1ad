"""A scripted judge: says which items hold by a plain rule, with a lean of one's choice.

`scripted/judge` takes the last tier that it is offered and no item. `scripted/judge?lean=first`
takes the last tier for the answer that stands first and the first one for the other, `lean=longer`
and `lean=shorter` go by length, `lean=items` says yes to each item, and `lean=none` answers with
something that is no rating. It reads what a judge is sent, no more. Knows nothing of rubrics.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

from ossay.core.errors import UnknownName
from ossay.core.types import Message, Request
from ossay.models.json_example import example
from ossay.models.scripted import Scripted, last_said

Lean = Literal["", "first", "longer", "shorter", "items", "none"]
_LEANS: Mapping[str, Lean] = {
    "first": "first",
    "longer": "longer",
    "shorter": "shorter",
    "items": "items",
    "none": "none",
}
_ANSWER = re.compile(r"<<< (first|second) answer (\w+)\n(.*?)\n>>> end of \1 answer \2", re.DOTALL)


class Judge(Scripted):
    """Fills in the schema that it is asked to follow."""

    def __init__(self, lean: Lean = "") -> None:
        super().__init__((), name=f"judge?lean={lean}" if lean else "judge")
        self._lean = lean

    def _message(self, turn: int, request: Request) -> Message:
        schema = request.response_schema or {}
        places = schema.get("properties", {})
        if self._lean == "none" or "first" not in places:
            said: Any = "I would rather not." if self._lean == "none" else example(schema)
            return Message("assistant", json.dumps(said))
        lengths = {place: len(text) for place, _, text in _ANSWER.findall(last_said(request))}
        filled = {
            place: self._filled(part["properties"], self._liked(place, lengths))
            for place, part in places.items()
        }
        return Message("assistant", json.dumps(filled))

    def _liked(self, place: str, lengths: Mapping[str, int]) -> bool:
        """Whether the answer at a place is the one that this judge leans to."""
        if self._lean == "first":
            return place == "first"
        own, others = lengths.get(place, 0), [n for at, n in lengths.items() if at != place]
        if self._lean == "longer":
            return all(own > other for other in others)
        return self._lean == "shorter" and all(own < other for other in others)

    def _filled(self, asked: Mapping[str, Any], liked: bool) -> dict[str, Any]:
        said: dict[str, Any] = {"why": "By the rule of a script."}
        if "tier" in asked:
            said["tier"] = asked["tier"]["enum"][-1 if liked or not self._lean else 0]
        if "items" in asked:
            yes = self._lean == "items"
            said["items"] = dict.fromkeys(asked["items"]["required"], yes)
        return said


def judge(query: str) -> Judge:
    """Return the judge with the options of `query`; raises `UnknownName`."""
    lean: Lean = ""
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key != "lean":
            raise UnknownName.of("option", key, ["lean"])
        if value not in _LEANS:
            raise UnknownName.of("lean", value, _LEANS)
        lean = _LEANS[value]
    return Judge(lean)
