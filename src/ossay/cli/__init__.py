"""The `ossay` command: one file a command, imported when it is called; no logic here.

`main` turns errors into one line and an exit code: 2 when the user asked for something that cannot
be, 1 when the work failed, 130 when it was interrupted. Knows nothing of what the commands do.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from ossay import __version__
from ossay.core.display import visible
from ossay.core.errors import OssayError, UsageError

# Command -> (module:attribute, one line of help). The modules are imported only when called, so
# that `ossay --help` stays fast.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("ossay.cli.demo:demo", "See it work: ten tasks, two models, a report."),
    "doctor": ("ossay.cli.doctor:doctor", "Say what this machine can do, and what is missing."),
    "run": ("ossay.cli.run:run", "Run or resume a campaign: models x tasks x attempts."),
    "report": ("ossay.cli.report:report", "Show a campaign: table, HTML, JSON, data pack."),
    "compare": ("ossay.cli.compare:compare", "Two models: better, tied, or not enough data."),
    "leaderboard": ("ossay.cli.leaderboard:leaderboard", "Rank models, with those that are tied."),
    "power": ("ossay.cli.power:power", "How many runs a comparison needs, before it is run."),
    "claims": ("ossay.cli.claims:claims", "Check sentences about results against the numbers."),
    "predictions": (
        "ossay.cli.predictions:predictions",
        "How forecasts of runs came out.",
    ),
    "import": ("ossay.cli.import_:import_", "Take in results: Inspect, lm-eval, 16x Eval, tables."),
    "export": ("ossay.cli.export:export", "Write answers and ratings for other programs."),
    "rate": ("ossay.cli.rate:rate", "Rate answers in a browser, blind, by a rubric."),
    "judge": ("ossay.cli.judge:judge", "Let a model rate answers by the same rubrics."),
    "transcript": ("ossay.cli.transcript:transcript", "Read what was said and done in one run."),
    "campaigns": ("ossay.cli.campaigns:campaigns", "List the campaigns in the ledger."),
    "suites": ("ossay.cli.suites:suites", "List the suites and their tasks."),
    "check": ("ossay.cli.check:check", "Prove a suite: reference passes, cheats fail."),
    "models": ("ossay.cli.models:models", "List providers, keys by name, dated prices."),
    "pull": ("ossay.cli.pull:pull", "Fetch a model's weights to this machine."),
    "calibrate": (
        "ossay.cli.calibrate:calibrate",
        "Set from when a cheap model may answer, with a promise.",
    ),
    "serve": ("ossay.cli.serve:serve", "Serve a model over the OpenAI wire."),
    "gateway": (
        "ossay.cli.gateway:gateway",
        "Draft cheap, validate, publish: serve routes over models.",
    ),
    "log": ("ossay.cli.log:log", "Verify, show and sum up a gateway's decision log."),
    "chat": ("ossay.cli.chat:chat", "Talk with a model in the terminal."),
    "generate": ("ossay.cli.generate:generate", "Let a gpt-oss model go on from text or ids."),
    "synth": ("ossay.cli.synth:synth", "Write a random checkpoint of a real model's shape."),
    "bench": ("ossay.cli.bench:bench", "Measure tokens/s beside what this machine can do."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `ossay demo`. Any command takes --help.",
)
@click.version_option(__version__, prog_name="ossay")
def cli() -> None:
    """Find out what an open-weight language model is really worth.

    Models are named provider/name: groq/openai/gpt-oss-120b, llamacpp/smollm2-135m,
    scripted/reference.
    """


def main() -> None:
    """Run the command line and exit."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except OssayError as error:
        click.echo(f"ossay: {visible(str(error))}", err=True)
        code = 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            code = 0  # `ossay … | head` is no failure
        else:
            click.echo(f"ossay: {error.strerror or error}", err=True)
            code = 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (click.Abort, KeyboardInterrupt):
        click.echo("ossay: interrupted", err=True)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
