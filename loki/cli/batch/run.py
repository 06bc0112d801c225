"""loki-batch: the context of a call -> its rows sent, their lines written; the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from returns.result import Failure, Result, Success

from loki.batch.ask_row import ask_row
from loki.batch.cached_row import try_cache_first
from loki.batch.lanes import lane_finder
from loki.batch.read_rows import read_rows
from loki.batch.row_files import find_among, read_files
from loki.batch.rows import CountedRows, InvalidRow, ReadyRow, Row
from loki.cli.batch.books import interrupted_entry, open_books
from loki.cli.batch.context import BatchContext
from loki.cli.batch.end import report_end
from loki.cli.batch.interrupts import halting_after, halting_on_signals
from loki.cli.batch.run_state import RunState
from loki.cli.batch.shared_failure import find_shared_failure
from loki.cli.batch.stop_reason import StopReason
from loki.cli.progress import progress
from loki.cli.startup import uses_cache
from loki.edge.batch.cost_limit import CostLimit
from loki.edge.batch.output import Output
from loki.edge.batch.rate_limiter import STOPPED, Pacers
from loki.edge.batch.read_slow import ReadFiles, until_stopped
from loki.edge.batch.spending import Spending, cost_of, highest_worst_cost
from loki.edge.batch.worker_pool import WorkerPool
from loki.edge.ledger.writer import Ledger, ledger_path
from loki.json_text import JsonObject
from loki.pipeline import Env
from loki.price import format_dollars
from loki.problems import Problem
from loki.record import replace
from loki.records import Task

if TYPE_CHECKING:
    from loki.edge.batch.cluster_pool import ClusterPool
    from loki.edge.batch.dask_cluster import Cluster

#: A row, and its line or why there is none.
Outcome = tuple[Row, Result[JsonObject, Problem]]
#: Asks a row, here or on another machine.
Asker = Callable[[ReadyRow], Result[JsonObject, Problem]]


class BatchRun:
    """A run from its first row to its exit code."""

    def __init__(self, context: BatchContext, out: Output) -> None:
        self.context, self.flags = context, context.flags
        self.task: Task = "embedding" if context.defaults.embed else "chat"
        self.state = RunState(
            out,
            context.flags.in_flight,
            context.defaults.ask.model,
            context.console.redactor,
            context.console.warn,
            find_shared_failure(
                *(context.env, context.defaults, self.task),
                context.flags.max_cost is not None,
                context.flags.fallback,
            ),
            bool(context.env.patches),
        )
        self.limit = CostLimit(self.flags.max_cost) if self.flags.max_cost is not None else None
        self.stop = StopReason()
        self.is_left = False  # what was under way is not waited for
        self.is_ordered = context.flags.ordered and not out.path  # a file is sorted at the end

    def run(self) -> int:
        """Send the rows, write their lines, say how it went; return the exit code."""
        context, state = self.context, self.state
        if problem := state.skip_rows_in_jobs():
            return context.console.report(problem)
        with open_books(context, self.is_ordered) as self.books:
            rows = read_rows(context.defaults, context.inputs.lines)
            self.left = CountedRows(state.pending(rows))
            read = partial(read_files, context.defaults, find_among(state.out.done, state.away))
            self.pool = pool_of(
                *(context, self.books.env, self.task, self.limit, self.left, self.record_outcomes),
                *(read, self.is_ordered),
            )
            context.paces.closing = self.close_lane
            with (
                halting_on_signals(self.stop, self.halt, self.leave) as notes,
                halting_after(self.flags.max_time, self.halt),
                progress(context.console, state, context.inputs, notes) as tick,
            ):
                self.pool.run(tick)
            if self.is_left:
                self.book_cut_off()
        self.finish_output()
        state.fatal = state.fatal or self.pool.problem
        if self.is_complete():
            self.stop.clear()
        if not state.fatal and self.stop.is_only("busy") and self.has_unsent_rows():
            state.fatal = retry_time_problem(context.paces)
        left = self.count_left() if self.flags.summary else None
        is_piped = not context.inputs.path
        return report_end(context.console, self.flags.summary, state, self.stop, left, is_piped)

    def finish_output(self) -> None:
        """See that the output has all of its rows, in their order if they are to have one."""
        out = self.state.out
        out.finish()
        self.state.check_output()
        if self.flags.ordered and not self.is_left and (error := out.put_in_order()):
            lack = f"{out.path} is not in the order of the input yet: {error.strerror}"
            self.state.unsorted = Problem("output", f"{lack}; the same command sorts it")

    def is_complete(self) -> bool:
        """Return whether every row has its line, so that nothing was ended early.

        The rest of a pipe is not awaited to find out.
        """
        if self.left.count == self.state.rows_settled and self.can_read_on():
            next(self.left, None)
        return self.left.is_over and self.left.count == self.state.rows_settled

    def count_left(self) -> int | None:
        """Return how many rows have no line yet; None where only the rest of a pipe would tell."""
        if self.can_read_on():
            for _ in self.left:
                pass
        return self.left.count - self.state.rows_settled if self.left.is_over else None

    def can_read_on(self) -> bool:
        """Return whether the rest of the input can be read here and now."""
        return os.path.isfile(self.context.inputs.path) and not self.left.is_reading

    def has_unsent_rows(self) -> bool:
        """Return whether rows are left because a server asks for too long a wait."""
        return bool(self.state.unsent or not self.flags.fallback)

    def record_outcomes(self, outcomes: list[Outcome]) -> None:
        """Write some rows, and end the run if they are a reason to."""
        self.books.write()  # before their rows, for a row says that it was paid for
        self.state.add(outcomes)
        reason = "" if self.stop.is_set() else reason_to_end(self.state, self.limit)
        if reason:
            self.halt(reason)

    def halt(self, reason: str) -> None:
        """Begin nothing more."""
        self.stop.set(reason)
        self.context.paces.stop.set()
        self.pool.halt()

    def leave(self) -> None:
        """Wait for nothing more; signals may call this, whatever is held."""
        self.is_left = True
        self.pool.leave()

    def book_cut_off(self) -> None:
        """Write the calls in the ledger that were under way: they may be billed."""
        env, rows = self.books.env, (row for row in self.pool.cut_off if isinstance(row, ReadyRow))
        entries = (interrupted_entry(env, self.task, row).value_or(None) for row in rows)
        self.state.cut_off = self.books.leave(filter(None, entries))

    def close_lane(self, lane: str) -> None:
        """Send nothing more to a client and model, unless another may answer its rows."""
        if self.flags.fallback:
            return
        self.pool.close_lane(lane)
        if self.is_ordered or self.context.defaults.input_format != "json":
            self.halt("busy")  # no row can be another's, or pass


def pool_of(
    context: BatchContext,
    env: Env,
    task: Task,
    limit: CostLimit | None,
    left: Iterator[Row],
    keep: Callable[[list[Outcome]], None],
    read: ReadFiles,
    is_ordered: bool,
) -> WorkerPool[Row, Outcome] | ClusterPool:
    """Return what asks the rows: threads here, or the workers of a cluster."""
    plan, flags, lane = context.defaults, context.flags, lane_finder(env.config, task)
    if context.cluster is not None:
        rest = limit, left, keep, read, is_ordered
        return cluster_pool(context, context.cluster, env, task, *rest)
    ask: Asker = partial(ask_row, env, plan.embed, fallback=flags.fallback)
    if limit:
        ask = with_cost_limit(limit, env, task, context.paces, ask, flags.fallback)
        ask = try_cache_first(env, plan.embed, ask) if uses_cache(flags, os.environ) else ask
    work = partial(answer_row, until_stopped(read, context.paces.stop), ask, plan.report_bug)
    pool = WorkerPool(work, left, keep, flags.in_flight, is_ordered, lane)
    context.paces.waiting = pool.waiting
    return pool


def cluster_pool(
    context: BatchContext,
    cluster: Cluster,
    env: Env,
    task: Task,
    limit: CostLimit | None,
    left: Iterator[Row],
    keep: Callable[[list[Outcome]], None],
    read: ReadFiles,
    is_ordered: bool,
) -> ClusterPool:
    """Return what asks the rows on a cluster, within its budgets."""
    from loki.edge.batch.cluster_pool import ClusterPool
    from loki.edge.batch.worker import WorkerSettings
    from loki.edge.ledger.budget import Budget

    flags, config = context.flags, env.config
    say = context.console.warn
    ledger = Ledger(ledger_path(os.environ), say, env.redactor)
    unpriced, has_rows = config.allow_unpriced, not flags.no_ledger
    budget = Budget(config.budget, ledger, env.now, say, unpriced, keep=has_rows)
    return ClusterPool(
        cluster,
        WorkerSettings(
            context.defaults.embed, tuple(flags.fallback), env.patches, flags.rpm, flags.tpm
        ),
        left,
        keep,
        env.record,
        flags.in_flight,
        context.paces,
        Spending(env, task, limit, budget if config.budget else None, flags.fallback),
        is_ordered,
        lane_finder(config, task),
        read,
    )


def reason_to_end(run: RunState, limit: CostLimit | None) -> str:
    """Return why nothing more is to be sent, empty while there is no reason."""
    if run.fatal:
        return run.fatal.kind
    if limit is None or limit.missed is None:
        return ""
    run.over = Problem("budget", describe_spent(limit, limit.missed))
    return "--max-cost"


def answer_row(
    read: ReadFiles, ask: Asker, kept: Callable[[Exception], Problem], row: Row
) -> Outcome:
    """A row and what came of it; a bug of ours is a failure of this row alone."""
    row = row if isinstance(row, InvalidRow) else read(row)
    if isinstance(row, InvalidRow):
        return row, Failure(row.problem)
    try:
        return row, ask(row)
    except Exception as bug:
        return row, Failure(replace(kept(bug), sent=True))  # for all that we know


def with_cost_limit(
    limit: CostLimit, env: Env, task: Task, paces: Pacers, ask: Asker, fallback: Sequence[str] = ()
) -> Asker:
    """Ask a row only if it cannot make the run cost more than ``--max-cost``."""

    def stage(row: ReadyRow) -> Result[JsonObject, Problem]:
        worst = highest_worst_cost(env, task, row, fallback)
        if not isinstance(worst, Success):
            return Failure(worst.failure())
        amount, name = worst.unwrap()
        if (lack := limit.explain_too_dear(amount)) is not None:
            return Failure(lack)
        if not limit.reserve(amount, lambda: paces.waiting(name)):
            return Failure(STOPPED)
        cost: Decimal | None = None
        try:
            result = ask(row)
            cost = cost_of(result)
            return result
        finally:
            limit.settle(amount, cost)

    return stage


def describe_spent(limit: CostLimit, worst_cost: Decimal) -> str:
    """Return why ``--max-cost`` ended a run."""
    gone = limit.allowance
    spent = f"{format_dollars(gone.spent)} of --max-cost {format_dollars(gone.limit)} is spent"
    return f"{spent}, and the next row could cost {format_dollars(worst_cost)}"


def retry_time_problem(paces: Pacers) -> Problem | None:
    """Return why to come back later, where a server asked for a longer wait than allowed."""
    found = paces.closed()
    if not found:
        return None
    late = max(found, key=lambda each: each[1].retry_at or 0.0)[1]
    words = "; ".join(f"{key}: {problem.message}" for key, problem in found)
    return replace(late, message=f"{words}; its rows are left for later")
