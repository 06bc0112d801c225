"""Rows of a store: float32 as it came, JSON for what may be anything."""

from __future__ import annotations

from array import array

import numpy
import pyarrow
import pytest

from loki import Passage
from loki.edge.retrieval.rows import Row, header_of, join_tables, matches_of, rows_of
from loki.retrieval.header import EmbeddingSettings, Header

HEADER = Header("local:m", EmbeddingSettings("m", None, "document"), 5.0)
PASSAGES = [
    Passage("a"),
    Passage("é", 7, "a.txt", 3, {"lang": "fr"}),
    Passage("c", ["x"], "caf\udce9.txt", 1, {"half": "\ud800"}),
]


@pytest.mark.parametrize("kind", [list, lambda numbers: array("f", numbers)])
def test_a_vector_goes_in_as_float32(kind: type) -> None:
    rows = rows_of([Row(1, Passage("a"), kind([0.1, 2.0]))], HEADER, 9.0)
    assert rows["vector"].type == pyarrow.list_(pyarrow.float32(), 2)
    assert rows["vector"][0].as_py() == [float(numpy.float32(0.1)), 2.0]


def test_a_passage_comes_back_as_it_went_in() -> None:
    rows = rows_of([Row(i, each, [1.0]) for i, each in enumerate(PASSAGES)], HEADER, 9.0)
    distances = pyarrow.array([0.0, 0.5, -0.0001], pyarrow.float32())
    found = matches_of(rows.append_column("_distance", distances))
    assert [match.passage for match in found[:2]] == PASSAGES[:2]
    assert found[2].passage == Passage("c", ["x"], "caf?.txt", 1, {"half": "?"})
    assert [match.score for match in found] == [1.0, 0.5, 1.0]


def test_each_row_says_of_what_model_and_options_it_is_and_since_when() -> None:
    row = rows_of([Row(1, Passage("a"), [1.0])], HEADER, 9.0).to_pylist()[0]
    assert row["model"] == "local:m" and row["time"].timestamp() == 9.0
    assert row["options"] == '{"name":"m","dimensions":null,"task":"document","patch":""}'


def test_joined_rows_have_the_last_header() -> None:
    later = Header("local:m", HEADER.settings, 6.0)
    tables = [rows_of([Row(1, Passage("a"), [1.0])], each, 9.0) for each in (HEADER, later)]
    both = join_tables(tables)
    assert both is not None and len(both) == 2 and header_of(both) == later
    assert join_tables([]) is None and header_of(pyarrow.table({"a": [1]})) is None
