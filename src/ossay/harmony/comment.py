"""What is said of a field, as comments of TypeScript: above it, or behind it on its line.

A comment never goes on in the next line, and never hides what follows it. Knows nothing of types.
"""

from __future__ import annotations

from typing import Any

from ossay.harmony.literal import literal


def lines_of(text: str) -> list[str]:
    """Cut at line feeds; a carriage return before one goes, and so does an empty last line."""
    *lines, last = text.split("\n")
    lines = [line.removesuffix("\r") for line in lines]
    return [*lines, last] if last else lines


def comment(text: object, indent: str = "") -> list[str]:
    """Return the lines of a comment, [] of what is no text."""
    if not isinstance(text, str):
        return []
    return [f"{indent}// {line}\n" for line in lines_of(text) or [""]]


def above(field: dict[str, Any], indent: str, *, described: bool) -> list[str]:
    """Return title, description (where `described`) and examples."""
    out = comment(field.get("title"), indent)
    if out:
        out.append(f"{indent}//\n")
    if described:
        out += comment(field.get("description"), indent)
    examples = field.get("examples")
    if isinstance(examples, list) and examples:
        out.append(f"{indent}// Examples:\n")
        out += [f'{indent}// - "{_one_line(e)}"\n' for e in examples if isinstance(e, str)]
    return out


def behind(variant: object, *, described: bool = True, json_default: bool = False) -> str:
    """Return description and default of a variant, to stand behind it; '' without any."""
    if not isinstance(variant, dict):
        return ""
    said = variant.get("description") if described else None
    parts = [" ".join(lines_of(said))] if isinstance(said, str) else []
    parts += filter(None, [default(variant, json_default=json_default)])
    return f" // {' '.join(parts)}" if parts else ""


def default(schema: dict[str, Any], *, json_default: bool = False) -> str:
    """Return 'default: …', '' without one.

    A string is quoted, but one of an enum is bare, or as JSON where `json_default`.
    """
    if "default" not in schema:
        return ""
    value = schema["default"]
    of_enum = isinstance(schema.get("enum"), list) and bool(schema["enum"])
    if not isinstance(value, str) or (of_enum and json_default):
        text = literal(value)
        return "" if text is None else f"default: {text}"
    text = _one_line(value)
    return f"default: {text}" if of_enum else f'default: "{text}"'


def closed(kind: str, indent: str = "") -> str:
    """Return a type so that more may follow: on a new line where its last variant has a comment."""
    hides = kind.startswith("\n") and "//" in kind.rsplit("\n", 1)[-1]
    return f"{kind}\n{indent}" if hides else kind


def _one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")
