"""What tests of the chat format share."""

import base64
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ossay.harmony.vocabulary import FILE, RANKS


@pytest.fixture(scope="session")
def library(vocabulary, tmp_path_factory):
    """(messages, drop) -> token ids of openai-harmony, with `<|start|>assistant` at the end."""
    if find_spec("openai_harmony") is None:
        pytest.skip("openai-harmony is not installed")
    folder = tmp_path_factory.mktemp("vocabulary")
    words = (b"%b %d\n" % (base64.b64encode(vocabulary.bytes_of(i)), i) for i in range(RANKS))
    (folder / FILE).write_bytes(b"".join(words))
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("oracle.py")],
        env=os.environ | {"TIKTOKEN_ENCODINGS_BASE": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:

        def ask(messages, drop=False):
            process.stdin.write(json.dumps({"messages": messages, "drop": drop}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "the library's process ended; its error is above"
            return json.loads(answer)

        yield ask
        process.stdin.close()
        process.wait(30)
