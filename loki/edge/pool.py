"""IMPURE. Many items -> their results: work in plain threads, never far ahead of who takes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from returns.result import Result

from loki.pipeline import Env, answer
from loki.problems import Problem
from loki.records import Ask, Reply

A = TypeVar("A")
B = TypeVar("B")


def answers(
    env: Env, asks: Iterable[Ask], in_flight: int = 16, ordered: bool = True
) -> Iterator[Result[Reply, Problem]]:
    """Many questions, several at once; every one's answer or Problem, in their order.

    ``asks`` is read by another thread, no further ahead than ``in_flight`` asks for.
    """
    return flowing(lambda ask: answer(env, ask), asks, in_flight, ordered)


def flowing(
    work: Callable[[A], B], items: Iterable[A], in_flight: int, ordered: bool = True
) -> Generator[B, None, None]:
    """``work`` for each item, ``in_flight`` of them at once; an exception ends it all.

    >>> list(flowing(lambda x: x * x, range(5), in_flight=2))
    [0, 1, 4, 9, 16]
    """
    return Flow(work, items, in_flight).results(ordered)


class Done(NamedTuple):
    """The item at a place is done: what came of it, or what was raised."""

    place: int
    value: Any
    error: BaseException | None = None


#: The value of an item that was not begun.
SKIPPED: Any = object()


class End(NamedTuple):
    """There are no more items than these."""

    items: int
    error: BaseException | None = None


class Flow(Generic[A, B]):
    """Threads at work; one more reads the items. Results are to be taken once."""

    def __init__(self, work: Callable[[A], B], items: Iterable[A], in_flight: int) -> None:
        self.work, self.items, self.in_flight = work, items, in_flight
        self.todo: SimpleQueue[tuple[int, A] | None] = SimpleQueue()
        self.done: SimpleQueue[Done | End] = SimpleQueue()
        self.room = threading.Semaphore(2 * in_flight)  # items read and not yet taken
        self.slots = threading.Semaphore(in_flight)  # items begun and not yet taken
        self.guard = threading.RLock()  # of the next two; signals may halt
        self.handed = 0
        self.halted = False

    def results(self, ordered: bool = True) -> Generator[B, None, None]:
        """What came of every item, in their order or as it comes."""
        with closing(self.groups(ordered)) as groups:
            for group in groups:
                yield from group

    def groups(self, ordered: bool = True) -> Generator[list[B], None, None]:
        """The same, whatever is there at once in a list; what is not taken keeps its place.

        So what is lost with this process is no more than what was to be in flight. Where results
        wait for their turn, twice as much may be begun: else one slow item would stop the others.
        """
        if ordered:
            self.slots.release(self.in_flight)
        threading.Thread(target=self.feed, daemon=True).start()
        try:
            for values in in_turn(self.done) if ordered else as_done(self.done):
                if group := [value for value in values if value is not SKIPPED]:
                    yield group
                self.room.release(len(values))
                self.slots.release(len(values))
        finally:
            self.halt()
            self.slots.release(self.in_flight)
            for _ in range(self.in_flight):
                self.todo.put(None)

    def halt(self) -> None:
        """Begin nothing more; what has begun is finished, and the results end."""
        with self.guard:
            self.halted = True
            self.done.put(End(self.handed))
        self.room.release()

    def feed(self) -> None:
        """Hand the items to threads, which are started as they are needed."""
        error = None
        try:
            for item in self.items:
                self.room.acquire()
                if not self.hand(item):
                    return
        except BaseException as raised:
            error = raised
        self.done.put(End(self.handed, error))

    def hand(self, item: A) -> bool:
        """Give an item to a thread, unless nothing more is to begin."""
        with self.guard:
            if self.halted:
                return False
            self.todo.put((self.handed, item))
            self.handed += 1
        if self.handed <= self.in_flight:
            threading.Thread(target=self.labour, daemon=True).start()
        return True

    def labour(self) -> None:
        """One thread's work, until there is none."""
        while (job := self.todo.get()) is not None:
            self.slots.acquire()
            try:
                self.done.put(Done(job[0], SKIPPED if self.halted else self.work(job[1])))
            except BaseException as error:
                self.done.put(Done(job[0], None, error))


def there(done: SimpleQueue[Done | End]) -> Iterator[Done | End]:
    """What is there now, at least one; raises what was raised."""
    while True:
        told = done.get()
        if told.error is not None:
            raise told.error
        yield told
        if done.empty():
            return


def as_done(done: SimpleQueue[Done | End]) -> Iterator[list[Any]]:
    """Results as they come, until all have."""
    taken, expected = 0, -1
    while taken != expected:
        values = []
        for told in there(done):
            if isinstance(told, End):
                expected = told.items
            else:
                values.append(told.value)
        taken += len(values)
        if values:
            yield values


def in_turn(done: SimpleQueue[Done | End]) -> Iterator[list[Any]]:
    """Results by their place."""
    held: dict[int, Any] = {}
    turn, expected = 0, -1
    while turn != expected:
        for told in there(done):
            if isinstance(told, End):
                expected = told.items
            else:
                held[told.place] = told.value
        values = []
        while turn in held:
            values.append(held.pop(turn))
            turn += 1
        if values:
            yield values
