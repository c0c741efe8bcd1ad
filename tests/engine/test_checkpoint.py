"""Checkpoints: what whole ones give, and the one error that each kind of broken one gives."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.errors import CheckpointError
from ossay.engine.forms import tensors
from ossay.engine.safetensors_file import SafetensorsFile
from ossay.engine.synth import tiny_shape, write_checkpoint
from ossay.engine.weights import Mxfp4

FORMS = ("mxfp4", "bf16", "original")
WEIGHTS = "model.safetensors"


@pytest.fixture
def copy(tiny_checkpoints, tmp_path):
    """Make a copy of one form's checkpoint that may be broken."""

    def make(form: str) -> Path:
        return Path(shutil.copytree(tiny_checkpoints[form], tmp_path / form))

    return make


def read(path: Path) -> tuple[dict, bytes]:
    """The header and the data of a safetensors file."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def write(path: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> None:
    """Write a safetensors file of (dtype, shape, data)."""
    header, at = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        offsets = [at, at + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        at = offsets[1]
    text = json.dumps(header).encode()
    data = b"".join(entry[2] for entry in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def taken_apart(path: Path) -> dict[str, tuple[str, list[int], bytes]]:
    header, data = read(path)
    return {
        name: (entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def read_all(folder: Path) -> None:
    checkpoint = open_checkpoint(folder)
    for layer in range(checkpoint.shape.layers):
        checkpoint.layer(layer)
    checkpoint.edges()


def test_arrays_have_the_shapes_that_are_promised(tiny_checkpoint):
    checkpoint = open_checkpoint(tiny_checkpoint)
    shape, layer, edges = checkpoint.shape, checkpoint.layer(1), checkpoint.edges()
    assert shape == tiny_shape()
    assert layer.qkv.shape == (shape.qkv_rows, shape.hidden)
    assert layer.qkv.dtype == np.uint16
    assert layer.qkv_bias.shape == (shape.qkv_rows,)
    assert layer.out.shape == (shape.hidden, shape.heads * shape.head_dim)
    assert layer.sinks.shape == (shape.heads,)
    assert layer.sinks.dtype == np.float32
    assert layer.router.shape == (shape.experts, shape.hidden)
    assert isinstance(layer.gate_up, Mxfp4)
    assert isinstance(layer.down, Mxfp4)
    up, hidden = shape.intermediate, shape.hidden
    assert layer.gate_up.blocks.shape == (shape.experts, 2 * up, hidden // 32, 16)
    assert layer.down.scales.shape == (shape.experts, hidden, up // 32)
    assert layer.down_bias.shape == (shape.experts, hidden)
    assert edges.embedding.shape == edges.unembedding.shape == (shape.vocab, hidden)


def test_big_matrices_are_views_that_outlive_a_release(tiny_checkpoints):
    checkpoint = open_checkpoint(tiny_checkpoints["mxfp4"])
    layer = checkpoint.layer(0)
    for view in (layer.out, layer.gate_up.blocks, layer.gate_up.scales):
        assert not view.flags.owndata
        assert not view.flags.writeable
    before = layer.gate_up.blocks.copy()
    checkpoint.release()
    assert np.array_equal(layer.gate_up.blocks, before)


def test_bf16_experts_that_are_no_mxfp4_values_stay_bf16(copy):
    folder = copy("bf16")
    parts = taken_apart(folder / WEIGHTS)
    name = "model.layers.2.mlp.experts.down_proj"
    dtype, dims, data = parts[name]
    values = np.frombuffer(data, np.uint16).reshape(dims).copy()
    values[5, 90, 17] = 0x3F81  # 1.0078125
    parts[name] = (dtype, dims, values.tobytes())
    write(folder / WEIGHTS, parts)
    layer = open_checkpoint(folder).layer(2)
    assert isinstance(layer.gate_up, Mxfp4)
    assert layer.down.dtype == np.uint16
    assert layer.down.flags.c_contiguous
    assert np.array_equal(layer.down, values.swapaxes(1, 2))


def test_files_of_the_safetensors_package_are_read(tiny_checkpoints, copy):
    safetensors = pytest.importorskip("safetensors")
    path = copy("original") / WEIGHTS
    parts = taken_apart(path)
    path.unlink()
    kinds = {"BF16": "bfloat16", "U8": "uint8"}
    arrays = {name: np.frombuffer(data, np.uint8) for name, (_, _, data) in parts.items()}
    specs = {
        name: safetensors.TensorSpec(
            dtype=kinds[dtype], shape=dims, data_ptr=arrays[name].ctypes.data, data_len=len(data)
        )
        for name, (dtype, dims, data) in parts.items()
    }
    safetensors.serialize_file(specs, path, {"format": "pt"})
    ours, theirs = SafetensorsFile(path), open_checkpoint(path.parent)
    for name, (_, dims, data) in parts.items():
        assert ours.array(name).shape == tuple(dims)
        assert ours.array(name).tobytes() == data
    first = open_checkpoint(tiny_checkpoints["original"])
    assert np.array_equal(theirs.layer(0).qkv, first.layer(0).qkv)


@pytest.mark.parametrize("form", FORMS)
def test_every_tensor_is_missed(copy, form):
    folder = copy(form)
    parts = taken_apart(folder / WEIGHTS)
    listed = [t.name for t in tensors(tiny_shape(), form) if t.layer in (-1, 3)]
    assert set(listed) <= set(parts)
    for name in listed:
        write(folder / WEIGHTS, {n: entry for n, entry in parts.items() if n != name})
        with pytest.raises(CheckpointError) as error:
            open_checkpoint(folder)
        assert f"tensor {name!r} is missing; expected " in str(error.value)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("extra", ["model.layers.4.self_attn.sinks", "block.9.x", "lora_A"])
def test_a_tensor_too_many_is_named(copy, form, extra):
    folder = copy(form)
    parts = taken_apart(folder / WEIGHTS)
    write(folder / WEIGHTS, {**parts, extra: ("BF16", [2], b"1234")})
    with pytest.raises(CheckpointError, match=f"tensor '{extra}' has no place"):
        open_checkpoint(folder)


@pytest.mark.parametrize("form", FORMS)
def test_every_wrong_shape_and_dtype_is_named(copy, form):
    folder = copy(form)
    parts = taken_apart(folder / WEIGHTS)
    for tensor in tensors(tiny_shape(), form):
        if tensor.layer not in (-1, 0):
            continue
        dtype, dims, data = parts[tensor.name]
        flat = [len(data) // (1 if dtype == "U8" else 2)]
        wrong = [*dims, 1] if dims == flat else flat
        write(folder / WEIGHTS, {**parts, tensor.name: (dtype, wrong, data)})
        with pytest.raises(CheckpointError) as error:
            open_checkpoint(folder)
        told = str(error.value)
        assert f"tensor {tensor.name!r} has shape {wrong}; expected {dtype} {dims}" in told
        other = "I8" if dtype == "U8" else "F16"
        write(folder / WEIGHTS, {**parts, tensor.name: (other, dims, data)})
        with pytest.raises(CheckpointError) as error:
            open_checkpoint(folder)
        assert f"tensor {tensor.name!r} is {other}; expected {dtype} {dims}" in str(error.value)


def test_experts_the_wrong_way_round_are_seen(copy):
    folder = copy("bf16")
    parts = taken_apart(folder / WEIGHTS)
    name = "model.layers.0.mlp.experts.gate_up_proj"
    dtype, dims, data = parts[name]
    write(folder / WEIGHTS, {**parts, name: (dtype, [dims[0], dims[2], dims[1]], data)})
    with pytest.raises(CheckpointError, match=r"gate_up_proj' has shape .*two are swapped"):
        open_checkpoint(folder)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("bits", "told"), [(0x7F80, "infinite"), (0xFFC1, "NaN")])
def test_a_number_that_is_none_is_found_with_its_index(copy, form, bits, told):
    folder = copy(form)
    parts = taken_apart(folder / WEIGHTS)
    for tensor in tensors(tiny_shape(), form):
        if tensor.dtype != "BF16" or tensor.layer not in (-1, 2):
            continue
        dtype, dims, data = parts[tensor.name]
        values = np.frombuffer(data, np.uint16).reshape(dims).copy()
        index = tuple(size // 2 for size in dims)
        values[index] = bits
        write(folder / WEIGHTS, {**parts, tensor.name: (dtype, dims, values.tobytes())})
        with pytest.raises(CheckpointError) as error:
            read_all(folder)
        assert f"tensor {tensor.name!r} at {list(index)} is {told}" in str(error.value)


@pytest.mark.parametrize(
    ("scale", "told"), [(255, "(scale 255) is NaN"), (253, "(scale 253) is beyond float32")]
)
@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("mxfp4", "model.layers.1.mlp.experts.down_proj_scales"),
        ("original", "block.1.mlp.mlp1_weight.scales"),
    ],
)
def test_a_scale_that_is_no_number(copy, form, name, scale, told):
    folder = copy(form)
    parts = taken_apart(folder / WEIGHTS)
    dtype, dims, data = parts[name]
    scales = np.frombuffer(data, np.uint8).reshape(dims).copy()
    scales[7, 3, 1] = scale
    write(folder / WEIGHTS, {**parts, name: (dtype, dims, scales.tobytes())})
    checkpoint = open_checkpoint(folder)
    checkpoint.layer(0)  # is sound
    with pytest.raises(CheckpointError) as error:
        checkpoint.layer(1)
    assert f"tensor {name!r} at [7, 3, 1] {told}" in str(error.value)


def test_other_layers_than_config_says(copy):
    folder = copy("mxfp4")
    config = json.loads((folder / "config.json").read_bytes())
    for layers, told in (
        (5, "'model.layers.4.input_layernorm.weight' is missing"),
        (3, "of 3 lay"),
    ):
        kinds = ["full_attention"] * layers
        changed = {**config, "num_hidden_layers": layers, "layer_types": kinds}
        (folder / "config.json").write_text(json.dumps(changed))
        with pytest.raises(CheckpointError, match=told):
            open_checkpoint(folder)


def test_a_folder_without_weights(copy):
    folder = copy("mxfp4")
    (folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match="the weights are missing"):
        open_checkpoint(folder)


def test_the_original_inside_a_folder_of_the_hub(tiny_checkpoints, tmp_path):
    shutil.copytree(tiny_checkpoints["original"], tmp_path / "original")
    assert open_checkpoint(tmp_path).form == "original"
    # With Hugging Face's configuration above it, but none of its weights.
    shutil.copy(tiny_checkpoints["mxfp4"] / "config.json", tmp_path)
    assert open_checkpoint(tmp_path).form == "original"
    shutil.copy(tiny_checkpoints["mxfp4"] / WEIGHTS, tmp_path)
    assert open_checkpoint(tmp_path).form == "mxfp4"


@pytest.fixture
def sharded(tmp_path) -> Path:
    return write_checkpoint(tmp_path / "cut", tiny_shape(), 1, shard_bytes=300_000)


def test_a_missing_shard_is_named(sharded):
    shard = sorted(sharded.glob("model-00002*"))[0]
    shard.unlink()
    with pytest.raises(CheckpointError, match=f"names the shard '{shard.name}'"):
        open_checkpoint(sharded)
    (sharded / "model.safetensors.index.json").unlink()
    with pytest.raises(CheckpointError, match="shard 2 of 5 of the weights is missing"):
        open_checkpoint(sharded)


def test_an_index_that_lies(sharded):
    path = sharded / "model.safetensors.index.json"
    index = json.loads(path.read_bytes())
    name, shard = next(iter(index["weight_map"].items()))
    moved = {**index["weight_map"], name: sorted(index["weight_map"].values())[-1]}
    path.write_text(json.dumps({"weight_map": moved}))
    with pytest.raises(CheckpointError, match=f"tensor '{name}' is not in"):
        open_checkpoint(sharded)
    path.write_text(json.dumps({"weight_map": {name: f"../{sharded.name}/{shard}"}}))
    with pytest.raises(CheckpointError, match="which is not there"):
        open_checkpoint(sharded)
    path.write_text(json.dumps({"weight_map": [1]}))
    with pytest.raises(CheckpointError, match="'weight_map' is missing or no map"):
        open_checkpoint(sharded)


def test_a_tensor_in_two_files(sharded):
    (sharded / "model.safetensors.index.json").unlink()
    shutil.copy(sharded / "model-00002-of-00005.safetensors", sharded / "model-x.safetensors")
    with pytest.raises(CheckpointError, match="is in two files"):
        open_checkpoint(sharded)
