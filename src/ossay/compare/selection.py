"""Which models and metrics records hold, and finding one by a name that somebody typed.

Costs, seconds and tokens of any records count as metrics, of which less is better. Knows nothing of
what is done with them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ossay.core.errors import UnknownName, UsageError, nearest
from ossay.core.results import Records
from ossay.stats.measure import PLAIN, Measure

# What every attempt may carry beside its score: the name of the field -> what it is in.
COSTS: dict[str, Measure] = {
    "cost_usd": Measure("$", True, "cheaper"),
    "seconds": Measure("s", True, "faster"),
    "output_tokens": Measure("tokens", True, "shorter"),
}
_LISTED = 12  # names in an error


def models_in(records: Records) -> tuple[str, ...]:
    """The models that have rows or counts, in the order of their first."""
    rows = [row.model for row in records.results] + [count.model for count in records.counts]
    return tuple(dict.fromkeys(rows))


def find_model(records: Records, name: str) -> str:
    """The model of that name, or the only one whose name holds it in any case.

    Raises:
        UnknownName: none, or several, with what there is.
    """
    known = models_in(records)
    if name in known:
        return name
    low = plain(name)
    same = [model for model in known if plain(model) == low]
    found = same or [model for model in known if low and low in plain(model)]
    if not found and _bare(low):  # 'gpt-oss-120b' for 'GPT-OSS 120B run 1'
        found = [model for model in known if _bare(low) in _bare(plain(model))]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownName(f"{name!r} is part of {len(found)} models: {listed(found)}; write more")
    if len(known) <= _LISTED:
        raise UnknownName.of("model", name, known)
    near = nearest(name, known)
    more = near if near.endswith("?") else f"; known: {listed(known)}"
    raise UnknownName(f"no model {name!r}{more}")


def plain(name: str) -> str:
    """A name without what a reader hardly sees: case, outer spaces, how letters are encoded."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _bare(name: str) -> str:
    return "".join(letter for letter in name if letter.isalnum())


def only(records: Records, models: Iterable[str]) -> Records:
    """The records of these models alone; the sources stay."""
    wanted = frozenset(models)
    return replace(
        records,
        results=tuple(row for row in records.results if row.model in wanted),
        counts=tuple(count for count in records.counts if count.model in wanted),
        stated=tuple(stated for stated in records.stated if stated.model in wanted),
    )


def fix_clusters(records: Records) -> Records:
    """The records without clusters: a question about these clusters alone, not others like them.

    Attempts at one item still go together. Each source that had clusters says so in a note.
    """
    had = {row.source for row in records.results if row.cluster is not None}
    note = "Its clusters are taken as fixed: the answer is about these, not about others like them."
    return replace(
        records,
        sources=tuple(
            replace(source, notes=(*source.notes, note)) if source.name in had else source
            for source in records.sources
        ),
        results=tuple(
            row if row.cluster is None else replace(row, cluster=None) for row in records.results
        ),
    )


def metrics_in(records: Records) -> tuple[str, ...]:
    """The metrics that the records name, in the order of their first row."""
    rows = [row.metric for row in records.results] + [count.metric for count in records.counts]
    return tuple(dict.fromkeys(rows))


def costs_in(records: Records) -> tuple[str, ...]:
    """Those of `COSTS` that at least one row knows."""
    return tuple(
        name for name in COSTS if any(getattr(row, name) is not None for row in records.results)
    )


def choose_metric(records: Records, metric: str | None = None) -> str:
    """The metric asked for, or the only one that the records name.

    Raises:
        UnknownName: the records have none of that name.
        UsageError: none was asked for, and there are several, or no rows at all.
    """
    own, costs = metrics_in(records), costs_in(records)
    if metric is None:
        if len(own) == 1:
            return own[0]
        if not own:
            raise UsageError("there are no results: give a file or a campaign that holds some")
        raise UsageError(f"there are {len(own)} metrics: {listed(own)}; name one with --metric")
    if metric in own or metric in costs:
        return metric
    if metric in COSTS:
        raise UnknownName(
            f"no row says its {metric}; known: {listed((*own, *costs))}. Name the file's column "
            f"with --column {metric}=NAME"
        )
    raise UnknownName.of("metric", metric, (*own, *costs))


def measure_of(records: Records, metric: str) -> Measure:
    """What the metric is in; the records' own metric of a name goes before a cost of that name."""
    return PLAIN if metric in metrics_in(records) else COSTS.get(metric, PLAIN)


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown
