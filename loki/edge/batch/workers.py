"""IMPURE. Many items -> their results: work in plain threads, never far ahead of who takes them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from itertools import takewhile
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

    ``asks`` is read by other threads, one at a time, no further ahead than ``in_flight`` asks for.
    """
    return flowing(lambda ask: answer(env, ask), asks, in_flight, ordered)


def flowing(
    work: Callable[[A], B], items: Iterable[A], in_flight: int, ordered: bool = True
) -> Generator[B, None, None]:
    """``work`` for each item, ``in_flight`` of them at once; an exception ends it all.

    >>> list(flowing(lambda x: x * x, range(5), in_flight=2))
    [0, 1, 4, 9, 16]
    """
    done: SimpleQueue[Any] = SimpleQueue()  # results, and the End
    room = threading.Semaphore(1 if ordered else in_flight)  # for results to be taken

    def keep(values: list[B]) -> None:
        for value in values:
            room.acquire()
            done.put(value)

    crew = Crew(work, items, keep, in_flight, ordered)
    threading.Thread(target=lambda: done.put(end_of(crew)), daemon=True).start()
    try:
        while not isinstance(told := done.get(), End):
            yield told
            room.release()
        if told.error is not None:
            raise told.error
    finally:
        crew.halt()
        room.release(2 * in_flight)  # whoever still wants to hand something in


class End(NamedTuple):
    """There is nothing more; ``error`` says why, if that is a reason."""

    error: BaseException | None = None


def end_of(crew: Crew[A, B]) -> End:
    """Let a crew work to its end."""
    try:
        crew.run()
    except BaseException as error:
        return End(error)
    return End()


NONE: Any = object()  # there is no item


class Crew(Generic[A, B]):
    """Threads that each take an item, work on it, and see that its result is kept.

    A thread begins nothing new before its last result is kept, so what is lost with this process
    is no more than what was to be in flight. Results are kept by one thread at a time, which takes
    care of those that came meanwhile too. Where they wait for their turn, twice as many items may
    be begun: else a slow one would stop the others.
    """

    def __init__(
        self,
        work: Callable[[A], B],
        items: Iterable[A],
        keep: Callable[[list[B]], None],
        in_flight: int,
        ordered: bool = False,
    ) -> None:
        self.work, self.items, self.keep = work, iter(items), keep
        self.in_flight, self.ordered = in_flight, ordered
        self.reading, self.keeping = threading.Lock(), threading.Lock()
        self.moved = threading.Condition()  # guards what follows
        self.threads = self.begun = self.kept = 0
        self.done: dict[int, B] = {}  # by their places, not yet kept
        self.over = False  # nothing more begins
        self.error: BaseException | None = None

    def run(self, tick: Callable[[], None] = lambda: None, every: float = 0.1) -> None:
        """Work until all is kept, or what had begun when it was halted; raises what was raised."""
        self.hire()
        while True:
            tick()
            with self.moved:
                if self.error is not None:
                    raise self.error
                if self.over and self.begun == self.kept:
                    return
                self.moved.wait(every)

    def halt(self) -> None:
        """Begin nothing more; signals may call this, whatever is held."""
        self.over = True

    def hire(self) -> None:
        """Put one more thread to work."""
        self.threads += 1
        threading.Thread(target=self.labour, daemon=True).start()

    def labour(self) -> None:
        """One thread's work, until there is none."""
        try:
            while (job := self.begin()) is not None:
                self.hand_in(job[0], self.work(job[1]))
        except BaseException as error:
            with self.moved:
                self.error, self.over = self.error or error, True
                self.moved.notify_all()

    def begin(self) -> tuple[int, A] | None:
        """The next item and its place, None if there is none, or none is to begin."""
        with self.reading:
            while self.begun - self.kept >= 2 * self.in_flight and not self.over:
                with self.moved:
                    self.moved.wait(0.1)
            item = NONE if self.over else next(self.items, NONE)
            with self.moved:
                if item is NONE or self.over:
                    self.over = True
                    self.moved.notify_all()
                    return None
                self.begun += 1
            if self.threads < self.in_flight:
                self.hire()
            return self.begun - 1, item

    def hand_in(self, place: int, value: B) -> None:
        """See that a result is kept, with what else is there; or in its turn, by somebody else."""
        self.done[place] = value
        while self.keeping.acquire(blocking=not self.ordered):
            try:
                values = [self.done.pop(each) for each in self.ready()]
                if values:
                    self.keep(values)
                    self.note(len(values))
            finally:
                self.keeping.release()
            if not self.ordered or self.kept not in self.done:
                return

    def ready(self) -> list[int]:
        """The places of the results that may be kept now."""
        if not self.ordered:
            return list(self.done)
        return [*takewhile(self.done.__contains__, range(self.kept, self.begun))]

    def note(self, kept: int) -> None:
        """Count what was kept, and tell those who wait for it."""
        with self.moved:
            self.kept += kept
            if self.ordered or self.over:
                self.moved.notify_all()


def stay_on_a_core() -> None:
    """Keep this process on the core that it is on, where that is possible.

    Its threads take turns anyway, and a turn that goes from core to core costs a fifth of all the
    time. Source: David Beazley, Understanding the Python GIL, PyCon 2010.
    """
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return
    with suppress(AttributeError, OSError, ValueError, IndexError):  # not everywhere is Linux
        with open("/proc/self/stat", encoding="utf-8") as file:
            core = int(file.read().rpartition(")")[2].split()[PROCESSOR])
        os.sched_setaffinity(0, {core})


PROCESSOR = 36  # of the fields after the name; proc_pid_stat(5)
