"""Threads that keep what they did: in order, as they come, or once their caller says so."""

from __future__ import annotations

import pytest

from loki.edge.batch.worker_pool import WorkerPool


@pytest.mark.parametrize("in_flight", [1, 3])
def test_results_that_are_kept_in_order_are_those_of_all_items(in_flight: int) -> None:
    kept: list[int] = []
    WorkerPool(lambda item: item * 2, range(50), kept.extend, in_flight, ordered=True).run()
    assert kept == [*range(0, 100, 2)]


def test_what_is_counted_later_is_in_flight_until_then() -> None:
    kept: list[int] = []
    pool = WorkerPool(lambda item: item, range(6), kept.extend, 2, is_counted_later=True)
    waves: list[int] = []

    def tick() -> None:
        if len(kept) == 2 * (len(waves) + 1):  # all that may be in flight is
            waves.append(pool.begun)
            pool.record_buffered(2)

    pool.run(tick, every=0.01)
    assert waves == [2, 4, 6] and sorted(kept) == [0, 1, 2, 3, 4, 5]


def test_a_pool_that_was_halted_begins_nothing() -> None:
    kept: list[int] = []
    pool = WorkerPool(lambda item: item, range(9), kept.extend, 2)
    pool.halt()
    pool.run()
    assert (kept, pool.begun) == ([], 0)
