"""Predictions in a data pack: they come back, and what was changed does not pass for them."""

import hashlib
import json
import random
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.core.predictions import Committed, Prediction, digest_of
from ossay.reports.pack import read_pack, write_pack

HOSTILE = "\x1b[31m\u202e<script>\x00"


def committed_to(record, **changes):
    bare = Committed(
        record.name,
        "ada " + HOSTILE,
        record.created_at,
        (
            Prediction("passes half " + HOSTILE, "range", 0.8, "lab/one", low=1 / 3, high=0.75),
            Prediction("one beats two", "comparison", 0.6, "lab/one", over="lab/two", by=0.05),
        ),
    )
    bare = msgspec.structs.replace(bare, **changes)
    return msgspec.structs.replace(bare, digest=digest_of(bare))


@pytest.fixture(scope="session")
def foreseen(make_campaign):
    """A campaign of which something was predicted, and its transcripts."""
    record, transcripts = make_campaign(models=1, tasks=1, attempts=2)
    return msgspec.structs.replace(record, committed=committed_to(record)), transcripts


@pytest.fixture(scope="session")
def whole(foreseen, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("foreseen") / "pack"
    write_pack(*foreseen, folder)
    return folder


@pytest.fixture
def pack(whole, tmp_path) -> Path:
    return shutil.copytree(whole, tmp_path / "pack")


def rewrite(pack, name, change):
    """Change one JSON file of the pack and make the manifest fit, as an attacker would."""
    content = json.loads((pack / name).read_text())
    change(content)
    replace(pack, name, json.dumps(content).encode())


def replace(pack, name, content):
    (pack / name).write_bytes(content)
    manifest = json.loads((pack / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (pack / "manifest.json").write_text(json.dumps(manifest))


def test_they_come_back_to_the_last_bit(foreseen, pack):
    record, _ = foreseen
    again, _ = read_pack(pack)
    assert again == record
    assert digest_of(again.committed) == record.committed.digest


def test_they_are_a_file_of_their_own(foreseen, pack):
    record, _ = foreseen
    held = json.loads((pack / "predictions.json").read_text())
    assert held["digest"] == record.committed.digest
    assert len(held["predictions"]) == 2
    assert "committed" not in json.loads((pack / "campaign.json").read_text())
    assert "`predictions.json`" in (pack / "README.md").read_text()


def test_what_the_readme_says_of_the_digest_is_enough_to_check_it(pack):
    held = json.loads((pack / "predictions.json").read_text())
    digest = held.pop("digest")
    plain = json.dumps(held, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(plain.encode()).hexdigest() == digest


def test_a_pack_without_predictions_reads_as_ever(make_campaign, tmp_path):
    record, transcripts = make_campaign(models=1, tasks=1, attempts=1)
    write_pack(record, transcripts, tmp_path / "pack")
    assert not (tmp_path / "pack" / "predictions.json").exists()
    assert read_pack(tmp_path / "pack")[0] == record


def test_a_pack_that_replaces_one_with_predictions_leaves_none_behind(make_campaign, pack):
    record, transcripts = make_campaign(models=1, tasks=1, attempts=1)
    write_pack(record, transcripts, pack)
    assert not (pack / "predictions.json").exists()
    assert read_pack(pack)[0].committed is None


@pytest.mark.parametrize(
    "change",
    [
        lambda held: held["predictions"][0].update(probability=0.9),
        lambda held: held["predictions"][0].update(high=0.75000000000000011),
        lambda held: held["predictions"].pop(),
        lambda held: held["predictions"].reverse(),
        lambda held: held.update(forecaster="bob"),
        lambda held: held.update(committed_at=1.0),
        lambda held: held.update(digest="0" * 64),
        lambda held: held.pop("digest"),
        lambda held: held["predictions"][0].update(statement="\ud800"),
    ],
    ids=[
        "probability", "last bit", "one less", "order", "forecaster", "time", "digest", "no digest",
        "no text",
    ],
)  # fmt: skip
def test_what_was_changed_is_refused(pack, change):
    rewrite(pack, "predictions.json", change)
    with pytest.raises(UsageError, match="were changed since they were made") as caught:
        read_pack(pack)
    assert "'agentic-core-2026-11-21'" in str(caught.value)


def test_predictions_of_another_campaign_are_refused(foreseen, pack):
    other = committed_to(foreseen[0], campaign="another")
    replace(pack, "predictions.json", msgspec.json.encode(other))
    with pytest.raises(UsageError, match="are of campaign 'another'"):
        read_pack(pack)


def test_predictions_are_not_taken_from_another_file(foreseen, pack):
    held = msgspec.to_builtins(foreseen[0].committed)
    rewrite(pack, "campaign.json", lambda record: record.update(committed=held))
    with pytest.raises(UsageError, match=r"belong into predictions\.json"):
        read_pack(pack)


def test_an_edited_file_is_named(pack):
    (pack / "predictions.json").write_text("{}")
    with pytest.raises(UsageError, match=r"changed since it was written: 'predictions\.json'"):
        read_pack(pack)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 99_999, b'{"campaign": 1}'])
def test_a_broken_file_is_one_clear_error(pack, content):
    replace(pack, "predictions.json", content)
    with pytest.raises(UsageError, match=r"'predictions\.json' of the data pack"):
        read_pack(pack)


def test_no_pack_is_written_of_predictions_that_were_changed(foreseen, tmp_path):
    record, transcripts = foreseen
    bent = msgspec.structs.replace(record.committed, forecaster="bob")
    with pytest.raises(UsageError, match="were changed"):
        write_pack(msgspec.structs.replace(record, committed=bent), transcripts, tmp_path / "p")
    assert not (tmp_path / "p").exists()


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_no_flipped_byte_passes(whole, foreseen, tmp_path_factory, rng: random.Random):
    pack = shutil.copytree(whole, tmp_path_factory.mktemp("flipped") / "pack")
    content = bytearray((pack / "predictions.json").read_bytes())
    for _ in range(rng.choice((1, 1, 2, 20))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    replace(pack, "predictions.json", bytes(content))
    said = ""
    try:
        assert read_pack(pack)[0].committed == foreseen[0].committed
    except UsageError as error:
        said = str(error)
    assert not set(said) & set("\x1b\u202e\x00\ud800")
    shutil.rmtree(pack)
