"""What a query looks like, as numbers: hashed words and pairs of words, and the shape of the text.

Fixed functions of the text; nothing here is fitted. CRC-32 is no secret: whoever writes queries can
write one that a gate takes for easy. A gate saves money, it guards nothing.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ossay.stats.arrays import Floats

# Columns of hashed words. 16,384 lost nothing against 65,536 on 5,600 queries.
BITS = 14
WORDS = 1 << BITS

# A query longer than this is known by its beginning and its end.
_MOST_CHARS = 20_000
# One penalty holds for all columns; words at twice their weight did a little better than at once.
_WORD_WEIGHT = 2.0
# On UTF-8, several times as fast as on text: letters beyond ASCII belong to the word around them.
_WORD = re.compile(rb"[\w\x80-\xff]+|[^\w\s\x80-\xff]")
_DIGIT, _CAPITAL, _MARK = (re.compile(one) for one in ("[0-9]", "[A-Z]", r"[^\w\s]"))
_LOG = (0.0, *(1.0 + math.log(count) for count in range(1, 64)))

SHAPE = (
    "words",
    "characters a word",
    "digits",
    "lines",
    "marks",
    "capitals",
    "gaps to fill",
    "different words",
)


def word_values(query: str) -> dict[int, float]:
    """Column -> value of a query's words: 1 + ln(count), in all of length 2; empty without words.

    In ascending order of the columns.
    """
    counted = sorted(Counter(_hashes(_cut(query))).items())
    weights = [_LOG[count] if count < len(_LOG) else 1.0 + math.log(count) for _, count in counted]
    length = math.sqrt(math.fsum([one * one for one in weights])) or 1.0
    scale = _WORD_WEIGHT / length
    return {column: one * scale for (column, _), one in zip(counted, weights, strict=True)}


def word_columns(queries: Sequence[str]) -> Any:
    """`word_values` of each query as a scipy CSR matrix, shape [n, WORDS]."""
    import numpy as np
    from scipy.sparse import csr_matrix

    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for query in queries:
        row = word_values(query)
        columns.extend(row)
        values.extend(row.values())
        ends.append(len(columns))
    return csr_matrix(
        (np.array(values), np.array(columns, dtype=np.int32), np.array(ends)),
        shape=(len(queries), WORDS),
    )


def shape_values(query: str) -> tuple[float, ...]:
    """What `SHAPE` names: logarithms of counts, and shares."""
    query = _cut(query)
    words = _words(query)
    count, size = max(len(words), 1), max(len(query), 1)
    return (
        math.log1p(len(words)),
        math.log1p(len(query) / count),
        len(_DIGIT.findall(query)) / size,
        math.log1p(query.count("\n")),
        len(_MARK.findall(query)) / size,
        len(_CAPITAL.findall(query)) / size,
        math.log1p(query.count("_")),
        len(set(words)) / count,
    )


def shape_columns(queries: Sequence[str]) -> Floats:
    """`shape_values` of each query, shape [n, 8]."""
    import numpy as np

    return np.array([shape_values(query) for query in queries]).reshape(-1, len(SHAPE))


def _cut(query: str) -> str:
    if len(query) <= _MOST_CHARS:
        return query
    return f"{query[: _MOST_CHARS // 2]}\n{query[-_MOST_CHARS // 2 :]}"


def _words(query: str) -> list[bytes]:
    return _WORD.findall(query.lower().encode("utf-8", "replace"))


def _hashes(query: str) -> list[int]:
    words, crc32, last = _words(query), zlib.crc32, WORDS - 1
    alone = [crc32(word) for word in words]
    pairs = [crc32(word, before) & last for before, word in zip(alone, words[1:], strict=False)]
    return [value & last for value in alone] + pairs
