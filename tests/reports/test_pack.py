"""A data pack: read back it gives the same numbers, and it notices every change."""

import csv
import io
import json
from pathlib import Path

import msgspec
import pytest

from ossay.core.errors import UsageError
from ossay.core.outcome import Flag
from ossay.reports.pack import is_pack, read_pack, write_pack
from ossay.reports.summary import summarize, summary_json


@pytest.fixture
def pack(make_campaign, tmp_path) -> Path:
    write_pack(*make_campaign(tasks=4), tmp_path / "pack")
    return tmp_path / "pack"


def rows(pack: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((pack / "verification" / name).read_text())))


def test_it_reads_back_to_the_same_numbers_and_transcripts(make_campaign, tmp_path):
    record, transcripts = make_campaign()
    write_pack(record, transcripts, tmp_path / "pack")
    again, transcripts_again = read_pack(tmp_path / "pack")
    assert again == record
    assert summarize(again) == summarize(record)
    assert summary_json(summarize(again)) == summary_json(summarize(record))
    for run in record.runs:
        assert transcripts_again(run.id) == transcripts(run.id)
    assert transcripts_again("no such run") is None


def test_the_files_and_keys_that_others_look_for(make_campaign, pack):
    record, _ = make_campaign(tasks=4)
    reference = record.models[0].reference
    summary = json.loads((pack / "run_summary.json").read_text())
    expected = summarize(record).models[0]
    assert summary["models"][reference]["cost_per_pass_usd"] == expected.cost.per_pass_usd
    results = json.loads((pack / "per_task_results.json").read_text())
    assert results["fix_failing_test"][reference]["score"]["n"] == 3
    patterns = json.loads((pack / "evidence_patterns.json").read_text())
    affected = sum(Flag.TOOL_CALL_REDUNDANCY in run.flags for run in record.runs)
    assert affected > 0
    assert patterns["tool_call_redundancy"]["affected_runs"] == affected
    assert len(rows(pack, "runs.csv")) == len(record.runs)
    assert len(rows(pack, "calls.csv")) == len(record.calls)
    for name in ("cost_breakdown.csv", "pass_rate_by_task.csv", "tool_calls_by_task.csv"):
        assert rows(pack, name)
    readme = (pack / "README.md").read_text()
    for path in pack.rglob("*"):
        if path.is_file() and path.parent.name != "transcripts" and path.name != "README.md":
            assert f"{path.relative_to(pack)}`" in readme


def test_the_tables_agree_with_the_runs(pack):
    runs = rows(pack, "runs.csv")
    for row in rows(pack, "pass_rate_by_task.csv"):
        here = [r for r in runs if (r["model"], r["task"]) == (row["model"], row["task"])]
        counted = [r for r in here if r["outcome"] != "infrastructure_error"]
        assert int(row["counted"]) == len(counted)
        assert int(row["passed"]) == sum(r["outcome"] == "passed" for r in counted)


def test_what_is_unknown_is_never_zero_in_a_table(pack):
    unknown = rows(pack, "cost_breakdown.csv")[1]
    assert unknown["cost_per_pass_usd"] == unknown["known_usd"] == "unknown"
    assert unknown["usd_per_million_input"] == "unknown"
    assert {
        row["cost_usd"] for row in rows(pack, "runs.csv") if row["model"] == unknown["model"]
    } == {"unknown"}


def test_no_spreadsheet_runs_a_model_s_text(make_campaign, tmp_path):
    record, transcripts = make_campaign(tasks=1)
    texts = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "plain", "a\x1b[1m\ud800"]
    runs = tuple(
        msgspec.structs.replace(run, reason=texts[i % len(texts)])
        for i, run in enumerate(record.runs)
    )
    write_pack(msgspec.structs.replace(record, runs=runs), transcripts, tmp_path / "pack")
    reasons = [row["reason"] for row in rows(tmp_path / "pack", "runs.csv")]
    assert reasons[:5] == [f"'{text}" for text in texts[:5]]
    assert reasons[5:7] == ["plain", "a␛[1m⟨U+D800⟩"]
    assert read_pack(tmp_path / "pack")[0].runs == runs


@pytest.mark.parametrize("name", ["campaign.json", "verification/runs.csv", "README.md"])
def test_an_edited_file_is_named(pack, name):
    (pack / name).write_bytes((pack / name).read_bytes() + b" ")
    with pytest.raises(UsageError, match=f"changed since it was written: '{name}'"):
        read_pack(pack)


def test_a_missing_transcript_is_named(pack):
    victim = next((pack / "transcripts").iterdir())
    victim.unlink()
    with pytest.raises(UsageError, match=f"missing: 'transcripts/{victim.name}'"):
        read_pack(pack)


def test_a_pack_replaces_itself_and_keeps_files_of_others(pack):
    (pack / "NOTES.txt").write_text("mine")
    before = (pack / "manifest.json").read_bytes()
    record, transcripts = read_pack(pack)
    write_pack(record, transcripts, pack)
    assert (pack / "manifest.json").read_bytes() == before
    assert (pack / "NOTES.txt").read_text() == "mine"
    assert read_pack(pack)[0] == record
    assert not list(pack.parent.glob(".ossay-pack-*"))


def test_a_directory_of_something_else_is_left_alone(make_campaign, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert not is_pack(tmp_path)
    with pytest.raises(UsageError, match="holds other files"):
        write_pack(*make_campaign(tasks=1), tmp_path)
    with pytest.raises(UsageError, match="is no data pack"):
        read_pack(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("outside", ["../secret", "/etc/hostname", "a/../../secret"])
def test_a_manifest_cannot_reach_outside(pack, outside):
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["files"][outside] = "0" * 64
    (pack / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match="outside of the pack"):
        read_pack(pack)


def test_neither_can_a_link(pack, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (pack / "README.md").unlink()
    (pack / "README.md").symlink_to(tmp_path / "secret")
    with pytest.raises(UsageError, match="outside of the pack"):
        read_pack(pack)


def test_a_run_id_never_becomes_a_path(make_campaign, tmp_path):
    record, transcripts = make_campaign(tasks=1)
    names = ["../../escape", "/abs", "..", ".", "a b\n", "ü\ud800"]
    runs = tuple(msgspec.structs.replace(r, id=n) for r, n in zip(record.runs, names, strict=False))
    known = transcripts(record.runs[0].id)
    write_pack(
        msgspec.structs.replace(record, runs=runs, calls=()), lambda _: known, tmp_path / "p"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"p"}
    _, again = read_pack(tmp_path / "p")
    assert [again(run.id) for run in runs] == [known] * len(runs)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"format": "ossay-pack/1"}', b"\xff", b"[" * 99999]
)
def test_a_broken_manifest_is_one_clear_error(pack, content):
    (pack / "manifest.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"manifest\.json"):
        read_pack(pack)


def test_a_pack_of_a_newer_format_is_refused(pack):
    manifest = json.loads((pack / "manifest.json").read_text())
    (pack / "manifest.json").write_text(json.dumps(manifest | {"format": "ossay-pack/2"}))
    with pytest.raises(UsageError, match="'ossay-pack/2'"):
        read_pack(pack)
