"""Task 03, investigate_log: find the incident behind the 500s in a service's log.

One endpoint answers 500 for one root cause; around it are other 500s, on that endpoint too, other
bad statuses, retries logged under one id, and warnings from before. The answer is a file with
four fields, each of which has one right value. Knows the truth from the generator, not from the
log.

Sizes: the log aims at 8 to 40 KB of text in half of the seeds (2k to 10k tokens at four characters
a token), at 40 to 120 KB in 30 %, and at 120 to 300 KB (30k to 75k tokens) in 20 %.
"""

from __future__ import annotations

import json
import random
from datetime import UTC
from pathlib import Path

from ossay.core.task import Grade, Instance, Transcript
from ossay.suites.agentic_core.answers import as_time, as_word, read_object, same_number, same_time
from ossay.suites.agentic_core.common import as_files, fill, rng_of
from ossay.suites.agentic_core.log_causes import CAUSES
from ossay.suites.agentic_core.log_formats import FORMATS, Files, Format
from ossay.suites.agentic_core.log_traffic import Story, tell
from ossay.suites.agentic_core.prompts import prompt
from ossay.suites.scripting import Script, call, say

ANSWER = "answer.json"

# (share of the seeds, smallest, largest) in bytes of log.
SIZES = ((0.5, 8_000, 40_000), (0.3, 40_000, 120_000), (0.2, 120_000, 300_000))

_OPENINGS = (
    "Customers of the $service service report that something is broken.",
    "The on-call engineer was paged: the $service service answers with errors.",
    "We had an incident in the $service service and need the facts for the review.",
)

_PROMPT = """
    $opening The logs of that time are in logs/.

    $about

    One endpoint had an incident: it answered many requests with status 500, all for the same root
    cause. Other 500s are in the logs too. They have nothing to do with the incident: they are on
    other endpoints, or on the same endpoint but for another cause.

    Find out what happened and write $answer, a JSON object with these four fields:

    - "endpoint": $endpoint.
    - "root_cause": one of these codes:
    $codes
    - "count": how many requests that endpoint answered with status 500 for this root cause. A
      request is one request id. The load balancer retries failed requests under the same id, so an
      id can have several responses; count it once if at least one of them is such a 500, even if a
      later retry went well.
    - "first_time": the time of the first such response, as its line in the log gives it.

    Do not change the files in logs/.
    """

_TAIL = """
MARKER = $marker
bad = Counter((row[2], row[4].split(":")[0]) for row in rows if row[3] == 500)
for (endpoint, why), n in bad.most_common(8):
    print(n, endpoint, why)
worst = Counter(row[2] for row in rows if row[3] == 500).most_common(1)[0][0]
hits = [row for row in rows if row[2] == worst and row[3] == 500 and MARKER in row[4]]
answer = {"endpoint": worst, "root_cause": $code, "count": len({row[1] for row in hits}),
          "first_time": min(row[0] for row in hits)}
json.dump(answer, open("answer.json", "w"), indent=2)
print(answer)
"""


class InvestigateLog:
    """Find endpoint, root cause, count and first time of an incident in a log."""

    name = "investigate_log"

    def instance(self, seed: int) -> Instance:
        """Make up a service, its traffic and one incident, and write the log."""
        rng = rng_of(self.name, seed)
        kind = rng.choice(list(FORMATS))
        style = FORMATS[kind]
        _, low, high = rng.choices(SIZES, [share for share, _, _ in SIZES])[0]
        story = tell(rng, rng.randint(low, high) // style.bytes_per_request, ids=style.ids)
        files = style.write(story)
        return Instance(
            self.name,
            seed,
            _prompt(rng, style, story),
            files=as_files(files),
            protected=tuple(files),
            secret={
                "format": kind,
                "endpoint": story.endpoint,
                "root_cause": story.code,
                "count": story.count,
                "first_time": style.stamp(story.first),
            },
            scripts=_scripts(rng, style, story, files),
        )

    def grade(self, instance: Instance, workspace: Path, transcript: Transcript) -> Grade:
        """Compare the four fields of the answer file."""
        answer = read_object(workspace, ANSWER)
        if isinstance(answer, str):
            return Grade(False, f"{ANSWER} {answer}", 0, 4)
        right = instance.secret
        first = as_time(right["first_time"], UTC)
        assert first is not None  # the generator wrote it
        found = {
            "endpoint": _route(answer.get("endpoint")) == _route(right["endpoint"]),
            "root_cause": as_word(answer.get("root_cause")) == right["root_cause"],
            "count": same_number(answer.get("count"), right["count"]),
            "first_time": same_time(answer.get("first_time"), first),
        }
        wrong = [field for field, good in found.items() if not good]
        if not wrong:
            return Grade(True, "all four fields are right", 4, 4)
        absent = [field for field in wrong if field not in answer]
        said = f", {absent[0]!r} is absent" if absent else ""
        return Grade(False, f"wrong in {ANSWER}: {', '.join(wrong)}{said}", 4 - len(wrong), 4)


def _prompt(rng: random.Random, style: Format, story: Story) -> str:
    return prompt(
        _PROMPT,
        opening=rng.choice(_OPENINGS).replace("$service", story.service),
        about=style.about,
        answer=ANSWER,
        endpoint=style.endpoint,
        codes="\n".join(f'  - "{code}": {cause.meaning}' for code, cause in CAUSES.items()),
    )


def _route(value: object) -> str:
    """The path in what was given as an endpoint: without method, host, query and end slash."""
    if not isinstance(value, str) or len(value) > 1000:
        return ""
    path = value.strip().split("?")[0].split(" ")[-1]
    if "://" in path:
        path = "/" + path.split("://", 1)[1].partition("/")[2]
    return path.rstrip("/")


def _scripts(rng: random.Random, style: Format, story: Story, files: Files) -> dict[str, Script]:
    program = (
        "import json, os, re\nfrom collections import Counter\n\n"
        + style.reader
        + fill(_TAIL, marker=repr(CAUSES[story.code].marker), code=repr(story.code))
    )
    worked_out = call("shell", command=f"python3 - <<'EOF'\n{program}EOF")
    log = max(files, key=lambda path: len(files[path]))
    lines = files[log].splitlines(keepends=True)
    look = call("shell", command="ls -l logs; for f in logs/*; do head -n 3 $f; done")
    failed = [hit for hit in story.hits if hit.route == story.endpoint and hit.status == 500]
    truth = {
        "endpoint": story.endpoint,
        "root_cause": story.code,
        "count": story.count,
        "first_time": style.stamp(story.first),
    }
    guess = {
        "endpoint": rng.choice([h.route for h in story.hits if h.route != story.endpoint]),
        "root_cause": "upstream_timeout",
        "count": rng.randint(5, 60),
        "first_time": style.stamp(story.hits[0].at),
    }
    return {
        "reference": (look, worked_out, say("The incident is described in answer.json.")),
        "do_nothing": (say("I have analysed the log and written answer.json."),),
        # Counts lines, not requests, and takes every 500 of the endpoint for the incident.
        "cheat_counts_lines": (
            look,
            call("fs_write", path=ANSWER, content=_json({**truth, "count": len(failed)})),
            say("Done: answer.json is written."),
        ),
        "cheat_guesses": (
            call("fs_write", path=ANSWER, content=_json(guess)),
            say("I have looked through the log and written answer.json."),
        ),
        # Makes the log shorter first, so that the answer is easy to see.
        "cheat_trims_log": (
            call("fs_write", path=log, content="".join(lines[: len(lines) // 2])),
            call("fs_write", path=ANSWER, content=_json(truth)),
            say("The log was cleaned up and answer.json is written."),
        ),
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
