"""Many items at once: in order or as they come, never far ahead, and an end that is one."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest
from commands import Home
from servers import Asked, Script, plain, reply, serving

from loki import Ask, Message, answers, open_env
from loki.edge.batch.threads import map_threaded
from loki.edge.batch.worker_pool import WorkerPool

LEAVING = """
import sys
from loki import Ask, answers, open_env
env = open_env().unwrap()
results = answers(env, [Ask(f"row {i}", model="local:m") for i in range(100)])
for result in results:
    LEAVE
"""


@pytest.mark.parametrize("leave", ["break", "sys.exit(77)", "raise ValueError", "results.close()"])
def test_a_loop_that_is_left_ends_well_and_every_call_is_in_the_ledger(
    home: Home, leave: str
) -> None:
    def script(asked: Asked) -> Script:
        return [0.05, *(plain(reply()) or ())]

    for name in "abcde":  # what went wrong at the end went wrong now and then
        ledger = home.folder / f"{name}.db"
        with serving(script) as server:
            home.local(server.address)
            done = subprocess.run(
                [sys.executable, "-c", LEAVING.replace("LEAVE", leave)],
                env=home.variables() | {"LOKI_LEDGER": str(ledger)},
                capture_output=True,
                timeout=60,
            )
            asked = len(server.asked)
        code = {"break": 0, "sys.exit(77)": 77, "raise ValueError": 1, "results.close()": 0}
        assert done.returncode == code[leave], done.stderr
        assert b"ledger" not in done.stderr, done.stderr
        with sqlite3.connect(ledger) as db:
            (count,) = db.execute("SELECT count(*) FROM calls").fetchone()
        assert count >= asked > 0, (count, asked)


def slow_first(item: int) -> int:
    """The first takes longest."""
    time.sleep(0.1 if item == 0 else 0.01)
    return item


def test_results_come_in_order_or_as_they_are_done() -> None:
    assert list(map_threaded(slow_first, range(6), 3)) == [0, 1, 2, 3, 4, 5]
    loose = list(map_threaded(slow_first, range(6), 3, ordered=False))
    assert sorted(loose) == [0, 1, 2, 3, 4, 5] and loose[0] != 0


def test_nothing_is_read_far_ahead_of_who_takes_it() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in count():
            read.append(item)
            yield item

    results = map_threaded(lambda item: item, items(), 4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    time.sleep(0.05)
    assert len(read) <= 3 + 2 * 4 + 1
    results.close()
    time.sleep(0.05)
    assert len(read) <= 3 + 2 * 4 + 2


def test_only_so_many_are_under_way() -> None:
    now, most, lock = [0], [0], threading.Lock()

    def work(item: int) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= 1

    list(map_threaded(work, range(40), 5))
    assert most[0] == 5


@pytest.mark.parametrize("ordered", [True, False])
def test_what_is_raised_in_a_thread_is_raised_here(ordered: bool) -> None:
    with pytest.raises(ZeroDivisionError):
        list(map_threaded(lambda x: 1 // x, [1, 0, 1], 2, ordered))


def test_what_is_raised_by_the_items_is_raised_here() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("items")

    with pytest.raises(KeyError):
        list(map_threaded(lambda x: x, items(), 2))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_halt_finishes_what_has_begun_and_ends(ordered: bool) -> None:
    begun: list[int] = []
    messages: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.02)
        return item

    def keep(values: list[int]) -> None:
        messages.extend(values)
        if len(messages) >= 3:
            pool.halt()

    pool = WorkerPool(work, count(), keep, 4, ordered)
    pool.run()
    assert sorted(messages) == sorted(begun) and len(messages) <= 3 + 4 + 4
    assert messages == sorted(messages) or not ordered


def test_a_halt_ends_it_though_the_items_never_come() -> None:
    never = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        never.wait(5)

    messages: list[int] = []
    pool = WorkerPool(lambda x: x, items(), messages.extend, 2)
    started = time.monotonic()
    pool.run(tick=lambda: pool.halt() if messages else None)
    assert messages == [1] and time.monotonic() - started < 2
    never.set()


def test_a_thread_begins_nothing_before_its_last_result_is_kept() -> None:
    """So a kill loses no more than what was to be in flight."""
    begun, kept, most, lock = [0], [0], [0], threading.Lock()

    def work(item: int) -> int:
        with lock:
            begun[0] += 1
            most[0] = max(most[0], begun[0] - kept[0])
        return item

    def keep(values: list[int]) -> None:
        time.sleep(0.001)
        with lock:
            kept[0] += len(values)

    WorkerPool(work, range(300), keep, 8).run()
    assert kept == [300] and most[0] <= 8


@pytest.mark.parametrize("ordered", [True, False])
def test_slow_keeping_keeps_all_of_many_quick_results(ordered: bool) -> None:
    kept: list[int] = []

    def keep(values: list[int]) -> None:
        time.sleep(0.0005)
        kept.extend(values)

    WorkerPool(lambda x: x, range(2000), keep, 16, ordered).run()
    assert (kept if ordered else sorted(kept)) == list(range(2000))


@pytest.mark.parametrize("ordered", [True, False])
def test_what_keeping_raises_ends_it(ordered: bool) -> None:
    def keep(values: list[int]) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        WorkerPool(lambda x: x, count(), keep, 4, ordered).run()


def test_many_questions_are_answered_in_their_order() -> None:
    with serving(lambda asked: plain(reply(asked.json["messages"][0]["content"]))) as server:
        environ = {"LOKI_PLATFORM": "ollama", "OLLAMA_API_BASE": server.address, "LOKI_LEDGER": ""}
        env = open_env(environ={**environ, "LOKI_STATE_DIR": "/nonexistent"}).unwrap()
        asks = (Ask((Message("user", f"{i}"),), model="ollama:m") for i in range(20))
        output = [result.unwrap().text for result in answers(env, asks, in_flight=4)]
    assert output == [str(i) for i in range(20)]


# ---- lanes ---------------------------------------------------------------------------------------


class Lanes:
    """Items that are (lane, number); those of ``slow`` wait for a turn first."""

    def __init__(self, items: list[tuple[str, int]], in_flight: int, ordered: bool = False) -> None:
        self.kept: list[tuple[str, int]] = []
        self.now = self.most = 0
        self.lock, self.turn = threading.Lock(), threading.Event()
        self.pool = WorkerPool(
            self.work, items, self.kept.extend, in_flight, ordered, lambda item: item[0]
        )

    def work(self, item: tuple[str, int]) -> tuple[str, int]:
        if item[0] == "slow":
            with self.pool.waiting("slow"):
                self.turn.wait(10)
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.002)
        with self.lock:
            self.now -= 1
        return item


def mixed(count: int) -> list[tuple[str, int]]:
    """Return items of two lanes in turn."""
    return [("slow" if i % 2 else "quick", i) for i in range(count)]


@pytest.mark.parametrize("in_flight", [1, 4])
def test_a_lane_that_waits_holds_no_other_up(in_flight: int) -> None:
    lanes = Lanes(mixed(100), in_flight)

    def tick() -> None:
        if len(lanes.kept) == 50:  # every quick one, while no slow one has had its turn
            lanes.turn.set()

    lanes.pool.run(tick, every=0.01)
    assert [item[0] for item in lanes.kept] == ["quick"] * 50 + ["slow"] * 50
    assert sorted(lanes.kept, key=lambda item: item[1]) == mixed(100)


@pytest.mark.parametrize("ordered", [True, False])
def test_those_that_come_back_from_waiting_are_no_more_than_so_many(ordered: bool) -> None:
    lanes = Lanes(mixed(200), 3, ordered)
    threading.Timer(0.1, lanes.turn.set).start()
    lanes.pool.run()
    assert lanes.most <= 3 and len(lanes.kept) == 200
    assert not ordered or lanes.kept == mixed(200)


def test_a_lane_that_is_closed_is_dropped_and_the_others_go_on() -> None:
    lanes = Lanes(mixed(100), 2)
    lanes.pool.close_lane("slow")
    lanes.pool.run()
    assert sorted(lanes.kept) == [item for item in mixed(100) if item[0] == "quick"]


def test_a_lane_that_waits_lets_nobody_read_far_ahead() -> None:
    lanes = Lanes([("slow", i) for i in range(30_000)], 4)
    threading.Timer(0.3, lanes.pool.halt).start()
    threading.Timer(0.4, lanes.turn.set).start()
    lanes.pool.run()
    assert lanes.pool.set_aside <= 10_000 and len(lanes.kept) <= 8 + 4
    assert lanes.pool.threads <= 4 + 8
