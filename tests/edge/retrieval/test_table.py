"""A store on disk: LanceDB's own format, an exact search, one line for whatever else is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lance
import lancedb
import numpy
import pyarrow
import pytest

from loki import Passage
from loki.edge.retrieval.rows import Row, rows_of
from loki.edge.retrieval.table import (
    Store,
    append_rows,
    catch_engine_errors,
    compact_files,
    find_nearest,
    find_store,
    make_table,
    open_store,
    size_of,
    table_path,
)
from loki.retrieval.header import EmbeddingSettings, Header

HEADER = Header("local:m", EmbeddingSettings("m", None, "document"), 5.0)


def make(path: Path, vectors: Any, header: Header = HEADER) -> Store:
    """A store with a text for each vector, named by its place."""
    rows = [Row(i, Passage(str(i)), vector) for i, vector in enumerate(vectors)]
    make_table(str(path), rows_of(rows, header, 9.0)).unwrap()
    return open_store(str(path)).unwrap()


def random_vectors(number: int, width: int) -> Any:
    return numpy.random.default_rng(width).standard_normal((number, width)).astype(numpy.float32)


# ---- searching -----------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [3, 384, 1536])
def test_a_search_finds_exactly_what_numpy_finds(tmp_path: Path, width: int) -> None:
    vectors, query = random_vectors(2000, width), random_vectors(2001, width)[-1]
    store = make(tmp_path / "s", vectors)
    lengths = numpy.linalg.norm(vectors.astype(float), axis=1) * numpy.linalg.norm(query)
    scores = vectors.astype(float) @ query / lengths
    best = numpy.argsort(-scores)[:10]
    found = find_nearest(store, list(query), 10).unwrap()
    assert [int(match.text) for match in found] == best.tolist()
    assert [match.score for match in found] == pytest.approx(scores[best].tolist(), abs=1e-5)


def test_the_best_above_the_lowest_score_are_found(tmp_path: Path) -> None:
    store = make(tmp_path / "s", [[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]])
    assert [m.text for m in find_nearest(store, [2.0, 0.0], 2).unwrap()] == ["0", "1"]
    assert [m.text for m in find_nearest(store, [2.0, 0.0], 9, 0.9).unwrap()] == ["0"]
    assert find_nearest(store, [0.0, -1.0], 9, 0.5).unwrap() == ()


def test_a_vector_of_another_length_is_refused(tmp_path: Path) -> None:
    problem = find_nearest(make(tmp_path / "s", [[1.0, 0.0]]), [1.0], 2).failure()
    assert problem.kind == "config"
    assert problem.message.startswith("local:m gave 1 numbers, and the vectors of ")


def test_lancedb_opens_a_store(tmp_path: Path) -> None:
    path = make(tmp_path / "s", [[1.0, 0.0], [0.0, 1.0]]).path
    table = lancedb.connect(path).open_table("texts")
    assert table.search([0.0, 2.0]).metric("cosine").limit(1).to_list()[0]["text"] == "1"


def test_a_table_of_many_files_is_put_together(tmp_path: Path) -> None:
    store = make(tmp_path / "s", [[1.0, 0.0]])
    for number in range(1, 6):
        row = Row(number, Passage(str(number)), [float(number), 1.0])
        append_rows(store, rows_of([row], HEADER, 9.0)).unwrap()
    scattered = open_store(store.path).unwrap()
    assert len(scattered.dataset.get_fragments()) == 6
    compact_files(scattered.dataset).unwrap()
    whole = open_store(store.path).unwrap()
    assert len(whole.dataset.get_fragments()) == 1 and size_of(whole)[0] == 6


# ---- what else may be there ----------------------------------------------------------------------


def nothing(path: Path) -> None:
    """Leave the path as it is."""


def file(path: Path) -> None:
    path.write_text("a file")


def other_folder(path: Path) -> None:
    path.mkdir()
    (path / "letter.txt").touch()


def other_table(path: Path) -> None:
    lance.write_dataset(pyarrow.table({"a": [1]}), table_path(str(path)))


def later_version(path: Path) -> None:
    rows = rows_of([Row(1, Passage("a"), [1.0])], replace(HEADER, version=2), 9.0)
    make_table(str(path), rows).unwrap()


def torn_manifest(path: Path) -> None:
    make(path, [[1.0]])
    for manifest in (path / "texts.lance" / "_versions").iterdir():
        manifest.write_bytes(b"abc")


def no_versions(path: Path) -> None:
    make(path, [[1.0]])
    (path / ".lock").touch()
    shutil.rmtree(path / "texts.lance" / "_versions")


#: By what is there: the kind and the message of opening it.
WRONG: dict[Callable[[Path], None], tuple[str, str]] = {
    nothing: ("missing", "no store {}: loki-embed --into {} makes one"),
    file: ("input", "{} is a file, not a store: name a folder"),
    other_folder: ("input", "{} is not a store: the folder has other files, name another"),
    other_table: ("input", "{} is not a store of ours: it was not made by loki-embed --into"),
    later_version: (
        "input",
        "{} is not a store of ours: a later loki made it (version 2; this one reads 1): "
        "upgrade loki",
    ),
    torn_manifest: (
        "input",
        "{} is damaged, and cannot be read as a store: does not have sufficient data, len: 3, "
        'bytes: b"abc"',
    ),
}


@pytest.mark.parametrize("there", WRONG, ids=lambda there: str(there.__name__))
def test_what_is_no_store_is_said_in_one_line(
    tmp_path: Path, there: Callable[[Path], None]
) -> None:
    path = tmp_path / "s"
    there(path)
    kind, message = WRONG[there]
    problem = open_store(str(path)).failure()
    assert (problem.kind, problem.message) == (kind, message.format(path, path))


def test_a_store_without_its_versions_is_damaged_and_no_new_one(tmp_path: Path) -> None:
    no_versions(tmp_path / "s")
    problem = find_store(str(tmp_path / "s")).failure()
    assert problem.kind == "input"
    assert problem.message.startswith(f"{tmp_path / 's'} is damaged, and cannot be read as a store")


def test_a_query_with_a_number_that_no_float32_holds_is_garbled(tmp_path: Path) -> None:
    problem = find_nearest(make(tmp_path / "s", [[1.0]]), [1e308], 2).failure()
    assert problem.kind == "garbled" and "too large for a store (float32)" in problem.message


def test_rows_that_are_gone_are_said(tmp_path: Path) -> None:
    store = make(tmp_path / "s", [[1.0, 0.0]])
    for data in Path(table_path(store.path), "data").iterdir():
        data.unlink()
    problem = find_nearest(open_store(store.path).unwrap(), [1.0, 0.0], 1).failure()
    assert problem.kind == "input" and " is damaged: " in problem.message
    assert ".rs:" not in problem.message


def test_a_table_that_was_never_finished_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "s" / "texts.lance" / "data").mkdir(parents=True)
    (tmp_path / "s" / ".lock").touch()
    assert find_store(str(tmp_path / "s")).unwrap() is None
    assert size_of(make(tmp_path / "s", [[1.0]]))[0] == 1


@pytest.mark.parametrize("name", ["a b", "50%", "é", "a:b", "#x?y"])
def test_a_store_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert make(tmp_path / name, [[1.0]]).path == str(tmp_path / name)
    assert os.path.isdir(tmp_path / name / "texts.lance")


def test_a_full_disk_is_a_problem_of_output() -> None:
    def full() -> None:
        raise OSError("LanceError(IO): No space left on device (os error 28), /x/y.rs:1:2")

    problem = catch_engine_errors("cannot write notes", full).failure()
    assert (problem.kind, problem.message) == (
        "output",
        "cannot write notes: no space left on device",
    )
