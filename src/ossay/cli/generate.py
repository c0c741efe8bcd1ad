"""`ossay generate`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ossay.cli import place
from ossay.core.errors import UsageError

if TYPE_CHECKING:
    from ossay.engine import Constraint
    from ossay.engine.speed import Precision
    from ossay.harmony.vocabulary import Vocabulary


@click.command()
@click.argument("model")
@click.option("--tokens", metavar="IDS", help='Token ids, as in "1,2,3"; - reads standard input.')
@click.option("--prompt", metavar="TEXT", help="Text; - reads standard input.")
@click.option(
    "--special", is_flag=True, help="In --prompt, <|start|> and the like are control tokens."
)
@click.option("--max-tokens", type=click.IntRange(1), default=256, show_default=True, metavar="N")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="0 is greedy.")
@click.option("--top-p", type=float, default=1.0, show_default=True)
@click.option("--top-k", type=int, default=0, help="0 keeps all.")
@click.option("--min-p", type=float, default=0.0)
@click.option("--seed", type=click.IntRange(0), help="The same seed gives the same tokens.")
@click.option("--json-schema", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              metavar="FILE", help="All output is JSON that follows this schema.")  # fmt: skip
@click.option("--ids", is_flag=True, help="Write token ids, one a line, instead of text.")
@click.option(
    "--json", "as_json", is_flag=True, help="Write a JSON object a line: tokens, then counts."
)
@click.option("--precision", type=click.Choice(["int8", "exact"]), default="int8",
              show_default=True, help="Of cpu: 8-bit, or weights as stored.")  # fmt: skip
@click.option("--backend", type=click.Choice(["cpu", "cuda", "reference"]), default="cpu",
              show_default=True,
              help="cuda is one NVIDIA GPU; reference is slow, and needs no compiler.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1), metavar="N")
@click.option("--quiet", is_flag=True, help="Say nothing on stderr.")
def generate(  # noqa: PLR0913  each is something that a user may want to set
    model: str,
    tokens: str | None,
    prompt: str | None,
    special: bool,
    max_tokens: int,
    temperature: float,
    top_p: float,
    top_k: int,
    min_p: float,
    seed: int | None,
    json_schema: Path | None,
    ids: bool,
    as_json: bool,
    precision: Precision,
    backend: str,
    threads: int | None,
    quiet: bool,
) -> None:
    """Let MODEL go on from token ids or text, and write what it says as it comes.

    MODEL is a folder with a gpt-oss checkpoint, or a name that was pulled. The prompt goes in as it
    is, without a chat format. Speed and counts go to stderr.
    """
    from ossay.cli.stream import Output
    from ossay.engine import Sampling, load
    from ossay.engine.config import read_shape
    from ossay.engine.trial import is_synthetic

    if (tokens is None) == (prompt is None):
        raise UsageError("give either --tokens or --prompt (- reads standard input)")
    if ids and as_json:
        raise UsageError("give either --ids or --json")
    folder = place.model_folder(model, backend)
    sampling = Sampling(
        temperature=temperature, top_p=top_p, top_k=top_k, min_p=min_p, seed=seed,
        max_tokens=max_tokens,
    )  # fmt: skip
    wanted = prompt is not None or json_schema is not None or not (ids or as_json)
    vocabulary = _vocabulary(wanted)
    start = _start(tokens, prompt, special, vocabulary)
    if prompt is not None and max(start, default=0) >= (vocab := read_shape(folder).vocab):
        raise UsageError(f"{model!r} has {vocab} tokens, too few for text: give it --tokens")
    constraint = _constraint(json_schema, vocabulary)
    with load(folder, backend=backend, precision=precision, threads=threads) as engine:
        output = Output(click.echo, vocabulary, "ids" if ids else "json" if as_json else "text")
        answer = engine.generate(start, sampling, constraint)
        try:
            for token in answer:
                output.write(token)
        except KeyboardInterrupt:
            output.interrupted()
            raise
        finally:
            output.end(len(start))
            if not quiet:
                random = " The weights are RANDOM." if is_synthetic(folder) else ""
                click.echo(f"{output.summary(len(start))}.{random}", err=True)


def _start(
    tokens: str | None, prompt: str | None, special: bool, vocabulary: Vocabulary | None
) -> list[int]:
    """The prompt's ids, from whichever option was given."""
    given = tokens if tokens is not None else prompt
    text = sys.stdin.read() if given == "-" else str(given)
    if tokens is None:
        assert vocabulary is not None
        return vocabulary.encode(text, special=special)
    return [_id(word) for word in text.replace(",", " ").split()]


def _id(word: str) -> int:
    try:
        return int(word)
    except ValueError as error:
        raise UsageError(f"{word!r} is no token id; --tokens takes ids such as 1,2,3") from error


def _vocabulary(wanted: bool) -> Vocabulary | None:
    """The vocabulary, where text goes in or out; None where ids do and it is not here."""
    from ossay.harmony.vocabulary import find_file, load

    try:
        return load(find_file(place.here(), os.environ))
    except UsageError as error:
        if not wanted:
            return None
        raise UsageError(f"{error} (or work with ids alone: --tokens and --ids)") from error


def _constraint(json_schema: Path | None, vocabulary: Vocabulary | None) -> Constraint | None:
    if json_schema is None or vocabulary is None:
        return None
    from ossay.engine import Binding, Constraint, Grammar
    from ossay.engine import Vocabulary as Tokens
    from ossay.harmony.vocabulary import SPECIAL, VOCABULARY_SIZE

    try:
        grammar = Grammar.json_schema(json_schema.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {str(json_schema)!r}: {error}") from error
    known = Tokens(
        vocabulary.all_bytes(), special=range(SPECIAL["<|startoftext|>"], VOCABULARY_SIZE)
    )
    # Only what ends the output too: after <|end|> a model would go on, with nothing to bind it.
    ends = frozenset({SPECIAL["<|return|>"], SPECIAL["<|endoftext|>"]})
    return Constraint(known, (Binding(grammar),), ends=ends)
