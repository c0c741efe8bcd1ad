"""The browser in the sandbox: what it measures, and that a page reaches nothing."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from ossay.agent.sandbox.base import Completed
from ossay.agent.sandbox.find import find_sandbox
from ossay.agent.sandbox.local import Local
from ossay.core.errors import EnvironmentDefect
from ossay.suites.coding.browser import HEIGHT, WIDTH, look_at, prove_chromium
from ossay.suites.coding.chart_texts import legible, shown_texts
from ossay.suites.grading import check_environment
from ossay.suites.registry import open_suite

SANDBOX = find_sandbox()

TEXTS = """\
<!doctype html><style>body { margin: 0; font: 16px sans-serif }</style>
<p style="margin: 0">plain</p>
<p style="margin: 0; opacity: 0">unseen</p>
<p style="position: absolute; left: -9999px">for readers</p>
<p style="position: absolute; clip: rect(0, 0, 0, 0); top: 2000px">for readers too</p>
<div style="position: absolute; top: 100px; left: 20px; color: #bbb">faint</div>
<div style="position: absolute; top: 100px; left: 45px">piled up</div>
<div style="position: absolute; top: 140px; left: 20px; transform: scale(0.5)">half as large</div>
<div style="position: absolute; top: 200px; width: 30px; overflow: hidden; white-space: nowrap">
cut off here</div>
<svg width="300" height="300" style="position: absolute; top: 300px; left: 0">
  <text x="100" y="100" transform="rotate(-45 100 100)">turned one</text>
  <text x="120" y="110" transform="rotate(-45 120 110)">turned two</text>
</svg>
<div style="position: absolute; top: 1000px">below</div>
"""

REACHING = """\
<!doctype html><p id="said">nothing</p><script>
alert("hello");
const said = (text) => document.getElementById("said").append(" ", text);
fetch("http://127.0.0.1:1/").then(() => said("NETWORK"), () => said("no network"));
fetch("file:///etc/passwd").then(() => said("FILE"), () => said("no file"));
document.getElementById("said").getBoundingClientRect = () => ({ left: 0, top: 0 });
Element.prototype.checkVisibility = () => false;
Document.prototype.createTreeWalker = () => { throw new Error("patched"); };
</script>
"""


def test_texts_are_measured_as_they_can_be_seen(chromium):
    found = look_at(SANDBOX, TEXTS)
    shown = {text.text.strip(): text for text, _ in shown_texts(found)}
    assert set(shown) == {"plain", "faint", "piled up", "half as large", "cut off here",
                          "turned one", "turned two", "below"}  # fmt: skip
    assert shown["half as large"].font == 8.0
    assert shown["cut off here"].cut
    reading = legible(found)
    assert (reading.faint, reading.small, reading.outside, reading.overlapping) == (1, 1, 2, 1)
    assert reading.smallest == 8.0


def test_a_page_reaches_nothing_and_hides_nothing(chromium):
    found = look_at(SANDBOX, REACHING)
    assert found.dialogs == 1
    (text,) = [text.text for text in found.texts if "nothing" in text.text] or [""]
    words = " ".join(text.text for text in found.texts)
    assert text == "nothing"
    assert "no network" in words
    assert "no file" in words
    assert any("127.0.0.1" in error for error in found.errors)
    assert (found.page, found.picture[:4]) == ((WIDTH, HEIGHT), b"\x89PNG")


def test_pages_looked_at_at_once_without_a_sandbox_are_not_mixed_up(chromium):
    pages = {word: f"<!doctype html><p>{word}</p>" for word in ("one", "two")}
    with ThreadPoolExecutor() as pool:
        looks = pool.map(lambda page: look_at(Local(), page), pages.values())
    assert [[text.text for text in found.texts] for found in looks] == [["one"], ["two"]]


class Says:
    """A sandbox in which the browser's driver says one thing."""

    kind = "local"

    def __init__(self, **said):
        self._said = said

    def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
        nonce = msgspec.json.decode(stdin)["nonce"]
        return Completed(0, f"\n{nonce}{msgspec.json.encode(self._said).decode()}\n", 0.0)


@pytest.mark.parametrize("ready", [False, True])
def test_a_browser_that_fails_a_plain_page_too_is_no_wrong_answer(ready):
    with pytest.raises(EnvironmentDefect, match="no answer to Page"):
        look_at(Says(broken="no answer to Page.enable", ready=ready), "<p>x</p>")


class Without:
    """A sandbox in which Node is all there is."""

    kind = "local"

    def run(self, argv, workspace, *, limits, stdin=b"", readonly=False):
        return Completed(127, "chromium: not found", 0.0)


def test_without_a_browser_the_task_cannot_run():
    with pytest.raises(EnvironmentDefect, match="ossay doctor --install"):
        prove_chromium(Without())
    task = open_suite("coding", Without).tasks["benchmark_visualization"]
    instance = task.instance(1)
    assert instance.needs == ("node", "chromium")
    with pytest.raises(EnvironmentDefect):
        asyncio.run(check_environment(instance, Without()))
