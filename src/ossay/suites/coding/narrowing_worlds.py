"""The words that narrowing puzzles are made of: unions of everyday programs.

Knows nothing of how the members of a union are told apart.
"""

from __future__ import annotations

from typing import NamedTuple


class World(NamedTuple):
    """A union: its name, its tag, a function on it, its members, and the member with any tag."""

    union: str
    tag: str
    function: str
    noun: str
    members: tuple[tuple[str, str], ...]  # type name, tag
    open: str  # the type whose tag is any string
    owners: str  # who makes up its tags
    shared: tuple[str, ...]  # names for a property that every member has
    own: tuple[str, ...]  # names for properties of one member


WORLDS = (
    World(
        "StreamPart", "type", "renderPart", "part of a stream",
        (("TextPart", "text"), ("ToolPart", "tool"), ("UsagePart", "usage"),
         ("SourcePart", "source"), ("StepPart", "step")),
        "CustomPart", "plugins",
        ("payload", "data", "body"),
        ("delta", "outcome", "total", "links", "window", "final", "extent"),
    ),
    World(
        "FormField", "name", "summariseField", "field of a form",
        (("EmailField", "email"), ("AgeField", "age"), ("TopicsField", "topics"),
         ("BudgetField", "budget"), ("ConsentField", "consent")),
        "ExtraField", "customers",
        ("value", "input", "answer"),
        ("address", "years", "choices", "bounds", "given", "entry", "score"),
    ),
    World(
        "Reading", "sensor", "formatReading", "reading of a sensor",
        (("DoorReading", "door"), ("TemperatureReading", "temperature"),
         ("CodeReading", "code"), ("RangeReading", "range"), ("BadgeReading", "badge")),
        "ForeignReading", "other vendors",
        ("value", "measured", "sample"),
        ("open", "celsius", "digits", "span", "holders", "raw", "level"),
    ),
    World(
        "Notice", "channel", "noticeLine", "notice to a customer",
        (("MailNotice", "mail"), ("SmsNotice", "sms"), ("BellNotice", "bell"),
         ("SlotNotice", "slot"), ("PriceNotice", "price")),
        "PartnerNotice", "partners",
        ("content", "detail", "payload"),
        ("subject", "digest", "rings", "hours", "amount", "names", "urgent"),
    ),
    World(
        "GameEvent", "action", "narrate", "event of a game",
        (("MoveEvent", "move"), ("ChatEvent", "chat"), ("HitEvent", "hit"),
         ("LootEvent", "loot"), ("PauseEvent", "pause")),
        "ModEvent", "mods",
        ("details", "info", "data"),
        ("steps", "message", "damage", "items", "stopped", "zone", "extra"),
    ),
    World(
        "Setting", "key", "showSetting", "setting of an editor",
        (("ThemeSetting", "theme"), ("ZoomSetting", "zoom"), ("RulersSetting", "rulers"),
         ("WrapSetting", "wrap"), ("LimitsSetting", "limits")),
        "ExtensionSetting", "extensions",
        ("value", "current", "state"),
        ("palette", "factor", "columns", "enabled", "interval", "options", "note"),
    ),
)  # fmt: skip

WORDS: tuple[str, ...] = (
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "glade", "harbour", "inlet", "juniper"),
    *("kestrel", "lagoon", "meadow", "north", "orchard", "pebble", "quartz", "ridge", "summit"),
    *("tundra", "upland", "valley", "willow", "yarrow"),
)
