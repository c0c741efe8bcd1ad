"""The two tools that gpt-oss was trained with, browser and python, as the format words them.

The words are the format's own (openai/harmony, docs/format.md, and src/chat.rs for `source`). Runs
nothing.
"""

from __future__ import annotations

from typing import Any

from ossay.core.types import Tool


def browser() -> tuple[str, tuple[Tool, ...]]:
    """Return the description of the browser's namespace and its three functions."""
    number: dict[str, Any] = {"type": "number", "default": -1}
    search: dict[str, Any] = {
        "query": {"type": "string"},
        "topn": {"type": "number", "default": 10},
    }
    page: dict[str, Any] = {
        "id": {"type": ["number", "string"], "default": -1},
        "cursor": number,
        "loc": number,
        "num_lines": number,
        "view_source": {"type": "boolean", "default": False},
    }
    source = {"source": {"type": "string"}}
    find: dict[str, Any] = {"pattern": {"type": "string"}, "cursor": number}
    return _BROWSER, (
        Tool("search", _SEARCH, _object(search | source, "query")),
        Tool("open", _OPEN, _object(page | source)),
        Tool("find", _FIND, _object(find, "pattern")),
    )


def _object(fields: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required)}


_BROWSER = """Tool for browsing.
The `cursor` appears in brackets before each browsing display: `[{cursor}]`.
Cite information from the tool using the following format:
`【{cursor}†L{line_start}(-L{line_end})?】`, for example: `【6†L9-L11】` or `【8†L3】`.
Do not quote more than 10 words directly from the tool output.
sources=web (default: web)"""

_SEARCH = "Searches for information related to `query` and displays `topn` results."

_OPEN = (
    "Opens the link `id` from the page indicated by `cursor` starting at line number `loc`, "
    "showing `num_lines` lines.\n"
    "Valid link ids are displayed with the formatting: `【{id}†.*】`.\n"
    "If `cursor` is not provided, the most recent page is implied.\n"
    "If `id` is a string, it is treated as a fully qualified URL associated with `source`.\n"
    "If `loc` is not provided, the viewport will be positioned at the beginning of the document "
    "or centered on the most relevant passage, if available.\n"
    "Use this function without `id` to scroll to a new location of an opened page."
)

_FIND = "Finds exact matches of `pattern` in the current page, or the page given by `cursor`."

PYTHON = (
    "Use this tool to execute Python code in your chain of thought. The code will not be shown to "
    "the user. This tool should be used for internal reasoning, but not for code that is intended "
    "to be visible to the user (e.g. when creating plots, tables, or files).\n\n"
    "When you send a message containing Python code to python, it will be executed in a stateful "
    "Jupyter notebook environment. python will respond with the output of the execution or time "
    "out after 120.0 seconds. The drive at '/mnt/data' can be used to save and persist user "
    "files. Internet access for this session is UNKNOWN. Depends on the cluster."
)
