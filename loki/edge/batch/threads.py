"""Many items -> their results: work in plain threads, never far ahead of who takes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar
from weakref import finalize

from returns.result import Result

from loki.edge.batch.calls_under_way import CallsUnderWay
from loki.edge.batch.worker_pool import WorkerPool
from loki.pipeline import Env, answer
from loki.problems import Problem
from loki.record import replace
from loki.records import Ask
from loki.replies import Reply

A = TypeVar("A")
B = TypeVar("B")


def answers(
    env: Env, asks: Iterable[Ask], in_flight: int = 16, ordered: bool = True
) -> Iterator[Result[Reply, Problem]]:
    """Yield the Reply or the Problem of each ask, ``in_flight`` at once, in their order.

    They come as they are ready where ``ordered`` is False. ``asks`` is read by other threads, one
    at a time, no further ahead than ``in_flight`` asks for. Whoever leaves the loop waits for
    nothing: the calls under way are in the ledger as interrupted, for they may be billed.
    """
    calls = CallsUnderWay(env.now, env.clock)
    watched = replace(env, send=calls.watched_send(env.send), record=calls.recording(env.record))
    results = map_threaded(lambda ask: answer(watched, ask), asks, in_flight, ordered)

    def leave() -> None:
        results.close()
        for entry in calls.leave():
            env.record(entry)

    end = finalize(calls, leave)  # at exit, where a loop that was left is still there then
    try:
        yield from results
    finally:
        end()


def map_threaded(
    work: Callable[[A], B], items: Iterable[A], in_flight: int, ordered: bool = True
) -> Generator[B, None, None]:
    """``work`` for each item, ``in_flight`` of them at once; an exception ends it all.

    >>> list(map_threaded(lambda x: x * x, range(5), in_flight=2))
    [0, 1, 4, 9, 16]
    """
    done: SimpleQueue[Any] = SimpleQueue()  # results, and the End
    room = threading.Semaphore(1 if ordered else in_flight)  # for results to be taken

    def keep(values: list[B]) -> None:
        for value in values:
            room.acquire()
            done.put(value)

    pool = WorkerPool(work, items, keep, in_flight, ordered)
    threading.Thread(target=lambda: done.put(pool_end(pool)), daemon=True).start()
    try:
        while not isinstance(result := done.get(), PoolEnd):
            yield result
            room.release()
        if result.error is not None:
            raise result.error
    finally:
        pool.halt()
        room.release(2 * in_flight)  # whoever still wants to hand something in


class PoolEnd(NamedTuple):
    """There is nothing more; ``error`` says why, if that is a reason."""

    error: BaseException | None = None


def pool_end(pool: WorkerPool[A, B]) -> PoolEnd:
    """Let a pool work to its end."""
    try:
        pool.run()
    except BaseException as error:
        return PoolEnd(error)
    return PoolEnd()
