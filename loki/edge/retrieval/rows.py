"""Passages and vectors -> the rows of a store, and back; numbers never become text."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from loki.json_text import Json, compact
from loki.replies import Vector
from loki.retrieval.header import Header, read_header, settings_json, write_header
from loki.retrieval.passages import Match, Passage

#: Where the header is, among the metadata of the table's schema.
HEADER = b"loki.store"


Rows: TypeAlias = Any  # a pyarrow.Table


class Row(NamedTuple):
    """A passage that has its vector and its key."""

    key: int
    passage: Passage
    vector: Vector


def rows_of(rows: Sequence[Row], header: Header, now: float) -> Rows:
    """Return rows as a pyarrow.Table; ``now`` is when they came, in seconds since the epoch."""
    import pyarrow

    dimensions, passages = len(rows[0].vector), [row.passage for row in rows]
    options, time = compact(settings_json(header.settings)), datetime.fromtimestamp(now, UTC)
    columns = [
        [row.key for row in rows],
        [passage.text for passage in passages],
        [as_text(passage.id) for passage in passages],
        vector_column([row.vector for row in rows], dimensions),
        [passage.source and printable(passage.source) for passage in passages],
        [passage.line for passage in passages],
        [as_text(passage.fields or None) for passage in passages],
        [header.model] * len(rows),
        [options] * len(rows),
        [time] * len(rows),
    ]
    return pyarrow.table(columns, schema=schema_of(header, dimensions))


def schema_of(header: Header, dimensions: int) -> Any:
    """Return the columns of a store; ``id`` and ``fields`` are JSON, for they may be anything."""
    import pyarrow

    columns = {
        "key": pyarrow.int64(),
        "text": pyarrow.string(),
        "id": pyarrow.string(),
        "vector": pyarrow.list_(pyarrow.float32(), dimensions),
        "source": pyarrow.string(),
        "line": pyarrow.int64(),
        "fields": pyarrow.string(),
        "model": pyarrow.string(),
        "options": pyarrow.string(),
        "time": pyarrow.timestamp("us", "UTC"),
    }
    return pyarrow.schema(list(columns.items()), metadata={HEADER: write_header(header)})


def fits_float32(vector: Vector) -> bool:
    """Return whether no number of a vector is too large for a store.

    >>> fits_float32([3.4e38, -1.0]), fits_float32([1e308])
    (True, False)
    """
    if isinstance(vector, array):  # of float32, or of bytes
        return True
    return max(map(abs, vector), default=0) <= LARGEST


LARGEST = (2 - 2**-23) * 2.0**127  # of float32


def vector_column(vectors: Sequence[Vector], dimensions: int) -> Any:
    """Return vectors as one column: their float32 numbers one after the other."""
    import numpy
    import pyarrow

    numbers = numpy.empty((len(vectors), dimensions), dtype=numpy.float32)
    for place, vector in enumerate(vectors):
        numbers[place] = vector
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numbers.reshape(-1)), dimensions)


def as_text(value: Json) -> str | None:
    """Return JSON for a value, nothing for null."""
    return None if value is None else printable(compact(value))


def printable(text: str) -> str:
    """Return a text in which a character that has no UTF-8 is a question mark."""
    return text.encode("utf-8", "replace").decode()


def header_of(rows: Rows) -> Header | None:
    """Return the header that rows were made for, None if they have none."""
    return read_header((rows.schema.metadata or {}).get(HEADER, b"")).value_or(None)


def join_tables(tables: Sequence[Rows]) -> Rows | None:
    """Return tables as one, with the header of the last; None where there are none."""
    import pyarrow

    if not tables:
        return None
    schema = tables[-1].schema
    return pyarrow.concat_tables([each.replace_schema_metadata(schema.metadata) for each in tables])


def matches_of(table: Rows) -> list[Match]:
    """Return the matches in what a search found; a score is at most 1, whatever rounding did."""
    return [
        Match(
            min(1.0, 1.0 - row["_distance"]),
            Passage(
                row["text"],
                json.loads(row["id"] or "null"),
                row["source"],
                row["line"],
                json.loads(row["fields"] or "{}"),
            ),
        )
        for row in table.to_pylist()
    ]
