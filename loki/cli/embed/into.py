"""loki-embed --into: the texts that are new -> their vectors -> a store; a summary on stderr."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TypeAlias

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.describe import format_count
from loki.cli.embed.input import Item
from loki.cli.embed.output import Batch, BatchResult, embed_batch
from loki.cli.embed.run import Totals, counting_call, summarize_rejected
from loki.edge.batch.threads import map_threaded
from loki.edge.retrieval.store import StoreWriting
from loki.pipeline import Env
from loki.problems import Problem
from loki.replies import Vector
from loki.retrieval.passages import Passage

#: A passage with its vector; None for a text that was rejected.
Row: TypeAlias = tuple[Passage, Vector] | None


@dataclass
class NewItemFilter:
    """The items that a store does not have; it says when no more come for a while."""

    adding: StoreWriting
    is_idle: bool = False
    problem: Problem | None = None  # with writing what had come, while no more came

    def select_new(self, items: Iterable[Item | None]) -> Iterator[Item | None]:
        """Yield those items that are new, and those that have a problem."""
        for item in items:
            self.is_idle = item is None
            if item is None or self.is_wanted(item):
                yield item
            if item is None:
                rested = self.adding.writer.rest()
                self.problem = self.problem or problem_of(rested)

    def is_wanted(self, item: Item) -> bool:
        """Return whether an item is to be sent, or to be counted as rejected."""
        if item.problem:
            self.adding.writer.begin()
            return True
        return self.adding.writer.is_new(passage_of(item))


def problem_of(result: Result[None, Problem]) -> Problem | None:
    """Return what went wrong, if anything did."""
    return None if isinstance(result, Success) else result.failure()


def passage_of(item: Item) -> Passage:
    """Return what a store keeps of an item."""
    return Passage(item.text, item.line_head.get("id"), item.source, item.line, item.fields)


def row_of(item: Item, vector: Vector | Problem) -> Row:
    """Return an item with its vector, for the store."""
    return None if isinstance(vector, Problem) else (passage_of(item), vector)


def run_into(
    env: Env,
    adding: StoreWriting,
    items: Iterator[Item | None],
    batches_of: Callable[[Iterator[Item | None]], Iterator[Batch | Problem]],
    flags: Namespace,
    console: Console,
) -> int:
    """Embed what is new and write it into the store; return the exit code."""
    totals, start, new = Totals(), time.monotonic(), NewItemFilter(adding)
    work = partial(embed_batch, counting_call(env, adding.ask, totals), row_of, Event())
    count = IntoCount()
    try:
        with closing(
            map_threaded(work, batches_of(new.select_new(items)), max(1, flags.in_flight))
        ) as all_:
            problem = write_all(all_, adding, new, count)
    finally:  # also on Ctrl-C: what came has been paid for
        closed = adding.writer.close()
    problem = problem or new.problem or problem_of(closed)
    if not problem and count.first_problem:
        problem = summarize_rejected(count.texts, count.rejected, count.first_problem)
    code = console.report(problem) if problem else 0
    if other := adding.writer.other_ids:
        ids = f"{other:,} id{' has' if other == 1 else 's have'} a text that came before"
        console.warn(f"{ids}, and a store has each text once: not added")
    console.warn(format_summary(adding, totals, time.monotonic() - start, flags.into))
    return code


@dataclass
class IntoCount:
    """How many texts were sent, how many of them rejected, and why the first was."""

    texts: int = 0
    rejected: int = 0
    first_problem: Problem | None = None

    def add(self, result: BatchResult[Row]) -> None:
        """Count a batch."""
        self.texts += len(result.lines)
        self.rejected += len(result.rejected)
        self.first_problem = self.first_problem or next(iter(result.rejected), None)


def write_all(
    results: Iterable[BatchResult[Row]], adding: StoreWriting, new: NewItemFilter, count: IntoCount
) -> Problem | None:
    """Write batches as they come; return the problem that ends the run, if any."""
    for result in results:
        count.add(result)
        written = write(result, adding, new.is_idle)
        if not isinstance(written, Success):
            return written.failure()
        if result.fatal:
            return result.fatal
    return None


def write(result: BatchResult[Row], adding: StoreWriting, is_idle: bool) -> Result[None, Problem]:
    """Hand a batch to the store; it is written at once where no more comes for a while."""
    added = adding.writer.add([row for row in result.lines if row])
    adding.writer.turn.arrive(len(result.lines))
    flushed = added.bind(lambda _: adding.writer.flush() if is_idle else Success(None))
    return flushed.bind(lambda _: adding.writer.rest() if is_idle else Success(None))


def format_summary(adding: StoreWriting, totals: Totals, seconds: float, path: str) -> str:
    """Return the line on stderr: what the store got, and what it took."""
    writer = adding.writer
    tokens = f"{format_count(totals.tokens)} tokens"
    cost = "cost unknown" if totals.cost is None else f"${totals.cost.normalize():f}"
    parts = (
        f"{path}: {writer.added:,} text{'' if writer.added == 1 else 's'} added",
        f"{writer.present:,} there already" if writer.present else "",
        adding.target.name,
        *((tokens, cost) if totals.model else ()),
        f"{seconds:.1f} s",
    )
    return " · ".join(filter(None, parts))
