"""gpt-oss on this machine: references into models over our own engine.

`local/gpt-oss-20b` is a pulled model, `local//path/to/folder` any checkpoint, and what follows '?'
says how it is loaded: `local/gpt-oss-20b?context=16384&slots=4&precision=exact`. Knows nothing of
how it speaks.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import parse_qsl

from msgspec import Struct

from ossay.core.errors import UnknownName, UsageError
from ossay.core.settings import Settings
from ossay.core.types import ModelCard, Price
from ossay.models.catalogue import CATALOGUE, HubModel

if TYPE_CHECKING:
    from ossay.engine.shape import ModelShape
    from ossay.models.local_model import Local
    from ossay.models.local_prompt import Loaded

OWN_MACHINE = Price(
    input=0.0, output=0.0, date="2026-11-21", source="own machine; electricity not counted"
)


Precision = Literal["int8", "exact"]
Backend = Literal["cpu", "cuda", "reference", "null"]
_CHOICES = {"precision": get_args(Precision), "backend": get_args(Backend)}


class LoadOptions(Struct, frozen=True):
    """What may follow '?' in a reference. 0 leaves it to ossay.

    Attributes:
        context: Tokens of one conversation, the answer included.
        slots: Conversations computed at once, more wait; 0 means 16, or 64 with cuda.
        threads: Of matrix products; 0 means one for each core that this process may use.
        precision: int8, or exact: the weights as stored. Of the cpu backend; others are exact.
        backend: cpu, cuda (one NVIDIA GPU), reference (numpy, slow) or null (no weights, no sense).
        cache_gb: For keys and values; 0 means 2, or half of what the weights leave free, or most of
            that with cuda.
    """

    context: int = 0
    slots: int = 0
    threads: int = 0
    precision: Precision = "int8"
    backend: Backend = "cpu"
    cache_gb: int = 0


def open_local(
    name: str, settings: Settings, environ: Mapping[str, str], rng: random.Random | None = None
) -> Local:
    """Open the checkpoint `name`, see the module; the first call, or `load`, reads its weights.

    Raises:
        UsageError: the model, the vocabulary or the GPU is not here; says what to do.
        UnknownName: no such model, or no such option.
    """
    from ossay.engine.config import read_shape
    from ossay.harmony.vocabulary import VOCABULARY_SIZE, find_file
    from ossay.models.clock import SystemClock
    from ossay.models.local_model import Local
    from ossay.models.local_prompt import Loaded

    base, _, query = name.partition("?")
    options = load_options(name, query)
    if options.backend == "cuda":  # first: nobody should fetch a model that cannot run here
        from ossay.engine.card import check_gpu

        check_gpu()
    folder = model_folder(base, settings)
    shape = read_shape(folder)
    if shape.vocab < VOCABULARY_SIZE:
        raise UsageError(
            f"'local/{base}': this checkpoint has a vocabulary of {shape.vocab} tokens, and chat "
            f"needs {VOCABULARY_SIZE}; use `ossay generate --tokens`"
        )
    file = find_file(settings, environ)

    def load() -> Loaded:
        from ossay.engine import load
        from ossay.harmony.vocabulary import load as load_vocabulary

        engine = load(
            folder,
            backend=options.backend,
            precision=options.precision,
            context=options.context or None,
            max_sequences=slots(options),
            cache_bytes=options.cache_gb * 10**9 or None,
            threads=options.threads or None,
        )
        vocabulary = load_vocabulary(file)
        return Loaded(engine, vocabulary)

    card = _card(f"local/{name}", options, shape)
    return Local(card, load, clock=SystemClock(), rng=rng or random.SystemRandom())


def model_folder(name: str, settings: Settings) -> Path:
    """Return the checkpoint's folder: `name` itself, or a model that was pulled under that name.

    Raises `UsageError` where there is neither.
    """
    if Path(name).is_dir():
        return Path(name)
    known = {n: m.place(n, settings) for n, m in CATALOGUE.items() if isinstance(m, HubModel)}
    if name not in known:
        raise UnknownName.of(
            "model", name, known, hint="give a folder with a checkpoint, or a name for `ossay pull`"
        )
    if not known[name].is_dir():
        raise UsageError(f"{name!r} is not on this machine: run `ossay pull {name}`")
    return known[name]


def load_options(name: str, query: str) -> LoadOptions:
    """Read what follows '?'. Raises `UnknownName`, or `UsageError` for a value that cannot be."""
    given: dict[str, int | str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in LoadOptions.__struct_fields__:
            raise UnknownName.of("option", key, LoadOptions.__struct_fields__)
        if key in _CHOICES:
            if value not in _CHOICES[key]:
                raise UnknownName.of(key, value, _CHOICES[key])
            given[key] = value
        elif not value.isascii() or not value.isdigit() or not 0 < int(value[:9]) == int(value):
            raise UsageError(f"'local/{name}': {key}={value!r} is not a whole number above 0")
        else:
            given[key] = int(value)
    return LoadOptions(**given)  # type: ignore[arg-type]  # each was read as its field is


def slots(options: LoadOptions) -> int:
    """Conversations computed at once."""
    from ossay.engine.sizing import most_sequences

    return options.slots or most_sequences(options.backend)


def _card(reference: str, options: LoadOptions, shape: ModelShape) -> ModelCard:
    details = {
        "shape": f"{shape.layers} layers, {shape.experts} experts, hidden {shape.hidden}",
        "backend": options.backend,
        "slots": str(slots(options)),
    }
    if options.backend == "cpu":
        from ossay.engine.kernels import cpu

        details["precision"] = options.precision
        details["isa"] = cpu.instruction_set() if cpu.available() else "not built"
    elif options.backend == "cuda":
        from ossay.engine.kernels.cuda import device

        details["precision"] = "exact"
        details["gpu"] = device.name()
    return ModelCard(
        reference,
        price=OWN_MACHINE,
        context_tokens=options.context or shape.max_positions,
        details=details,
    )
