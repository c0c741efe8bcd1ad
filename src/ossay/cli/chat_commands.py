"""What begins with a slash: /help, /effort, /system, /save and the others.

Knows nothing of how a line is read.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast, get_args

import msgspec

from ossay.cli import chat_file
from ossay.cli.chat_talk import Talk
from ossay.core.errors import UnknownName, UsageError
from ossay.core.types import Effort, ModelCard

EFFORTS: tuple[str, ...] = get_args(Effort)
LIST = (
    ("/help", "this list"),
    ("/effort low|medium|high", "how long it thinks; alone: show"),
    ("/system TEXT", "what it is told beforehand; alone: show; - for nothing"),
    ("/undo", "take the last exchange back"),
    ("/retry", "ask the last question again"),
    ("/new", "forget what was said"),
    ("/save FILE", "write the conversation to a new file; /save! replaces one"),
    ("/load FILE", "go on from a conversation that was saved"),
    ("/model", "what is known of the model"),
    ("/quit", "leave, as Ctrl-D does"),
)
HINTS = (
    'A line that ends in \\ goes on, and so does everything between two """.',
    "Ctrl-C stops an answer. A message that begins with a slash is written with two.",
)


class Commands:
    """Carries out commands on one talk.

    Args:
        talk: The conversation and its screen.
        card: What is known of the model, asked each time: loading may fill it in.
        tools: Names of the tools that are offered.
        now: The time, with its zone.
    """

    def __init__(
        self,
        talk: Talk,
        card: Callable[[], ModelCard],
        tools: Sequence[str],
        now: Callable[[], datetime],
    ) -> None:
        self._talk = talk
        self._card = card
        self._tools = tuple(tools)
        self._now = now
        self._actions: dict[str, Callable[[str], None]] = {
            "/help": self._help,
            "/effort": self._effort,
            "/system": self._system,
            "/undo": self._undo,
            "/retry": self._retry,
            "/new": self._new,
            "/save": self._save,
            "/save!": self._save_over,
            "/load": self._load,
            "/model": self._model,
            "/quit": _quit,
            "/exit": _quit,
        }

    def run(self, line: str) -> None:
        """Carry out a command. Raises `EOFError` for /quit and `UsageError` for what cannot be."""
        name, _, rest = line.strip().partition(" ")
        if name not in self._actions:
            names = [written.split()[0] for written, _ in LIST]
            raise UnknownName.of("command", name, names, hint="/help lists them all")
        self._actions[name](rest.strip())

    def completions(self, line: str) -> list[str]:
        """Return what the last word of `line` could become."""
        words = line.split(" ")
        if not line.startswith("/"):
            return []
        if len(words) == 1:
            return [name + " " for name in self._actions if name.startswith(line)]
        if words[0] == "/effort" and len(words) == 2:
            return [effort for effort in EFFORTS if effort.startswith(words[1])]
        if words[0] in ("/save", "/save!", "/load"):
            found = sorted(glob.glob(glob.escape(os.path.expanduser(words[-1])) + "*"))
            return [path + "/" if os.path.isdir(path) else path for path in found]
        return []

    def _help(self, rest: str) -> None:
        width = max(len(name) for name, _ in LIST)
        lines = [f"{name:<{width}}  {what}" for name, what in LIST]
        self._talk.screen.say("\n".join([*lines, "", *HINTS]))

    def _effort(self, rest: str) -> None:
        conversation = self._talk.conversation
        if rest and rest not in EFFORTS:
            raise UnknownName.of("effort", rest, EFFORTS)
        if rest:
            conversation.sampling = msgspec.structs.replace(
                conversation.sampling, reasoning_effort=cast(Effort, rest)
            )
        effort = conversation.sampling.reasoning_effort
        self._note(f"Effort: {effort or 'left to the model'}.")

    def _system(self, rest: str) -> None:
        conversation = self._talk.conversation
        if rest:
            conversation.system = "" if rest == "-" else rest
        if conversation.system and not rest:
            self._talk.screen.say(conversation.system)
        elif conversation.system:
            self._note("From now on it is told so.")
        else:
            self._note("No system message.")

    def _undo(self, rest: str) -> None:
        taken = self._talk.conversation.undo()
        if taken is None:
            raise UsageError("there is nothing to take back")
        self._note(f"Taken back: {_short(taken)}{self._tools_stay()}")

    def _retry(self, rest: str) -> None:
        text = self._talk.last
        last = self._talk.conversation.last_said
        if last is not None and (not text or last == text):
            text = self._talk.conversation.undo() or ""
        if not text:
            raise UsageError("nothing was asked yet")
        self._note(f"Again: {_short(text)}{self._tools_stay()}")
        self._talk.try_to_say(text)

    def _new(self, rest: str) -> None:
        self._talk.conversation.clear()
        self._talk.last = ""
        self._note(f"A new conversation.{self._tools_stay()}")

    def _save(self, rest: str, *, overwrite: bool = False) -> None:
        if not rest:
            raise UsageError("say where: /save FILE")
        conversation = self._talk.conversation
        saved = chat_file.Saved(
            self._card().reference,
            self._now().isoformat(timespec="seconds"),
            conversation.messages,
            conversation.system,
            conversation.sampling,
            self._tools,
        )
        chat_file.write(saved, _path(rest), overwrite=overwrite)
        self._note(f"Saved {_messages(saved)} to {rest}.")

    def _save_over(self, rest: str) -> None:
        self._save(rest, overwrite=True)

    def _load(self, rest: str) -> None:
        if not rest:
            raise UsageError("say which: /load FILE")
        saved = chat_file.read(_path(rest))
        conversation = self._talk.conversation
        try:
            conversation.resume(saved.messages)
        except UsageError as error:
            raise UsageError(
                f"cannot load {rest!r}: {error}; /load takes what /save wrote"
            ) from error
        conversation.system, conversation.sampling = saved.system, saved.sampling
        self._talk.last = ""
        self._note(f"Loaded {_messages(saved)}: a conversation with {saved.model}, {saved.date}.")
        last = [message for message in saved.messages if message.content][-2:]
        for message in last:
            self._talk.screen.say(f"{'> ' * (message.role == 'user')}{message.content}")

    def _model(self, rest: str) -> None:
        known = msgspec.to_builtins(self._card())
        sampling = msgspec.to_builtins(self._talk.conversation.sampling)
        details = {f"  {key}": value for key, value in known.pop("details", {}).items()}
        if price := known.pop("price", None):
            known["price"] = (
                f"${price['input']:g} in, ${price['output']:g} out a million tokens "
                f"({price['date']}, {price['source']})"
            )
        shown = {**known, **details, **sampling}
        self._talk.screen.say("\n".join(f"{key}: {value}" for key, value in shown.items()))

    def _tools_stay(self) -> str:
        return " What tools did stays done." if self._tools else ""

    def _note(self, text: str) -> None:
        self._talk.screen.note(text)


def _quit(rest: str) -> None:
    raise EOFError


def _path(typed: str) -> Path:
    # Not Path.expanduser, which raises for a user who is unknown here; a shell takes it as it is.
    return Path(os.path.expanduser(typed))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else f"{line[:60]}…") + "."


def _messages(saved: chat_file.Saved) -> str:
    count = len(saved.messages)
    return f"{count} message{'s' * (count != 1)}"
