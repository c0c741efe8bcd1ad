"""`ossay bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from ossay.engine.shape import ModelShape
    from ossay.engine.speed import Precision
    from ossay.engine.throughput import Rate


def _counts(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, ...]:
    """'1,4,16' -> (1, 4, 16)."""
    words = value.split(",")
    if not all(word.strip().isdecimal() and int(word) > 0 for word in words):
        raise click.BadParameter(f"{value!r} is not a list of counts such as 1,4,16")
    return tuple(int(word) for word in words)


@click.group()
def bench() -> None:
    """Measure what a model reaches here, beside what this machine can do."""


@bench.command()
@click.argument("model")
@click.option("--prompt", type=click.IntRange(1), default=512, show_default=True, metavar="N",
              help="Tokens of the prompt that is read.")  # fmt: skip
@click.option("--batch", default="1,4,16,32", show_default=True, metavar="N,N,…",
              callback=_counts, help="Sequences that are decoded at once.")  # fmt: skip
@click.option("--tokens", type=click.IntRange(1), default=32, show_default=True, metavar="N",
              help="Tokens that each sequence decodes.")  # fmt: skip
@click.option("--repeat", type=click.IntRange(1), default=3, show_default=True, metavar="N",
              help="Measure each so many times, report the median.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), metavar="N",
              help="Threads that compute.  [default: one a core]")  # fmt: skip
@click.option("--precision", type=click.Choice(["int8", "exact"]), default="int8",
              show_default=True, help="Of cpu: 8-bit, or weights as stored.")  # fmt: skip
@click.option("--backend", type=click.Choice(["cpu", "cuda", "reference"]), default="cpu",
              show_default=True, help="cuda is one NVIDIA GPU, always exact.")  # fmt: skip
@click.option("--random", "random_weights", is_flag=True,
              help="MODEL is a shape: its weights are made on the GPU.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def engine(  # noqa: PLR0913  each is something that a user may want to set
    model: str,
    prompt: int,
    batch: tuple[int, ...],
    tokens: int,
    repeat: int,
    threads: int | None,
    precision: Precision,
    backend: str,
    random_weights: bool,
    as_json: bool,
) -> None:
    """Measure tokens per second of MODEL, reading prompts and decoding.

    MODEL is a folder with a checkpoint, or a name that was pulled; with --random a shape such as
    gpt-oss-120b, which needs --backend cuda and no files. Each figure comes with GB/s,
    GFLOP/s, and its share of what this machine could do: the time that reading the weights or
    computing would take at the speeds measured just before and after it.
    """
    import msgspec

    from ossay.engine.throughput import Plan
    from ossay.engine.trial import bench_engine

    measured = _shape(model, backend) if random_weights else place.model_folder(model, backend)
    plan = Plan(prompt, batch, tokens, repeat)
    # A table of what is known so far would jump; a line for each figure says that it goes on.
    report = bench_engine(
        measured,
        plan,
        backend=backend,
        precision=precision,
        threads=threads,
        on_rate=lambda rate: click.echo(_line(rate), err=True),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("tokens/s", "GB/s", "GFLOP/s", "of the limit", "memory GB/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for rate in report.rates:
        table.add_row(*_cells(rate))
    console = place.console()
    console.print(table)
    console.print()
    for line in report.remarks():
        console.print(line)


def _shape(name: str, backend: str) -> ModelShape:
    """The shape of that name, for random weights on a GPU."""
    from ossay.engine.known_shapes import SHAPES

    if name not in SHAPES:
        raise UnknownName.of("shape", name, SHAPES)
    if backend != "cuda":
        raise UsageError(
            f"--random makes weights on a GPU: add --backend cuda (not {backend!r}), or write a "
            f"checkpoint with `ossay synth --shape {name} --seed 1 FOLDER`"
        )
    return SHAPES[name]()


def _name(rate: Rate) -> str:
    if rate.what == "prefill":
        return f"prefill, {rate.size} tokens"
    return f"decode, {rate.size} sequence{'s' if rate.size > 1 else ''}"


def _cells(rate: Rate) -> tuple[str, ...]:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.1f}"

    share = "-" if rate.share is None else f"{rate.share:.0%} {rate.bound}"
    figures = (shown(rate.tokens_per_s), shown(rate.gb_s), shown(rate.gflop_s))
    return (_name(rate), *figures, share, shown(rate.read_gb_s))


def _line(rate: Rate) -> str:
    return f"{_name(rate)}: {rate.tokens_per_s:.1f} tokens/s"
