"""What runs in the sandbox beside the code under check: it maps expressions to encoded values.

This file is sent as a program to the sandbox, and imported by graders so that both sides encode
alike. It knows no expected value; the grader compares. Standard library only.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import os
import signal
import sys
from typing import Any

_MAX_DEPTH = 20
_MAX_NODES = 20_000
_MAX_TEXT = 20_000

# After this many calls that ran out of time the rest is not tried.
_MAX_TIMEOUTS = 3
OUT_OF_TIME = "ran out of time"


class OutOfTime(BaseException):
    """A call used up its processor time."""


def encode(value: Any) -> Any:
    """Turn a value into JSON that shows type and content; raises TypeError where that can't be.

    Lists and tuples are alike, so are whole numbers of any type, as `==` has it. Nothing of the
    value's own methods is called for the built-in types.
    """
    return _encode(value, 0, [0])


def _encode(value: Any, depth: int, count: list[int]) -> Any:
    count[0] += 1
    if depth > _MAX_DEPTH or count[0] > _MAX_NODES:
        raise TypeError("too large")
    if value is None or isinstance(value, (bool, int, float, decimal.Decimal, fractions.Fraction)):
        return _encode_number(value)
    if isinstance(value, str):
        return str.__str__(value)[:_MAX_TEXT]
    if isinstance(value, (list, tuple)):
        return {"list": [_encode(item, depth + 1, count) for item in value]}
    if isinstance(value, (set, frozenset)):
        items = [_encode(item, depth + 1, count) for item in value]
        return {"set": sorted(items, key=repr)}
    if isinstance(value, dict):
        pairs = [
            [_encode(key, depth + 1, count), _encode(item, depth + 1, count)]
            for key, item in dict.items(value)
        ]
        return {"dict": sorted(pairs, key=lambda pair: repr(pair[0]))}
    if isinstance(value, (datetime.date, datetime.time)):
        return {"time": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value[:_MAX_TEXT]).hex()}
    raise TypeError(type(value).__name__)


def _encode_number(value: Any) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        return int.__int__(value) if abs(value) < 1 << 200 else hex(value)
    if isinstance(value, float):
        return float.__float__(value) if math.isfinite(value) else {"float": repr(value)}
    return int(value) if value == int(value) else float(value)


def evaluate(expression: str, namespace: dict[str, Any], cpu_s: float = 0.0) -> dict[str, Any]:
    """Evaluate one expression; return {'value': …}, {'raises': [class names]} or {'odd': why}.

    `cpu_s` bounds the processor time, where `main` has installed the alarm; 0 sets no bound.
    """
    try:
        _set_alarm(cpu_s)
        value = eval(compile(expression, "<probe>", "eval"), namespace)
    except OutOfTime:
        return {"odd": OUT_OF_TIME}
    except Exception as error:  # noqa: BLE001  the code under check may raise anything
        return {"raises": [cls.__name__ for cls in type(error).__mro__], "text": _text(error)}
    except BaseException as error:  # noqa: BLE001  sys.exit and the like
        return {"odd": f"ended in {type(error).__name__}"}
    else:
        return _encoded(value)
    finally:
        _set_alarm(0.0)


def _encoded(value: Any) -> dict[str, Any]:
    try:
        return {"value": encode(value)}
    except OutOfTime:
        return {"odd": OUT_OF_TIME}
    except BaseException:  # noqa: BLE001  a value of a class of its own, with any method
        return {"odd": f"gave a value of type {type(value).__name__!r}, which is not plain data"}


def _text(error: BaseException) -> str:
    try:
        return str(error)[:200]
    except BaseException:  # noqa: BLE001  a hostile __str__
        return ""


def _set_alarm(cpu_s: float) -> None:
    if signal.getsignal(signal.SIGPROF) is _on_alarm:
        signal.setitimer(signal.ITIMER_PROF, cpu_s)


def _on_alarm(signum: int, frame: object) -> None:
    raise OutOfTime


def main(payload: dict[str, Any], emit: Any) -> None:
    """Run a whole job: paths, then setup, then each probe; emit one result each."""
    signal.signal(signal.SIGPROF, _on_alarm)
    sys.path[:0] = [os.path.join(os.getcwd(), path) for path in payload["paths"]]
    namespace: dict[str, Any] = {}
    try:
        _set_alarm(payload["cpu_s"])
        exec(compile(payload["setup"], "<setup>", "exec"), namespace)
    except BaseException as error:  # noqa: BLE001  importing the code under check may raise anything
        _set_alarm(0.0)
        emit({"setup": f"{type(error).__name__}: {_text(error)}"})
        return
    emit({"setup": ""})
    timeouts = 0
    for number, expression in enumerate(payload["probes"]):
        result = evaluate(expression, namespace, payload["cpu_s"])
        emit({"probe": number, **result})
        timeouts += result.get("odd") == OUT_OF_TIME
        if timeouts >= _MAX_TIMEOUTS:
            return


if __name__ == "<check>":
    main(globals()["payload"], globals()["emit"])
