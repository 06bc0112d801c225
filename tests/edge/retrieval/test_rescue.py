"""Rows that a full disk did not take: kept elsewhere, and added by the next run."""

from __future__ import annotations

from pathlib import Path

import pytest

from loki import Passage
from loki.edge.retrieval.rescue import Rescue
from loki.edge.retrieval.rows import Row, Rows, rows_of
from loki.problems import Problem
from loki.retrieval.header import EmbeddingSettings, Header

SIGNATURE = EmbeddingSettings("m")
FULL = Problem("output", "cannot write s: no space left on device")


def one_row() -> Rows:
    return rows_of([Row(1, Passage("a"), [1.0, 2.0])], Header("local:m", SIGNATURE, 5.0), 9.0)


def test_rows_are_kept_until_they_are_in_their_store(tmp_path: Path) -> None:
    state, store = tmp_path / "state", str(tmp_path / "s")
    problem = Rescue(store, str(state), SIGNATURE).save(one_row(), FULL)
    (kept,) = state.iterdir()
    assert problem.message == (
        f"{FULL.message}; 1 vector is kept in {kept}, and the next run adds them"
    )
    assert kept.stat().st_mode & 0o777 == 0o600
    later = Rescue(store, str(state), SIGNATURE)
    assert [rows.equals(one_row()) for rows in later.take_rows()] == [True]
    later.delete_files()
    assert not [*state.iterdir()]


@pytest.mark.parametrize(
    ("store", "signature"),
    [("t", SIGNATURE), ("s", EmbeddingSettings("n")), ("s", EmbeddingSettings("m", 2))],
)
def test_rows_of_another_store_or_model_stay_where_they_are(
    tmp_path: Path, store: str, signature: EmbeddingSettings
) -> None:
    Rescue(str(tmp_path / "s"), str(tmp_path / "state"), SIGNATURE).save(one_row(), FULL)
    assert Rescue(str(tmp_path / store), str(tmp_path / "state"), signature).take_rows() == []
    assert len([*(tmp_path / "state").iterdir()]) == 1


def test_a_file_that_is_no_table_is_left_alone(tmp_path: Path) -> None:
    rescue = Rescue("s", str(tmp_path), SIGNATURE)
    rescue.save(one_row(), FULL)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    assert rescue.take_rows() == [] and kept.exists()


def test_where_nothing_can_be_kept_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    problem = Rescue("s", str(tmp_path / "state"), SIGNATURE).save(one_row(), FULL)
    assert problem.message == (
        f"{FULL.message}; 1 vector is kept nowhere: that disk is full as well"
    )


def test_a_problem_of_another_kind_keeps_nothing(tmp_path: Path) -> None:
    other = Problem("usage", "another model")
    assert Rescue("s", str(tmp_path), SIGNATURE).save(one_row(), other) == other
    assert not [*tmp_path.iterdir()]
