"""From a request to token ids and grammars, without holding the event loop for long.

What is long is done in a thread, and what cannot fit is refused before it is split to the end.
Knows nothing of how the engine goes on with it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from ossay.core.errors import ModelCallError
from ossay.core.types import Message, Request
from ossay.engine import Engine
from ossay.harmony.conversation import from_request
from ossay.harmony.kept import Kept
from ossay.harmony.render import render_prompt
from ossay.harmony.vocabulary import Vocabulary
from ossay.models.local_constraint import Grammars, Rules
from ossay.models.local_delivery import Deliveries

# Texts above, in characters, are turned into tokens by a thread: some 5 MB take a second.
_LONG = 16_384
_SURELY_LONG = 6  # characters for a token: more than the context has of these hardly ever fits
_TOKEN = 4  # characters of a kept token, roughly

_COMPILERS = 2  # threads, so that those who need no grammar never wait for those who do


class Loaded:
    """What there is once the model is in memory."""

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, grammars: Grammars | None = None
    ) -> None:
        self.engine = engine
        self.vocabulary = vocabulary
        self.grammars = grammars or Grammars(vocabulary)
        self.deliveries = Deliveries(engine)
        self.compilers = ThreadPoolExecutor(_COMPILERS, thread_name_prefix="grammars")
        self.closed = False

    def close(self) -> None:
        """End the engine; what is being compiled ends with the schema at hand."""
        self.closed = True
        self.engine.close()
        self.compilers.shutdown(wait=False)


async def chat_prompt(request: Request, loaded: Loaded, kept: Kept, today: str) -> list[int]:
    """Return the ids of a conversation, up to where the assistant's next turn begins.

    Raises `ModelCallError` of kind context_exhausted, and `UsageError` for what cannot be written.
    """
    size = sum(len(m.reasoning) + sum(map(len, _texts(m))) for m in request.messages)
    size += len(msgspec.json.encode((request.tools, request.response_schema)))
    if size <= _LONG:
        size += _TOKEN * sum(kept.tokens(message) for message in request.messages)
    if size <= _LONG:
        return _render(request, loaded.vocabulary, kept, today)
    if size > _SURELY_LONG * loaded.engine.sizes.context:
        await asyncio.to_thread(_check_conversation, request.messages, loaded, kept)
    return await asyncio.to_thread(_render, request, loaded.vocabulary, kept, today)


async def text_prompt(prompt: str | tuple[int, ...], loaded: Loaded) -> list[int]:
    """Return the ids of a text, in which names of control tokens are these tokens.

    Raises `ModelCallError` of kind context_exhausted, or refused where there is no text.
    """
    if not prompt:
        raise ModelCallError("refused", f"the prompt is {prompt!r}; give it at least one character")
    if not isinstance(prompt, str):
        return list(prompt)
    if len(prompt) <= _LONG:
        return loaded.vocabulary.encode(prompt, special=True)
    if len(prompt) > _SURELY_LONG * loaded.engine.sizes.context:
        await asyncio.to_thread(_check_length, [prompt], loaded)
    return await asyncio.to_thread(loaded.vocabulary.encode, prompt, special=True)


async def rules_of(request: Request, loaded: Loaded) -> Rules | None:
    """Compile what binds a request, in a thread; None where nothing does."""
    called = request.tools and request.tool_choice != "none"
    if request.response_schema is None and not called:
        return None
    left = threading.Event()
    loop = asyncio.get_running_loop()

    def stopped() -> bool:
        return left.is_set() or loaded.closed

    try:
        rules = loop.run_in_executor(loaded.compilers, Rules, request, loaded.grammars, stopped)
    except RuntimeError:
        raise ModelCallError("refused", "this model was closed; open it again") from None
    try:
        return await rules
    finally:
        left.set()


def _render(request: Request, vocabulary: Vocabulary, kept: Kept, today: str) -> list[int]:
    if request.tool_choice == "none":
        request = msgspec.structs.replace(request, tools=())
    messages = from_request(request, date=today, vocabulary=vocabulary, kept=kept)
    return render_prompt(messages, vocabulary)


def _texts(message: Message) -> Iterator[str]:
    """Yield what of a message is always in the prompt."""
    yield message.content
    for call in message.tool_calls:
        yield call.name
        yield call.arguments


def _check_conversation(messages: tuple[Message, ...], loaded: Loaded, kept: Kept) -> None:
    # A client may have written the arguments of a kept turn longer than they were.
    texts = [[m.content] if kept.tokens(m) else [*_texts(m)] for m in messages]
    _check_length([text for part in texts for text in part], loaded)


def _check_length(texts: list[str], loaded: Loaded) -> None:
    """Refuse texts that cannot fit, without splitting them to the end."""
    context, count = loaded.engine.sizes.context, 0
    for text in texts:
        for begin in range(0, len(text), _LONG):
            # A cut may cost a token or two more than the whole text would.
            count += max(len(loaded.vocabulary.encode(text[begin : begin + _LONG])) - 2, 0)
            if count > context:
                raise ModelCallError(
                    "context_exhausted",
                    f"the prompt is more than {count} tokens long and the context of this model "
                    f"{context}; shorten the conversation",
                )
