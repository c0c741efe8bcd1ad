"""Let Inspect AI write the logs of this folder: python make_inspect.py (needs inspect-ai 0.3.285).

A fake model answers; nothing leaves the machine. Tracebacks, which hold paths, are blanked.
"""

import json
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import zstandard
from inspect_ai import Epochs, Task
from inspect_ai import eval as run
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelAPI, ModelOutput, ModelUsage, modelapi
from inspect_ai.scorer import Score, accuracy, exact, match, mean, scorer, stderr
from inspect_ai.solver import generate

HERE = Path(__file__).parent


@modelapi(name="fake")
class Fake(ModelAPI):
    """Doubles numbers, and is wrong at some of them."""

    async def generate(self, input, *_asked, **_options):
        """Answer '… twice N?'."""
        number = int(input[-1].text.split()[-1].strip("?"))
        if "fail" in input[-1].text:
            raise RuntimeError("upstream broke")
        right = (number * 7919 + len(self.model_name)) % 10 < 6
        output = ModelOutput.from_content(self.model_name, str(2 * number + (not right)))
        output.usage = ModelUsage(
            input_tokens=20 + number,
            output_tokens=3,
            total_tokens=33 + number,
            input_tokens_cache_read=10,
        )
        return output


@scorer(metrics={"near": [mean()], "sure": [mean()]})
def graded():
    """Two values a sample."""

    async def score(state, target):
        off = abs(int(state.output.completion) - int(target.text))
        return Score(value={"near": 1.0 - off / 2, "sure": off == 0})

    return score


@scorer(metrics=[accuracy(), stderr()])
def letters():
    """C, I, P, N, and no verdict at all."""

    async def score(state, target):
        said = int(state.output.completion)
        kind = {1: "P", 2: "N"}.get(said // 2)
        if said // 2 == 3:
            return Score.unscored(reason="grader_failed")
        return Score(value=kind or ("C" if said == int(target.text) else "I"))

    return score


def samples(count, fail=0):
    return MemoryDataset(
        [
            Sample(
                id=f"q{n}",
                input=f"{'fail ' if n == fail else ''}What is twice {n}?",
                target=str(2 * n),
                metadata={"topic": f"t{n % 2}"},
            )
            for n in range(1, count + 1)
        ],
        name="twice",
    )


def main():
    with tempfile.TemporaryDirectory() as place:
        options = {"log_dir": place, "display": "none", "log_realtime": False}
        options["log_model_api"] = False

        def one(name, scored, count, model="fake/one", fail=0, **more):
            task = Task(
                name=name,
                dataset=samples(count, fail),
                solver=[generate()],
                scorer=scored,
                version=3,
            )
            (log,) = run(task, model=model, max_samples=1, **options, **more)
            return Path(log.location)

        keep(one("twice", match(numeric=True), 5), "twice_one.eval")
        keep(one("twice", match(numeric=True), 5, model="fake/three"), "twice_three.eval")
        scored = [letters(), graded()]
        keep(one("letters", scored, 4, epochs=Epochs(2, ["mean", "pass_at_1"])), "letters.eval")
        keep(one("stopped", exact(), 5, fail=3), "stopped.eval")
        log = one("letters", letters(), 3, log_format="json")
        body = json.loads(log.read_text())  # as one line: half the size
        (HERE / "letters.json").write_text(json.dumps(body, separators=(",", ":")) + "\n")


def keep(log, name):
    """Copy a log; where a member holds a traceback, write that member anew without it."""
    with zipfile.ZipFile(log) as old, log.open("rb") as raw, (HERE / name).open("wb") as new:
        directory = b""
        for info in old.infolist():
            raw.seek(info.header_offset)
            head = raw.read(30)
            skipped = sum(struct.unpack("<HH", head[26:]))
            raw.seek(info.header_offset + 30 + skipped)
            packed = raw.read(info.compress_size)
            text = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
            if b'"traceback' in text:
                text = json.dumps(blanked(json.loads(text)), separators=(",", ":")).encode()
                packed = zstandard.compress(text)
            fields = struct.pack(
                "<HHHHHLLLHH",
                *(20, 0, 93, 0, 33, zipfile.crc32(text), len(packed), len(text)),
                *(len(info.filename), 0),
            )
            place = new.tell()
            new.write(b"PK\x03\x04" + fields + info.filename.encode() + packed)
            directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields
            directory += struct.pack("<HHHLL", 0, 0, 0, 0, place) + info.filename.encode()
        place, count = new.tell(), len(old.infolist())
        end = struct.pack("<HHHHLLH", 0, 0, count, count, len(directory), place, 0)
        new.write(directory + b"PK\x05\x06" + end)


def blanked(value):
    if isinstance(value, dict):
        return {k: "" if k.startswith("traceback") else blanked(v) for k, v in value.items()}
    return [blanked(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
