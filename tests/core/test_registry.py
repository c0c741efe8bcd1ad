"""Names that are imported only when asked for."""

import pytest

from ossay.core.errors import UnknownName
from ossay.core.registry import Registry


def test_an_entry_is_imported_when_asked_for():
    registry = Registry("thing", {"join": "os.path:join"}, group="ossay.nothing")
    assert registry.names() == ["join"]
    assert registry.get("join")("a", "b") == "a/b"


def test_an_unknown_name_gets_the_nearest():
    registry = Registry("suite", {"agentic-core": "nowhere:x"}, group="ossay.nothing")
    with pytest.raises(UnknownName, match=r"no suite 'agentic-cor'; did you mean 'agentic-core'\?"):
        registry.get("agentic-cor")
