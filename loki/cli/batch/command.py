"""loki-batch: rows and flags -> a line for each row, and how it went."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache, partial
from queue import SimpleQueue
from threading import Lock, Timer
from traceback import extract_tb

from returns.result import Failure, Result, Success

from loki.batch.jobs import Bad, Job, Plan, Row, ask_row, rows
from loki.cli import console
from loki.cli.batch.state import Run, goes_on
from loki.cli.main import saved
from loki.cli.progress import progress
from loki.cli.prompt import attachment, schema_of, tools_of
from loki.cli.startup import env_of, environment, failed, how_to_ask, warner
from loki.edge import files
from loki.edge.batch.cost_limit import CostLimit
from loki.edge.batch.input import Source, source
from loki.edge.batch.output import Output, output
from loki.edge.batch.rate_limiter import STOPPED, Paces
from loki.edge.batch.workers import Crew, stay_on_a_core
from loki.edge.ledger.writer import Ledger, ledger_path
from loki.money.budget import format_dollars
from loki.money.estimate import estimate_quota, worst_case
from loki.pipeline import Env
from loki.problems import EXIT_CODES, Problem, fail
from loki.railway import gather
from loki.record import record
from loki.records import Ask, Config, JsonObject, Message, Task
from loki.stages.account import Entry, is_free
from loki.stages.resolve import resolve, unknown_worst_case

#: A row, and its line or why there is none.
Outcome = tuple[Row, Result[JsonObject, Problem]]
#: Asks a row, here or on another machine.
Asker = Callable[[Job], Result[JsonObject, Problem]]


@record
class Order:
    """What a call of the command is about."""

    prog: str
    flags: Namespace
    env: Env
    plan: Plan
    inputs: Source
    paces: Paces
    cluster: Asker | None


def batch(prog: str, flags: Namespace) -> int:
    """Send every row that was not answered before; the exit code."""
    gc.enable()  # unlike other filters, this one may run for hours
    stay_on_a_core()
    environ = environment(flags)
    ready = usable(flags).bind(lambda _: order_of(prog, flags, environ))
    if not isinstance(ready, Success):
        return failed(prog, ready.failure(), "text")
    order = ready.unwrap()
    if flags.check:
        from loki.cli.batch.check import count

        return count(order)
    with output(flags.output, files.directory("state", environ)) as opened:
        if not isinstance(opened, Success):
            return failed(prog, opened.failure(), "text")
        return go(order, opened.unwrap())


def usable(flags: Namespace) -> Result[None, Problem]:
    """Whether the flags go together."""
    if len(flags.text) > 1:
        return fail("usage", f"one input at most: {flags.text[1]!r} is a second one")
    if flags.lines and flags.csv:
        return fail("usage", "--lines and --csv: a line is a prompt, or a row of a table")
    if flags.lines and flags.template:
        return fail("usage", "--template needs fields: JSON lines, or --csv")
    if not flags.in_flight:
        return fail("usage", "-j 0: nothing would be sent")
    if flags.text in ([], ["-"]) and (sys.stdin is None or sys.stdin.isatty()):
        return fail("usage", "no rows: name a file, or pipe JSON lines in")
    return Success(None)


def order_of(prog: str, flags: Namespace, environ: dict[str, str]) -> Result[Order, Problem]:
    """The pipeline, what holds for every row, and where rows come from and go through."""
    form = "lines" if flags.lines else "csv" if flags.csv else "json"
    paces = Paces(flags.rpm, flags.tpm, lambda request: estimate_quota(request.draft.target))
    own = env_of(flags, environ, prog, paced=paces.paced)
    return gather((own, source(next(iter(flags.text), "-"), form))).bind(
        lambda found: (
            plan_of(prog, flags, form, found[0].config.model)
            .bind(lambda plan: affordable(flags, found[0], plan))
            .bind(
                lambda plan: remote(flags, found[0], plan, paces).map(
                    lambda cluster: Order(prog, flags, found[0], plan, found[1], paces, cluster)
                )
            )
        )
    )


def plan_of(prog: str, flags: Namespace, form: str, model: str | None) -> Result[Plan, Problem]:
    """What holds for every row."""
    return gather((schema_of(flags), tools_of(flags))).map(
        lambda told: Plan(
            replace(
                how_to_ask(flags),
                messages=(Message("system", flags.prompt),) if flags.prompt else (),
                model=flags.model or model,
                schema=told[0],
                tools=told[1],
                stream=False,
                tag=flags.tag or time.strftime("batch-%Y%m%d-%H%M%S"),
            ),
            form=form,
            template=flags.template,
            embed=flags.embed,
            attach=attachment,
            bug=bug_keeper(prog),
        )
    )


def bug_keeper(prog: str) -> Callable[[Exception], Problem]:
    """Return what makes a Problem of a bug; the traceback of each is saved once."""
    found: dict[tuple[str, int], Problem] = {}
    lock = Lock()

    def keep(bug: Exception) -> Problem:
        frames = extract_tb(bug.__traceback__)
        ours = [each for each in frames if f"{os.sep}loki{os.sep}" in each.filename] or frames
        place = f"{type(bug).__name__} in {ours[-1].filename}", ours[-1].lineno or 0
        with lock:
            if place not in found:
                found[place] = Problem("bug", saved(prog, bug))
            return found[place]

    return keep


def affordable(flags: Namespace, env: Env, plan: Plan) -> Result[Plan, Problem]:
    """Whether the run's model is there, and has a price if there is a limit to what it may cost."""
    if plan.ask.model is None:
        return Success(plan)  # each row names its own
    probe = replace(plan.ask, messages=(Message("user", "?"),))
    found = resolve(env.config, "embedding" if plan.embed else "chat")(probe)
    return found.bind(
        lambda target: (
            fail("budget", f"--max-cost: nobody knows the price of {target.name}")
            if flags.max_cost is not None and target.model.price.input is None
            else Success(plan)
        )
    )


def remote(flags: Namespace, env: Env, plan: Plan, paces: Paces) -> Result[Asker | None, Problem]:
    """The cluster of ``--scheduler``, if there is one."""
    if not flags.scheduler or flags.check:
        return Success(None)
    if flags.proxy or flags.patch:
        name = "--proxy" if flags.proxy else "--patch"
        return fail("usage", f"{name} does not reach a cluster: its workers have a configuration")
    if env.config.budget:
        return fail("usage", "--scheduler: no cluster keeps a budget; take --max-cost instead")
    from loki.edge.batch.dask import over_there, reach

    return reach(flags.scheduler).map(lambda cluster: over_there(cluster, plan.embed, env, paces))


# ---- the run -----------------------------------------------------------------------------------


def go(order: Order, out: Output) -> int:
    """Send the rows, write their lines, say how it went; the exit code."""
    plan, flags = order.plan, order.flags
    run = Run(out, flags.in_flight, plan.ask.model)
    task: Task = "embedding" if plan.embed else "chat"
    limit = CostLimit(flags.max_cost) if flags.max_cost is not None else None
    why: list[str] = []
    with bookkept(order) as (env, book):

        def keep(outcomes: list[Outcome]) -> None:
            book()  # before their rows, for a row says that it was paid for
            run.take(outcomes)
            reason = "" if why else reason_to_end(run, limit)
            if reason:
                halt(reason)

        def halt(reason: str) -> None:
            why.append(reason)
            order.paces.stop.set()
            crew.halt()

        def close(lane: str) -> None:
            crew.close(lane)
            if flags.ordered or plan.form != "json":  # no row can be of another one, or pass
                halt("busy")

        ask = order.cluster or partial(ask_row, env, plan.embed)
        ask = within(limit, env.config, task, order.paces, ask) if limit else ask
        lane = lanes(env.config, task)
        left = run.left(rows(plan, order.inputs.lines))
        work = partial(one, ask, plan.bug)
        crew = Crew(work, left, keep, flags.in_flight, flags.ordered, lane)
        order.paces.waiting, order.paces.closing = crew.waiting, close
        with (
            interruptible(why, halt),
            timed(flags.max_time, halt),
            progress(order.prog, flags.quiet, run, order.inputs) as tick,
        ):
            crew.run(tick)
    if not run.fatal and set(why) <= {"busy"}:
        run.fatal = not_before(order.paces)
    return end(order.prog, flags, run, why)


def reason_to_end(run: Run, limit: CostLimit | None) -> str:
    """Return why nothing more is to be sent, empty while there is no reason."""
    if run.fatal:
        return run.fatal.kind
    if limit is None or limit.missed is None:
        return ""
    run.notes.append(no_room(limit, limit.missed))
    return "--max-cost"


@contextmanager
def bookkept(order: Order) -> Iterator[tuple[Env, Callable[[], None]]]:
    """The pipeline with a ledger of its own, and what writes the lines of all that is done.

    Those that are there together take less than one by one; a budget needs each at once.
    """
    if order.flags.no_ledger or order.env.config.budget:
        yield order.env, lambda: None
        return
    ledger = Ledger(ledger_path(os.environ), warner(order.flags, order.prog))
    told: SimpleQueue[Entry] = SimpleQueue()

    def book() -> None:
        entries = [told.get() for _ in range(told.qsize())]
        if entries:
            ledger.record_all(entries)

    try:
        yield replace(order.env, record=told.put), book
    finally:
        book()


def one(ask: Asker, kept: Callable[[Exception], Problem], row: Row) -> Outcome:
    """A row and what came of it; a bug of ours is a failure of this row alone."""
    if isinstance(row, Bad):
        return row, Failure(row.problem)
    try:
        return row, ask(row)
    except Exception as bug:
        return row, Failure(replace(kept(bug), sent=True))  # for all that we know


def lanes(config: Config, task: Task) -> Callable[[Row], str]:
    """Return what tells the client and model of a row; rows that are alike wait for each other."""

    @lru_cache(1000)
    def lane(model: str | None) -> str:
        probe = Ask((Message("user", "?"),), model=model)
        return resolve(config, task)(probe).map(lambda target: target.name).value_or(model or "")

    return lambda row: lane(row.ask.model) if isinstance(row, Job) else ""


def within(limit: CostLimit, config: Config, task: Task, paces: Paces, ask: Asker) -> Asker:
    """Ask a row only if it cannot make the run cost more than ``--max-cost``."""

    def stage(job: Job) -> Result[JsonObject, Problem]:
        found = resolve(config, task)(job.ask)
        if not isinstance(found, Success):
            return Failure(found.failure())
        target = found.unwrap()
        worst = worst_case(target)
        if worst is None:
            return Failure(unknown_worst_case(target))
        if not limit.reserve(worst, lambda: paces.waiting(target.name)):
            return Failure(STOPPED)
        cost: Decimal | None = None
        try:
            result = ask(job)
            cost = cost_of(result)
            return result
        finally:
            limit.settle(worst, cost)

    return stage


def cost_of(result: Result[JsonObject, Problem]) -> Decimal | None:
    """Return what a row cost in US dollars, None where nobody knows."""
    if isinstance(result, Success):
        cost = result.unwrap()["cost"]
        return None if cost is None else Decimal(str(cost))
    problem = result.failure()
    return Decimal(0) if is_free(problem) else problem.cost


def no_room(limit: CostLimit, worst: Decimal) -> str:
    """Return why ``--max-cost`` ended a run."""
    gone = limit.allowance
    spent = f"{format_dollars(gone.spent)} of --max-cost {format_dollars(gone.limit)} is spent"
    return f"{spent}, and the next row could cost {format_dollars(worst)}"


def not_before(paces: Paces) -> Problem | None:
    """Return why to come back later, where a server asked for a longer wait than allowed."""
    found = paces.closed()
    if not found:
        return None
    late = max(found, key=lambda each: each[1].retry_at or 0.0)[1]
    words = "; ".join(f"{key}: {problem.message}" for key, problem in found)
    return replace(late, message=f"{words}; its rows are left for later")


@contextmanager
def interruptible(why: list[str], halt: Callable[[str], None]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM lets what is under way be finished; a second one does not."""

    def leave(number: int, frame: object) -> None:
        name = signal.Signals(number).name
        if name in why:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(143)
        console.talk("stopping: what is under way is finished; once more stops at once")
        halt(name)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def timed(seconds: float | None, halt: Callable[[str], None]) -> Iterator[None]:
    """After so many seconds nothing more begins, however long the rows under way take."""
    timer = Timer(seconds or 0, halt, ["--max-time"])
    timer.daemon = True
    if seconds:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def end(prog: str, flags: Namespace, run: Run, why: list[str]) -> int:
    """Say how it went, and the exit code."""
    for note in run.notes if not flags.quiet else ():
        console.talk(f"{prog}: {note}")
    if flags.summary:
        try:
            with open(flags.summary, "w", encoding="utf-8") as file:
                file.write(console.compact(run.summary()) + "\n")
        except OSError as error:
            console.talk(f"{prog}: cannot write {flags.summary}: {error.strerror}")
    if run.fatal:
        console.complain(prog, run.fatal, "text")
    if not flags.quiet:
        console.talk(f"{prog}: {run.words()}")
    why = why or ([run.fatal.kind] if run.fatal else [])
    if why and not flags.quiet:
        reason = {"SIGINT": "Ctrl-C"}.get(why[0], why[0])
        console.talk(f"{prog}: ended early ({reason}); to go on: {goes_on(prog)}")
    if run.fatal:
        return EXIT_CODES[run.fatal.kind]
    return ENDS[why[0]] if why else int(bool(run.failed))


ENDS = {"SIGINT": 130, "SIGTERM": 143, "--max-cost": 80, "--max-time": 75}
