"""Many rows -> their results, asked by the workers of a cluster: who has which, and who is gone."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import count, takewhile
from math import inf

from returns.result import Failure, Result, Success

from loki.batch.rows import ReadyRow, Row
from loki.edge.batch.dask_cluster import Cluster, LostWorkerError
from loki.edge.batch.pace_lease import LeaseReply, count_taken, give_turn, learn, pace_news
from loki.edge.batch.rate_limiter import Pacers
from loki.edge.batch.read_slow import ReadFiles
from loki.edge.batch.row_queue import END, READ_AHEAD, RowQueue
from loki.edge.batch.spending import Reservation, Spending, cost_of
from loki.edge.batch.worker import Parcel, RowResult, WorkerReport, WorkerSettings
from loki.edge.batch.worker_link import SentRow, WorkerLink, host_of
from loki.json_text import JsonObject
from loki.problems import Problem
from loki.stages.account import Entry

Outcome = tuple[Row, Result[JsonObject, Problem]]

POLL_INTERVAL = 1.0  # seconds between two looks for workers
GONE = 5.0  # seconds without a scheduler, or without any worker, that end the run


class ClusterPool:
    """Ask rows on the workers of a cluster, ``in_flight`` of them at once in all.

    A thread for each worker sends it rows and takes results. Rows of a worker that is gone go to
    the others, apart from those whose results were handed over.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: WorkerSettings,
        rows: Iterable[Row],
        keep: Callable[[list[Outcome]], None],
        record: Callable[[Entry], None],
        in_flight: int,
        paces: Pacers,
        spending: Spending,
        ordered: bool = False,
        lane_of: Callable[[Row], str] = lambda row: "",
        read_files: ReadFiles = lambda row: row,
    ) -> None:
        self.cluster, self.settings, self.paces, self.spending = cluster, settings, paces, spending
        self.keep, self.record, self.in_flight = keep, record, in_flight
        self.ordered, self.lane_of = ordered, lane_of
        self.queue = RowQueue(rows, read_files, in_flight)
        self.lock = threading.Lock()  # guards what follows
        self.closed: set[str] = set()  # lanes of which nothing more is sent
        self.links: dict[str, WorkerLink] = {}
        self.kept = 0  # results
        self.done: dict[int, Outcome] = {}  # results that wait for earlier ones
        self.finishing = 0  # rows that cannot be asked, and are not kept yet
        self.over = False  # nothing more is sent
        self.is_left = self.is_closed = False  # nothing is waited for; nothing more is kept
        self.cut_off: list[Row] = []  # rows that were under way then
        self.error: BaseException | None = None
        self.problem: Problem | None = None  # why the run ends early
        self.seen = time.monotonic()  # when there was a scheduler with a worker of ours
        self.looked = 0.0  # when workers were looked for

    # ---- the run

    def run(self, tick: Callable[[], None] = lambda: None, every: float = 0.1) -> None:
        """Work until all is kept, or what was in flight when halted; raise what was raised."""
        threading.Thread(target=self.queue.read, daemon=True).start()
        try:
            while not self.is_left and not self.is_finished():
                tick()
                self.update_workers()
                time.sleep(every if self.links else every / 10)
        finally:
            self.halt()
            if self.error is None:  # an order may have a gap: a row that was never sent
                self.keep_rest()
            self.cluster.close()
        if error := self.error or self.queue.error:
            raise error

    def halt(self) -> None:
        """Send nothing more; signals may call this, whatever is held."""
        self.over = self.queue.over = True

    def leave(self) -> None:
        """Wait for nothing that is under way; signals may call this, whatever is held."""
        self.is_left = True
        self.halt()

    def keep_rest(self) -> None:
        """Keep what is done, also what waits for its turn, and nothing that comes after it."""
        with self.lock:
            self.is_closed = True
            if values := [self.done.pop(number) for number in sorted(self.done)]:
                self.keep(values)
            for link in self.links.values() if self.is_left else ():
                self.leave_rows(link)

    def leave_rows(self, link: WorkerLink) -> None:
        """Take the rows of a worker that nobody waits for; what it may be asking may be billed."""
        asked = link.rows_under_way()
        self.cut_off += [sent.row for sent in asked.values()]
        for number in link.sent.keys() - link.booked:
            is_asked, reserved = number in asked, link.sent.pop(number).reserved
            self.spending.settle(reserved, None if is_asked else Decimal(0))

    def close_lane(self, lane: str) -> None:
        """Send nothing more of a lane; its rows are dropped."""
        self.closed.add(lane)

    def is_finished(self) -> bool:
        """Return whether there is nothing left to wait for."""
        if self.error or self.queue.error or self.problem:
            return True
        with self.lock:
            if self.finishing or any(link.sent for link in self.links.values()):
                return False
            return self.over or self.queue.is_empty()

    # ---- workers

    def update_workers(self) -> None:
        """Start with workers that are new, and end the run where there are none."""
        now = time.monotonic()
        if now < self.looked + POLL_INTERVAL:
            return
        is_there = self.cluster.is_connected()
        if is_there and not self.over:
            for address in self.cluster.workers():
                self.add_worker(address)
        self.looked = now
        if is_there and self.links:
            self.seen = now
        elif now - self.seen > GONE:
            lack = f"has no workers: dask worker {self.cluster.address}"
            what = lack if is_there else "went away"
            self.problem = Problem("offline", f"the scheduler at {self.cluster.address} {what}")
            self.halt()

    def add_worker(self, address: str) -> None:
        """Work with one more worker."""
        with self.lock:
            if address in self.links:
                return
            host = host_of(address)
            places = {link.place for link in self.links.values() if host_of(link.address) == host}
            place = next(number for number in count() if number not in places)
            link = self.links[address] = WorkerLink(address, place)
            self.divide_capacity()
        threading.Thread(target=self.send_parcel, args=(link,), daemon=True).start()

    def divide_capacity(self) -> None:
        """Give each worker its share of what may be in flight."""
        share, more = divmod(self.in_flight, len(self.links) or 1)
        for place, link in enumerate(self.links.values()):
            link.share = share + (place < more)

    def send_parcel(self, link: WorkerLink) -> None:
        """Exchange rows and results with a worker until there is nothing to do, or it is gone."""
        try:
            settings = self.settings._replace(worker_index=link.place)
            agent = self.cluster.start(link.address, settings)
            while not link.is_over:
                parcel, invalid = self.make_parcel(link)
                self.finish(invalid)
                with self.lock:
                    self.finishing -= len(invalid)
                self.take_report(link, self.cluster.exchange(agent, parcel))
        except LostWorkerError:
            pass
        except BaseException as error:
            self.error = self.error or error
        self.drop_worker(link)

    def drop_worker(self, link: WorkerLink) -> None:
        """Let others ask what a worker has not answered; what it had begun may have been billed."""
        with self.lock:
            self.links.pop(link.address, None)
            self.divide_capacity()
            for place, (number, sent) in enumerate(link.sent.items()):
                if place < link.share and not link.is_over:
                    self.spending.settle(sent.reserved, None)
                else:
                    self.spending.give_back(sent.reserved)
                self.queue.returned.append((number, sent.row))
            link.sent.clear()

    # ---- rows out

    def make_parcel(self, link: WorkerLink) -> tuple[Parcel, list[tuple[int, Outcome]]]:
        """Return what to send to a worker, and the results of rows that cannot be asked."""
        jobs: list[tuple[int, ReadyRow]] = []
        invalid: list[tuple[int, Outcome]] = []
        with self.lock:
            last = self.kept + READ_AHEAD if self.ordered else inf
            while not self.over and link.free_slots() > 0 and len(jobs) + len(invalid) < READ_AHEAD:
                number, row = self.queue.take(last)
                if row is END:
                    break
                if isinstance(row, ReadyRow) and self.lane_of(row) in self.closed:
                    continue
                result = self.reserve(row)
                if not isinstance(result, Success):
                    invalid.append((number, (row, Failure(result.failure()))))
                elif (reserved := result.unwrap()) is None:
                    self.queue.returned.appendleft((number, row))
                    break
                else:
                    jobs.append((number, row._replace(fields=None)))
                    link.sent[number] = SentRow(row, reserved)
            turns, link.turns = link.turns, []
            self.finishing += len(invalid)
        others = [each.taken for each in self.links.values() if each is not link]
        news = pace_news(self.paces, time.monotonic(), sum(others, Counter()))
        return Parcel(jobs, link.share, LeaseReply(turns, news), self.over), invalid

    def reserve(self, row: Row) -> Result[Reservation | None, Problem]:
        """Set aside what a row may cost; None: it has to wait. Fails if it cannot be asked."""
        if not isinstance(row, ReadyRow):
            return Failure(row.problem)
        return self.spending.reserve(row)

    # ---- results in

    def take_report(self, link: WorkerLink, report: WorkerReport) -> None:
        """Keep what a worker reports, and answer what it asks."""
        if report.error is not None:
            message = f"worker {link.address}: {report.error.message}"
            self.problem = Problem(report.error.kind, message)
        self.finish(self.outcomes(link, report.answers))
        with self.lock:
            for answer in report.answers:
                if sent := link.take(answer.number):
                    self.spending.settle(sent.reserved, cost_of(answer.result()))
            link.record_answered(len(report.answers))
            link.waiting, link.is_over = report.waiting, report.is_over
            now = time.monotonic()
            learn(self.paces, report.lease, now)
            count_taken(link.taken, report.lease)
            link.turns += [give_turn(self.paces, wanted, now) for wanted in report.lease.wanted]
        for key, problem in report.closed_lanes:
            self.paces.get(key).close(problem)

    def outcomes(self, link: WorkerLink, answers: list[RowResult]) -> list[tuple[int, Outcome]]:
        """Return what came of rows, once their calls are on their way into the ledger."""
        found: list[tuple[int, Outcome]] = []
        with self.lock:
            if self.is_left and self.is_closed:  # these calls are written as cut off
                return found
            for answer in answers:
                for entry in answer.entries:
                    self.record(entry)
                if sent := link.sent.get(answer.number):
                    link.booked.add(answer.number)
                    found.append((answer.number, (sent.row, answer.result())))
        return found

    def finish(self, outcomes: list[tuple[int, Outcome]]) -> None:
        """Keep results, in their order where that counts."""
        if not outcomes:
            return
        with self.lock:
            if self.is_closed:
                return
            self.done |= dict(outcomes)
            ready = [*self.done]
            if self.ordered:
                ready = [*takewhile(self.done.__contains__, count(self.kept))]
            values = [self.done.pop(number) for number in ready]
            self.kept += len(values)
            if values:
                self.keep(values)
