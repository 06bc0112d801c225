"""loki-batch: rows and flags -> a line for each row, and how it went."""

from __future__ import annotations

import gc
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import chain
from threading import Timer

from returns.result import Failure, Result, Success

from loki.bulk import Bad, Job, Plan, Row, ask_row, rows
from loki.cli import show
from loki.cli.pipe import attachment, schema_of, tools_of
from loki.cli.progress import progress
from loki.cli.run import Run, goes_on
from loki.cli.start import env_of, environment, failed, limits_of
from loki.edge import files
from loki.edge.lines import Source, source
from loki.edge.outfile import Output, output
from loki.edge.pacer import Pacer
from loki.edge.pool import Flow
from loki.pipeline import Env
from loki.problems import EXIT_CODES, Problem, fail
from loki.railway import gather
from loki.records import Ask, JsonObject, Message, Request, Task
from loki.stages.resolve import resolve, size_of, worst_case

#: A row, and its line or why there is none.
Outcome = tuple[Row, Result[JsonObject, Problem]]
#: Asks a row on another machine.
Remote = Callable[[Job], Result[JsonObject, Problem]]


def batch(prog: str, flags: Namespace) -> int:
    """Send every row that was not answered before; the exit code."""
    gc.enable()  # unlike other filters, this one may run for hours
    environ = environment(flags)
    pacer = Pacer(flags.rpm, flags.tpm, size)
    ready = usable(flags).bind(lambda _: set_up(prog, flags, environ, pacer))
    if not isinstance(ready, Success):
        return failed(prog, ready.failure(), "text")
    env, plan, inputs = ready.unwrap()
    there = remote(flags, env, plan, pacer)
    if not isinstance(there, Success):
        return failed(prog, there.failure(), "text")
    rescue = files.directory("state", environ)
    with output(None if flags.check else flags.output, rescue) as opened:
        if not isinstance(opened, Success):
            return failed(prog, opened.failure(), "text")
        if flags.check:
            return count(prog, flags, env, plan, inputs)
        return go(prog, flags, env, plan, inputs, opened.unwrap(), pacer, there.unwrap())


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


def set_up(
    prog: str, flags: Namespace, environ: dict[str, str], pacer: Pacer
) -> Result[tuple[Env, Plan, Source], Problem]:
    """The pipeline, what holds for every row, and where rows come from."""
    form = "lines" if flags.lines else "csv" if flags.csv else "json"
    own = env_of(flags, environ, prog, paced=pacer.paced)
    return gather((own, source(next(iter(flags.text), "-"), form))).bind(
        lambda found: (
            plan_of(flags, form, found[0].config.model)
            .bind(lambda plan: affordable(flags, found[0], plan))
            .map(lambda plan: (found[0], plan, found[1]))
        )
    )


def plan_of(flags: Namespace, form: str, model: str | None) -> Result[Plan, Problem]:
    """What holds for every row."""
    return gather((schema_of(flags), tools_of(flags))).map(
        lambda told: Plan(
            Ask(
                messages=(Message("system", flags.prompt),) if flags.prompt else (),
                model=flags.model or model,
                temperature=flags.temperature,
                top_p=flags.top_p,
                max_tokens=flags.max_tokens,
                stop=tuple(flags.stop),
                seed=flags.seed,
                reasoning=flags.reasoning,
                schema=told[0],
                tools=told[1],
                tool_choice=flags.tool_choice,
                stream=False,
                limits=limits_of(flags),
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
    from loki.edge.cluster import over_there, reach

    return reach(flags.scheduler).map(lambda cluster: over_there(cluster, plan.embed, env, pacer))


def size(request: Request) -> int:
    """About how many tokens a request takes of a quota."""
    target = request.draft.target
    return size_of(target) + (target.ask.max_tokens or 0)


# ---- the run -----------------------------------------------------------------------------------


def go(
    prog: str,
    flags: Namespace,
    env: Env,
    plan: Plan,
    inputs: Source,
    out: Output,
    pacer: Pacer,
    cluster: Remote | None,
) -> int:
    """Send the rows, write their lines, say how it went."""
    run = Run(out, flags.in_flight, plan.ask.model, flags.max_cost)
    work = partial(one, env, plan.embed, cluster)
    flow = Flow(work, run.left(rows(plan, inputs.lines)), flags.in_flight)

    def halt() -> None:
        pacer.stop.set()
        flow.halt()

    why: list[str] = []
    with (
        interruptible(why, halt),
        timed(flags.max_time, why, halt),
        progress(prog, flags.quiet, run, inputs) as tick,
        closing(flow.results(flags.ordered)) as results,
    ):
        for row, result in results:
            run.take(row, result)
            tick()
            if not why and (run.fatal or run.is_spent()):
                why.append(run.fatal.kind if run.fatal else "--max-cost")
                halt()
    return end(prog, flags, run, why)


def one(env: Env, embed_it: bool, cluster: Remote | None, row: Row) -> Outcome:
    """A row and what came of it."""
    if isinstance(row, Bad):
        return row, Failure(row.problem)
    return row, cluster(row) if cluster else ask_row(env, embed_it, row)


@contextmanager
def interruptible(why: list[str], halt: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM lets what is under way be finished; a second one does not."""

    def leave(number: int, frame: object) -> None:
        name = signal.Signals(number).name
        if name in why:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(143)
        why.append(name)
        show.talk("stopping: what is under way is finished; once more stops at once")
        halt()

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def timed(seconds: float | None, why: list[str], halt: Callable[[], None]) -> Iterator[None]:
    """After so many seconds nothing more begins, however long the rows under way take."""

    def late() -> None:
        why.append("--max-time")
        halt()

    timer = Timer(seconds or 0, late)
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
        show.talk(f"{prog}: {note}")
    if flags.summary:
        try:
            with open(flags.summary, "w", encoding="utf-8") as file:
                file.write(show.compact(run.summary()) + "\n")
        except OSError as error:
            show.talk(f"{prog}: cannot write {flags.summary}: {error.strerror}")
    if run.fatal:
        show.complain(prog, run.fatal, "text")
    if not flags.quiet:
        show.talk(f"{prog}: {run.words()}")
    if why and not flags.quiet:
        reason = {"SIGINT": "Ctrl-C"}.get(why[0], why[0])
        show.talk(f"{prog}: ended early ({reason}); to go on: {goes_on(prog)}")
    if run.fatal:
        return EXIT_CODES[run.fatal.kind]
    return ENDS[why[0]] if why else int(bool(run.failed))


ENDS = {"SIGINT": 130, "SIGTERM": 143, "--max-cost": 80, "--max-time": 75}


# ---- --check -----------------------------------------------------------------------------------


def count(prog: str, flags: Namespace, env: Env, plan: Plan, inputs: Source) -> int:
    """What is left, and what it may cost; nothing is sent and nothing is written."""
    from loki.edge.outfile import standing

    stands = standing(flags.output)
    if not isinstance(stands, Success):
        return failed(prog, stands.failure(), "text")
    run = Run(stands.unwrap(), flags.in_flight, plan.ask.model)
    task: Task = "embedding" if plan.embed else "chat"
    left, bad, worst = 0, 0, [Decimal(0)]
    for row in run.left(rows(plan, inputs.lines)):
        target = None if isinstance(row, Bad) else resolve(env.config, task)(row.ask).value_or(None)
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
    show.out(" · ".join(told) + "\n")
    return 0
