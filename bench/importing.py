"""How long `ossay import` takes on logs of 10,000 samples, and what memory: results/importing.md.

    python bench/importing.py [--samples 10000] [--rounds 3] [--inspect PYTHON | --log FILE]

Timed: the whole command in a process of its own, starting Python, reading, checking and writing
into a fresh SQLite ledger. The log is Inspect's own where PYTHON can import inspect_ai (the
environment of bench/harness.py, if it is there); else it is written here in the same form. The
other files are made from the same samples. Wanted: under 5 seconds and 500 MB.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import platform
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import zstandard

from ossay.records.archive import Archive
from ossay.records.source_file import look_at

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "importing.md"
VENV = HERE / "out" / "inspect-venv" / "bin" / "python"

# Run by an interpreter that has inspect-ai: FOLDER SAMPLES. Prints the log's path.
BY_INSPECT = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelAPI, ModelOutput, ModelUsage, modelapi
from inspect_ai.scorer import exact
from inspect_ai.solver import generate

@modelapi(name="fake")
class Fake(ModelAPI):
    async def generate(self, input, *asked, **options):
        n = int(input[-1].text.split()[-1].strip("?"))
        output = ModelOutput.from_content(self.model_name, str(2 * n + (n % 10 > 5)))
        output.usage = ModelUsage(input_tokens=20, output_tokens=3, total_tokens=23)
        return output

questions = [
    Sample(id=f"q{n}", input=f"What is twice {n}?", target=str(2 * n), metadata={"topic": n % 50})
    for n in range(1, int(sys.argv[2]) + 1)
]
(log,) = eval(
    Task(name="twice", dataset=MemoryDataset(questions), solver=[generate()], scorer=exact()),
    model="fake/one", log_dir=sys.argv[1], display="none", max_samples=100,
    log_realtime=False, log_model_api=False,
)
print(log.location)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inspect", default=str(VENV))
    parser.add_argument("--log", type=Path, help="a log that Inspect wrote before")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="importing-") as place:
        folder = Path(place)
        log = given.log or make_log(folder, given.samples, given.inspect)
        made_by = writer_of(log)
        rows = [
            row(name, path, given.rounds, folder, *more) for name, path, *more in files(folder, log)
        ]
    RESULTS.parent.mkdir(exist_ok=True)
    lines = [
        f"Importing, {datetime.now(UTC):%Y-%m-%d}: `python bench/importing.py --samples "
        f"{given.samples} --rounds {given.rounds}`, python {platform.python_version()}, "
        f"{platform.machine()}. The log was written by {made_by}.",
        "",
        "Whole command, SQLite ledger included; best and median of the rounds, highest memory.",
        "",
        "| file | MB | samples | best s | median s | memory MB |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def make_log(folder: Path, samples: int, python: str) -> Path:
    """Return a log of that many samples, Inspect's own where it can be."""
    try:
        subprocess.run([python, "-c", "import inspect_ai"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return written_here(folder / "log.eval", samples)
    made = subprocess.run(
        [str(Path(python).absolute()), "-c", BY_INSPECT, str(folder / "logs"), str(samples)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return Path(made.stdout.strip().splitlines()[-1].removeprefix("file://"))


def writer_of(log: Path) -> str:
    with Archive(look_at(log)) as archive:
        packages = json.loads(archive.read("header.json"))["eval"].get("packages", {})
    version = packages.get("inspect_ai")
    return f"Inspect AI {version}" if version else "this script, in Inspect's form"


def files(folder: Path, log: Path) -> Iterator[tuple[str, Path] | tuple[str, Path, str, str]]:
    """The log, and the same samples in every other form."""
    yield "Inspect .eval", log
    with Archive(look_at(log)) as archive:
        header = json.loads(archive.read("header.json"))
        summaries = json.loads(archive.read("summaries.json"))
        whole = {name: archive.read(name) for name in archive.names() if "samples/" in name}
    killed = {"_journal/start.json": json.dumps(header).encode(), **whole}
    yield "Inspect .eval of a killed run, samples only", zip_of(folder / "killed.eval", killed)
    one = folder / "log.json"
    body = header | {"samples": [json.loads(text) for text in whole.values()]}
    one.write_text(json.dumps(body, indent=2))
    yield "Inspect .json", one
    lines = folder / "samples_twice_2026-01-01T00-00-00.jsonl"
    with lines.open("w") as out:
        for number, (text, said) in enumerate(zip(whole.values(), summaries, strict=True)):
            right = said["scores"]["exact"]["value"] == "C"
            line = {"doc_id": number, "doc": json.loads(text), "filter": "none"}
            out.write(json.dumps(line | {"metrics": ["acc"], "acc": float(right)}) + "\n")
    yield "lm-eval samples.jsonl", lines, "--model", "fake/one"
    table = folder / "table.csv.gz"
    with gzip.open(table, "wt", newline="") as text_out:
        writer = csv.writer(text_out)
        writer.writerow(("item", "model", "score", "input_tokens", "seconds"))
        for said in summaries:
            right = said["scores"]["exact"]["value"] == "C"
            writer.writerow((said["id"], "fake/one", int(right), 20, said.get("total_time", "")))
    yield "CSV, gzipped", table


def row(name: str, path: Path, rounds: int, folder: Path, *more: str) -> str:
    """Import a file `rounds` times, each in its own process and ledger."""
    taken, peak, results = [], 0.0, 0
    for number in range(rounds):
        ledger = folder / f"{path.name}-{number}.db"
        command = ["import", str(path), "--name", "it", "--json", "--ledger", str(ledger), *more]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *command], capture_output=True, text=True, check=True
        )
        taken.append(time.perf_counter() - start)
        said, _, memory = done.stdout.rstrip().rpartition("\n")
        results = json.loads(said)[0]["results"]
        peak = max(peak, float(memory) / 1024)
    size = path.stat().st_size / 1e6
    return (
        f"| {name} | {size:.2f} | {results:,} | {min(taken):.2f} | {statistics.median(taken):.2f} "
        f"| {peak:.0f} |"
    )


# The command, and after it the most memory (KiB) that its process held. getrusage would not do: it
# counts what the parent held when it forked.
CHILD = """
import pathlib, sys
from ossay.cli import main
try:
    main()
except SystemExit as end:
    if end.code:
        raise
status = pathlib.Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def written_here(path: Path, samples: int) -> Path:
    """A log as Inspect writes one: about 6 KB a sample before packing."""
    spec = {"task": "twice", "model": "fake/one", "dataset": {"samples": samples}}
    header = {"version": 2, "status": "success", "eval": spec}
    summaries, members = [], {}
    for n in range(1, samples + 1):
        summary = {
            "id": f"q{n}",
            "epoch": 1,
            "input": f"What is twice {n}?",
            "target": str(2 * n),
            "metadata": {"topic": n % 50},
            "total_time": 0.1,
            "working_time": 0.1,
            "scores": {"exact": {"value": "I" if n % 10 > 5 else "C", "answer": str(2 * n)}},
            "model_usage": {"fake/one": {"input_tokens": 20, "output_tokens": 3}},
        }
        summaries.append(summary)
        events = [{"event": "step", "uuid": f"{n}-{step}", "text": "x" * 300} for step in range(16)]
        members[f"samples/q{n}_epoch_1.json"] = json.dumps(summary | {"events": events}).encode()
    members["summaries.json"] = json.dumps(summaries).encode()
    members["header.json"] = json.dumps(header).encode()
    return zip_of(path, members)


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    """A zip file of Zstandard members, which `zipfile` cannot write."""
    packer, directory = zstandard.ZstdCompressor(), b""
    with path.open("wb") as out:
        for name, data in members.items():
            packed = packer.compress(data)
            fields = struct.pack(
                "<HHHHHLLLHH",
                *(20, 0, 93, 0, 33, zlib.crc32(data), len(packed), len(data)),
                *(len(name.encode()), 0),
            )
            place = out.tell()
            out.write(b"PK\x03\x04" + fields + name.encode() + packed)
            directory += b"PK\x01\x02" + struct.pack("<H", 20) + fields
            directory += struct.pack("<HHHLL", 0, 0, 0, 0, place) + name.encode()
        place, count = out.tell(), len(members)
        end = struct.pack("<HHHHLLH", 0, 0, count, count, len(directory), place, 0)
        out.write(directory + b"PK\x05\x06" + end)
    return path


if __name__ == "__main__":
    main()
