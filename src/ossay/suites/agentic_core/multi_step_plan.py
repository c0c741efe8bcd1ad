"""Task 07, multi_step_plan: write three to six given files, in order, with fs_write only.

The plan stands in the prompt or in PLAN.md. In some seeds each step holds a value worked out from
the steps before it, in some each file must be read back before the next is written. Judged are the
bytes of the files, and from the transcript the order and the tool. A step counts as written from
the first fs_write that has it, or most of it under its own title; a stub that holds the place is
none. Knows nothing of what the steps are about.
"""

from __future__ import annotations

import json
import posixpath
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ossay.core.outcome import Flag
from ossay.core.task import Grade, Instance, ToolResult, Transcript
from ossay.suites.agentic_core.common import Vocabulary, changes, read_bytes, rng_of
from ossay.suites.scripting import Script, call, say

PLAN = "PLAN.md"

_TITLES = {
    "the failover of the $x database": (
        "announce the change", "stop writes", "promote the replica", "move the traffic",
        "check replication", "close the change",
    ),
    "the certificate rotation of $x": (
        "make the new key", "request the certificate", "install it on the edge",
        "reload the proxies", "revoke the old certificate", "file the record",
    ),
    "the move of $x to new storage": (
        "freeze the old volume", "copy the data", "compare the copy", "switch the mounts",
        "watch for a day", "release the old volume",
    ),
    "the release of $x": (
        "cut the branch", "build the images", "deploy to staging", "deploy to production",
        "watch the error rate", "write to the customers",
    ),
    "the retirement of $x": (
        "tell its users", "close the sign-up", "export what is left", "turn it off",
        "delete the backups", "archive the repository",
    ),
}  # fmt: skip

# What a marker stands for. Each is worked out from the text of the files alone.
_MARKERS = {
    "<LINES_BEFORE>": (
        "the number of lines in the file of the step before, all that stand between its BEGIN line "
        "and its END line"
    ),
    "<SESSIONS_BEFORE>": (
        'the sum of all N in the lines "NAME: N sessions" of the file of the step before'
    ),
    "<DONE_SO_FAR>": (
        'the sum of the numbers after "batch:" in this file and in the files of all steps before it'
    ),
}


_BEFORE_TITLE = 40  # characters


class Variant(NamedTuple):
    """What a seed asks for beside the bytes."""

    in_file: bool  # the plan is in PLAN.md
    marker: str  # '' where nothing is to be worked out
    read_back: bool
    steps: int


class MultiStepPlan:
    """Write the files of a plan step by step."""

    name = "multi_step_plan"

    def instance(self, seed: int) -> Instance:
        """Make up a plan."""
        rng = rng_of(self.name, seed)
        variant = _variant(rng)
        words = Vocabulary(rng)
        title = rng.choice(list(_TITLES))
        subject = f"{words.draw('package')}-{words.draw('service')}"
        drafts = _drafts(rng, words, variant, _TITLES[title])
        plan = "\n\n".join(
            f"=== BEGIN step{k}.txt ===\n{draft}\n=== END step{k}.txt ==="
            for k, draft in enumerate(drafts, 1)
        )
        files = {PLAN: f"# Plan: {title}\n\n{plan}\n".replace("$x", subject).encode()}
        prompt = _prompt(variant, title.replace("$x", subject), plan)
        contents = worked_out(drafts)
        return Instance(
            self.name,
            seed,
            prompt,
            files=files if variant.in_file else {},
            protected=(PLAN,) if variant.in_file else (),
            needs=(),
            secret={"contents": contents, "read_back": variant.read_back},
            scripts=_scripts(variant, drafts, contents),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Compare bytes, then see from the transcript how they came about."""
        contents: Sequence[str] = instance.secret["contents"]
        paths = step_paths(len(contents))
        history = _history(transcript.results, dict(zip(paths, contents, strict=True)))
        problems = []
        for k, (path, text) in enumerate(zip(paths, contents, strict=True)):
            wrong = _wrong_bytes(workspace, path, text) or history.wrong_way(
                paths, k, read_back=instance.secret["read_back"]
            )
            problems += [f"{path} {wrong}"] if wrong else []
        made = [path for path in changes(instance, workspace).created if path not in paths]
        flags = (Flag.WROTE_OUTSIDE_TASK,) if made else ()
        done = len(contents) - len(problems)
        if problems:
            return Grade(False, problems[0], done, len(contents), flags)
        reason = f"all {done} steps are right and were written in order"
        return Grade(True, reason, done, len(contents), flags)


def step_paths(steps: int) -> list[str]:
    """The files of a plan, in order."""
    return [f"steps/step{k}.txt" for k in range(1, steps + 1)]


def worked_out(drafts: Sequence[str]) -> list[str]:
    """Return the steps with their markers replaced by values."""
    done: list[str] = []
    total = 0
    for draft in drafts:
        before = done[-1] if done else ""
        total += sum(map(int, re.findall(r"^batch: (\d+)$", draft, re.MULTILINE)))
        sessions = sum(map(int, re.findall(r"^\S+: (\d+) sessions$", before, re.MULTILINE)))
        text = draft.replace("<LINES_BEFORE>", str(len(before.split("\n"))))
        text = text.replace("<SESSIONS_BEFORE>", str(sessions))
        done.append(text.replace("<DONE_SO_FAR>", str(total)))
    return done


class _History(NamedTuple):
    """Where in the transcript each step was first written, read, and touched by the shell."""

    written: dict[str, int]
    read: dict[str, list[int]]
    by_shell: set[str]
    end: int

    def wrong_way(self, paths: Sequence[str], k: int, *, read_back: bool) -> str:
        """Say how step `k` broke the rules, '' if it kept them."""
        path = paths[k]
        if path in self.by_shell:
            return "was written or changed by a shell command"
        at = self.written.get(path)
        if at is None:
            return "was not written by fs_write"
        if any(self.written.get(earlier, self.end) > at for earlier in paths[:k]):
            return "was written before an earlier step"
        following = [self.written[later] for later in paths[k + 1 :] if later in self.written]
        until = min(following, default=self.end)
        if read_back and not any(at < seen < until for seen in self.read.get(path, ())):
            return "was not read back before the next step"
        return ""


def _history(results: Sequence[ToolResult], texts: Mapping[str, str]) -> _History:
    """Go over the calls; `texts` are the right contents by path."""
    written: dict[str, int] = {}
    read: dict[str, list[int]] = {}
    by_shell: set[str] = set()
    for at, result in enumerate(results):
        touched = [path for path in result.changed if path in texts]
        if result.name == "shell":
            by_shell.update(touched)
        elif result.name == "fs_write":
            content = _argument(result, "content")
            for path in touched:
                if _is_attempt(content, texts[path]):
                    written.setdefault(path, at)
        elif result.name == "fs_read" and not result.problem:
            path = posixpath.normpath(_argument(result, "path").removeprefix("/workspace/"))
            read.setdefault(path, []).append(at)
    return _History(written, read, by_shell, len(results))


def _is_attempt(content: str, text: str) -> bool:
    """Whether `content` is the step, if perhaps with a slip that a later write mends.

    It is if the step's title stands at its beginning, after at most a fence or a BEGIN line, and it
    is at least half as long as it should be.
    """
    title = text.split("\n")[0]
    return title in content[: len(title) + _BEFORE_TITLE] and 2 * len(content) >= len(text)


def _argument(result: ToolResult, name: str) -> str:
    """A text among the arguments of a call; '' if it cannot be read."""
    try:
        value = json.loads(result.arguments)[name]
    except (ValueError, RecursionError, KeyError, TypeError):
        return ""
    return value if isinstance(value, str) else ""


def _wrong_bytes(workspace: Path, path: str, text: str) -> str:
    expected = text.encode()
    data = read_bytes(workspace, path)
    if data is None:
        return "is missing or not a plain file"
    if data in (expected, expected + b"\n"):
        return ""
    first = next(
        (n for n, (a, b) in enumerate(zip(data, expected, strict=False)) if a != b),
        min(len(data), len(expected)),
    )
    return f"differs from the plan at byte {first + 1}"


def _variant(rng: random.Random) -> Variant:
    read_back = rng.random() < 0.3
    marker = rng.choice(("", *_MARKERS)) if not read_back or rng.random() < 0.3 else ""
    return Variant(rng.random() < 0.4, marker, read_back, rng.randint(3, 5 if read_back else 6))


def _drafts(
    rng: random.Random, words: Vocabulary, variant: Variant, titles: Sequence[str]
) -> list[str]:
    chosen = sorted(rng.sample(range(len(titles)), variant.steps))
    drafts = []
    for k, title in enumerate((titles[i] for i in chosen), 1):
        lines = [f"Step {k} of {variant.steps}: {title}"]
        lines += rng.sample(_details(rng, words), rng.randint(2, 5))
        if variant.marker == "<SESSIONS_BEFORE>":
            hosts = rng.sample(range(1, 40), rng.randint(2, 4))
            lines += [f"node-{host:02d}: {rng.randint(3, 180)} sessions" for host in hosts]
            lines += ["carried over: <SESSIONS_BEFORE>"] if k > 1 else []
        elif variant.marker == "<LINES_BEFORE>" and k > 1:
            lines.append("lines in the step before: <LINES_BEFORE>")
        elif variant.marker == "<DONE_SO_FAR>":
            lines += [f"batch: {rng.randint(12, 480)}", "done so far: <DONE_SO_FAR>"]
        drafts.append("\n".join(lines))
    return drafts


def _details(rng: random.Random, words: Vocabulary) -> list[str]:
    """Lines as runbooks have them: with quotes, dollars, backslashes and letters beyond ASCII."""
    service = rng.choice(("ledger", "mailer", "stock", "uploads"))
    hour, share = rng.randint(0, 22), rng.randint(5, 90)
    friend = rng.choice(("Zoë", "Łukasz", "Renée", "Jörg", "Iñaki"))
    return [
        f"owner: {words.draw('surname')}",
        f"window: 2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d} {hour:02d}:30 to "
        f"{hour + 1:02d}:{rng.randint(10, 55)} UTC",
        f'- [ ] run: systemctl restart "{service}" && echo $?',
        f"- [ ] wait until `queue_depth` is below {rng.randint(2, 90)}",
        f"- [x] freeze agreed with {friend}",
        f"share: \\\\{service}\\new\\backup{rng.randint(1, 60)}",
        f"  rollback: restore ${{BACKUP_DIR}}/{service}-{rng.randint(100, 999)}.tar.gz",
        f"limit: {rng.randint(50, 95)} °C – stop above, 'warn' at 80 %",
        f"traffic: {share} % → {share + 5} %",
        f"budget: ${rng.randint(20, 900)}.50, see #{rng.randint(100, 999)}",
    ]


def _prompt(variant: Variant, title: str, plan: str) -> str:
    rules = [
        "Write each file with one call of fs_write, in the order of the steps, beginning with "
        "step1.txt. If you must correct a file, use fs_write again. Do not create or change these "
        "files with shell.",
        "The content of a file is exactly the text between its BEGIN line and its END line. A "
        "newline after the last line may be there or not; everything else must be the same "
        "character for character.",
    ]
    if variant.marker:
        rules.append(
            f"Where the text has {variant.marker}, put in its place, in plain digits: "
            f"{_MARKERS[variant.marker]}. The step before is the one with the next lower number."
        )
    if variant.read_back:
        rules.append(
            "After each step, read the file back with fs_read before you write the next one; also "
            "after the last."
        )
    where = f"The plan is in {PLAN}; do not change it." if variant.in_file else "The plan is below."
    listed = "\n".join(f"- {rule}" for rule in rules)
    prompt = (
        f"Please write down the plan for {title}. It has {variant.steps} steps, and each becomes a "
        f"file: steps/step1.txt to steps/step{variant.steps}.txt. {where}\n\n{listed}"
    )
    return prompt if variant.in_file else f"{prompt}\n\n{plan}"


def _scripts(variant: Variant, drafts: Sequence[str], contents: Sequence[str]) -> dict[str, Script]:
    paths = step_paths(len(contents))
    look = (call("fs_read", path=PLAN),) if variant.in_file else ()
    writes = [call("fs_write", path=p, content=t) for p, t in zip(paths, contents, strict=True)]
    reads = [call("fs_read", path=path) for path in paths]
    paired = [message for pair in zip(writes, reads, strict=True) for message in pair]
    stubs = [call("fs_write", path=path, content="to be done") for path in paths]
    here = "".join(
        f"cat > {p} <<'END_OF_STEP'\n{t}\nEND_OF_STEP\n"
        for p, t in zip(paths, contents, strict=True)
    )
    by_shell = call("shell", command=f"mkdir -p steps\n{here}")
    done = say("All steps of the plan are written.")
    scripts: dict[str, Script] = {
        "reference": (*look, *(paired if variant.read_back else writes), done),
        "do_nothing": (done,),
        "cheat_shell": (*look, by_shell, *reads, done),
        # Has the right order on record, then lets the shell do the work.
        "cheat_stubs": (*look, *stubs, by_shell, *reads, done),
        # Holds the places in order, then fills them from the end.
        "cheat_stub_order": (*look, *stubs, *reversed(writes), done),
        "cheat_wrong_order": (*look, *reversed(writes), *reads, done),
        "cheat_stops_early": (*look, *(paired if variant.read_back else writes)[:-2], done),
    }
    if variant.marker:
        wrote = [call("fs_write", path=p, content=t) for p, t in zip(paths, drafts, strict=True)]
        pairs = [message for pair in zip(wrote, reads, strict=True) for message in pair]
        scripts["cheat_leaves_markers"] = (*look, *(pairs if variant.read_back else wrote), done)
    return scripts
