"""Using the app of todo_add_feature for a while: steps, and what each must lead to.

`_Model` is the app's behaviour once the time is there, told without any of its code. Knows nothing
of replies.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ossay.suites.coding.todo_app import App


class Step(NamedTuple):
    """Something done to the app after `ms` milliseconds, and what must come of it.

    `do` is get, post, patch or page. `expected` is a status and a JSON value, or for a page the
    (text, time or None) of each item.
    """

    do: str
    ms: int
    body: Any
    expected: Any


def draw_steps(rng: random.Random, app: App, start: int) -> list[Step]:
    """Use the app for a while; `start` is the time in ms since 1970."""
    world, model = app.world, _Model(app)
    now, steps = start, []
    texts = [text for text in world.examples if text not in app.rows]
    deeds = ["get", "page", "post", "get", "post", "on 3", "page", "on 1", "on 3", "off 3", "get"]
    deeds += rng.sample(["on 4", "off 1", "post", "on 4", "off 4", "on 9", "empty"], 6)
    for deed in [*deeds, "page", "get"]:
        ms = rng.randint(1, 10_000_000)
        now += ms
        what, _, number = deed.partition(" ")
        if what == "post":
            body: Any = {world.text: texts.pop()}
            steps.append(Step("post", ms, body, (201, model.add(body[world.text], now))))
        elif what == "empty":
            steps.append(Step("post", ms, {world.text: " "}, (400, {})))
        elif what in ("on", "off"):
            body = {"id": int(number), world.flag: what == "on"}
            item = model.set(int(number), what == "on", now)
            steps.append(Step("patch", ms, body, (200, item) if item else (404, {})))
        elif what == "get":
            steps.append(Step("get", ms, None, (200, {world.many: model.all()})))
        else:
            shown = [(item[world.text], item[app.field]) for item in model.all()]
            steps.append(Step("page", ms, None, shown))
    return steps


class _Model:
    """What the app with the new time does."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._items: list[dict[str, Any]] = []
        for text, flag in zip(app.rows, (False, True), strict=True):
            self._put(text, flag, None)

    def _put(self, text: str, flag: bool, stamp: str | None) -> dict[str, Any]:
        world = self._app.world
        item = {"id": len(self._items) + 1, world.text: text, world.flag: flag}
        self._items.append({**item, self._app.field: stamp})
        return dict(self._items[-1])

    def add(self, text: str, now: int) -> dict[str, Any]:
        return self._put(text, False, None if self._app.feature == "finished" else iso(now))

    def set(self, number: int, flag: bool, now: int) -> dict[str, Any] | None:
        item = next((item for item in self._items if item["id"] == number), None)
        if item is None:
            return None
        was, feature = item[self._app.world.flag], self._app.feature
        item[self._app.world.flag] = flag
        if feature == "changed":
            item[self._app.field] = iso(now)
        elif feature == "finished" and (not flag or not was):
            item[self._app.field] = iso(now) if flag else None
        return dict(item)

    def all(self) -> list[dict[str, Any]]:
        return [dict(item) for item in self._items]


def iso(ms: int) -> str:
    """A time as `Date.prototype.toISOString` writes it."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
