"""Models in GGUF files on this machine, answered by llama.cpp in this process.

`llamacpp/smollm2-135m` is a pulled model, `llamacpp//path/to/file.gguf` any file, and
`llamacpp/smollm2-135m?context=4096&slots=2&threads=4` sets how it is loaded. Knows nothing of tasks
or tools; a model whose chat template has no tools says so by its dialect.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qsl

from msgspec import Struct

from ossay.core.cores import physical_cores
from ossay.core.errors import UnknownName, UsageError
from ossay.core.settings import Settings
from ossay.core.types import ModelCard, Price
from ossay.models import gguf
from ossay.models.catalogue import CATALOGUE, WheelModel
from ossay.models.digest import remembered_sha256
from ossay.models.llama_model import LlamaCpp
from ossay.models.llama_server import LlamaServer, ServerOptions
from ossay.models.providers import Provider

CONTEXT_TOKENS = 8192

OWN_MACHINE = Price(
    input=0.0, output=0.0, date="2026-11-21", source="own machine; electricity not counted"
)


class LoadOptions(Struct, frozen=True):
    """What may follow '?' in a reference. 0 leaves it to ossay.

    Attributes:
        context: Tokens of one conversation; at most what the model was trained on.
        slots: Conversations computed at once.
        threads: Threads of matrix products; 0 means one a physical core, but one core is left to
            the sandbox and graders: llama.cpp's threads wait for each other busily, and on a full
            machine they then stand still (2 cores, both wanted by others: 3 to 7 s a turn with 2
            threads, 2.3 s with 1).
    """

    context: int = 0
    slots: int = 1
    threads: int = 0


def open_llamacpp(name: str, settings: Settings) -> LlamaCpp:
    """Open the GGUF model `name`, see the module; the file is loaded by the first request.

    Raises:
        UsageError: xllamacpp or the model is not here, or the file is damaged; says what to do.
        UnknownName: no such model, or no such option.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise UsageError(f"'llamacpp/{name}' needs xllamacpp: pip install 'ossay[local]'")
    base, _, query = name.partition("?")
    wanted = _load_options(name, query)
    path = _find(base, settings)
    metadata = gguf.read_metadata(path)
    sha256 = remembered_sha256(path, settings.models / ".sha256.json")
    entry = CATALOGUE.get(base)
    if isinstance(entry, WheelModel) and sha256 != entry.sha256:
        raise UsageError(f"{str(path)!r} is damaged: fetch it again with `ossay pull {base}`")
    trained = gguf.context_length(metadata)
    context = wanted.context or min(CONTEXT_TOKENS, trained or CONTEXT_TOKENS)
    if trained is not None and context > trained:
        raise UsageError(f"'llamacpp/{name}': the model was trained on {trained} tokens, no more")
    threads = wanted.threads or max(1, physical_cores() - 1)
    server = ServerOptions(path, base, context, wanted.slots, threads)
    names = gguf.template_names(metadata)
    card = ModelCard(
        f"llamacpp/{name}",
        dialect="native_tools" if "tools" in names else "json_action",
        price=OWN_MACHINE,
        context_tokens=context,
        details={
            "file": path.name,
            "sha256": sha256,
            "quantisation": gguf.quantisation(metadata),
            "xllamacpp": version("xllamacpp"),
            "context": str(context),
            "slots": str(server.slots),
            "threads": str(server.threads),
        },
    )
    provider = Provider(
        base_url="llama.cpp with this chat template",
        reasoning_field="reasoning_content",
        reasoning_effort="reasoning_effort" in names,
        # An event for each batch of the prompt: between events a call can be stopped.
        body={"return_progress": True},
    )
    return LlamaCpp(card, LlamaServer(server), provider)


def _load_options(name: str, query: str) -> LoadOptions:
    given: dict[str, int] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in LoadOptions.__struct_fields__:
            raise UnknownName.of("option", key, LoadOptions.__struct_fields__)
        if not value.isascii() or not value.isdigit() or not 0 < int(value[:9]) == int(value):
            raise UsageError(f"'llamacpp/{name}': {key}={value!r} is not a whole number above 0")
        given[key] = int(value)
    return LoadOptions(**given)


def _find(base: str, settings: Settings) -> Path:
    """Return the file of a pulled model, or of a path that ends in .gguf."""
    if base.endswith(".gguf"):
        path = Path(base).expanduser()
        if not path.is_file():
            raise UsageError(f"no file {str(path)!r}: check the path after 'llamacpp/'")
        return path
    pulled = {file.stem: file for file in settings.models.glob("*.gguf")}
    if base in pulled:
        return pulled[base]
    entry = CATALOGUE.get(base)
    if isinstance(entry, WheelModel):
        raise UsageError(f"'llamacpp/{base}' is not on this machine: run `ossay pull {base}`")
    if entry is not None:
        raise UsageError(
            f"{base!r} is pulled as safetensors, which llama.cpp does not read: give the path of a "
            "GGUF file, llamacpp//path/to/file.gguf"
        )
    known = {*pulled, *(name for name, e in CATALOGUE.items() if isinstance(e, WheelModel))}
    hint = "Or give the path of a GGUF file: llamacpp//path/to/file.gguf"
    raise UnknownName.of("llama.cpp model", base, known, hint=hint)
