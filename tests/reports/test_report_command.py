"""`ossay report` of what has no report."""

from contextlib import chdir

import pytest
from click.testing import CliRunner

from ossay.cli import cli


@pytest.fixture
def refused(tmp_path):
    """A function that runs a command there, and returns what it raised, as text."""
    (tmp_path / "home").mkdir()

    def run(*args):
        with chdir(tmp_path):
            env = {"OSSAY_HOME": str(tmp_path / "home")}
            done = CliRunner().invoke(cli, args, env=env, standalone_mode=False)
        return str(done.exception or "")

    return run


def test_imported_results_have_no_report_and_the_command_for_them_is_named(refused, tmp_path):
    (tmp_path / "mine.csv").write_text("item,model,score\n1,a,1\n1,b,0\n", encoding="utf-8")
    assert refused("import", "mine.csv", "--name", "mine") == ""
    assert "ossay leaderboard --in mine ranks its models" in refused("report", "mine")
    assert "no campaign 'nowhere'" in refused("report", "nowhere")
