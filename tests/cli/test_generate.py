"""`ossay generate` and `ossay bench engine` as a user meets them, on a tiny random checkpoint."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ossay.engine.synth import tiny_shape, write_checkpoint

OSSAY = Path(sys.executable).with_name("ossay")
SLOW = ("--backend", "reference")  # needs no compiler


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("models") / "tiny", tiny_shape(), 1)


def environ(cwd, **more):
    return {"PATH": os.environ["PATH"], "HOME": str(cwd), "OSSAY_HOME": str(cwd / "data"), **more}


def ossay(*args, cwd, stdin="", **more):
    return subprocess.run(
        [OSSAY, *map(str, args)], cwd=cwd, env=environ(cwd, **more), input=stdin,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def ids(*args, cwd, stdin=""):
    done = ossay("generate", *args, *SLOW, "--ids", cwd=cwd, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.splitlines()]


def test_ids_in_ids_out_and_the_same_seed_gives_the_same(tmp_path, model):
    words = (model, "--max-tokens", "6", "--seed", "3")
    first = ids(*words, "--tokens", "1,2,3", cwd=tmp_path)
    assert len(first) == 6
    assert ids(*words, "--tokens", "-", cwd=tmp_path, stdin="1, 2\n3\n") == first
    assert (
        ids(model, "--tokens", "1,2,3", "--max-tokens", "6", "--seed", "4", cwd=tmp_path) != first
    )


def test_json_has_a_line_a_token_and_counts_last(tmp_path, model):
    words = (
        model,
        "--tokens",
        "1,2",
        "--max-tokens",
        "3",
        "--temperature",
        "0",
        "--json",
        "--quiet",
    )
    done = ossay("generate", *words, *SLOW, cwd=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [set(line) for line in lines[:-1]] == [{"id"}] * 3  # no vocabulary here: no text
    counts = lines[-1]
    assert (counts["finish"], counts["prompt_tokens"], counts["generated_tokens"]) == (
        "length",
        2,
        3,
    )
    assert done.stderr == ""


def test_it_says_how_fast_it_was_and_that_the_weights_are_random(tmp_path, model):
    done = ossay(
        "generate", model, "--tokens", "1", "--ids", "--max-tokens", "2", *SLOW, cwd=tmp_path
    )
    assert "1 tokens read in" in done.stderr
    assert "2 generated" in done.stderr
    assert "RANDOM" in done.stderr


def test_a_checkpoint_in_the_folder_original_is_read(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    write_checkpoint(folder / "original", tiny_shape(), 1, "original")
    words = ("--tokens", "1", "--ids", "--max-tokens", "2", "--seed", "0")
    done = ossay("generate", folder, *words, *SLOW, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "RANDOM" in done.stderr


def test_ctrl_c_stops_with_130_and_what_came_stays(tmp_path, model):
    process = subprocess.Popen(
        [OSSAY, "generate", model, "--tokens", "1", "--ids", "--max-tokens", "100000", *SLOW],
        cwd=tmp_path, env=environ(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert first.strip().isdigit()
    assert "ended by being interrupted" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tokens", "1,two"], "'two' is no token id"),
        (["--tokens", "1,--5"], "'--5' is no token id"),
        (["--tokens", "1,²"], "'²' is no token id"),
        (["--tokens", ""], "the prompt has no tokens"),
        (["--tokens", "512"], "token 512 at position 0 is outside the vocabulary"),
        (["--tokens", "1", "--prompt", "x"], "give either --tokens or --prompt"),
        ([], "give either --tokens or --prompt"),
        (["--tokens", "1", "--json"], "give either --ids or --json"),
        (["--tokens", "1", "--top-p", "7"], "top_p=7.0 must be"),
        (["--tokens", "1", "--max-tokens", "999999"], "do not fit the context"),
    ],
)
def test_bad_input_is_one_line(tmp_path, model, words, said):
    done = ossay("generate", model, *words, "--ids", *SLOW, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_text_without_a_vocabulary_names_the_way_out(tmp_path, model):
    done = ossay("generate", model, "--prompt", "hello", *SLOW, cwd=tmp_path)
    assert done.returncode == 2
    assert "ossay pull vocab" in done.stderr


def test_a_model_that_is_not_here(tmp_path):
    done = ossay("generate", "local/gpt-oss-20b", "--tokens", "1", "--ids", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("ossay pull gpt-oss-20b")) == (2, 1)
    done = ossay("generate", "gpt-os-20b", "--tokens", "1", "--ids", cwd=tmp_path)
    assert "did you mean 'gpt-oss-20b'" in done.stderr


def test_a_pulled_model_goes_by_its_name(tmp_path, model):
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "gpt-oss-20b").symlink_to(model)
    words = ("--tokens", "5", "--max-tokens", "2", "--seed", "0")
    assert ids("local/gpt-oss-20b", *words, cwd=tmp_path) == ids(model, *words, cwd=tmp_path)


def test_text_for_a_model_of_few_tokens_names_the_way_out(tmp_path, model, vocabulary_environ):
    done = ossay("generate", model, "--prompt", "hello", *SLOW, cwd=tmp_path, **vocabulary_environ)
    assert done.returncode == 2
    assert "has 512 tokens, too few for text: give it --tokens" in done.stderr


def test_text_goes_in_and_out(tmp_path, model, vocabulary_environ):
    """The tiny model knows the first 512 ids only: single bytes and short words."""
    words = ("--prompt", "-", "--max-tokens", "8", "--seed", "1")
    done = ossay("generate", model, *words, *SLOW, cwd=tmp_path, stdin="!", **vocabulary_environ)
    assert done.returncode == 0, done.stderr
    shown = ossay(
        "generate", model, *words, *SLOW, "--json", cwd=tmp_path, stdin="!", **vocabulary_environ
    )
    lines = [json.loads(line) for line in shown.stdout.splitlines()]
    assert "".join(line.get("text", "") for line in lines) == done.stdout[:-1]


def test_output_can_be_bound_to_a_schema(tmp_path, model, vocabulary_environ):
    (tmp_path / "schema.json").write_text('{"type": "string", "minLength": 99}')
    words = ("--tokens", "1", "--json-schema", "schema.json", "--max-tokens", "30", "--seed", "0")
    done = ossay("generate", model, *words, *SLOW, "--json", cwd=tmp_path, **vocabulary_environ)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    text = "".join(line.get("text", "") for line in lines[:-1])
    assert text.startswith('"')
    assert text.replace('\\"', "").count('"') == 1  # not closed so early
    (tmp_path / "schema.json").write_text('{"type": "no such type"}')
    done = ossay("generate", model, *words, *SLOW, cwd=tmp_path, **vocabulary_environ)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_what_ends_a_bound_output_ends_it_all(tmp_path, vocabulary_environ):
    """Nothing may follow a whole JSON value: what may end the body is what stops the model."""
    shape = tiny_shape(layers=1, hidden=32, intermediate=32, vocab=201_088)
    big = write_checkpoint(tmp_path / "big", shape, 1)
    (tmp_path / "schema.json").write_text('{"enum": [7]}')
    words = ("--tokens", "1", "--json-schema", "schema.json", "--max-tokens", "9", *SLOW)
    for seed in range(4):
        done = ossay("generate", big, *words, "--seed", seed, cwd=tmp_path, **vocabulary_environ)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "7\n"
        assert "ended by a stop token" in done.stderr


def test_bench_engine_gives_json_and_a_table(tmp_path, model):
    words = ("--prompt", "16", "--batch", "1,2", "--tokens", "2", "--repeat", "1", *SLOW)
    done = ossay("bench", "engine", model, *words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["synthetic"] is True
    assert [(r["what"], r["size"]) for r in report["rates"]] == [
        ("prefill", 16), ("decode", 1), ("decode", 2),
    ]  # fmt: skip
    assert all(r["tokens_per_s"] > 0 and r["gb_s"] > 0 for r in report["rates"])
    table = ossay("bench", "engine", model, *words, cwd=tmp_path).stdout
    assert "decode, 2 sequences" in table
    assert "RANDOM" in table


def test_bench_engine_wants_counts(tmp_path, model):
    done = ossay("bench", "engine", model, "--batch", "1,0", cwd=tmp_path)
    assert done.returncode == 2
    assert "'1,0' is not a list of counts" in done.stderr
