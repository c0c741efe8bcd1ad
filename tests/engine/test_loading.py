"""From a folder to an engine: backends, sizes, and what is said before anything is read."""

import math
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ossay.core.errors import UnknownName, UsageError
from ossay.engine import Sampling, load
from ossay.engine.checkpoint import open_checkpoint
from ossay.engine.errors import CheckpointError
from ossay.engine.forms import tensors
from ossay.engine.kernels.null import Null
from ossay.engine.loading import loaded_bytes, sizes_for, too_large
from ossay.engine.memory import available_memory
from ossay.engine.synth import gpt_oss_20b, tiny_shape, write_checkpoint, write_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("tiny") / "model", tiny_shape(), seed=1)


class Weighty(Null):
    """Says that its blocks are as large as those of gpt-oss-20b with keys and values in bf16."""

    def cache_bytes(self, full_blocks, sliding_blocks):
        return (full_blocks + sliding_blocks) * 12 * 32 * 2048


def test_the_null_backend_needs_the_config_only(folder, tmp_path):
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with load(tmp_path, backend="null", context=128) as engine:
        asked = Sampling(temperature=0, max_tokens=4, stop_tokens=())
        assert len(list(engine.generate([1, 2, 3], asked))) == 4


def test_the_reference_backend_loads_the_weights(folder):
    with load(folder, backend="reference", context=64, max_sequences=2) as engine:
        assert engine.logits([1, 2, 3]).shape == (3, 512)
        assert engine.sizes.context == 64


def test_the_cpu_backend_loads_or_says_what_to_install(folder):
    from ossay.engine.kernels import cpu

    if cpu.available():
        with load(folder, context=64) as engine:
            assert engine.logits([1, 2, 3]).shape == (3, 512)
    else:
        with pytest.raises(UsageError, match=r"C\+\+20 compiler.*backend='reference'"):
            load(folder)


@pytest.mark.parametrize("threads", [0, 10**6])
def test_threads_that_no_machine_has_are_refused(folder, threads):
    from ossay.engine.kernels import cpu

    if why := cpu.missing():
        pytest.skip(why)
    with pytest.raises(UsageError, match=f"threads={threads} must be from 1 to"):
        load(folder, threads=threads)


def test_backends_and_precisions_that_do_not_exist_are_named(folder):
    with pytest.raises(UnknownName, match="no backend 'cpo'; did you mean 'cpu'"):
        load(folder, backend="cpo")
    with pytest.raises(UnknownName, match="no precision 'int4'; did you mean 'int8'"):
        load(folder, precision="int4")
    with pytest.raises(UsageError, match="max_sequences=0"):
        load(folder, backend="null", max_sequences=0)
    with pytest.raises(UsageError, match="context=1 "):
        load(folder, backend="null", context=1)
    with pytest.raises(CheckpointError):
        load(folder / "nowhere", backend="null")


def test_the_cache_holds_the_context_for_all_sequences_where_there_is_room():
    sizes = sizes_for(Weighty(gpt_oss_20b()), 64 << 30, context=4096, max_sequences=8)
    assert sizes.full_blocks == 8 * 128
    assert sizes.context == 4096


def test_the_cache_shrinks_to_its_budget():
    kernels = Weighty(gpt_oss_20b())
    sizes = sizes_for(kernels, 1 << 30, max_sequences=4)
    assert kernels.cache_bytes(sizes.full_blocks, sizes.sliding_blocks) <= 1 << 30
    more = kernels.cache_bytes(sizes.full_blocks + 2, sizes.sliding_blocks + 1)
    assert more > 1 << 30
    assert sizes.context == sizes.full_blocks * 32  # as many as one sequence can ever hold


def test_a_context_that_does_not_fit_the_budget_is_refused():
    with pytest.raises(UsageError, match=r"131072 tokens needs .* GB .* raise cache_bytes"):
        sizes_for(Weighty(gpt_oss_20b()), 1 << 30, context=131_072)
    with pytest.raises(UsageError, match=r"32 tokens needs .* 0.0 MB is set aside"):
        sizes_for(Weighty(gpt_oss_20b()), 0)


@pytest.mark.parametrize("window", [4, 8, 128])
@pytest.mark.parametrize("most", [1, 3, 40])
@pytest.mark.parametrize("reuse", [True, False])
def test_any_sizes_make_an_engine_that_runs(window, most, reuse):
    from ossay.engine import Engine

    kernels = Null(tiny_shape(window=window, max_positions=4096))
    sizes = sizes_for(kernels, 1 << 22, context=300, max_sequences=most, reuse=reuse)
    with Engine(kernels, sizes) as engine:
        asked = Sampling(temperature=0, max_tokens=30, stop_tokens=())
        handles = [engine.submit([i] * 270, asked) for i in range(most + 2)]
        for i, handle in enumerate(handles):
            assert handle.result(60) == kernels.continuation([i] * 270, 30)
        assert engine.stats().preemptions == 0  # what may run at once has room at once


def test_what_weights_take_follows_from_shape_and_precision(folder):
    checkpoint = open_checkpoint(folder)
    exact = loaded_bytes(checkpoint, "cpu", "exact")
    assert loaded_bytes(checkpoint, "cpu", "int8") < exact < checkpoint.weight_bytes
    assert loaded_bytes(checkpoint, "reference", "exact") == checkpoint.weight_bytes
    text = too_large("m", 13_800_000_000, 8_100_000_000, "exact")
    assert "13.8 GB" in text
    assert "8.1 GB" in text
    assert "'int8'" in text
    assert "check_memory=False" in text


def hollow_checkpoint(folder, shape):
    """A checkpoint of any size that takes no room: its tensors are holes in a sparse file."""
    write_config(folder, shape, seed=0, form="mxfp4")
    header, offset = {}, 0
    for tensor in tensors(shape, "mxfp4"):
        size = math.prod(tensor.shape) * (1 if tensor.dtype == "U8" else 2)
        header[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = msgspec.json.encode(header)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)
    return folder


def test_a_model_larger_than_memory_is_refused_before_it_is_read(tmp_path):
    layers = 2 + 2 * available_memory() // 400_000_000  # a layer of gpt-oss-20b takes more
    whole = gpt_oss_20b()
    sliding = tuple(layer % 2 == 0 for layer in range(layers))
    shape = msgspec.structs.replace(whole, layers=layers, sliding=sliding)
    folder = hollow_checkpoint(tmp_path, shape)
    with pytest.raises(UsageError, match=r"GB of memory with precision 'exact', and .* is free"):
        load(folder, backend="reference")


MEMINFO = "MemTotal:       20000 kB\nMemFree:         1000 kB\nMemAvailable:   15000 kB\n"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_free_memory_is_the_machines_where_no_group_limits_it(tmp_path):
    proc = tree(tmp_path / "proc", {"meminfo": MEMINFO, "self/cgroup": "0::/a\n"})
    groups = tree(tmp_path / "groups", {"a/memory.max": "max\n", "a/memory.current": "5\n"})
    assert available_memory(proc, groups) == 15_000 * 1024


def test_free_memory_is_what_the_narrowest_group_has_left(tmp_path):
    proc = tree(tmp_path / "proc", {"meminfo": MEMINFO, "self/cgroup": "0::/a/b\n"})
    groups = tree(
        tmp_path / "groups",
        {
            "a/memory.max": "1000000\n",
            "a/memory.current": "700000\n",
            "a/memory.stat": "anon 400000\ninactive_file 200000\n",
            "a/b/memory.max": "max\n",
            "a/b/memory.current": "700000\n",
        },
    )
    assert available_memory(proc, groups) == 500_000


def test_free_memory_knows_the_first_version_of_groups(tmp_path):
    lines = "9:cpu:/a\n4:memory:/a\n"
    proc = tree(tmp_path / "proc", {"meminfo": MEMINFO, "self/cgroup": lines})
    groups = tree(
        tmp_path / "groups",
        {
            "memory/a/memory.limit_in_bytes": "1000000\n",
            "memory/a/memory.usage_in_bytes": "300000\n",
            "memory/a/memory.stat": "total_inactive_file 100000\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": "300000\n",
        },
    )
    assert available_memory(proc, groups) == 800_000


def test_free_memory_is_unknown_where_nothing_tells(tmp_path):
    assert available_memory(tmp_path, tmp_path) is None


def test_this_machine_has_some_memory():
    free = available_memory()
    assert free is not None
    assert free > 0


def test_naming_the_engine_loads_no_numpy():
    code = "import ossay, ossay.engine, ossay.engine.shape, sys; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
