"""Inspect AI's side of bench/harness.py: one eval of the same trivial samples, timed.

    python bench/harness_inspect.py {instant|endpoint} SAMPLES {lean|default} CONNECTIONS [BASE_URL]

Runs in an environment that has inspect-ai and openai. Prints one line of JSON. 'lean' is the
fastest setting that keeps every sample in the log: realtime buffer and raw API logging off, as many
samples as connections; 'default' changes only the display. Timed: `eval`, with its log written.
Not timed: starting Python, importing, reading the log back.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log
from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, get_model, modelapi
from inspect_ai.scorer import exact
from inspect_ai.solver import generate, system_message

OUT = Path(__file__).parent / "out"
GREETING = "Hello from the mock upstream."


@modelapi(name="instant")
class Instant(ModelAPI):
    """Answers at once."""

    async def generate(self, *_asked: Any, **_options: Any) -> ModelOutput:
        """Say hello, whatever was asked."""
        return ModelOutput.from_content(self.model_name, GREETING)


def main() -> None:
    kind, samples, setting, connections = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    config = {} if setting == "default" else {"max_connections": int(connections)}
    if kind == "instant":
        model = get_model("instant/greeting", config=GenerateConfig(**config))
    else:
        model = get_model(
            "openai-api/mock/greeting",
            base_url=sys.argv[5],
            api_key="none",
            config=GenerateConfig(**config),
        )
    task = Task(
        dataset=MemoryDataset(
            [
                Sample(input=f"Say hello. This is question {n}.", target=GREETING)
                for n in range(1, samples + 1)
            ]
        ),
        solver=[system_message("You are a helpful assistant."), generate()],
        scorer=exact(),
    )
    lean = {"log_realtime": False, "log_model_api": False, "max_samples": int(connections)}
    options = {} if setting == "default" else lean
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUT, prefix="inspect-") as place:
        wall, cpu = time.perf_counter(), time.process_time()
        (log,) = eval(task, model=model, log_dir=place, display="none", **options)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if log.status != "success" or log.results.scores[0].metrics["mean"].value != 1.0:
            raise SystemExit(f"{log.status}: {log.error}")
        size = sum(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())
        events = [e for s in read_eval_log(log.location).samples for e in s.events]
    took = [e.output.time or e.working_time for e in events if e.event == "model"]
    if len(took) != samples:
        raise SystemExit(f"{len(took)} calls in the log, not {samples}")
    print(json.dumps({"seconds": wall, "cpu_s": cpu, "log_mb": size / 1e6, "latency_s": took}))


if __name__ == "__main__":
    main()
