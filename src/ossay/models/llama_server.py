"""llama.cpp in this process, through xllamacpp: loads a GGUF file once and answers requests.

Blocking: every method is for a thread. Requests and answers are the bytes of OpenAI chat
completions. Knows nothing of asyncio or of core.Model.

While xllamacpp loads a file it holds the interpreter lock: nothing else of this process runs for
that time (0.7 s for 100 MB, measured on 2 cores).
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from ossay.core.errors import ModelCallError

# llama.cpp's log levels: 0 says nothing but what was asked for, 1 adds errors.
_SILENT, _ERRORS = 0, 1
# Between two batches of a prompt a call can be stopped: about 1 s of work on 2 cores.
_BATCH_TOKENS = 512
# Prefixes of earlier conversations that are kept for reuse, in memory.
_PREFIX_CACHE_MIB = 512
# It makes a grammar of the answer's schema and of tools, and of nothing else.
_GRAMMAR = re.compile(r"\bgrammar\b", re.IGNORECASE)


class ServerOptions(Struct, frozen=True):
    """How to load.

    Attributes:
        path: The GGUF file.
        name: What answers say that they come from.
        context: Tokens of one conversation.
        slots: Conversations that are computed at once.
        threads: Threads of matrix products.
    """

    path: Path
    name: str
    context: int
    slots: int
    threads: int


class LlamaServer:
    """One loaded file. It is loaded by the first request and freed by `close`."""

    def __init__(self, options: ServerOptions) -> None:
        self.options = options
        self._server: Any = None
        self._loading = threading.Lock()

    def load(self) -> None:
        """Load the file unless it is loaded. Raises `ModelCallError` where llama.cpp can't."""
        with self._loading:
            if self._server is not None:
                return
            try:
                self._server = _open(self.options, _SILENT)
            except RuntimeError:
                try:
                    # Once more, and llama.cpp says on stderr what is wrong.
                    self._server = _open(self.options, _ERRORS)
                except RuntimeError as error:
                    raise ModelCallError(
                        "server_error",
                        f"llama.cpp cannot load {str(self.options.path)!r}; "
                        "it has said why on standard error",
                    ) from error

    def ask(self, body: bytes, on_event: Callable[[bytes], bool]) -> None:
        """Send a streamed request; `on_event` takes each event's data and may return True to stop.

        Between events of a prompt or an answer there is at most one batch or one token of work.
        """
        self.load()
        try:
            self._server.handle_chat_completions(body, on_event)
        except ValueError as error:  # what the HTTP server would answer with 400
            raise ModelCallError("refused", str(error), status=400) from error
        except RuntimeError as error:
            text = str(error)
            raise schema_error(text) or ModelCallError("server_error", text) from error

    def close(self) -> None:
        """Free the memory and end llama.cpp's threads. No request may be under way."""
        with self._loading:
            self._server = None


def schema_error(text: str) -> ModelCallError | None:
    """Judge what llama.cpp says: a schema that it cannot follow is the request's fault."""
    if _GRAMMAR.search(text) is None:
        return None
    hint = "llama.cpp cannot follow a schema of this request, use a simpler one"
    return ModelCallError("refused", f"{hint}: {text}", status=400)


def _open(options: ServerOptions, verbosity: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(options.path)
    params.model_alias = {options.name}
    params.n_ctx = options.context * options.slots
    params.n_parallel = options.slots
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.cache_ram_mib = _PREFIX_CACHE_MIB
    params.use_jinja = True
    params.prefill_assistant = False
    params.verbosity = verbosity
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    # xllamacpp always listens on a free port of the loopback; nobody is given the key to it.
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [secrets.token_urlsafe(32)]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    return xllamacpp.Server(params)
