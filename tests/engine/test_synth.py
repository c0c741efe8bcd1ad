"""Random checkpoints: the same values in every form, ordinary numbers, nothing half written."""

import contextlib
import json

import numpy as np
import pytest

from ossay.core.errors import UsageError
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.mxfp4 import decode
from ossay.engine.synth import (
    checkpoint_bytes,
    gpt_oss_20b,
    gpt_oss_120b,
    tiny_shape,
    write_checkpoint,
)
from ossay.engine.weights import Mxfp4, to_float32


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def same(left, right) -> bool:
    """Whether two structs of weights hold the same numbers, bit for bit."""
    for field in left.__struct_fields__:
        a, b = getattr(left, field), getattr(right, field)
        assert type(a) is type(b), field
        if isinstance(a, Mxfp4):
            a, b = decode(a), decode(b)
        assert a.dtype == b.dtype, field
        if not np.array_equal(a.view(np.uint8), b.view(np.uint8)):
            return False
    return True


def test_the_three_forms_hold_the_same_values(tiny_checkpoints):
    opened = {form: open_checkpoint(folder) for form, folder in tiny_checkpoints.items()}
    first = opened.pop("mxfp4")
    for other in opened.values():
        assert other.shape == first.shape
        assert same(other.edges(), first.edges())
        for layer in range(first.shape.layers):
            assert same(other.layer(layer), first.layer(layer))


@pytest.mark.parametrize("form", ["mxfp4", "original"])
def test_expert_bytes_are_the_same_too(tiny_checkpoints, form):
    packed = open_checkpoint(tiny_checkpoints[form]).layer(1).gate_up
    again = open_checkpoint(tiny_checkpoints["bf16"]).layer(1).gate_up
    assert np.array_equal(decode(packed), decode(again))


def test_a_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    shape = tiny_shape(layers=1)
    first, again, other = (
        contents(write_checkpoint(tmp_path / name, shape, seed))
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again
    assert first["model.safetensors"] != other["model.safetensors"]


def test_fewer_layers_are_the_first_ones(tmp_path, tiny_checkpoints):
    cut = open_checkpoint(write_checkpoint(tmp_path / "cut", tiny_shape(), 20, layers=2))
    whole = open_checkpoint(tiny_checkpoints["mxfp4"])
    assert cut.shape.layers == 2
    assert same(cut.layer(1), whole.layer(1))
    assert same(cut.edges(), whole.edges())
    assert not same(whole.layer(0), whole.layer(1))
    with pytest.raises(UsageError, match="5 layers of a shape that has 4"):
        write_checkpoint(tmp_path / "more", tiny_shape(), 20, layers=5)


@pytest.mark.parametrize("form", ["mxfp4", "bf16", "original"])
def test_shards_hold_what_one_file_holds(tmp_path, tiny_checkpoints, form):
    cut = write_checkpoint(tmp_path / form, tiny_shape(), 20, form, shard_bytes=300_000)
    assert len(list(cut.glob("model*.safetensors"))) > 3
    opened, whole = open_checkpoint(cut), open_checkpoint(tiny_checkpoints[form])
    assert opened.weight_bytes == whole.weight_bytes == checkpoint_bytes(tiny_shape(), form)
    assert same(opened.layer(3), whole.layer(3))


def test_weights_have_the_deviation_that_they_are_scaled_for(tiny_checkpoints):
    checkpoint = open_checkpoint(tiny_checkpoints["mxfp4"])
    layer, shape = checkpoint.layer(0), checkpoint.shape
    assert decode(layer.gate_up).std() * shape.hidden**0.5 == pytest.approx(2.5, rel=0.02)
    assert decode(layer.down).std() * shape.intermediate**0.5 == pytest.approx(0.2, rel=0.02)
    assert to_float32(layer.qkv).std() * shape.hidden**0.5 == pytest.approx(1, rel=0.02)
    unembedding = to_float32(checkpoint.edges().unembedding)
    assert unembedding.std() * shape.hidden**0.5 == pytest.approx(1, rel=0.02)
    for vector in (layer.sinks, layer.qkv_bias, layer.router_bias, layer.down_bias):
        assert np.all(vector != 0)


def test_config_says_that_the_weights_are_random(tiny_checkpoint):
    config = json.loads((tiny_checkpoint / "config.json").read_bytes())
    assert config["ossay_synthetic"] == {"seed": 20, "note": "random weights"}


def test_the_published_shapes_have_their_published_sizes():
    # 13.76 and 65.25 GB; 24 x 32 and 36 x 128 experts of 13.22 MB are most of it.
    assert checkpoint_bytes(gpt_oss_20b()) == 13_761_264_768
    assert checkpoint_bytes(gpt_oss_120b()) == pytest.approx(65.25e9, rel=1e-3)


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        write_checkpoint(tmp_path, tiny_shape(), 1)
    with pytest.raises(UsageError, match="is a file"):
        write_checkpoint(tmp_path / "mine.txt", tiny_shape(), 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_folder_that_one_is_in_is_refused(tmp_path):
    with contextlib.chdir(tmp_path), pytest.raises(UsageError, match="is where you are"):
        write_checkpoint(".", tiny_shape(), 1)
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_said_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match="GB are free at"):
        write_checkpoint(tmp_path / "huge", tiny_shape(vocab=2**48), 1)
    assert list(tmp_path.iterdir()) == []


def test_interrupted_it_leaves_nothing(tmp_path):
    def interrupt(done, _total):
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path / "half", tiny_shape(), 1, on_progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_ends_at_the_whole(tmp_path):
    calls = []
    write_checkpoint(tmp_path / "x", tiny_shape(), 1, on_progress=lambda *call: calls.append(call))
    size = checkpoint_bytes(tiny_shape())
    assert calls[-1] == (size, size)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
