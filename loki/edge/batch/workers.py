"""IMPURE. Many items -> their results: work in plain threads, never far ahead of who takes them."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
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
PAUSE: Any = object()  # an item that is none: there may be one later
QUEUE = 8  # items of a lane that may wait for their turns at once, each in a thread
AHEAD = 10_000  # items that are read at most while those of another lane wait
MOST = 64  # threads that wait for turns, or three times as many as may be in flight


class Crew(Generic[A, B]):
    """Threads that each take an item, work on it, and see that its result is kept.

    A thread begins nothing new before its last result is kept, so what is lost with this process
    is no more than what was to be in flight. Results are kept by one thread at a time, which takes
    care of those that came meanwhile too. Where they wait for their turn, twice as many items may
    be begun: else a slow one would stop the others.

    With ``lane_of``, items are of lanes. An item that waits for its turn (``waiting``) is not in
    flight, so another one may be; and while several of a lane wait, its next ones are set aside,
    so that they are in nobody's way. Where the order counts, none is set aside.
    """

    def __init__(
        self,
        work: Callable[[A], B],
        items: Iterable[A],
        keep: Callable[[list[B]], None],
        in_flight: int,
        ordered: bool = False,
        lane_of: Callable[[A], str] | None = None,
    ) -> None:
        self.work, self.items, self.keep = work, iter(items), keep
        self.in_flight, self.ordered = in_flight, ordered
        self.reading, self.keeping = threading.Lock(), threading.Lock()
        self.moved = threading.Condition()  # guards what follows
        self.lane_of = None if ordered else lane_of
        self.threads = self.begun = self.kept = 0
        self.active = 0  # begun, not yet kept, and not waiting for a turn
        self.wanted = self.returning = 0  # threads that want to be active: anew, or again
        self.queues: Counter[str] = Counter()  # threads that wait for a turn, by their lanes
        self.aside: dict[str, deque[A]] = {}  # read, and not begun
        self.ahead = self.dropped = 0  # how many are set aside, and were dropped one after another
        self.closed: set[str] = set()  # lanes in which nothing more begins
        self.is_read = False  # there are no more items to read
        self.done: dict[int, B] = {}  # by their places, not yet kept
        self.over = False  # nothing more begins
        self.error: BaseException | None = None
        self.problem: Problem | None = None  # why the items end early; there is no such reason here

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
        """Put one more thread to work, unless there are enough."""
        with self.moved:
            parked = min(self.queues.total(), max(MOST, 3 * self.in_flight))
            if self.over or self.threads >= self.in_flight + parked:
                return
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
            while self.ordered and self.begun - self.kept >= 2 * self.in_flight and not self.over:
                with self.moved:
                    self.moved.wait(0.1)
            item = self.next_item()
            with self.moved:
                self.wanted += 1
                while (self.active >= self.in_flight or self.returning) and not self.over:
                    self.moved.wait(0.1)
                self.wanted -= 1
                if item is NONE or self.over:
                    self.over = True
                    self.moved.notify_all()
                    return None
                self.begun, self.active = self.begun + 1, self.active + 1
                place = self.begun - 1
            if self.threads < self.in_flight:
                self.hire()
            return place, item

    # ---- lanes

    def next_item(self) -> Any:
        """Return the next item whose lane is free, NONE if there is none or none is to begin."""
        if self.lane_of is None:
            return NONE if self.over else next(self.items, NONE)
        while not self.over:
            item = self.from_aside() if self.ahead else NONE
            if item is not NONE:
                return item
            if self.is_read or self.dropped >= AHEAD or self.ahead >= AHEAD:
                if not self.ahead:
                    return NONE
                with self.moved:
                    self.moved.wait(0.1)  # until one of those that wait has its turn
                continue
            item = next(self.items, NONE)
            if item is NONE:
                self.is_read = True
            elif item is not PAUSE and self.is_free(item):
                return item
        return NONE

    def from_aside(self) -> Any:
        """Take one of those that were set aside, NONE if their lanes are not free."""
        for lane, items in [*self.aside.items()]:
            if lane in self.closed:
                self.ahead -= len(self.aside.pop(lane))
            elif self.queues[lane] < QUEUE:
                item = items.popleft()
                self.ahead -= 1
                if not items:
                    del self.aside[lane]
                return item
        return NONE

    def is_free(self, item: A) -> bool:
        """Whether an item may begin; if not it is set aside, or dropped if its lane is closed."""
        assert self.lane_of is not None
        lane = self.lane_of(item)
        if lane in self.closed:
            self.dropped += 1
            return False
        self.dropped = 0
        if lane not in self.aside and self.queues[lane] < QUEUE:
            return True
        self.aside.setdefault(lane, deque()).append(item)
        self.ahead += 1
        return False

    def close(self, lane: str) -> None:
        """Begin nothing more of a lane; its items are dropped."""
        with self.moved:
            self.closed.add(lane)
            self.moved.notify_all()

    @contextmanager
    def waiting(self, lane: str) -> Iterator[None]:
        """Let others work while the item of this thread waits for its turn."""
        with self.moved:
            self.active, self.queues[lane] = self.active - 1, self.queues[lane] + 1
            self.moved.notify_all()
        self.hire()
        try:
            yield
        finally:
            with self.moved:
                self.queues[lane] -= 1
                self.returning += 1
                self.moved.notify_all()
                while self.active >= self.in_flight:
                    self.moved.wait()
                self.returning, self.active = self.returning - 1, self.active + 1
                self.moved.notify_all()

    # ---- results

    def hand_in(self, place: int, value: B) -> None:
        """See that a result is kept, with what else is there; or in its turn, by somebody else."""
        if self.ordered:
            self.leave()
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
            if not self.ordered:
                self.active -= kept
            if self.ordered or self.over or self.wanted or self.returning:
                self.moved.notify_all()

    def leave(self) -> None:
        """Let another be in flight instead of one that is done."""
        with self.moved:
            self.active -= 1
            if self.wanted or self.returning:
                self.moved.notify_all()


def pin_to_core(place: int | None = None) -> None:
    """Keep this thread, and those that it starts, on one core, where that is possible.

    Threads of one interpreter take turns anyway, and a turn that goes from core to core costs a
    fifth of all the time. ``place`` chooses among the cores, so that several processes are on
    several; None is the core where the thread is. Source: David Beazley, Understanding the Python
    GIL, PyCon 2010.
    """
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return
    with suppress(AttributeError, OSError, ValueError, IndexError):  # not everywhere is Linux
        if place is not None:
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[place % len(cores)]})
            return
        with open("/proc/self/stat", encoding="utf-8") as file:
            core = int(file.read().rpartition(")")[2].split()[PROCESSOR])
        os.sched_setaffinity(0, {core})


PROCESSOR = 36  # of the fields after the name; proc_pid_stat(5)
