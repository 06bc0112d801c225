"""Many items at once: in order or as they come, never far ahead, and an end that is one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest
from servers import plain, reply, serving

from loki import Ask, Message, answers, open_env
from loki.edge.batch.workers import Crew, flowing


def slow_first(item: int) -> int:
    """The first takes longest."""
    time.sleep(0.1 if item == 0 else 0.01)
    return item


def test_results_come_in_order_or_as_they_are_done() -> None:
    assert list(flowing(slow_first, range(6), 3)) == [0, 1, 2, 3, 4, 5]
    loose = list(flowing(slow_first, range(6), 3, ordered=False))
    assert sorted(loose) == [0, 1, 2, 3, 4, 5] and loose[0] != 0


def test_nothing_is_read_far_ahead_of_who_takes_it() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in count():
            read.append(item)
            yield item

    results = flowing(lambda item: item, items(), 4)
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

    list(flowing(work, range(40), 5))
    assert most[0] == 5


@pytest.mark.parametrize("ordered", [True, False])
def test_what_is_raised_in_a_thread_is_raised_here(ordered: bool) -> None:
    with pytest.raises(ZeroDivisionError):
        list(flowing(lambda x: 1 // x, [1, 0, 1], 2, ordered))


def test_what_is_raised_by_the_items_is_raised_here() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("items")

    with pytest.raises(KeyError):
        list(flowing(lambda x: x, items(), 2))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_halt_finishes_what_has_begun_and_ends(ordered: bool) -> None:
    begun: list[int] = []
    told: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.02)
        return item

    def keep(values: list[int]) -> None:
        told.extend(values)
        if len(told) >= 3:
            crew.halt()

    crew = Crew(work, count(), keep, 4, ordered)
    crew.run()
    assert sorted(told) == sorted(begun) and len(told) <= 3 + 4 + 4
    assert told == sorted(told) or not ordered


def test_a_halt_ends_it_though_the_items_never_come() -> None:
    never = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        never.wait(5)

    told: list[int] = []
    crew = Crew(lambda x: x, items(), told.extend, 2)
    started = time.monotonic()
    crew.run(tick=lambda: crew.halt() if told else None)
    assert told == [1] and time.monotonic() - started < 2
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

    Crew(work, range(300), keep, 8).run()
    assert kept == [300] and most[0] <= 8


@pytest.mark.parametrize("ordered", [True, False])
def test_slow_keeping_keeps_all_of_many_quick_results(ordered: bool) -> None:
    kept: list[int] = []

    def keep(values: list[int]) -> None:
        time.sleep(0.0005)
        kept.extend(values)

    Crew(lambda x: x, range(2000), keep, 16, ordered).run()
    assert (kept if ordered else sorted(kept)) == list(range(2000))


@pytest.mark.parametrize("ordered", [True, False])
def test_what_keeping_raises_ends_it(ordered: bool) -> None:
    def keep(values: list[int]) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        Crew(lambda x: x, count(), keep, 4, ordered).run()


def test_many_questions_are_answered_in_their_order() -> None:
    with serving(lambda asked: plain(reply(asked.json["messages"][0]["content"]))) as server:
        environ = {"LOKI_PLATFORM": "ollama", "OLLAMA_API_BASE": server.address, "LOKI_LEDGER": ""}
        env = open_env(environ={**environ, "LOKI_STATE_DIR": "/nonexistent"}).unwrap()
        asks = (Ask((Message("user", f"{i}"),), model="ollama:m") for i in range(20))
        told = [result.unwrap().text for result in answers(env, asks, in_flight=4)]
    assert told == [str(i) for i in range(20)]
