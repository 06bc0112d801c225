"""A worker asks rows, and begins no more of them than the run allows before it keeps results."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Iterator
from itertools import islice

import pytest
from bulk import Counting, bulk_server
from commands import Home

from loki.batch.rows import ReadyRow
from loki.edge.batch.worker import BatchWorker, Parcel, WorkerReport, WorkerSettings
from loki.records import Ask


@pytest.fixture
def server(home: Home) -> Iterator[Counting]:
    """A server that answers at once, and a home that knows it."""
    with bulk_server() as server:
        home.local(server.address)
        yield server


def rows(count: int) -> list[tuple[int, ReadyRow]]:
    """Return rows by their numbers."""
    return [(i, ReadyRow(i, i, f"k{i}", Ask(f"p{i}", model="local:m"))) for i in range(count)]


def exchange(worker: BatchWorker, parcel: Parcel) -> WorkerReport:
    """Exchange as Dask does."""
    answer: WorkerReport = pickle.loads(asyncio.run(worker.exchange_bytes(pickle.dumps(parcel))))
    return answer


def reports(worker: BatchWorker, share: int) -> Iterator[WorkerReport]:
    """Yield what a worker reports that is sent nothing more."""
    while True:
        yield exchange(worker, Parcel([], share))


def started(home: Home) -> BatchWorker:
    """Return a worker with the configuration of this home."""
    return BatchWorker(WorkerSettings(), home.variables())


def test_it_answers_every_row_once_and_ends_when_it_is_told(home: Home, server: Counting) -> None:
    worker = started(home)
    found = exchange(worker, Parcel(rows(50), 8)).answers
    for report in reports(worker, 8):
        found += report.answers
        if len(found) == 50:
            break
    lines = {answer.number: answer.line for answer in found}
    assert {i: line and line["text"] for i, line in lines.items()} == {
        i: f"echo p{i}" for i in range(50)
    }
    assert all(len(answer.entries) == 1 for answer in found)
    assert not exchange(worker, Parcel([], 8)).is_over
    ends = (exchange(worker, Parcel([], 8, is_last=True)) for _ in range(100))
    assert any(report.is_over for report in ends)


def test_it_begins_no_more_than_its_share_before_the_run_has_kept_results(
    home: Home, server: Counting
) -> None:
    worker, kept = started(home), 0
    report = exchange(worker, Parcel(rows(60), 6))
    while kept < 60:
        time.sleep(0.05)  # seconds in which it could begin all of them
        assert server.counts["seen"] <= kept + 6
        kept += len(report.answers)
        report = exchange(worker, Parcel([], 6))
    assert server.counts["seen"] == 60


def test_a_report_waits_for_half_of_what_is_in_flight(home: Home) -> None:
    with bulk_server(latency=0.3) as slow:
        home.local(slow.address)
        worker = started(home)
        first = exchange(worker, Parcel(rows(12), 12))
        result = [first, *islice(reports(worker, 12), 8)]
        sizes = [len(report.answers) for report in result if report.answers]
    assert sum(sizes) == 12 and max(sizes) >= 3  # not one by one


def test_a_row_s_failure_is_its_own(home: Home, server: Counting) -> None:
    worker = started(home)
    wrong = (0, ReadyRow(0, 0, "k", Ask("p", model="nobody:m")))
    found = exchange(worker, Parcel([wrong, *rows(2)[1:]], 4)).answers
    while len(found) < 2:
        found += exchange(worker, Parcel([], 4)).answers
    kinds = {answer.number: answer.problem and answer.problem.kind for answer in found}
    assert kinds == {0: "config", 1: None}


def test_a_configuration_that_is_wrong_is_why_it_can_ask_nothing(home: Home) -> None:
    home.configure("clients: 5\n")
    report = exchange(started(home), Parcel([], 4))
    assert report.is_over and report.error is not None and report.error.kind == "config"
