"""`ossay chat` as a user meets it: on a real terminal, and in a pipe."""

import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

OSSAY = Path(sys.executable).with_name("ossay")
MODELS = Path.home() / ".local/share/ossay/models"  # where pulled models are, but for OSSAY_HOME
PATIENCE_S = 60  # until a text that must come is given up
# Makes the terminal it was given its controlling one, so that Ctrl-C is a signal.
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.argv[1], sys.argv[1:])"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x01\x02]")
PROMPT = "> "


def environ(home, **more):
    keep = {"PATH": os.environ["PATH"], "HOME": str(home), "OSSAY_HOME": str(home / "data")}
    return {**keep, "TERM": "xterm", "LANG": "C.UTF-8", **more}


def ossay(*args, cwd, stdin="", **more):
    return subprocess.run(
        [OSSAY, "chat", *map(str, args)], cwd=cwd, env=environ(cwd, **more), input=stdin,
        capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip


class Terminal:
    """A chat on a terminal of its own."""

    def __init__(self, process, fd):
        self.process = process
        self.fd = fd
        self.raw = ""
        self._bytes = b""
        self._at = 0

    @property
    def text(self):
        return ESCAPES.sub("", self.raw).replace("\r", "")

    def read(self, wait_s):
        """Read what there is; False at the end."""
        if not select.select([self.fd], [], [], wait_s)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            data = b""
        self._bytes += data
        self.raw = self._bytes.decode("utf-8", "ignore")
        return bool(data)

    def until(self, wanted):
        """Wait for a text after the last one that was waited for."""
        give_up = time.monotonic() + PATIENCE_S
        while wanted not in self.text[self._at :]:
            assert time.monotonic() < give_up, f"no {wanted!r} in {self.text[self._at :]!r}"
            assert self.read(1), f"ended without {wanted!r}: {self.text[self._at :]!r}"
        self._at = self.text.index(wanted, self._at) + len(wanted)
        return self

    def type(self, keys):
        os.write(self.fd, keys.encode())
        return self

    def say(self, line, *wanted):
        """Type a line at the prompt and wait for texts and for the next prompt."""
        self.type(line + "\n").until("\n")
        for text in wanted:
            self.until(text)
        return self.until("\n" + PROMPT)

    def idle(self):
        """Wait until it waits for a key: a signal before that is seen at the next key only."""
        quiet = 0
        while quiet < 5:
            state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
            quiet = quiet + 1 if state == "S" else 0
            time.sleep(0.02)
        return self

    def ended(self):
        while self.read(PATIENCE_S):
            pass
        return self.process.wait(PATIENCE_S)


@contextmanager
def chat(*args, cwd, **more):
    master, slave = pty.openpty()
    words = [sys.executable, "-c", TAKE_TERMINAL, OSSAY, "chat", *args]
    process = subprocess.Popen(
        list(map(str, words)), stdin=slave, stdout=slave, stderr=slave, cwd=cwd,
        env=environ(cwd, **more), start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@contextmanager
def upstream(cwd, *args):
    """A mock provider in a process of its own; it is known as 'mock'."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ossay.models.mock_upstream", *args],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().strip()
        (cwd / "ossay.toml").write_text(f'[providers.mock]\nbase_url = "{url}"\n')
        yield
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_a_message_is_answered_counted_and_taken_back(tmp_path):
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until("Talking with scripted/echo").until(PROMPT)
        terminal.say("hello there", "hello there\n", "3 tokens")
        terminal.say("/retry", "Again: 'hello there'.", "hello there\n")
        terminal.say("/undo", "Taken back: 'hello there'.")
        terminal.say("/undo", "nothing to take back")
        terminal.type("\x04")
        assert terminal.ended() == 0


def test_messages_of_several_lines(tmp_path):
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        terminal.type("one\\\n").until("… ").type("two\n").until("one\ntwo\n").until(PROMPT)
        terminal.type('"""a\n').until("… ").type("\n").until("… ").type('b"""\n')
        terminal.until("a\n\nb\n")


def test_commands_and_their_errors(tmp_path):
    with chat("scripted/echo", "--system", "Be kind.", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        terminal.say("/efort low", "no command '/efort'; did you mean '/effort'?")
        terminal.say("/effort hihg", "did you mean 'high'?")
        terminal.say("/effort high", "Effort: high.")
        terminal.say("/system", "Be kind.")
        terminal.say("/system -", "No system message.")
        terminal.say("/model", "reference: scripted/echo", "reasoning_effort: high")
        terminal.say("/help", "/effort low|medium|high", "Ctrl-C stops an answer")
        terminal.say("//etc is a folder", "/etc is a folder")
        terminal.type("/eff\tlow\n").until("Effort: low.").until(PROMPT)  # by completion
        terminal.type("/quit\n")
        assert terminal.ended() == 0


def test_a_conversation_is_saved_and_gone_on_with(tmp_path):
    with chat("scripted/echo", "--effort", "low", "--system", "Hm.", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        terminal.say("first words", "first words\n")
        terminal.say("/save talk.json", "Saved 2 messages to talk.json.")
        terminal.say("/save talk.json", "'talk.json' exists", "/save! talk.json")
        terminal.say("/save! talk.json", "Saved 2 messages")
        terminal.say("/save no/such/folder.json", "cannot write")
    saved = json.loads((tmp_path / "talk.json").read_text())
    assert (saved["model"], saved["system"]) == ("scripted/echo", "Hm.")
    assert saved["sampling"] == {"reasoning_effort": "low"}
    assert [message["content"] for message in saved["messages"]] == ["first words"] * 2
    (tmp_path / "broken.json").write_text('{"model": 1}')
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        terminal.say("/load broken.json", "cannot load 'broken.json'")
        terminal.say("/load talk.json", "Loaded 2 messages", "> first words", "first words")
        terminal.say("/effort", "Effort: low.")
        terminal.say("/undo", "Taken back: 'first words'.")


def test_a_path_that_cannot_be_costs_no_conversation(tmp_path):
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        terminal.say("first words", "first words\n")
        for command in ("/save", "/save!"):
            for path in (".", "/", "..", "~nobody_here/x", "a\\x00b" * 200):
                terminal.say(f"{command} {path}", "error: ")
        terminal.say("/load ~nobody_here/x", "cannot load")
        terminal.say("/undo", "Taken back: 'first words'.")
    assert not list(tmp_path.glob(".*"))


def test_a_file_cannot_write_to_the_terminal(tmp_path):
    evil = "m\x1b]0;owned\x07\x1b[2J"
    message = {"role": "user", "content": evil}
    saved = {"model": evil, "date": evil, "messages": [message, {**message, "role": "assistant"}]}
    (tmp_path / "evil.json").write_text(json.dumps(saved))
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        terminal.say("/load evil.json", "a conversation with m␛]0;owned␇␛[2J")
    assert "\x1b]0" not in terminal.raw
    assert "\x1b[2J" not in terminal.raw


def test_the_history_is_this_users_alone_and_can_be_left_out(tmp_path):
    history = tmp_path / "data" / "chat_history"
    with chat("scripted/echo", "--no-history", cwd=tmp_path) as terminal:
        terminal.until(PROMPT).say("secret", "secret\n")
    assert not history.exists()
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until(PROMPT).say("remember me", "remember me\n")
    assert history.read_text() == "remember me\n"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until(PROMPT).type("\x1b[A").until("remember me").type("\n")
        terminal.until("remember me\n").until(PROMPT)


def test_tools_work_in_a_folder_and_are_shown(tmp_path):
    (tmp_path / "room").mkdir()
    with chat("scripted/caller", "--tools", "--workspace", "room", cwd=tmp_path) as terminal:
        terminal.until("Tools: fs_read, fs_write, shell, in").until("room").until(PROMPT)
        terminal.say(
            "call fs_write", "so I call fs_write.", "→ fs_write {", "← wrote", "The tool said:"
        )
        terminal.type("\x04")
        assert terminal.ended() == 0
    assert any((tmp_path / "room").iterdir())
    assert "\x1b[2mThought 1" in terminal.raw  # dimmed


def test_reasoning_can_be_hidden(tmp_path):
    with chat("scripted/caller", "--hide-reasoning", cwd=tmp_path) as terminal:
        terminal.until(PROMPT).say("hello", "You said 'hello'")
    assert "No tool is offered" not in terminal.text


def test_no_escape_sequence_of_a_model_reaches_the_terminal(tmp_path):
    evil = "a\x1b]0;title\x07b\x9b31mc\u202ed"
    done = ossay("scripted/echo", "--once", evil, cwd=tmp_path)
    assert done.stdout == "a␛]0;title␇b⟨U+009B⟩31mc⟨U+202E⟩d\n"
    assert json.loads(
        ossay("scripted/echo", "--once", evil, "--json", cwd=tmp_path).stdout
    )["message"]["content"] == evil  # fmt: skip


def test_ctrl_c_stops_an_answer_and_the_chat_goes_on(tmp_path):
    with upstream(tmp_path, "--fault", "hang", "--fault", "ok"), \
            chat("mock/any", cwd=tmp_path) as terminal:  # fmt: skip
        terminal.until(PROMPT).type("hello\n").until("…").idle().type("\x03")
        terminal.until("Stopped. The turn was taken back").until(PROMPT)
        terminal.say("/retry", "Again: 'hello'.", "Hello from the mock upstream.")
        terminal.say("/undo", "Taken back").say("/undo", "nothing to take back")


def test_ctrl_c_at_the_prompt_hints_and_then_leaves(tmp_path):
    with chat("scripted/echo", cwd=tmp_path) as terminal:
        terminal.until(PROMPT).type("half a").until("half a").idle().type("\x03")
        terminal.until("Ctrl-C again").until(PROMPT).say("hello", "hello\n").idle().type("\x03")
        terminal.until("Ctrl-C again").until(PROMPT).idle().type("\x03")
        assert terminal.ended() == 0


@pytest.mark.parametrize("busy", [False, True])
def test_sigterm_ends_it_cleanly(tmp_path, busy):
    with upstream(tmp_path, "--fault", "hang"), chat("mock/any", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        if busy:
            terminal.type("hello\n").until("…")
        terminal.idle().process.send_signal(signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM
    assert "Traceback" not in terminal.text


def test_a_failed_call_is_told_and_the_chat_goes_on(tmp_path):
    faults = ("--fault", "unknown_model", "--fault", "context_exhausted", "--fault", "ok")
    with upstream(tmp_path, *faults), chat("mock/any", cwd=tmp_path) as terminal:
        terminal.until(PROMPT)
        terminal.say("hello", "error: refused", "The turn was taken back")
        terminal.say("hello", "error: context_exhausted", "/new begins again")
        terminal.say("hello", "Hello from the mock upstream.", "tokens")


def test_a_pipe_is_answered_once_with_the_answer_alone(tmp_path):
    done = ossay("scripted/caller", cwd=tmp_path, stdin="hi\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "You said 'hi', and I have no tool to call.\n"


def test_in_a_pipe_a_failed_call_is_an_error(tmp_path):
    with upstream(tmp_path, "--fault", "unknown_model"):
        done = ossay("mock/any", "--once", "hi", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "does not exist" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["groq/openai/gpt-oss-20b"], "GROQ_API_KEY"),
        (["grok/gpt-oss-20b"], "did you mean 'groq'?"),
        (["scripted/ecko"], "try 'scripted/echo'"),
        (["scripted/echo", "--workspace", "."], "add --tools"),
        (["scripted/echo"], "nothing was said"),
        (["scripted/echo", "--temperature", "nan"], "--temperature nan"),
        (["scripted/echo", "--temperature", "inf"], "--temperature inf"),
        (["scripted/echo", "--seed", str(2**63)], "--seed"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(tmp_path, args, says):
    done = ossay(*args, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.model
def test_with_a_real_model(tmp_path):
    home = Path(os.environ.get("OSSAY_HOME") or MODELS.parent)
    if not (home / "models" / "smollm2-135m.gguf").is_file():
        pytest.skip("the model is not here: ossay pull smollm2-135m")
    words = ("llamacpp/smollm2-135m", "--max-tokens", "8", "--temperature", "0", "--no-history")
    with chat(*words, cwd=tmp_path, OSSAY_HOME=str(home)) as terminal:
        terminal.until(PROMPT)
        terminal.say("What is the capital of Australia?", "Canberra", "tokens/s")
        terminal.say("Write a long story about a dragon.", "cut off at its length")
        terminal.type("\x04")
        assert terminal.ended() == 0
