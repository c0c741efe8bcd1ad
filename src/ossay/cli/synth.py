"""`ossay synth`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

_SHAPES = ("gpt-oss-20b", "gpt-oss-120b", "tiny")
_FORMS = ("mxfp4", "bf16", "original")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--shape", "name", type=click.Choice(_SHAPES), required=True, help="Which model's shape."
)
@click.option("--layers", type=click.IntRange(min=1), help="Only the first so many layers.")
@click.option("--experts", type=click.IntRange(min=1), help="So many experts a layer.")
@click.option("--seed", type=click.IntRange(min=0), required=True, help="Same seed, same weights.")
@click.option(
    "--form",
    type=click.Choice(_FORMS),
    default="mxfp4",
    show_default=True,
    help="Hugging Face's files with MXFP4 or bfloat16 experts, or OpenAI's original ones.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def synth(
    folder: Path,
    name: str,
    layers: int | None,
    experts: int | None,
    seed: int,
    form: str,
    as_json: bool,
) -> None:
    """Write a checkpoint with RANDOM weights to DIR, which must be new or empty.

    It has a real model's shape, so that speed and memory can be measured without the model. What
    it generates is noise. Interrupted, it leaves nothing.
    """
    import msgspec

    from ossay.core.errors import UsageError
    from ossay.engine.known_shapes import SHAPES, first_layers
    from ossay.engine.synth import checkpoint_bytes, write_checkpoint

    shape = first_layers(SHAPES[name](), layers)
    if experts is not None:
        if experts < shape.experts_per_token:
            raise UsageError(
                f"--experts {experts} is fewer than the {shape.experts_per_token} that each token "
                "goes to"
            )
        shape = msgspec.structs.replace(shape, experts=experts)
    size = checkpoint_bytes(shape, form)  # type: ignore[arg-type]
    write_checkpoint(folder, shape, seed, form, on_progress=_progress())  # type: ignore[arg-type]
    if as_json:
        told = {
            "path": str(folder),
            "shape": name,
            "layers": shape.layers,
            "experts": shape.experts,
            "seed": seed,
            "form": form,
            "weight_bytes": size,
            "random": True,
        }
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
        return
    click.echo(
        f"{folder}: {size / 1e9:.2f} GB, {shape.layers} layers, {shape.experts} experts, "
        f"form {form}, seed {seed}. The weights are random: good for speed, not for answers."
    )


def _progress() -> Callable[[int, int], None]:
    """Print a line to stderr at the start and at each tenth of what takes longer than a moment."""
    told = -1

    def report(done: int, total: int) -> None:
        nonlocal told
        tenth = 10 * done // total
        if total > 10**9 and tenth > told:
            told = tenth
            click.echo(f"random weights: {done / 1e9:.1f} of {total / 1e9:.1f} GB", err=True)

    return report
