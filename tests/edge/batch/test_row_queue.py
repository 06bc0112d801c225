"""Rows on their way to a cluster: in their order, but for those that wait for what they attach."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from loki.batch.row_files import UnreadFile
from loki.batch.rows import InvalidRow, ReadyRow, Row
from loki.edge.batch.row_queue import END, RowQueue
from loki.messages import Message
from loki.problems import Problem
from loki.records import Ask


def ready(line: int, is_slow: bool = False) -> ReadyRow:
    """Return a row, perhaps with an attachment."""
    content = (UnreadFile("", url="http://a"),) if is_slow else "Hi"
    return ReadyRow(line, line, "k", Ask((Message("user", content),)))


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait for another thread."""
    end = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


def take_all(queue: RowQueue) -> list[tuple[int, int]]:
    """Return the numbers and lines of what can be taken now."""
    taken = iter(queue.take, (0, END))
    return [(number, row.line) for number, row in taken]


def test_a_slow_attachment_holds_up_no_other_row_and_keeps_its_number() -> None:
    is_there = threading.Event()

    def read(row: ReadyRow) -> Row:
        is_there.wait(30)
        return row

    rows: list[Row] = [ready(1), ready(2, True), InvalidRow(3, 3, Problem("input", "")), ready(4)]
    queue = RowQueue(rows, read, 2)
    queue.read()
    assert take_all(queue) == [(0, 1), (2, 3), (3, 4)] and not queue.is_empty()
    is_there.set()
    wait_until(lambda: queue.reading == 0)
    assert not queue.is_empty() and take_all(queue) == [(1, 2)] and queue.is_empty()


def test_no_more_rows_are_read_at_once_than_may_be_in_flight() -> None:
    begun, is_there = list[int](), threading.Event()

    def read(row: ReadyRow) -> Row:
        begun.append(row.line)
        is_there.wait(30)
        return row

    queue = RowQueue((ready(n, True) for n in range(5)), read, 2)
    threading.Thread(target=queue.read, daemon=True).start()
    wait_until(lambda: len(begun) == 2)
    assert queue.reading == 2 and not queue.is_read
    is_there.set()
    wait_until(lambda: len(queue.returned) == 5)
    assert sorted(number for number, _ in queue.returned) == [*range(5)]


def test_rows_far_ahead_wait_where_the_order_counts() -> None:
    queue = RowQueue(map(ready, range(5)), lambda row: row, 2)
    queue.read()
    assert [queue.take(2)[0], queue.take(2)[0], queue.take(2)[1]] == [0, 1, END]
    assert queue.take(3)[0] == 2


@pytest.mark.parametrize("is_slow", [False, True])
def test_an_exception_is_kept_for_the_run(is_slow: bool) -> None:
    def read(row: ReadyRow) -> Row:
        raise ZeroDivisionError

    rows = (ready(1 // (number - 1 + is_slow), is_slow) for number in (2, 1))
    queue = RowQueue(rows, read, 2)
    queue.read()
    wait_until(lambda: queue.error is not None)
    assert isinstance(queue.error, ZeroDivisionError)


def test_a_queue_that_is_over_reads_no_more() -> None:
    taken: list[int] = []
    queue = RowQueue((taken.append(n) or ready(n) for n in range(9)), lambda row: row, 2)  # type: ignore[func-returns-value]
    queue.over = True
    queue.read()
    assert taken == [0]
