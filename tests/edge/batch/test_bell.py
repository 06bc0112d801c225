"""A coroutine sleeps until a thread has something for it, and no longer than it is to."""

from __future__ import annotations

import asyncio
import threading
import time

from loki.edge.batch.bell import Bell


def seconds_asleep(bell: Bell, things: list[str], limit: float) -> float:
    """Wait on a bell for things; return how long that took."""
    started = time.monotonic()
    asyncio.run(bell.wait(lambda: bool(things), limit))
    return time.monotonic() - started


def test_it_does_not_sleep_where_something_is_there() -> None:
    assert seconds_asleep(Bell(), ["x"], 60) < 30


def test_it_wakes_when_a_thread_rings() -> None:
    bell, things = Bell(), list[str]()

    def work() -> None:
        while bell.sleeper is None:
            time.sleep(0.001)
        things.append("x")
        bell.ring()

    threading.Thread(target=work).start()
    assert seconds_asleep(bell, things, 60) < 30


def test_it_sleeps_on_where_there_is_nothing_yet() -> None:
    bell = Bell()

    def work() -> None:
        while bell.sleeper is None:
            time.sleep(0.001)
        bell.ring()

    threading.Thread(target=work).start()
    assert seconds_asleep(bell, [], 0.1) >= 0.1


def test_whoever_rings_when_nobody_sleeps_does_no_harm() -> None:
    Bell().ring()
