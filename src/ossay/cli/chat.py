"""`ossay chat`."""

from __future__ import annotations

import asyncio
import io
import math
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.core.errors import ModelCallError, UsageError
from ossay.core.types import Effort, Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from ossay.agent.conversation import Conversation
    from ossay.cli.chat_commands import Commands
    from ossay.cli.chat_input import Prompt
    from ossay.cli.chat_room import Room
    from ossay.cli.chat_screen import Screen
    from ossay.cli.chat_talk import Talk
    from ossay.core.model import Model

HISTORY = "chat_history"


@click.command()
@click.argument("model")
@click.option("--system", default="", metavar="TEXT", help="What the model is told beforehand.")
@click.option("--effort", type=click.Choice(["low", "medium", "high"]), help="How long it thinks.")
@click.option("--temperature", type=click.FloatRange(0), metavar="T", help="0 is greedy.")
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Of one reply.")
@click.option(
    "--seed",
    type=click.IntRange(-(2**63), 2**63 - 1),
    help="For models that can repeat themselves.",
)
@click.option("--tools", is_flag=True, help="Let it read, write and run commands, in a sandbox.")
@click.option("--workspace", type=click.Path(exists=True, file_okay=False, path_type=Path),
              metavar="DIR", help="Folder for the tools; a fresh one if not given.")  # fmt: skip
@click.option("--trust-local", is_flag=True, help="Run what the model writes without a sandbox.")
@click.option("--hide-reasoning", is_flag=True, help="Show answers alone.")
@click.option("--no-history", is_flag=True, help="Do not remember what is typed.")
@click.option("--once", metavar="TEXT", help="Say this, print the answer, leave.")
@click.option("--json", "as_json", is_flag=True, help="Print the one reply as JSON.")
def chat(  # noqa: PLR0913  each is something that a user may want to set
    model: str,
    system: str,
    effort: Effort | None,
    temperature: float | None,
    max_tokens: int | None,
    seed: int | None,
    tools: bool,
    workspace: Path | None,
    trust_local: bool,
    hide_reasoning: bool,
    no_history: bool,
    once: str | None,
    as_json: bool,
) -> None:
    """Talk with MODEL in the terminal, or give it one message by a pipe.

    MODEL is provider/name: local/gpt-oss-20b, llamacpp/smollm2-135m, groq/openai/gpt-oss-120b,
    scripted/echo. In the chat, /help lists what can be done.
    """
    if temperature is not None and not math.isfinite(temperature):
        raise UsageError(f"--temperature {temperature!r} is no number of 0 or more; try 1")
    if workspace is not None and not tools:
        raise UsageError("--workspace is where tools work: add --tools, or leave it out")
    if once is None and not sys.stdin.isatty():
        once = _piped()
    if as_json and once is None:
        raise UsageError("--json prints one reply: add --once TEXT, or pipe the message in")
    sampling = Sampling(
        temperature=temperature, max_tokens=max_tokens, seed=seed, reasoning_effort=effort
    )
    opened = _open(model)
    screen = _screen(reasoning=not hide_reasoning, quiet=as_json)
    room = _room(workspace, trust_local) if tools else None
    try:
        conversation = _conversation(opened, system, sampling, room)
        if once is not None:
            _answer(opened, conversation, screen, once, as_json=as_json)
        else:
            if room is not None:
                screen.note(room.described())
            _talk(opened, conversation, screen, history=not no_history)
    finally:
        if room is not None and (stays := room.leave()):
            screen.note(stays)


def _piped() -> str:
    """The message on standard input."""
    try:
        return sys.stdin.buffer.read().decode("utf-8").rstrip("\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"standard input is not UTF-8 ({error}); convert it with iconv") from error


def _open(reference: str) -> Model:
    from ossay.models.resolve import open_model
    from ossay.models.scripted import Rehearsal

    model = open_model(reference, settings=place.here(), environ=os.environ)
    if isinstance(model, Rehearsal):
        raise UsageError(f"{reference!r} plays in campaigns only; try 'scripted/echo'")
    return model


def _screen(*, reasoning: bool, quiet: bool) -> Screen:
    from ossay.cli.chat_screen import Screen

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a model may write what no old terminal can show
    live = sys.stdout.isatty() and not quiet
    style = live and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    out = io.StringIO() if quiet else sys.stdout
    return Screen(out, sys.stderr, live=live, style=style, reasoning=reasoning)


def _room(folder: Path | None, trust_local: bool) -> Room:
    from ossay.cli.chat_room import Room

    return Room(folder, trust_local=trust_local)


def _conversation(model: Model, system: str, sampling: Sampling, room: Room | None) -> Conversation:
    from ossay.agent.conversation import Conversation

    if room is None:
        return Conversation(model, system=system, sampling=sampling)
    return Conversation(
        model,
        system=system,
        sampling=sampling,
        tools=room.tools,
        workspace=room.workspace,
        sandbox=room.sandbox,
        limits=room.limits,
    )


@contextmanager
def _talking(model: Model, conversation: Conversation, screen: Screen) -> Iterator[Talk]:
    """A talk, until it is left; then the model gives back what it holds."""
    from ossay.cli.chat_talk import Talk

    with asyncio.Runner() as runner:
        talk = Talk(runner, conversation, screen)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, talk.terminate)
        try:
            yield talk
        finally:
            runner.run(model.aclose())


def _answer(
    model: Model, conversation: Conversation, screen: Screen, text: str, *, as_json: bool
) -> None:
    """Say one thing, print the answer, and that is all."""
    from ossay.cli.chat_file import as_json as written
    from ossay.core.text import well_formed

    if not text.strip():
        raise UsageError("nothing was said: give --once TEXT, or pipe a message in")
    with _talking(model, conversation, screen) as talk:
        replies = talk.say(well_formed(text))
        screen.counts(replies)
    if as_json:
        sys.stdout.write(written(replies[-1]).decode())
    if replies[-1].message.tool_calls:
        raise ModelCallError(
            "bad_response", f"{len(replies)} replies, all of them tool calls: no answer"
        )


def _talk(model: Model, conversation: Conversation, screen: Screen, *, history: bool) -> None:
    """Talk until the user leaves."""
    from datetime import datetime

    from ossay.cli.chat_commands import Commands

    with _talking(model, conversation, screen) as talk:
        commands = Commands(
            talk, lambda: model.card, conversation.tools, lambda: datetime.now().astimezone()
        )
        screen.note(f"Talking with {model.card.reference}. /help lists the commands.")
        prompt = _prompt(commands.completions, screen, history)
        while _next(talk, commands, prompt):
            pass


def _prompt(completions: Callable[[str], list[str]], screen: Screen, history: bool) -> Prompt:
    from ossay.cli import chat_input

    if not screen.live:
        return chat_input.Prompt(chat_input.plain)
    file = place.here().home / HISTORY if history else None
    read_line = chat_input.terminal(completions, file, screen.note)
    # \1 and \2 tell readline what takes no room.
    first = "\1\x1b[1m\2> \1\x1b[0m\2" if screen.style else "> "
    return chat_input.Prompt(read_line, first=first, more="… ")


def _next(talk: Talk, commands: Commands, prompt: Prompt) -> bool:
    """Take one message or command; False where the user leaves."""
    try:
        text = _message(talk.screen, prompt)
        if text.startswith("/") and not text.startswith("//"):
            commands.run(text)
        elif text.strip():
            talk.try_to_say(text[1:] if text.startswith("//") else text)
    except EOFError:
        return False
    except KeyboardInterrupt:
        if talk.under_way:
            raise  # the second one, while the first was still stopping the turn
        talk.screen.next_line()
    except (UsageError, UnicodeDecodeError) as error:
        talk.screen.error(str(error))
    return True


def _message(screen: Screen, prompt: Prompt) -> str:
    """Read a message. Raises `EOFError` at Ctrl-D, and at the second Ctrl-C in a row."""
    interrupts = 0
    while interrupts < 2:
        try:
            if interrupts:
                screen.next_line()
                screen.note("Ctrl-C again, or Ctrl-D, leaves.")
            return prompt.message()
        except KeyboardInterrupt:
            interrupts += 1
        except EOFError:
            break
    screen.next_line()
    raise EOFError
