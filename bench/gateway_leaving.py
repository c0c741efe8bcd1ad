"""How soon after a client has left does the provider behind the gateway hear of it?

    python bench/gateway_leaving.py

A real `ossay gateway`, providers in this process that never end their answer, clients that close
their connection while the draft, the verdict or the strong answer is on its way. Writes
results/gateway-leaving.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from ossay.models.mock_upstream import MockUpstream

RESULTS = Path(__file__).parent / "results"
OSSAY = Path(sys.executable).with_name("ossay")
STAGES = ("draft", "validate", "strong")


class Case(Struct, frozen=True):
    """Where the answer is when the client goes: held (validated, critical) or passing through."""

    stage: str
    level: str
    stream: bool
    fault: str

    @property
    def route(self) -> str:
        """Its name in the gateway's file."""
        return f"{self.stage}-{self.fault}"


CASES = [
    Case(stage, level, stream, fault)
    for stage, level in zip(("draft", *STAGES), ("low", "high", "high", "high"), strict=True)
    for stream in (True, False)
    for fault in ("hang", "endless")
]


@asynccontextmanager
async def gateway(folder: Path, providers: dict[str, MockUpstream]) -> AsyncIterator[int]:
    """The port of a gateway with a route for each stage and fault."""
    rows = [f'[providers.{name}]\nbase_url = "{up.base_url}"' for name, up in providers.items()]
    (folder / "ossay.toml").write_text("\n".join(rows) + "\n")
    routes = [
        "".join(
            (
                f"[routes.{name}]\n",
                f'cheap = "{name}/m"\n' if stage == "draft" else 'cheap = "scripted/drafter"\n',
                f'validator = "{name}/m"\n'
                if stage == "validate"
                else 'validator = "scripted/validator?how=prose"\n',
                f'strong = "{name}/m"\n' if stage == "strong" else 'strong = "scripted/expert"\n',
            )
        )
        for name in providers
        for stage in (name.partition("-")[0],)
    ]
    (folder / "gateway.toml").write_text('[gateway]\nlog = "d.db"\n' + "".join(routes))
    process = await asyncio.create_subprocess_exec(
        OSSAY, "gateway", "gateway.toml", "--port", "0", "--json", cwd=folder,
        env={**os.environ, "OSSAY_CONFIG": str(folder / "ossay.toml")},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())["port"]
    finally:
        process.terminate()
        await process.wait()


async def leave(port: int, case: Case, provider: MockUpstream) -> float:
    """Ask, leave once the provider is at work; seconds until it heard."""
    seen, left = provider.seen, len(provider.left_at)
    body = json.dumps(
        {"model": case.route, "stream": case.stream, "messages": [{"role": "user", "content": "?"}]}
    ).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nx-ossay-criticality: %b\r\nContent-Length: %d\r\n\r\n%b"
        % (case.level.encode(), len(body), body)
    )
    while provider.seen == seen:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.03)
    at = asyncio.get_running_loop().time()
    writer.close()
    while len(provider.left_at) == left:
        await asyncio.sleep(0.001)
    return provider.left_at[-1] - at


async def measure(times: int) -> dict[Case, list[float]]:
    async with AsyncExitStack() as stack:
        providers = {
            case.route: await stack.enter_async_context(MockUpstream([case.fault]))
            for case in {case.route: case for case in CASES}.values()
        }
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = await stack.enter_async_context(gateway(folder, providers))
        return {
            case: [await leave(port, case, providers[case.route]) for _ in range(times)]
            for case in CASES
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    times = parser.parse_args().times
    found = asyncio.run(measure(times))
    lines = [
        f"Clients that leave, {datetime.now(UTC):%Y-%m-%d}: `python bench/gateway_leaving.py "
        f"--times {times}`, python {platform.python_version()}, {platform.machine()}.",
        "",
        "From the client's close to the provider's news of it, in milliseconds. `hang` says "
        "nothing after its head, `endless` goes on and on.",
        "",
        "| on its way | criticality | answer | provider | p50 | most |",
        "|---|---|---|---|---:|---:|",
    ]
    for case, waits in found.items():
        kind = "streamed" if case.stream else "whole"
        lines.append(
            f"| {case.stage} | {case.level} | {kind} | {case.fault} | "
            f"{1e3 * statistics.median(waits):.1f} | {1e3 * max(waits):.1f} |"
        )
    path = RESULTS / "gateway-leaving.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
