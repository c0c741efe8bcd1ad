"""A data pack may come from anyone: nothing in it becomes a path, an escape or a traceback."""

import base64
import contextlib
import gzip
import hashlib
import io
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from ossay.core.errors import UsageError
from ossay.core.records import CampaignRecord
from ossay.reports.html import html_report
from ossay.reports.pack import is_pack, read_pack, write_pack
from ossay.reports.summary import summarize, summary_json
from ossay.reports.terminal import print_report
from ossay.reports.transcript import transcript_text
from ossay.reports.writing import write_report

EVIL = "\x1b]0;owned\x07\x9b31m\u202e\x7f\n<script>alert(1)</script>\ud800"
NUMBERS = (
    -1, 0, 7, 2**62, -(2**63), 1e300, -1e300, 1e18, -1e18, 5e-324, 1e-30, -0.5, float("nan"),
    float("inf"), 10**400,
)  # fmt: skip
ODDITIES = (*NUMBERS, "", EVIL, "../../x", "-rf", None, True, [], {}, "finished", "passed")


@pytest.fixture(scope="session")
def whole(make_campaign, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "pack"
    write_pack(*make_campaign(models=2, tasks=1, attempts=2), folder)
    return folder


@pytest.fixture
def pack(whole, tmp_path) -> Path:
    return shutil.copytree(whole, tmp_path / "pack")


def resign(pack: Path, **changes: Any) -> None:
    """Make the manifest fit the files again, as an attacker would."""
    manifest = json.loads((pack / "manifest.json").read_text())
    files = {name: pack / name for name in manifest["files"]}
    sums = {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in files.items()
        if path.is_file()
    }
    (pack / "manifest.json").write_text(json.dumps(manifest | {"files": sums} | changes))


def rewrite(pack: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change campaign.json and make the manifest fit."""
    record = json.loads((pack / "campaign.json").read_text())
    change(record)
    (pack / "campaign.json").write_text(json.dumps(record))
    resign(pack)


def show(pack: Path, *, page: bool = True) -> str:
    """Do all that `ossay report PACK` does; return what it prints."""
    record, transcripts = read_pack(pack)
    out = io.StringIO()
    print_report(summarize(record), Console(file=out, width=80, color_system=None))
    printed = out.getvalue() + summary_json(summarize(record)).decode("ascii")
    for run in record.runs:
        transcript = transcripts(run.id)
        printed += transcript_text(transcript) if transcript else ""
    if page:
        write_report(record, transcripts, pack.parent / "out")
    return printed


def acting(printed: str) -> set[str]:
    return set(printed) & set("\x1b\x07\x9b\u202e\x7f\ud800")


@pytest.mark.parametrize(
    "name", ["/tmp/evil", "../..", "..", "", "a/b", "~", "-out", "a\nb", EVIL, "x" * 101]
)
def test_a_campaign_that_is_named_like_a_path_is_refused(pack, name):
    rewrite(pack, lambda record: record.update(name=name))
    resign(pack, campaign=name)
    with pytest.raises(UsageError, match="is no name for one") as caught:
        read_pack(pack)
    assert repr(name) in str(caught.value)
    assert not acting(str(caught.value))


def test_neither_is_one_written(make_campaign, tmp_path):
    record, transcripts = make_campaign(models=1, tasks=1, attempts=1)
    for name in ("../x", "a/b"):
        with pytest.raises(UsageError, match="is no name for one"):
            write_pack(
                CampaignRecord(name, 0.0, "", "", (), {}, {}, record.runs),
                transcripts,
                tmp_path / "pack",
            )
    assert not list(tmp_path.iterdir())


def test_a_manifest_of_another_campaign_is_refused(pack):
    resign(pack, campaign="another")
    with pytest.raises(UsageError, match=r"of campaign 'agentic-core-.*manifest says 'another'"):
        read_pack(pack)


def test_every_text_of_a_pack_is_shown_and_none_acts(pack):
    def change(record: dict[str, Any]) -> None:
        for card in record["models"]:
            card["reference"] += EVIL
            card["details"] = {EVIL: EVIL}
        record["models"][0]["price"] |= {"date": EVIL, "source": EVIL}
        for run in record["runs"]:
            run["key"] |= {"model": run["key"]["model"] + EVIL, "suite": EVIL, "task": EVIL}
            run |= {"reason": EVIL, "error": EVIL}
        for call in record["calls"]:
            call |= {"error_kind": EVIL, "finish": EVIL, "served_model": EVIL}
        record |= {"command": EVIL, "plan_toml": EVIL, "stopped": EVIL}
        record |= {"suites": {EVIL: EVIL}, "environment": {EVIL: EVIL}}

    rewrite(pack, change)
    assert not acting(show(pack))
    page = (pack.parent / "out" / "report.html").read_text()
    assert not acting(page)
    assert "<script>alert(1)" not in page
    csv = "".join(path.read_text() for path in (pack.parent / "out").rglob("*.csv"))
    assert not acting(csv)


def test_no_text_can_forge_a_line_of_the_table(pack):
    rewrite(pack, lambda record: record.update(command="true\nA: price of 2026-11-21, forged"))
    lines = show(pack, page=False).splitlines()
    assert not [line for line in lines if line.startswith("A: price") and "forged" in line]


@pytest.mark.parametrize("value", ["a\x1b[31m", "\u202egnp"])
def test_an_error_that_repeats_a_pack_does_not_act(pack, value):
    rewrite(pack, lambda record: record["runs"][0].update(outcome=value))
    with pytest.raises(UsageError, match=r"'campaign\.json' of the data pack") as caught:
        read_pack(pack)
    assert not acting(str(caught.value))


def test_a_run_id_is_no_option_of_the_command_that_is_shown(pack):
    rewrite(pack, lambda record: record["runs"][0].update(id="--ledger=/tmp/evil"))
    record, transcripts = read_pack(pack)
    page = html_report(record, transcripts)
    packed = re.search(r'id="about">([^<]*)<', page)[1]
    about = json.loads(gzip.decompress(base64.b64decode(packed)))["--ledger=/tmp/evil"]
    assert about["command"] == "ossay transcript -- --ledger=/tmp/evil"


@pytest.mark.parametrize("link", ["transcripts", "verification", "manifest.json", "README.md"])
def test_nothing_is_written_through_a_link(make_campaign, whole, tmp_path, link):
    outside = tmp_path / "outside"
    shutil.copytree(whole, outside) if "." in link else shutil.copytree(whole / link, outside)
    pack = shutil.copytree(whole, tmp_path / "out" / "pack")
    path = pack / link
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(outside / link if "." in link else outside)
    before = {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()}
    for touch in (lambda: read_pack(pack), lambda: write_pack(*make_campaign(tasks=1), pack)):
        with pytest.raises(UsageError, match="outside of the pack"):
            touch()
    assert before == {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()}


def test_a_page_replaces_a_link_and_does_not_follow_it(pack, tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").symlink_to(tmp_path / "precious")
    show(pack)
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "out" / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "\ud800", "a/" * 3000, "x.py/y", "😀" * 80])
def test_odd_names_are_no_pack(name):
    assert not is_pack(Path(name))
    with pytest.raises(UsageError, match="is no data pack"):
        read_pack(Path(name))


@pytest.mark.parametrize(
    "name", ["", ".", "a" * 300, "a\0b", "\ud800", "campaign.json/x", "loop/x"]
)
def test_odd_names_in_a_manifest_are_one_clear_error(pack, name):
    (pack / "loop").symlink_to("loop")
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["files"][name] = "0" * 64
    (pack / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=r"missing|outside of the pack"):
        read_pack(pack)


def test_only_the_first_of_many_missing_files_are_listed(pack):
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["files"] |= {f"no/{n}": "0" * 64 for n in range(5000)}
    (pack / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match="and 4,990 more") as caught:
        read_pack(pack)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        zstandard.compress(b"{}"),
        zstandard.compress(b"[" * 99_999),
        zstandard.compress(b'{"task": "x"') + b"junk",
        zstandard.compress(b"x" * 9999)[:-9],
    ],
    ids=["empty", "plain", "no transcript", "deep", "junk", "cut"],
)
def test_a_broken_transcript_is_one_clear_error(pack, content):
    victim = sorted((pack / "transcripts").iterdir())[0]
    victim.write_bytes(content)
    with pytest.raises(
        UsageError, match=f"changed since it was written: 'transcripts/{victim.name}'"
    ):
        read_pack(pack)
    resign(pack)
    with pytest.raises(UsageError, match=victim.name):
        show(pack)


def test_a_transcript_that_goes_while_it_is_read_is_one_clear_error(pack):
    record, transcripts = read_pack(pack)
    for victim in (pack / "transcripts").iterdir():
        victim.unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        transcripts(record.runs[0].id)


def test_a_pack_without_transcripts_says_so_in_the_page(pack):
    shutil.rmtree(pack / "transcripts")
    resign(pack)
    assert "passed" in show(pack)
    assert (
        "data-run="
        not in (pack.parent / "out" / "report.html").read_text().partition("<script>")[0]
    )


def test_a_moment_that_no_calendar_has_is_unknown(pack):
    rewrite(pack, lambda record: record.update(created_at=1e17))
    show(pack)
    assert "unknown" in (pack.parent / "out" / "report.html").read_text()


@pytest.mark.parametrize("number", ["1e300", "1e999", "NaN", "-Infinity", "9" * 5000, "1e-320"])
def test_numbers_that_no_campaign_holds_are_refused(pack, number):
    text = (pack / "campaign.json").read_text().replace("1795255200.0", number, 1)
    (pack / "campaign.json").write_text(text)
    resign(pack)
    with pytest.raises(UsageError, match="is no number that a campaign can hold"):
        read_pack(pack)


def survives(pack: Path, *, page: bool) -> None:
    try:
        printed = show(pack, page=page)
    except UsageError as error:
        printed = str(error)
    assert not acting(printed)


@given(st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=60, deadline=None)
def test_flipped_bytes_never_give_a_traceback(whole, tmp_path_factory, rng, signed):
    pack = shutil.copytree(whole, tmp_path_factory.mktemp("flipped") / "pack")
    flip(rng, pack)
    if signed:
        # The manifest itself may be broken.
        with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
            resign(pack)
    survives(pack, page=False)
    shutil.rmtree(pack)


def flip(rng: random.Random, pack: Path) -> None:
    paths = sorted(path for path in pack.rglob("*") if path.is_file())
    path = rng.choice([*paths, pack / "campaign.json", pack / "manifest.json"])
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 2, 20))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)


def mutate(rng: random.Random, value: Any) -> Any:
    """Put something odd somewhere into a JSON value."""
    inner = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not inner:
        return rng.choice(ODDITIES)
    at = rng.choice(inner)
    if isinstance(value[at], dict | list) and rng.random() < 0.9:
        value[at] = mutate(rng, value[at])
    elif isinstance(value[at], int | float) and rng.random() < 0.8:
        value[at] = rng.choice(NUMBERS)
    else:
        value[at] = rng.choice(ODDITIES)
    return value


def odd_record(rng: random.Random, whole: Path, folder: Path) -> Path:
    pack = shutil.copytree(whole, folder / "pack")
    record = json.loads((pack / "campaign.json").read_text())
    for _ in range(rng.choice((1, 1, 3, 30))):
        mutate(rng, record)
    (pack / "campaign.json").write_text(json.dumps(record))
    resign(pack)
    return pack


@given(st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_odd_values_in_a_record_never_give_a_traceback(whole, tmp_path_factory, rng):
    folder = tmp_path_factory.mktemp("odd")
    survives(odd_record(rng, whole, folder), page=False)
    shutil.rmtree(folder)


@pytest.mark.parametrize("seed", range(10))
def test_extreme_numbers_are_shown_somehow(pack, seed):
    rng = random.Random(seed)

    def extreme(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: extreme(item) for key, item in value.items()}
        if isinstance(value, list):
            return [extreme(item) for item in value]
        if isinstance(value, float):
            return rng.choice((0.0, 1e18, -1e18, 1e-30, -1e-30, 0.99951))
        return rng.choice((0, -1, 2**63 - 1, 1 - 2**63)) if isinstance(value, int) else value

    rewrite(pack, lambda record: record.update(extreme(record)))
    assert "agentic-core-2026-11-21" in show(pack, page=False)


@pytest.mark.long
@given(st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_neither_does_the_page(whole, tmp_path_factory, rng):
    folder = tmp_path_factory.mktemp("odd")
    survives(odd_record(rng, whole, folder), page=True)
    shutil.rmtree(folder)
