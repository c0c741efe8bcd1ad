"""What tests of models over our own engine share: one random checkpoint, and its grammars."""

import pytest


@pytest.fixture(scope="session")
def grammars(vocabulary):
    """The vocabulary as grammars need it; takes a second to prepare."""
    pytest.importorskip("numpy")
    from ossay.models.local_constraint import Grammars

    return Grammars(vocabulary)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A folder with a tiny random model of the real vocabulary."""
    from ossay.engine.synth import tiny_shape, write_checkpoint
    from ossay.harmony.vocabulary import VOCABULARY_SIZE

    shape = tiny_shape(
        vocab=VOCABULARY_SIZE, layers=2, hidden=32, intermediate=32, heads=2, window=128
    )
    return write_checkpoint(tmp_path_factory.mktemp("local") / "tiny", shape, 20)


@pytest.fixture
def local(checkpoint, vocabulary, grammars, backend):
    """(options of `engine.load`) -> a Local over the random checkpoint.

    `before` is called as it loads, and the engine is then put into the list `engines`.
    """
    import random

    from ossay.core.types import ModelCard
    from ossay.engine import load
    from ossay.engine.kernels import cpu
    from ossay.models.clock import ManualClock
    from ossay.models.local_model import Local
    from ossay.models.local_prompt import Loaded

    def make(before=lambda: None, engines=None, **options):
        options.setdefault("backend", "cpu" if cpu.available() else "reference")
        options.setdefault("cache_bytes", 8 << 20)
        options.setdefault("context", 1024)
        options.setdefault("threads", 1)

        def open_it():
            before()
            engine = load(checkpoint, **options)
            if engines is not None:
                engines.append(engine)
            return Loaded(engine, vocabulary, grammars)

        card = ModelCard("local/tiny")
        return Local(card, open_it, clock=ManualClock(), rng=random.Random(1))

    return make


@pytest.fixture
def environ(vocabulary_environ):
    """An environment that says where the vocabulary is; skips where it is not."""
    return vocabulary_environ
