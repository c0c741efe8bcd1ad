"""What reading the model's output costs, in microseconds a token.

    python bench/parser.py [--rounds 5] [--vocabulary FILE]

The claim: at most 5 us a token, whatever comes, and as little at 96,000 tokens as at 6,000. That is
an eighth of the 40 us that the wire may take. Beside an answer, and thoughts and calls as models
write them, the streams are what costs most: headers, long, endless, broken off, or each another;
control tokens at random; ids of the whole vocabulary at random. Medians of the rounds. Results:
bench/results/parser.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import claims
from ossay.core.settings import settings_from
from ossay.harmony.parser import Parser
from ossay.harmony.vocabulary import (
    RANKS,
    SPECIAL,
    VOCABULARY_SIZE,
    Vocabulary,
    find_file,
    load,
)

RESULTS = Path(__file__).parent / "results" / "parser.json"
LAST = (SPECIAL["<|return|>"], SPECIAL["<|endoftext|>"])  # nothing is read after them
TOKENS = (6_000, 24_000, 96_000)
TURN = (
    "<|channel|>analysis<|message|>The user asks for the weather; I need the tool.<|end|><|start|>"
    "assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
    '{"city": "Paris", "unit": "celsius", "days": 3}<|end|><|start|>assistant'
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vocabulary", type=Path)
    given = parser.parse_args()
    file = given.vocabulary or find_file(settings_from(os.environ, Path.cwd()), os.environ)
    vocabulary = load(file)
    took: dict[str, dict[int, list[float]]] = {}
    for _ in range(given.rounds):
        for name, stream in streams(vocabulary).items():
            for count in TOKENS:
                us = microseconds_a_token(vocabulary, stream(count))
                took.setdefault(name, {}).setdefault(count, []).append(us)
    targets = [
        claims.target(
            f"{name}, {count:,} tokens: us a token",
            statistics.median(rounds),
            rounds,
            5,
            at_least=False,
        )
        for name, counts in took.items()
        for count, rounds in counts.items()
    ]
    print(*claims.table(targets), sep="\n")
    report = {
        "command": f"python {shlex.join(sys.argv)}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "targets": targets,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def streams(vocabulary: Vocabulary) -> dict[str, Callable[[int], list[int]]]:
    def repeated(text: str, first: str = "") -> Callable[[int], list[int]]:
        begin = vocabulary.encode(first, special=True)
        ids = vocabulary.encode(text, special=True)
        return lambda count: (begin + ids * (count // len(ids) + 1))[:count]

    def anything(count: int) -> list[int]:
        rng = random.Random(count)
        ids = [i for i in range(VOCABULARY_SIZE) if i not in LAST]
        return rng.choices(ids, k=count)

    def controls(count: int) -> list[int]:
        rng = random.Random(count)
        words = vocabulary.encode("analysis commentary final assistant to=functions.f json")
        ids = [i for i in (*SPECIAL.values(), *words) if i not in LAST]
        return rng.choices(ids, k=count)

    def fresh(count: int) -> list[int]:
        rng = random.Random(count)
        frame = vocabulary.encode("<|channel|><|message|><|start|>", special=True)
        ids: list[int] = []
        while len(ids) < count:
            ids += [frame[0], *(rng.randrange(RANKS) for _ in range(63)), *frame[1:]]
        return ids[:count]

    answer = "<|channel|>final<|message|>"
    return {
        "answer": repeated(" The quick brown fox jumps over the lazy dog.", answer),
        "thoughts and calls": repeated(TURN),
        "headers only": repeated(
            "<|channel|>commentary to=functions.f<|message|><|start|>assistant"
        ),
        "headers of 64 tokens, each another": fresh,
        "header that never ends": repeated("<|channel|>"),
        "headers broken off": repeated("Let me see<|end|><|start|>assistant"),
        "controls and header words, random": controls,
        "random ids": anything,
    }


def microseconds_a_token(vocabulary: Vocabulary, ids: list[int]) -> float:
    parser = Parser(vocabulary)
    feed = parser.feed
    began = time.perf_counter()
    for token in ids:
        feed(token)
    parser.end()
    return (time.perf_counter() - began) / len(ids) * 1e6


if __name__ == "__main__":
    main()
