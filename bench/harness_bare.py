"""The yardstick of bench/harness.py: a bare aiohttp loop that asks and reads, and keeps no books.

    python bench/harness_bare.py SAMPLES CONCURRENCY BASE_URL

Prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp


async def ask_all(samples: int, concurrency: int, url: str) -> list[float]:
    """Ask every question, `concurrency` at once; return how long each took, in seconds."""
    left = iter(range(1, samples + 1))
    took: list[float] = []

    async def one_after_the_other(session: aiohttp.ClientSession) -> None:
        for number in left:
            text = f"Say hello. This is question {number}."
            body = {
                "model": "greeting",
                "messages": [
                    {"role": "system", "content": "You are a helpful assistant."},
                    {"role": "user", "content": text},
                ],
                "stream": True,
            }
            began = time.perf_counter()
            async with session.post(url, json=body) as response:
                answer = await response.read()
            took.append(time.perf_counter() - began)
            if response.status != 200 or b"Hello from the mock upstream." not in answer:
                raise SystemExit(f"HTTP {response.status}: {answer[:200]!r}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*[one_after_the_other(session) for _ in range(concurrency)])
    return took


def main() -> None:
    samples, concurrency, base_url = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    wall, cpu = time.perf_counter(), time.process_time()
    took = asyncio.run(ask_all(samples, concurrency, f"{base_url}/chat/completions"))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"seconds": wall, "cpu_s": cpu, "latency_s": took}))


if __name__ == "__main__":
    main()
