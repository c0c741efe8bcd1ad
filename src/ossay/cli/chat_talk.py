"""One conversation in this process: a turn is played and shown, stopped by Ctrl-C, and survived.

Knows nothing of commands or of how a message is typed.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from ossay.agent.conversation import Conversation
from ossay.cli.chat_screen import Screen
from ossay.core.errors import EnvironmentDefect, ModelCallError
from ossay.core.types import Delta, Reply, ToolCall

NEXT_STEP = "The turn was taken back: /retry asks again."


class Talk:
    """Says things in a conversation and shows what comes back.

    Attributes:
        conversation: What was said so far.
        screen: Where it is shown.
        last: What the user said last, kept even where the turn failed; '' before the first.
    """

    def __init__(self, runner: asyncio.Runner, conversation: Conversation, screen: Screen) -> None:
        self._runner = runner
        self._task: asyncio.Task[object] | None = None
        self._ended_by = 0  # the signal that ends this process after the turn
        self.conversation = conversation
        self.screen = screen
        self.last = ""

    @property
    def under_way(self) -> bool:
        """Whether a turn has not ended: after a second Ctrl-C, which does not wait for it."""
        return self._task is not None

    def say(self, text: str) -> list[Reply]:
        """Say `text` and show what comes; the replies, of which the last is the answer.

        Raises what `Conversation.say` does, and `KeyboardInterrupt` once a stopped turn has ended.
        """
        self.last = text
        try:
            return self._runner.run(self._turn(text))
        except asyncio.CancelledError:
            if self._ended_by:
                raise SystemExit(128 + self._ended_by) from None
            raise

    def try_to_say(self, text: str) -> None:
        """Like `say`, but a turn that fails or is stopped is told of, and the chat goes on."""
        try:
            replies = self.say(text)
        except KeyboardInterrupt:
            if self.under_way:
                raise
            self.screen.note(f"Stopped. {NEXT_STEP}")
        except BrokenPipeError:
            raise
        except ModelCallError as error:
            self.screen.error(f"{error.kind}: {error}")
            self.screen.note(_ADVICE.get(error.kind, NEXT_STEP))
        except (OSError, EnvironmentDefect) as error:
            self.screen.error(str(error))
            self.screen.note(NEXT_STEP)
        else:
            self.screen.counts(replies)
            if replies[-1].message.tool_calls:
                self.screen.note("It calls tools again and again; say something to let it go on.")

    def terminate(self, number: int, frame: object) -> None:
        """Handle a signal that ends the process: the turn under way is stopped before."""
        task = self._task
        if task is None or self._ended_by:
            raise SystemExit(128 + number)
        self._ended_by = number
        task.get_loop().call_soon_threadsafe(task.cancel)

    async def _turn(self, text: str) -> list[Reply]:
        replies: list[Reply] = []
        self._task = asyncio.current_task()
        try:
            self.screen.waiting()
            async with aclosing(self.conversation.say(text)) as events:
                async for event in events:
                    if isinstance(event, Delta):
                        self.screen.delta(event)
                        if event.reply is not None:
                            replies.append(event.reply)
                    elif isinstance(event, ToolCall):
                        self.screen.call(event)
                    else:
                        self.screen.result(event)
                        self.screen.waiting()
            return replies
        finally:
            self.screen.settle()
            self._task = None


_ADVICE = {
    "context_exhausted": "The conversation is too long for the model: /undo, or /new begins again.",
    "refused": "The turn was taken back. /model shows what was asked; /help lists what can change.",
}
