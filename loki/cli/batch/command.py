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
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import chain
from queue import SimpleQueue
from threading import Timer

from returns.result import Failure, Result, Success

from loki.batch.jobs import Bad, Job, Plan, Row, ask_row, rows
from loki.cli import console
from loki.cli.batch.state import Run, goes_on
from loki.cli.pipe import attachment, schema_of, tools_of
from loki.cli.progress import progress
from loki.cli.startup import env_of, environment, failed, how_to_ask, warner
from loki.edge import files
from loki.edge.batch.input import Source, source
from loki.edge.batch.output import Output, output, standing
from loki.edge.batch.rate_limiter import Pacer
from loki.edge.batch.workers import Crew, stay_on_a_core
from loki.edge.ledger.writer import Ledger, path_of
from loki.pipeline import Env
from loki.problems import EXIT_CODES, Problem, fail
from loki.railway import gather
from loki.records import JsonObject, Message, Task
from loki.stages.account import Entry
from loki.stages.resolve import quota, resolve, worst_case

#: A row, and its line or why there is none.
Outcome = tuple[Row, Result[JsonObject, Problem]]
#: Asks a row on another machine.
Remote = Callable[[Job], Result[JsonObject, Problem]]


@dataclass(frozen=True, slots=True)
class Order:
    """What a call of the command is about."""

    prog: str
    flags: Namespace
    env: Env
    plan: Plan
    inputs: Source
    pacer: Pacer
    cluster: Remote | None


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
    pacer = Pacer(flags.rpm, flags.tpm, lambda request: quota(request.draft.target))
    own = env_of(flags, environ, prog, paced=pacer.paced)
    return gather((own, source(next(iter(flags.text), "-"), form))).bind(
        lambda found: (
            plan_of(flags, form, found[0].config.model)
            .bind(lambda plan: affordable(flags, found[0], plan))
            .bind(
                lambda plan: remote(flags, found[0], plan, pacer).map(
                    lambda cluster: Order(prog, flags, found[0], plan, found[1], pacer, cluster)
                )
            )
        )
    )


def plan_of(flags: Namespace, form: str, model: str | None) -> Result[Plan, Problem]:
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
        )
    )


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


def remote(flags: Namespace, env: Env, plan: Plan, pacer: Pacer) -> Result[Remote | None, Problem]:
    """The cluster of ``--scheduler``, if there is one."""
    if not flags.scheduler or flags.check:
        return Success(None)
    if flags.proxy or flags.patch:
        name = "--proxy" if flags.proxy else "--patch"
        return fail("usage", f"{name} does not reach a cluster: its workers have a configuration")
    if env.config.budget:
        return fail("usage", "--scheduler: no cluster keeps a budget; take --max-cost instead")
    from loki.edge.batch.dask import over_there, reach

    return reach(flags.scheduler).map(lambda cluster: over_there(cluster, plan.embed, env, pacer))


# ---- the run -----------------------------------------------------------------------------------


def go(order: Order, out: Output) -> int:
    """Send the rows, write their lines, say how it went; the exit code."""
    plan, flags = order.plan, order.flags
    run = Run(out, flags.in_flight, plan.ask.model, flags.max_cost)
    why: list[str] = []
    with bookkept(order) as (env, book):

        def keep(outcomes: list[Outcome]) -> None:
            book()  # before their rows, for a row says that it was paid for
            run.take(outcomes)
            if not why and (run.fatal or run.is_spent()):
                halt(run.fatal.kind if run.fatal else "--max-cost")

        def halt(reason: str) -> None:
            why.append(reason)
            order.pacer.stop.set()
            crew.halt()

        work = partial(one, env, plan.embed, order.cluster)
        left = run.left(rows(plan, order.inputs.lines))
        crew = Crew(work, left, keep, flags.in_flight, flags.ordered)
        with (
            interruptible(why, halt),
            timed(flags.max_time, halt),
            progress(order.prog, flags.quiet, run, order.inputs) as tick,
        ):
            crew.run(tick)
    return end(order.prog, flags, run, why)


@contextmanager
def bookkept(order: Order) -> Iterator[tuple[Env, Callable[[], None]]]:
    """The pipeline with a ledger of its own, and what writes the lines of all that is done.

    Those that are there together take less than one by one; a budget needs each at once.
    """
    if order.flags.no_ledger or order.env.config.budget:
        yield order.env, lambda: None
        return
    ledger = Ledger(path_of(os.environ), warner(order.flags, order.prog))
    told: SimpleQueue[Entry] = SimpleQueue()

    def book() -> None:
        entries = [told.get() for _ in range(told.qsize())]
        if entries:
            ledger.record_all(entries)

    try:
        yield replace(order.env, record=told.put), book
    finally:
        book()


def one(env: Env, embed_it: bool, cluster: Remote | None, row: Row) -> Outcome:
    """A row and what came of it."""
    if isinstance(row, Bad):
        return row, Failure(row.problem)
    return row, cluster(row) if cluster else ask_row(env, embed_it, row)


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
    if why and not flags.quiet:
        reason = {"SIGINT": "Ctrl-C"}.get(why[0], why[0])
        console.talk(f"{prog}: ended early ({reason}); to go on: {goes_on(prog)}")
    if run.fatal:
        return EXIT_CODES[run.fatal.kind]
    return ENDS[why[0]] if why else int(bool(run.failed))


ENDS = {"SIGINT": 130, "SIGTERM": 143, "--max-cost": 80, "--max-time": 75}


# ---- --check -----------------------------------------------------------------------------------


def count(order: Order) -> int:
    """What is left, and what it may cost; nothing is sent and nothing is written."""
    flags, plan = order.flags, order.plan
    stands = standing(flags.output)
    if not isinstance(stands, Success):
        return failed(order.prog, stands.failure(), "text")
    run = Run(stands.unwrap(), flags.in_flight, plan.ask.model)
    task: Task = "embedding" if plan.embed else "chat"
    left, bad, worst = 0, 0, [Decimal(0)]
    for row in run.left(rows(plan, order.inputs.lines)):
        target = (
            None
            if isinstance(row, Bad)
            else resolve(order.env.config, task)(row.ask).value_or(None)
        )
        if target is None:
            bad += 1
            continue
        left += 1
        worst = [each + add for each in worst for add in [worst_case(target)] if add is not None]
    unknown = "at a price nobody knows: give --max-tokens, or prices in the configuration"
    price = f"at most ${worst[0].normalize():f}" if worst else unknown
    told = chain(
        [f"{left:,} left, {price}"],
        [f"{run.skipped:,} answered before"] if run.skipped else [],
        [f"{bad:,} that cannot be asked"] if bad else [],
        [f"{run.repeated:,} repeated"] if run.repeated else [],
    )
    console.out(" · ".join(told) + "\n")
    return 0
