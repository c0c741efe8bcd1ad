"""What tests of several rooms share. Nothing heavy is imported before a test asks for it."""

from __future__ import annotations

import os

import pytest

# On small matrices a second thread only waits for the first; `make test` says so too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def logits_of():
    """(kernels, tokens, chunk) -> float32 [n, vocab]: one sequence alone, its blocks shuffled."""
    import numpy as np

    from ossay.engine.batch import BLOCK, Batch
    from ossay.engine.kernels import forward

    def run(kernels, tokens, chunk=512):
        count = -(-len(tokens) // BLOCK)
        cache = kernels.new_cache(count, count)
        rng = np.random.default_rng(len(tokens))
        full, sliding = (rng.permutation(count).astype(np.int32)[None] for _ in range(2))
        parts = []
        for start in range(0, len(tokens), chunk):
            piece = np.array(tokens[start : start + chunk], np.int32)
            offsets = np.arange(len(piece), dtype=np.int32)
            batch = Batch(
                tokens=piece,
                positions=offsets + np.int32(start),
                starts=np.array([0, len(piece)], np.int32),
                full_blocks=full,
                sliding_blocks=sliding,
                wanted=offsets,
            )
            parts.append(forward(kernels, batch, cache))
        return np.concatenate(parts)

    return run


@pytest.fixture(scope="session")
def backend():
    """(name, shape, checkpoint, precision) -> that backend's kernels; skips where it is missing."""

    def make(name, shape, checkpoint, precision="exact"):
        if name == "reference":
            from ossay.engine.kernels.reference import Reference

            return Reference(shape, checkpoint)
        if "kernels" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
            cpu = pytest.importorskip("ossay.engine.kernels.cpu")
            if not cpu.available():
                pytest.skip("the fast kernels are not built: pip install with a C++ compiler")
        from ossay.engine.kernels.cpu import Cpu

        return Cpu(shape, checkpoint, precision=precision)

    return make


@pytest.fixture(scope="session")
def vocabulary(vocabulary_file):
    """The vocabulary of gpt-oss; skips where it is not on this machine."""
    from ossay.harmony.vocabulary import load

    return load(vocabulary_file)


@pytest.fixture(scope="session")
def vocabulary_file():
    """Its file: among the real data, or where it was pulled to."""
    from pathlib import Path

    from ossay.core.errors import UsageError
    from ossay.core.settings import settings_from
    from ossay.harmony.vocabulary import FILE, find_file

    data = os.environ.get("OSSAY_DATA") or Path(__file__).parents[2] / "shared/data"
    file = Path(data) / "tokenizer" / FILE
    if file.is_file():
        return file
    try:
        return find_file(settings_from(os.environ, Path.cwd()), os.environ)
    except UsageError as missing:
        if "vocabulary" in os.environ.get("OSSAY_REQUIRE", "").split(","):
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def vocabulary_environ(vocabulary_file, tmp_path_factory):
    """The environment in which a process finds the vocabulary; skips where it is not here."""
    folder = tmp_path_factory.mktemp("vocabulary")
    (folder / "o200k_base.tiktoken").symlink_to(vocabulary_file)
    return {"TIKTOKEN_ENCODINGS_BASE": str(folder)}


@pytest.fixture
def answered():
    """(url, answers, campaign) -> a ledger there with a finished campaign of these answers.

    An answer is (model, task, seed, text, facts); all of them passed.
    """
    import asyncio

    from ossay.core.outcome import Outcome
    from ossay.core.records import CampaignRecord, RunKey, RunRecord
    from ossay.core.task import Step, Transcript
    from ossay.core.types import Message, ModelCard, Reply, Timing, Usage
    from ossay.store.ledger import open_ledger

    def said(text, seed):
        reply = Reply(Message("assistant", text), Usage(100, None, 20, 5), Timing(1.0, 0.1))
        return Transcript("t", seed, "s", f"Problem {seed}.", "answered", steps=(Step(reply),))

    async def fill(ledger, answers, campaign):
        models = tuple(ModelCard(model) for model in dict.fromkeys(one[0] for one in answers))
        named = ", ".join(f'"{model.reference}"' for model in models)
        plan = f'name = "{campaign}"\nmodels = [{named}]\nsuites = ["coding"]\n'
        suites = {"coding": "1"}
        header = CampaignRecord(campaign, 1_000.0, "ossay run", plan, models, suites, {}, ())
        keys = [
            (f"{campaign}-{n:04}", RunKey(model, "coding", task, seed, 1))
            for n, (model, task, seed, *_) in enumerate(answers)
        ]
        await ledger.plan(header, keys)
        worker = await ledger.enlist(campaign)
        for *_, seed, text, facts in answers:
            claim = await worker.claim()
            record = RunRecord(
                claim.run_id, claim.key, "finished", Outcome.PASSED, reason="right", done=1, of=1,
                turns=1, started_at=1_500.0, seconds=2.5, usage=Usage(100, None, 20, 5),
                facts=facts,
            )  # fmt: skip
            await worker.finish(claim, record, said(text, seed))
        await worker.leave()

    def make(url, answers, campaign="night"):
        with open_ledger(str(url), create=True) as ledger:
            asyncio.run(fill(ledger, answers, campaign))
        return str(url)

    return make


@pytest.fixture(scope="session")
def asking():
    """(query) -> a request's hash and its body, as a decision log keeps them."""
    from ossay.core.decision import canonical, digest
    from ossay.core.types import Message, Request

    def asking(query):
        body = canonical(Request((Message("user", query),)))
        return digest(body), body

    return asking


@pytest.fixture(scope="session")
def call():
    """(step, how it ended, …) -> one step of a decision, with the cost and time of its kind."""
    from ossay.core.decision import Called

    usual = {
        "draft": ("lab/small", 0.001, 0.3),
        "validate": ("lab/judge", 0.002, 0.4),
        "strong": ("lab/big", 0.02, 2.0),
    }

    def call(step, ended="answered", **more):
        model, usd, seconds = usual[step]
        given = {"model": model, "cost_usd": usd, "seconds": seconds, **more}
        return Called(step=step, ended=ended, **given)

    return call


@pytest.fixture(scope="session")
def decision(asking, call):
    """(number, query, …) -> a published draft of low criticality, unless told otherwise."""
    from ossay.core.decision import Decision

    def decision(number, query="what?", *, calls=None, **more):
        given = {
            "id": f"{number:032x}",
            "at": 1_000.0 + number,
            "route": "support",
            "key": "team",
            "criticality": "low",
            "declared": "low",
            "declared_by": "route",
            "plan": "cheap",
            "plan_why": "low criticality",
            "ending": "draft",
            "request_hash": asking(query)[0],
            "seconds": 0.5,
            "kept_until": 4e9,
        } | more
        if calls is None:
            steps = {"cheap": ["draft"], "validate": ["draft", "validate"], "strong": []}
            strong = ["strong"] * (given["ending"] == "strong")
            calls = [call(step) for step in steps[given["plan"]] + strong]
        known = [one.cost_usd for one in calls]
        cost = None if None in known else sum(known)
        return Decision(**{"calls": tuple(calls), "cost_usd": cost, **given})

    return decision


@pytest.fixture(scope="session")
def audit():
    """(decision, wrong, …) -> its audit; wrong None: without a label."""
    from ossay.core.decision import Audit, Called

    def audit(of, wrong=False, *, ended="answered", **more):
        given = {
            "id": f"audit-{of.id}",
            "of": of.id,
            "at": of.at + 1,
            "chance": of.audit_chance,
            "wrong": wrong,
            "answer_hash": "",
            "ruling": {None: "", True: "reject", False: "approve"}[wrong],
            "call": Called("validate", "lab/big", ended, cost_usd=0.02, seconds=1.0),
        }
        return Audit(**{**given, **more})

    return audit
