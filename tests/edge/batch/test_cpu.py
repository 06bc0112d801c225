"""Threads on one core: which one, with those they start, and nothing where that is no use."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from loki.edge.batch.cpu import pin_to_core

if sys.platform != "linux":
    pytest.skip("only Linux keeps threads on cores", allow_module_level=True)

CORES = sorted(os.sched_getaffinity(0))
several = pytest.mark.skipif(len(CORES) < 2, reason="there is only one core")


def cores_after(place: int | None) -> tuple[set[int], set[int]]:
    """Return the cores of a thread that was pinned, and those of a thread that it starts."""
    own, started = set[int](), set[int]()

    def work() -> None:
        pin_to_core(place)
        own.update(os.sched_getaffinity(0))
        inner = Thread(target=lambda: started.update(os.sched_getaffinity(0)))
        inner.start()
        inner.join()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
    return own, started


@several
@pytest.mark.parametrize("place", [0, 1, len(CORES), 2 * len(CORES) + 1])
def test_places_go_round_the_cores(place: int) -> None:
    core = {CORES[place % len(CORES)]}
    assert cores_after(place) == (core, core)


@several
def test_without_a_place_it_is_one_core_and_other_threads_keep_theirs() -> None:
    own, started = cores_after(None)
    assert own == started and len(own) == 1 and own < {*CORES}
    assert sorted(os.sched_getaffinity(0)) == CORES


@several
def test_threads_that_take_no_turns_keep_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert cores_after(0) == ({*CORES}, {*CORES})


@pytest.mark.parametrize("place", [None, 0])
def test_where_threads_cannot_be_kept_nothing_happens(
    place: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_setaffinity")
    assert cores_after(place) == ({*CORES}, {*CORES})
