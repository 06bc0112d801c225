"""A store that is added to: each text once, whoever else writes, and nothing of it lost."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lance
import numpy
import pytest

from loki import Passage
from loki.edge.retrieval.rescue import Rescue
from loki.edge.retrieval.table import find_store, open_store, read_keys
from loki.edge.retrieval.turn import Turn
from loki.edge.retrieval.writer import LONGEST, MANY_ROWS, Writer, WrittenKeys
from loki.retrieval.header import EmbeddingSettings, Header

SIGNATURE = EmbeddingSettings("m", None, "document")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def writer(
    path: Path, clock: Clock | None = None, signature: EmbeddingSettings = SIGNATURE
) -> Writer:
    """What adds to the store at a path."""
    store = find_store(str(path)).unwrap()
    keys = read_keys(store).unwrap() if store else numpy.empty(0, dtype=numpy.int64)
    state, clock = str(path.parent / "state"), clock or Clock()
    rescue, turn = Rescue(str(path), state, signature), Turn(str(path), state, print)
    header = Header("local:m", signature, 5.0)
    return Writer(str(path), header, store, keys, clock, clock, rescue, turn)


def rows(*texts: str) -> list[tuple[Passage, list[float]]]:
    return [(Passage(text), [float(len(text)), 1.0]) for text in texts]


def texts_in(path: Path) -> Sequence[str]:
    """The texts in a store, in its order."""
    found: Sequence[str] = open_store(str(path)).unwrap().dataset.to_table()["text"].to_pylist()
    return found


def test_a_text_is_new_once(tmp_path: Path) -> None:
    first = writer(tmp_path / "s")
    assert [first.is_new(Passage(text)) for text in "aba"] == [True, True, False]
    first.add(rows("a", "b")).unwrap()
    first.close().unwrap()
    later = writer(tmp_path / "s")
    assert [later.is_new(Passage(text)) for text in "abc"] == [False, False, True]
    assert (later.present, first.present, first.added) == (2, 1, 2)


def test_what_another_process_added_meanwhile_is_not_added_again(tmp_path: Path) -> None:
    one, two = writer(tmp_path / "s"), writer(tmp_path / "s")
    one.add(rows("a", "b")).unwrap()
    two.add(rows("b", "c")).unwrap()
    one.flush().unwrap()
    two.flush().unwrap()
    one.add(rows("c", "d")).unwrap()
    one.close().unwrap()
    assert texts_in(tmp_path / "s") == ["a", "b", "c", "d"]
    assert (one.added, two.added) == (3, 1)


def test_who_had_to_wait_finds_what_the_other_added(tmp_path: Path) -> None:
    one, two = writer(tmp_path / "s"), writer(tmp_path / "s")
    assert one.is_new(Passage("a"))
    waiting = ThreadPoolExecutor(1).submit(lambda: [two.is_new(Passage(text)) for text in "ab"])
    one.add(rows("a")).unwrap()
    assert not waiting.done()
    one.close().unwrap()
    assert waiting.result(30) == [False, True]


def test_a_rest_lets_others_add_once_nothing_is_out(tmp_path: Path) -> None:
    one, two = writer(tmp_path / "s"), writer(tmp_path / "s")
    assert one.is_new(Passage("a"))
    one.rest().unwrap()
    assert one.turn.is_held
    one.add(rows("a")).unwrap()
    one.turn.arrive(1)
    one.rest().unwrap()
    assert not one.turn.is_held and not two.is_new(Passage("a"))


def test_a_text_under_a_second_id_is_counted(tmp_path: Path) -> None:
    adding = writer(tmp_path / "s")
    assert [adding.is_new(Passage("a", id=name)) for name in ("x", "y", None)] == [
        True,
        False,
        False,
    ]
    assert adding.other_ids == 1


def test_a_store_is_its_owner_s_alone(tmp_path: Path) -> None:
    adding = writer(tmp_path / "s")
    adding.add(rows("a")).unwrap()
    adding.close().unwrap()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "s" / ".lock").stat().st_mode & 0o777 == 0o600


def test_another_process_that_made_the_store_of_another_model_is_seen(tmp_path: Path) -> None:
    one, two = writer(tmp_path / "s"), writer(tmp_path / "s", signature=EmbeddingSettings("n"))
    one.add(rows("a")).unwrap()
    two.add(rows("b")).unwrap()
    one.close().unwrap()
    problem = two.close().failure()
    assert problem.kind == "usage"
    assert " has vectors of local:m (2 numbers, task document); this is the model n" in str(problem)
    assert texts_in(tmp_path / "s") == ["a"]


@pytest.mark.parametrize("has_store", [True, False])
def test_a_vector_of_another_length_ends_it_and_what_came_before_is_kept(
    tmp_path: Path, has_store: bool
) -> None:
    adding = writer(tmp_path / "s")
    adding.add(rows("a")).unwrap()
    if has_store:
        adding.flush().unwrap()
    problem = adding.add([(Passage("b"), [1.0])]).failure()
    adding.close().unwrap()
    assert problem.message.startswith("local:m gave 1 numbers, and the vectors of ")
    assert problem.kind == "config" and texts_in(tmp_path / "s") == ["a"]


def test_a_number_that_no_float32_holds_ends_it_and_what_came_before_is_kept(
    tmp_path: Path,
) -> None:
    adding = writer(tmp_path / "s")
    adding.add(rows("a")).unwrap()
    problem = adding.add([(Passage("b"), [1e308, 0.0])]).failure()
    adding.close().unwrap()
    assert problem.kind == "garbled" and texts_in(tmp_path / "s") == ["a"]


def test_rows_are_written_once_they_waited_or_are_many(tmp_path: Path) -> None:
    clock = Clock()
    adding = writer(tmp_path / "s", clock)
    assert not adding.should_flush()
    clock.time = 1.0
    assert adding.should_flush()
    adding.flush().unwrap()
    adding.pending = [*adding.pending] + [None] * MANY_ROWS  # type: ignore[list-item]
    assert adding.should_flush()
    adding.pending, clock.time = [], 10_000.0
    adding.flush().unwrap()
    clock.time += LONGEST / 2
    assert not adding.should_flush()  # a long run makes few files
    clock.time += LONGEST / 2
    assert adding.should_flush()


def test_a_store_that_was_removed_is_made_again(tmp_path: Path) -> None:
    adding = writer(tmp_path / "s")
    adding.add(rows("a")).unwrap()
    adding.flush().unwrap()
    shutil.rmtree(tmp_path / "s")
    adding.add(rows("b")).unwrap()
    adding.close().unwrap()
    assert texts_in(tmp_path / "s") == ["b"]


def test_a_signal_while_rows_are_written_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object, **options: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    adding = writer(tmp_path / "s")
    adding.add(rows("a", "b")).unwrap()
    monkeypatch.setattr(lance, "write_dataset", interrupt)
    with pytest.raises(KeyboardInterrupt):
        adding.flush()
    adding.close().unwrap()
    assert texts_in(tmp_path / "s") == ["a", "b"]


def test_nothing_to_write_makes_no_store(tmp_path: Path) -> None:
    writer(tmp_path / "s").close().unwrap()
    assert not (tmp_path / "s").exists()


def test_many_files_become_one_at_the_end(tmp_path: Path) -> None:
    adding = writer(tmp_path / "s")
    for number in range(102):
        adding.add(rows("x" * (number + 1))).unwrap()
        adding.flush().unwrap()
    adding.close().unwrap()
    store = open_store(str(tmp_path / "s")).unwrap()
    assert len(store.dataset.get_fragments()) == 1 and store.dataset.count_rows() == 102


def test_a_folder_that_cannot_be_made_is_a_problem_of_output(tmp_path: Path) -> None:
    adding = writer(tmp_path / "s")
    (tmp_path / "s").write_text("somebody else's")
    adding.add(rows("a")).unwrap()
    problem = adding.close().failure()
    assert problem.kind == "output" and f"cannot write {tmp_path / 's'}: " in problem.message
    assert (tmp_path / "s").read_text() == "somebody else's"


def test_keys_are_found_among_many() -> None:
    keys = WrittenKeys(numpy.array([5, -3, 9], dtype=numpy.int64))
    assert [keys.is_written(key) for key in (-4, -3, 5, 6, 9, 10)] == [
        *(False, True, True, False, True, False)
    ]
    assert [keys.add(key) for key in (5, 6, 6)] == [False, True, False]
