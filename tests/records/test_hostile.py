"""Files that are not what they say: a plain error each, never a traceback, never much memory."""

import json
import os
import resource
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossay.core.errors import UsageError
from ossay.records import archive
from ossay.records.read import read_records

HEADER = {"version": 2, "status": "success", "eval": {"task": "t", "model": "m", "dataset": {}}}
SAMPLE = {"id": 1, "epoch": 1, "model_usage": {}, "scores": {"s": {"value": "C"}}}


def members(header=HEADER, summaries=(SAMPLE,)):
    return {
        "header.json": json.dumps(header).encode(),
        "summaries.json": json.dumps(list(summaries)).encode(),
    }


def refused(path, says, **asked):
    with pytest.raises(UsageError, match=says) as error:
        read_records(path, **asked)
    assert len(str(error.value)) < 1_000
    assert os.fspath(path.parent) not in str(error.value)


@pytest.mark.parametrize("method", [0, 8, 93])
def test_a_wrong_checksum(tmp_path, zip_of, method):
    refused(zip_of(tmp_path / "x.eval", members(), method, crc=7), "checksum is wrong")


def test_a_zip_that_ends_early(tmp_path, zip_of):
    path = zip_of(tmp_path / "x.eval", members())
    whole = path.read_bytes()
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError):
            read_records(path)


@pytest.mark.parametrize("method", [8, 93])
def test_a_bomb(tmp_path, zip_of, method):
    """Gigabytes of zeros in little: refused, and never unpacked as a whole."""
    zeros = bytes(1 << 20)
    if method == 93:
        packed = zstandard.compress(zeros) * 4096
    else:  # a block that ends in a full flush can be repeated
        packer = zlib.compressobj(9, wbits=-15)
        block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
        packed = block * 1024 + packer.flush()
    bomb = members() | {"header.json": packed}
    path = zip_of(tmp_path / "x.eval", bomb, 0)
    path.write_bytes(_with_method(path.read_bytes(), b"header.json", method))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(path, "unpacks to more than")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 3 * archive.MAX_MEMBER / 1024


def _with_method(data, name, method):
    """Change the method of a stored member, in its own header and in the list."""
    data = bytearray(data)
    for offset in (30, 46):
        at = data.find(name)
        while at >= 0:
            head = at - offset
            if data[head : head + 4] in (b"PK\x03\x04", b"PK\x01\x02"):
                field = head + (8 if offset == 30 else 10)
                data[field : field + 2] = method.to_bytes(2, "little")
            at = data.find(name, at + 1)
    return bytes(data)


def test_a_bomb_in_a_gzipped_table(tmp_path):
    packer = zlib.compressobj(9, wbits=31)
    data = packer.compress(b"item,model,score\n") + packer.compress(b"x" * (40 << 20))
    path = tmp_path / "x.csv.gz"
    path.write_bytes(data + packer.flush())
    refused(path, "field larger than field limit")


def test_an_unknown_or_encrypted_member(tmp_path, zip_of):
    refused(zip_of(tmp_path / "x.eval", members(), 14), "method 14, unknown here")


def test_a_list_of_members_far_too_long(tmp_path, zip_of):
    path = zip_of(tmp_path / "x.eval", members())
    data = bytearray(path.read_bytes())
    data[-10:-6] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, "bytes of names; split it")


def test_names_of_members_are_never_paths(tmp_path, zip_of):
    evil = {"../../evil.json": b"{}", "/etc/evil": b"{}", "samples/../../evil": b"{}"}
    before = sorted(tmp_path.parent.rglob("*"))
    path = zip_of(tmp_path / "x.eval", evil | members())
    assert len(read_records(path).results) == 1
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, path])


@pytest.mark.parametrize(
    ("member", "text", "says"),
    [
        ("header.json", b"[" * 200_000, "nested too deep|not read as a log"),
        ("header.json", b'{"eval": ' * 100_000, "not read as a log"),
        ("header.json", b"\xff\xfe{}", "not read as a log"),
        ("header.json", b"{}", "missing required field `eval`"),
        ("header.json", b'{"eval": {"task": "t"}}', "missing required field `model`"),
        ("summaries.json", b'[{"id": 1, "epoch": -1}]', "epoch"),
        ("summaries.json", b'[{"id": 1, "total_time": -1}]', "total_time"),
        ("summaries.json", b'[{"id": 1, "total_time": 1e999}]', "out of range"),
        ("summaries.json", b"[]", "without samples"),
        ("summaries.json", b'{"a": 1}', "Expected `array`"),
        ("summaries.json", json.dumps([{"id": "x" * 5000}]).encode(), "5,002 characters"),
    ],
)
def test_members_that_are_no_log(tmp_path, zip_of, member, text, says):
    refused(zip_of(tmp_path / "x.eval", members() | {member: text}), says)


def test_metadata_nested_too_deep(tmp_path, zip_of):
    deep = b'[{"id": 1, "metadata": {"c": ' + b"[" * 900 + b"]" * 900 + b"}}]"
    path = zip_of(tmp_path / "x.eval", members() | {"summaries.json": deep})
    refused(path, "holds neither text nor numbers", columns={"cluster": "c"})


def test_more_results_than_memory_holds(tmp_path, zip_of):
    """Few samples, each with metrics of its own: the results would be the product."""
    many = [{"id": n, "scores": {f"{n}-{m}": {"value": 1} for m in range(40)}} for n in range(300)]
    spec = HEADER["eval"] | {
        "dataset": {"sample_ids": list(range(300))},
        "config": {"epochs": 10**9},
    }
    header = HEADER | {"status": "error", "eval": spec}
    path = zip_of(tmp_path / "x.eval", members(header, many))
    refused(path, "more than 2,000,000 results; split it")


def test_a_zip_of_something_else(tmp_path, zip_of):
    refused(zip_of(tmp_path / "x.eval", {"word/document.xml": b"<a/>"}), "no header.json")


@pytest.mark.parametrize("name", ["x.eval", "x.json", "x.jsonl", "x.parquet", "x.csv", "x.csv.gz"])
@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02", b"PK\x03\x04", b"\x1f\x8b\x08", b"PAR1", b"{", b"\xff"]
)
def test_a_few_wrong_bytes_of_every_kind(tmp_path, name, data):
    if name.endswith("parquet") or data == b"PAR1":
        pytest.importorskip("pyarrow")
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UsageError):
        read_records(path, model="m")


def test_what_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_records(tmp_path / "none.csv")
    with pytest.raises(UsageError, match="is not a file"):
        read_records(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match="is not a file; save"):
        read_records(tmp_path / "pipe.csv")
    with pytest.raises(UsageError, match="is not a file"):
        read_records(Path("/dev/null"))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_log_with_any_bytes_changed_is_a_log_or_a_plain_error(golden, tmp_path, data):
    """Flip a few bytes of a real log anywhere, its list of members above all."""
    log = bytearray(golden("twice_one").read_bytes())
    places = st.integers(0, len(log) - 1) | st.integers(len(log) - 900, len(log) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=6)):
        log[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.eval"
    path.write_bytes(log)
    try:
        records = read_records(path)
    except UsageError:
        return
    assert records.results


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.text(max_size=4) | st.integers()},
            optional={
                "epoch": st.integers(-1, 3),
                "scores": json_values,
                "model_usage": json_values,
                "error": json_values,
                "metadata": json_values,
                "input": json_values,
            },
        ),
        max_size=4,
    )
)
def test_any_samples_are_results_or_a_plain_error(zip_of, tmp_path, samples):
    path = zip_of(tmp_path / "x.eval", members(summaries=samples))
    try:
        records = read_records(path)
    except UsageError:
        return
    assert all(row.score is not None or row.missing for row in records.results)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["doc_id", "filter", "metrics", "acc", "doc", "doc_hash"]), json_values
        )
        | json_values,
        max_size=4,
    )
)
def test_any_lines_are_results_or_a_plain_error(tmp_path, lines):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    try:
        records = read_records(path, model="m", columns={"cluster": "c"})
    except UsageError:
        return
    assert all(row.score is not None or row.missing for row in records.results)
