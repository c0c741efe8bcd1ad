"""`--help` never lies: every command has one, and the README names commands that exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ossay.cli import COMMANDS, cli

GOLDEN = Path(__file__).parents[1] / "records" / "golden"
README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0
    assert done.output.startswith("Usage: ")
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help


def blocks(kind):
    """The README's code blocks of that kind: 'toml', or '' for the plain ones."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
    return [text for name, text in found if name == kind]


def readme_commands():
    """Every `ossay …` line in the README's plain code blocks, continued lines joined."""
    lines = [line for text in blocks("") for line in text.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("ossay ")]


def comparing_commands():
    """Those that compare, import or claim, and need a file or nothing."""
    names = ("compare", "leaderboard", "power", "import", "claims")
    return [words for words in readme_commands() if words[0] in names and "--in" not in words]


def test_the_readme_shows_commands():
    assert {words[0] for words in readme_commands()} >= {"doctor", "run", "report", "transcript"}


@pytest.mark.parametrize(
    "words",
    [words for words in readme_commands() if words not in comparing_commands()],
    ids=" ".join,
)
def test_the_readmes_commands_parse(words):
    """Names, options and values are right; nothing is run."""
    name, *arguments = words
    command = cli.get_command(click.Context(cli), name)
    if isinstance(command, click.Group):
        name, *arguments = arguments
        command = command.get_command(click.Context(command), name)
    assert command is not None
    command.make_context(name, list(arguments))


def test_the_readmes_engine_lines_run(tmp_path):
    """Those that need no download, and its lines of Python, as they stand, in their order."""
    from ossay.engine.kernels import cpu

    if not cpu.available() and "kernels" not in os.environ.get("OSSAY_REQUIRE", "").split(","):
        pytest.skip(cpu.missing())
    lines = [words for words in readme_commands() if "tiny-model" in words]
    assert [words[0] for words in lines] == ["synth", "generate", "bench"]
    for words in lines:
        ossay = Path(sys.executable).with_name("ossay")
        done = subprocess.run([ossay, *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    program = next(text for text in blocks("python") if "ossay.engine" in text)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 4


def test_the_readmes_comparisons_run(tmp_path):
    """The lines that need a file or none; the ledger and the log are put where they say."""
    rows = ["item,model,score"]
    rows += [
        f"item-{i},model-{m},{int((i + 2 * (m == 'b')) % 3 > 0)}" for i in range(60) for m in "ab"
    ]
    (tmp_path / "results.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "logs").mkdir()
    shutil.copy(GOLDEN / "letters.eval", tmp_path / "logs" / "mmlu.eval")
    (tmp_path / "examples").symlink_to(Path(__file__).parents[2] / "examples")
    for words in comparing_commands():
        ossay = Path(sys.executable).with_name("ossay")
        environ = os.environ | {"OSSAY_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [ossay, *words], cwd=tmp_path, env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout


def test_the_readmes_client_gets_its_answer(tmp_path):
    """The lines that ask a server: `ossay serve scripted/echo`, as the README says."""
    program = next(text for text in blocks("python") if "openai" in text)
    ossay = Path(sys.executable).with_name("ossay")
    serve = [ossay, "serve", "scripted/echo", "--port", "0"]
    with subprocess.Popen(serve, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = re.search(r"http://\S+/v1", server.stdout.readline())[0]
            done = subprocess.run(
                [sys.executable, "-c", program.replace("http://127.0.0.1:8000/v1", address)],
                capture_output=True,
                text=True,
            )
        finally:
            server.terminate()
    assert "http://127.0.0.1:8000/v1" in program
    assert done.stdout == "Are you there?\n", done.stderr
    assert server.returncode == 0


def test_the_readmes_files_are_valid(tmp_path):
    """Two plans, a user's configuration and a gateway, read by the readers that users meet."""
    from ossay.campaign.plan import read_plan
    from ossay.core.settings import settings_from
    from ossay.gateway.file import read_gateway
    from ossay.models.providers import load_providers

    plan, configuration, adaptive, gateway = blocks("toml")
    (tmp_path / "plan.toml").write_text(plan)
    shown = read_plan(tmp_path / "plan.toml")
    assert shown.name == "first-look"
    (tmp_path / "plan.toml").write_text(adaptive)
    assert read_plan(tmp_path / "plan.toml").stop is not None
    (tmp_path / "ossay.toml").write_text(configuration)
    providers = load_providers(settings_from({"HOME": str(tmp_path)}, tmp_path))
    for provider, _, model in (reference.partition("/") for reference in shown.models):
        assert model in providers[provider].prices  # else its limit on money could not be kept
    assert providers["mine"].prices["my-model"].output == 0.40
    route = read_gateway(gateway, source="gateway.toml").routes["support"]
    for reference in (route.cheap, route.validator, *route.strong):
        provider, _, model = reference.partition("/")
        assert model in providers[provider].prices  # else its key's budget could not be kept
