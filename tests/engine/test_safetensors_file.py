"""Reading safetensors: round trips, and headers that lie."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossay.engine.errors import CheckpointError
from ossay.engine.safetensors_file import SafetensorsFile

DATA = bytes(range(24))
HEADER = {
    "first": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
    "second": {"dtype": "U8", "shape": [12], "data_offsets": [12, 24]},
}


def made(path: Path, header: object, data: bytes = DATA) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def changed(name: str, **fields) -> dict:
    return {**HEADER, name: {**HEADER[name], **fields}}


def test_tensors_come_as_views(tmp_path):
    file = SafetensorsFile(made(tmp_path / "x", {"__metadata__": {"format": "pt"}, **HEADER}))
    assert set(file.entries) == {"first", "second"}
    assert file.array("first").tobytes() == DATA[:12]
    assert file.array("first").dtype == np.uint16
    assert file.array("first").shape == (2, 3)
    assert file.array("second").tolist() == list(range(12, 24))
    assert not file.array("second").flags.owndata


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
shapes = st.lists(st.integers(0, 4), max_size=3)


@given(tensors=st.dictionaries(names, st.tuples(st.sampled_from(["U8", "BF16", "F32"]), shapes)))
def test_what_is_written_is_read(tmp_path_factory, tensors):
    tensors.pop("__metadata__", None)
    random, header, data = np.random.default_rng(1), {}, b""
    for name, (dtype, shape) in tensors.items():
        part = random.bytes(int(np.prod(shape)) * {"U8": 1, "BF16": 2, "F32": 4}[dtype])
        span = [len(data), len(data) + len(part)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": span}
        data += part
    file = SafetensorsFile(made(tmp_path_factory.mktemp("made") / "x", header, data))
    assert set(file.entries) == set(tensors)
    for name, entry in header.items():
        array = file.array(name)
        assert list(array.shape) == entry["shape"]
        assert array.tobytes() == data[slice(*entry["data_offsets"])]
        assert array.flags.aligned


def test_a_file_cut_anywhere_is_an_error_that_names_it(tmp_path):
    whole = made(tmp_path / "whole", HEADER).read_bytes()
    path = tmp_path / "cut.safetensors"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"cut\.safetensors.*truncated"):
            SafetensorsFile(path)
    path.write_bytes(whole)
    SafetensorsFile(path)


@given(at=st.integers(0, 200), byte=st.integers(0, 255))
def test_a_changed_byte_is_an_error_or_another_sound_file(tmp_path_factory, at, byte):
    path = made(tmp_path_factory.mktemp("made") / "x", HEADER)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = byte
    path.write_bytes(content)
    try:
        file = SafetensorsFile(path)
    except CheckpointError:
        return
    for name, entry in file.entries.items():
        assert entry.stop <= len(content)
        if entry.dtype in ("U8", "BF16", "F32"):
            assert file.array(name).nbytes == entry.stop - entry.start


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        pytest.param(b"[" * 100_000, "not JSON", id="deep"),
        (b"[]", "no JSON object"),
        (b'{"a": 1, "a": 1}', "names 'a' twice"),
        ({**HEADER, "third": 3}, "tensor 'third' makes no sense"),
        ({**HEADER, "third": {}}, "tensor 'third' makes no sense"),
        (changed("second", dtype="F5"), "tensor 'second' has the unknown dtype 'F5'"),
        (changed("second", dtype=5), "tensor 'second' makes no sense"),
        (changed("second", shape=[13]), "'second', U8 .13., needs 13 bytes; its offsets"),
        (changed("second", shape=[-12]), "tensor 'second' makes no sense"),
        (changed("second", shape=[True] * 12), "tensor 'second' makes no sense"),
        (changed("second", shape=[2**61, 2**61]), "'second'.*needs"),
        (changed("second", data_offsets=[12]), "tensor 'second' makes no sense"),
        (changed("second", data_offsets=[24, 12]), "'second'.*give -12"),
        (changed("second", data_offsets=[11, 23]), "tensor 'second' overlaps 'first'"),
        (changed("second", data_offsets=[0, 12]), "overlaps"),
        (changed("second", data_offsets=[13, 25]), "1 bytes before tensor 'second'"),
        (changed("second", shape=[13], data_offsets=[12, 25]), "truncated: tensor 'second'"),
        (changed("second", shape=[11], data_offsets=[12, 23]), "1 bytes after the last tensor"),
        ({}, "24 bytes after the last tensor"),
    ],
)
def test_a_header_that_lies(tmp_path, header, told):
    with pytest.raises(CheckpointError, match=told):
        SafetensorsFile(made(tmp_path / "x", header))


def test_what_is_no_such_file_at_all(tmp_path):
    path = tmp_path / "pickle.safetensors"
    path.write_bytes(b"PK\x03\x04" + bytes(range(200)))
    with pytest.raises(CheckpointError, match="ask for a header of"):
        SafetensorsFile(path)
    with pytest.raises(CheckpointError, match="cannot read"):
        SafetensorsFile(tmp_path / "nowhere")


def test_a_dtype_without_a_view_is_named(tmp_path):
    header = {"x": {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}}
    with pytest.raises(CheckpointError, match="tensor 'x' is F64"):
        SafetensorsFile(made(tmp_path / "x", header)).array("x")
