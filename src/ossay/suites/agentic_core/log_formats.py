"""Four ways in which services write logs: files from a Story, and a program that reads them back.

Knows nothing of what is asked about them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from ossay.suites.agentic_core.log_traffic import Story

Files = Mapping[str, str]  # path -> text
_Event = tuple[datetime, str]  # when, and the line or lines


class Format(NamedTuple):
    """One way to write a log.

    Attributes:
        write: Spells a story out.
        about: What the prompt says of the files.
        endpoint: What the prompt calls the endpoint.
        stamp: The time that a response line carries, as the log spells it.
        ids: Whether routes may carry ids: only where the log names the route.
        bytes_per_request: Roughly, to aim at a size.
        reader: A Python program that makes `rows` of (time, id, endpoint, status, error).
    """

    write: Callable[[Story], Files]
    about: str
    endpoint: str
    stamp: Callable[[datetime], str]
    ids: bool
    bytes_per_request: int
    reader: str


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _plain(at: datetime) -> str:
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(sep=" ", timespec="milliseconds").replace(".", ",")


def _in_order(events: Iterable[_Event]) -> list[_Event]:
    return sorted(events, key=lambda event: event[0])


def _text(events: Iterable[_Event]) -> str:
    return "".join(line + "\n" for _, line in events)


def _access_and_app(story: Story) -> Files:
    access = [
        (
            hit.at,
            f'{_seconds(hit.at)} {hit.client} {hit.rid} "{hit.method} {hit.path} HTTP/1.1" '
            f"{hit.status} {hit.size} {hit.ms}ms",
        )
        for hit in story.hits
    ]
    app = [(r.at, f"{_iso(r.at)} {r.level} [-] {r.text}") for r in story.remarks]
    app += [
        (hit.at, f"{_iso(hit.at)} ERROR [{hit.rid}] {hit.place} {hit.error}")
        for hit in story.hits
        if hit.error
    ]
    return {"logs/access.log": _text(access), "logs/app.log": _text(_in_order(app))}


def _json_lines(story: Story) -> Files:
    events = [
        (r.at, json.dumps({"ts": _iso(r.at), "level": r.level.lower(), "msg": r.text}))
        for r in story.remarks
    ]
    for hit in story.hits:
        line: dict[str, object] = {
            "ts": _iso(hit.at),
            "level": "error" if hit.status >= 500 else "info",
            "msg": "request",
            "request_id": hit.rid,
            "method": hit.method,
            "route": hit.route,
            "path": hit.path,
            "status": hit.status,
            "duration_ms": hit.ms,
            "bytes": hit.size,
        }
        if hit.error:
            line["error"] = {"at": hit.place, "message": hit.error}
        events.append((hit.at, json.dumps(line)))
    return {f"logs/{story.service}.jsonl": _text(_in_order(events))}


def _logfmt(story: Story) -> Files:
    events = [
        (r.at, f'ts={_iso(r.at)} level={r.level.lower()} msg="{r.text}"') for r in story.remarks
    ]
    for hit in story.hits:
        if hit.error:
            events.append(
                (
                    hit.at,
                    f'ts={_iso(hit.at)} level=error msg="unhandled exception" id={hit.rid} '
                    f'at={hit.place} error="{hit.error}"',
                )
            )
        events.append(
            (
                hit.at,
                f"ts={_iso(hit.at)} level=info msg=response id={hit.rid} method={hit.method} "
                f"route={hit.route} path={hit.path} status={hit.status} ms={hit.ms} "
                f"bytes={hit.size}",
            )
        )
    return {f"logs/{story.service}.log": _text(_in_order(events))}


def _rotated(story: Story) -> Files:
    events = [(r.at, f"{_plain(r.at)} {r.level} [-] {r.text}") for r in story.remarks]
    for hit in story.hits:
        if hit.error:
            file, _, line = hit.place.partition(":")
            events.append(
                (
                    hit.at,
                    f"{_plain(hit.at)} ERROR [{hit.rid}] unhandled exception\n"
                    f"Traceback (most recent call last):\n"
                    f'  File "/srv/{story.service}/{file}", line {line}, in call\n'
                    f"{hit.error}",
                )
            )
        events.append(
            (
                hit.at,
                f"{_plain(hit.at)} INFO [{hit.rid}] {hit.method} {hit.path} -> {hit.status} "
                f"in {hit.ms} ms, {hit.size} bytes to {hit.client}",
            )
        )
    events = _in_order(events)
    # The rotation falls into the incident, some failures after its first.
    failures = [at for at, text in events if at >= story.first and " ERROR " in text]
    cut = next(i for i, event in enumerate(events) if event[0] == failures[len(failures) // 2])
    name = f"logs/{story.service}.log"
    return {f"{name}.1": _text(events[:cut]), name: _text(events[cut:])}


FORMATS: Mapping[str, Format] = {
    "access_and_app": Format(
        _access_and_app,
        "logs/access.log has one line per response: time, client, request id, request line, "
        "status, bytes, duration. logs/app.log is what the application said; its error lines carry "
        "the request id in square brackets.",
        "its path as in the request line, without the query string",
        _seconds,
        False,
        122,
        """\
errors, rows = {}, []
for line in open("logs/app.log"):
    found = re.match(r"\\S+ ERROR \\[(\\S+)\\] \\S+ (.*)", line)
    if found:
        errors.setdefault(found[1], found[2])
for line in open("logs/access.log"):
    when, client, rid, method, path, proto, status, size, ms = line.split()
    rows.append((when, rid, path.split("?")[0], int(status), errors.get(rid, "")))
""",
    ),
    "json_lines": Format(
        _json_lines,
        "The log in logs/ has one JSON object per line; lines with a status are responses.",
        "its route, as the log names it",
        _iso,
        True,
        247,
        """\
rows = []
for name in os.listdir("logs"):
    for line in open("logs/" + name):
        said = json.loads(line)
        if "status" in said:
            why = said.get("error", {}).get("message", "")
            rows.append((said["ts"], said["request_id"], said["route"], said["status"], why))
""",
    ),
    "logfmt": Format(
        _logfmt,
        "The log in logs/ has lines of key=value pairs. A line with msg=response is a response; an "
        'unhandled exception is a line of its own just before it, with the same request id ("id").',
        "its route, as the log names it",
        _iso,
        True,
        187,
        """\
errors, rows = {}, []
for name in os.listdir("logs"):
    for line in open("logs/" + name):
        rid = re.search(r" id=(\\S+)", line)
        if "level=error" in line:
            errors.setdefault(rid[1], re.search(r'error="(.*)"', line)[1])
        elif "msg=response" in line:
            got = dict(pair.split("=", 1) for pair in line.split())
            why = errors.get(rid[1], "")
            rows.append((got["ts"], rid[1], got["route"], int(got["status"]), why))
""",
    ),
    "rotated": Format(
        _rotated,
        "The log in logs/ was rotated: the file that ends in .1 is the older part, the other one "
        "goes on from it. Times are UTC. A response is a line with an arrow (->) and the status; "
        "an unhandled exception is logged just before it with its traceback, under the same "
        "request id in square brackets.",
        "its path, without the query string",
        _plain,
        False,
        135,
        """\
errors, rows, rid, last = {}, [], "", ""
for name in sorted(os.listdir("logs"), reverse=True):
    for line in open("logs/" + name):
        head = re.match(r"(\\d{4}-\\S+ \\S+) (ERROR|INFO|WARN) \\[(\\S+)\\] (.*)", line)
        if not head:
            last = line.strip()
            continue
        if rid:
            errors.setdefault(rid, last)
        rid = head[3] if head[2] == "ERROR" else ""
        got = re.match(r"\\S+ (\\S+) -> (\\d+) in ", head[4])
        if got:
            why = errors.get(head[3], "")
            rows.append((head[1], head[3], got[1].split("?")[0], int(got[2]), why))
""",
    ),
}
