"""Many items -> their results: threads that each take an item, work on it, and keep its result."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, Generic, TypeVar

from loki.problems import Problem

A = TypeVar("A")
B = TypeVar("B")


NONE: Any = object()  # there is no item
PAUSE: Any = object()  # an item that is none: there may be one later
QUEUE = 8  # items of a lane that may wait for their turns at once, each in a thread
MAX_READ_AHEAD = 10_000  # items that are read at most while those of another lane wait
PATIENCE = 2.0  # seconds to wait for who keeps results, where nothing else is waited for
MAX_THREADS = 64  # threads that wait for turns, or three times as many as may be in flight


class WorkerPool(Generic[A, B]):
    """Threads that each take an item, work on it, and see that its result is kept.

    A thread begins nothing new before its last result is kept, so what is lost with this process
    is no more than what was to be in flight. Results are kept by one thread at a time, which takes
    care of those that came meanwhile too. Where they wait for their turn, twice as many items may
    be begun: else a slow one would stop the others.

    With ``lane_of``, items are of lanes. An item that waits for its turn (``waiting``) is not in
    flight, so another one may be; and while several of a lane wait, its next ones are set aside,
    so that they are in nobody's way. Where the order counts, none is set aside.

    With ``is_counted_later``, what ``keep`` took counts as kept only when its caller says so, by
    ``record_buffered``: until then it is in flight.
    """

    def __init__(
        self,
        work: Callable[[A], B],
        items: Iterable[A],
        keep: Callable[[list[B]], None],
        in_flight: int,
        ordered: bool = False,
        lane_of: Callable[[A], str] | None = None,
        is_counted_later: bool = False,
    ) -> None:
        self.is_counted_later = is_counted_later
        self.work, self.items, self.keep = work, iter(items), keep
        self.in_flight, self.ordered = in_flight, ordered
        self.reading, self.keeping = threading.Lock(), threading.Lock()
        self.changed = threading.Condition()  # guards what follows
        self.lane_of = None if ordered else lane_of
        self.threads = self.begun = self.kept = 0
        self.active = 0  # begun, not yet kept, and not waiting for a turn
        self.want_slot = self.resuming = 0  # threads that want to be active: anew, or again
        self.queued: Counter[str] = Counter()  # threads that wait for a turn, by their lanes
        self.by_lane: dict[str, deque[A]] = {}  # read, and not begun
        self.set_aside = self.dropped = (
            0  # how many are set aside, and were dropped one after another
        )
        self.closed: set[str] = set()  # lanes in which nothing more begins
        self.is_read = False  # there are no more items to read
        self.done: dict[int, B] = {}  # by their places, not yet kept
        self.over = False  # nothing more begins
        self.is_left = self.is_closed = False  # nothing is waited for; nothing more is kept
        self.error: BaseException | None = None
        self.problem: Problem | None = None  # why the items end early; there is no such reason here
        self.cut_off: list[A] = []  # items that others work on when it is left; none here

    def run(self, tick: Callable[[], None] = lambda: None, every: float = 0.1) -> None:
        """Work until all is kept, or what had begun when it was halted; raises what was raised."""
        self.spawn()
        while True:
            tick()
            if self.is_left:
                self.keep_rest()
                return
            with self.changed:
                if self.error is not None:
                    raise self.error
                if self.over and self.begun == self.kept:
                    return
                self.changed.wait(every)

    def halt(self) -> None:
        """Begin nothing more; signals may call this, whatever is held."""
        self.over = True

    def leave(self) -> None:
        """Wait for nothing that is under way; signals may call this, whatever is held."""
        self.over = self.is_left = True

    def keep_rest(self) -> None:
        """Keep what is done, also what waits for its turn, and nothing that comes after it."""
        if self.keeping.acquire(timeout=PATIENCE):
            try:
                self.is_closed = True
                if values := [self.done.pop(place) for place in sorted(self.done)]:
                    self.keep(values)
            finally:
                self.keeping.release()

    def spawn(self) -> None:
        """Put one more thread to work, unless there are enough."""
        with self.changed:
            parked = min(self.queued.total(), max(MAX_THREADS, 3 * self.in_flight))
            if self.over or self.threads >= self.in_flight + parked:
                return
            self.threads += 1
        threading.Thread(target=self.run_thread, daemon=True).start()

    def run_thread(self) -> None:
        """Work in one thread until there is nothing left."""
        try:
            while (job := self.take_item()) is not None:
                self.deliver_result(job[0], self.work(job[1]))
        except BaseException as error:
            with self.changed:
                self.error, self.over = self.error or error, True
                self.changed.notify_all()

    def take_item(self) -> tuple[int, A] | None:
        """Return the next item and its place, None if there is none, or none is to begin."""
        with self.reading:
            while self.ordered and self.begun - self.kept >= 2 * self.in_flight and not self.over:
                with self.changed:
                    self.changed.wait(0.1)
            item = self.read_item()
            with self.changed:
                self.want_slot += 1
                while (self.active >= self.in_flight or self.resuming) and not self.over:
                    self.changed.wait(0.1)
                self.want_slot -= 1
                if item is NONE or self.over:
                    self.over = True
                    self.changed.notify_all()
                    return None
                self.begun, self.active = self.begun + 1, self.active + 1
                place = self.begun - 1
            if self.threads < self.in_flight:
                self.spawn()
            return place, item

    # ---- lanes

    def read_item(self) -> Any:
        """Return the next item whose lane is free, NONE if there is none or none is to begin."""
        if self.lane_of is None:
            return NONE if self.over else next(self.items, NONE)
        while not self.over:
            item = self.next_postponed() if self.set_aside else NONE
            if item is not NONE:
                return item
            if self.is_read or self.dropped >= MAX_READ_AHEAD or self.set_aside >= MAX_READ_AHEAD:
                if not self.set_aside:
                    return NONE
                with self.changed:
                    self.changed.wait(0.1)  # until one of those that wait has its turn
                continue
            item = next(self.items, NONE)
            if item is NONE:
                self.is_read = True
            elif item is not PAUSE and self.may_begin(item):
                return item
        return NONE

    def next_postponed(self) -> Any:
        """Take one of those that were set aside, NONE if their lanes are not free."""
        for lane, items in [*self.by_lane.items()]:
            if lane in self.closed:
                self.set_aside -= len(self.by_lane.pop(lane))
            elif self.queued[lane] < QUEUE:
                item = items.popleft()
                self.set_aside -= 1
                if not items:
                    del self.by_lane[lane]
                return item
        return NONE

    def may_begin(self, item: A) -> bool:
        """Return whether an item may begin; else set it aside, or drop it if its lane is closed."""
        assert self.lane_of is not None
        lane = self.lane_of(item)
        if lane in self.closed:
            self.dropped += 1
            return False
        self.dropped = 0
        if lane not in self.by_lane and self.queued[lane] < QUEUE:
            return True
        self.by_lane.setdefault(lane, deque()).append(item)
        self.set_aside += 1
        return False

    def close_lane(self, lane: str) -> None:
        """Begin nothing more of a lane; its items are dropped."""
        with self.changed:
            self.closed.add(lane)
            self.changed.notify_all()

    @contextmanager
    def waiting(self, lane: str) -> Iterator[None]:
        """Let others work while the item of this thread waits for its turn."""
        with self.changed:
            self.active, self.queued[lane] = self.active - 1, self.queued[lane] + 1
            self.changed.notify_all()
        self.spawn()
        try:
            yield
        finally:
            with self.changed:
                self.queued[lane] -= 1
                self.resuming += 1
                self.changed.notify_all()
                while self.active >= self.in_flight:
                    self.changed.wait()
                self.resuming, self.active = self.resuming - 1, self.active + 1
                self.changed.notify_all()

    # ---- results

    def deliver_result(self, place: int, value: B) -> None:
        """See that a result is kept, with what else is there; or in its turn, by somebody else."""
        if self.ordered:
            self.free_slot()
        self.done[place] = value
        while self.keeping.acquire(blocking=not self.ordered):
            try:
                if self.is_closed:
                    return
                values = [self.done.pop(place) for place in self.ready_indexes()]
                if values:
                    self.keep(values)
                    if not self.is_counted_later:
                        self.record_buffered(len(values))
            finally:
                self.keeping.release()
            if not self.ordered or self.kept not in self.done:
                return

    def ready_indexes(self) -> list[int]:
        """Return the places of the results that may be kept now."""
        if not self.ordered:
            return list(self.done)
        return [*takewhile(self.done.__contains__, range(self.kept, self.begun))]

    def record_buffered(self, kept: int) -> None:
        """Count what was kept, and tell those who wait for it."""
        with self.changed:
            self.kept += kept
            if not self.ordered:
                self.active -= kept
            if self.ordered or self.over or self.want_slot or self.resuming:
                self.changed.notify_all()

    def free_slot(self) -> None:
        """Let another item be in flight instead of one that is done."""
        with self.changed:
            self.active -= 1
            if self.want_slot or self.resuming:
                self.changed.notify_all()
