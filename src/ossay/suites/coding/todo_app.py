"""A small app in the manner of Next.js, and what is to be added to it.

Four files: types, a table with its functions, a route, a page. A time is to be added to each item,
through all of them. Knows nothing of how the app behaves, or of replies.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from string import Template
from typing import Literal, NamedTuple

Feature = Literal["created", "changed", "finished"]


class World(NamedTuple):
    """What the app is about."""

    entity: str
    many: str
    text: str
    flag: str
    title: str
    examples: tuple[str, ...]


WORLDS = (
    World("Todo", "todos", "title", "done", "Things to do",
          ("Water the plants", "Call the bank", "Book a train", "Mend the bike", "Buy stamps")),
    World("Guest", "guests", "name", "arrived", "Guest list",
          ("Amina", "Bruno", "Chiara", "Dmitri", "Elif")),
    World("Invoice", "invoices", "subject", "paid", "Invoices",
          ("Office rent", "New desk", "Web hosting", "Train tickets", "Paper")),
    World("Parcel", "parcels", "label", "collected", "Parcels at the desk",
          ("Blue box", "Long tube", "Small crate", "Heavy bag", "Flat envelope")),
    World("Chapter", "chapters", "heading", "reviewed", "Chapters of the manual",
          ("Setting up", "First steps", "Networks", "Repairs", "Warranty")),
    World("Ticket", "tickets", "summary", "closed", "Support tickets",
          ("Login fails", "Slow search", "Wrong price", "Missing mail", "Broken link")),
)  # fmt: skip

FIELDS: Mapping[Feature, tuple[str, ...]] = {
    "created": ("createdAt", "addedAt"),
    "changed": ("updatedAt", "changedAt"),
    "finished": ("finishedAt", "settledAt"),
}

TYPES, DB, PAGE = "lib/types.ts", "lib/db.ts", "app/page.tsx"

_FILES = {
    TYPES: """\
export interface $Entity {
  id: number;
  $text: string;
  $flag: boolean;
}
""",
    DB: """\
import type { $Entity } from "./types";

// One row of the table, as it is stored.
interface Row {
  id: number;
  $text: string;
  is_$flag: 0 | 1;
}

const table: Row[] = [
  { id: 1, $text: "$first", is_$flag: 0 },
  { id: 2, $text: "$second", is_$flag: 1 },
];

function to$Entity(row: Row): $Entity {
  return { id: row.id, $text: row.$text, $flag: row.is_$flag === 1 };
}

export async function list$Many(): Promise<$Entity[]> {
  return table.map(to$Entity);
}

export async function add$Entity($text: string): Promise<$Entity> {
  const row: Row = { id: table.length + 1, $text, is_$flag: 0 };
  table.push(row);
  return to$Entity(row);
}

export async function set$Flag(id: number, $flag: boolean): Promise<$Entity | null> {
  const row = table.find((one) => one.id === id);
  if (!row) return null;
  row.is_$flag = $flag ? 1 : 0;
  return to$Entity(row);
}
""",
    "app/api/$many/route.ts": """\
import { NextResponse } from "next/server";
import { add$Entity, list$Many, set$Flag } from "../../../lib/db";
import type { $Entity } from "../../../lib/types";

// What the API gives away.
function shown(item: $Entity) {
  return { id: item.id, $text: item.$text, $flag: item.$flag };
}

export async function GET() {
  const all = await list$Many();
  return NextResponse.json({ $many: all.map(shown) });
}

export async function POST(request: Request) {
  const { $text } = await request.json();
  if (typeof $text !== "string" || $text.trim() === "") {
    return NextResponse.json({ error: "$text is missing" }, { status: 400 });
  }
  return NextResponse.json(shown(await add$Entity($text.trim())), { status: 201 });
}

export async function PATCH(request: Request) {
  const { id, $flag } = await request.json();
  const item = await set$Flag(Number(id), Boolean($flag));
  if (!item) return NextResponse.json({ error: "not found" }, { status: 404 });
  return NextResponse.json(shown(item));
}
""",
    PAGE: """\
import { list$Many } from "../lib/db";
import type { $Entity } from "../lib/types";

function Item({ item }: { item: $Entity }) {
  return (
    <li className={item.$flag ? "$flag" : "open"}>
      <span>{item.$text}</span>
    </li>
  );
}

export default async function Page() {
  const all = await list$Many();
  return (
    <main>
      <h1>$title</h1>
      <ul>
        {all.map((item) => (
          <Item key={item.id} item={item} />
        ))}
      </ul>
    </main>
  );
}
""",
}

# What the reference changes: (file, old, new), the same in every feature.
_EDITS = (
    (TYPES, "  $flag: boolean;\n", "  $flag: boolean;\n  $field: string | null;\n"),
    (DB, "  is_$flag: 0 | 1;\n", "  is_$flag: 0 | 1;\n  $column: string | null;\n"),
    (DB, "is_$flag: 0 },\n", "is_$flag: 0, $column: null },\n"),
    (DB, "is_$flag: 1 },\n", "is_$flag: 1, $column: null },\n"),
    (DB, "$flag: row.is_$flag === 1 }", "$flag: row.is_$flag === 1, $field: row.$column }"),
    ("app/api/$many/route.ts", "$flag: item.$flag }", "$flag: item.$flag, $field: item.$field }"),
    (
        PAGE,
        "      <span>{item.$text}</span>\n",
        "      <span>{item.$text}</span>\n      {item.$field && "
        '<time dateTime={item.$field}>{new Date(item.$field).toLocaleString("en-GB")}</time>}\n',
    ),
)
_NOW = "new Date().toISOString()"
_STAMPS: Mapping[Feature, tuple[tuple[str, str], ...]] = {
    "created": (("$text, is_$flag: 0 };", f"$text, is_$flag: 0, $column: {_NOW} }};"),),
    "changed": (
        ("$text, is_$flag: 0 };", f"$text, is_$flag: 0, $column: {_NOW} }};"),
        ("  row.is_$flag = ", f"  row.$column = {_NOW};\n  row.is_$flag = "),
    ),
    "finished": (
        ("$text, is_$flag: 0 };", "$text, is_$flag: 0, $column: null };"),
        (
            "  row.is_$flag = ",
            f"  if (!$flag) row.$column = null;\n"
            f"  else if (row.is_$flag === 0) row.$column = {_NOW};\n  row.is_$flag = ",
        ),
    ),
}


class App(NamedTuple):
    """An app, what is to be added to it, and the words of both."""

    world: World
    feature: Feature
    field: str
    rows: tuple[str, str]  # the texts of the two rows that are there already

    @property
    def route(self) -> str:
        """The path of the route's file."""
        return f"app/api/{self.world.many}/route.ts"

    def fill(self, text: str) -> str:
        """Put the app's words into a template."""
        world = self.world
        column = "".join(f"_{c.lower()}" if c.isupper() else c for c in self.field)
        words = {"entity": world.entity.lower(), "Entity": world.entity, "many": world.many}
        return Template(text).substitute(
            words,
            Many=world.many.capitalize(),
            text=world.text,
            flag=world.flag,
            Flag=world.flag.capitalize(),
            title=world.title,
            field=self.field,
            column=column,
            first=self.rows[0],
            second=self.rows[1],
        )

    def files(self) -> dict[str, str]:
        """The app as it is."""
        return {self.fill(path): self.fill(text) for path, text in _FILES.items()}

    def solved(self) -> dict[str, str]:
        """The app with the time added."""
        files = self.files()
        edits = [*_EDITS, *((DB, old, new) for old, new in _STAMPS[self.feature])]
        for path, old, new in edits:
            before, after = self.fill(old), self.fill(new)
            where = self.fill(path)
            assert files[where].count(before) == 1, before
            files[where] = files[where].replace(before, after)
        return files


def draw_app(rng: random.Random) -> App:
    """Choose a world, a feature and the words."""
    world = rng.choice(WORLDS)
    feature: Feature = rng.choice(("created", "changed", "finished"))
    first, second = rng.sample(world.examples, 2)
    return App(world, feature, rng.choice(FIELDS[feature]), (first, second))
