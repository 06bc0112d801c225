"""loki-batch: flags -> a context: the configuration, what holds for every row, where rows are."""

from __future__ import annotations

import gc
import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from math import inf
from threading import Lock
from traceback import extract_tb
from typing import TYPE_CHECKING

from returns.result import Failure, Result, Success

from loki.batch.output_format import is_csv_path
from loki.batch.row_files import UnreadFile
from loki.batch.rows import Attach, Fill, RowDefaults
from loki.batch.run_key import run_settings
from loki.cli.batch.context import BatchContext
from loki.cli.batch.embed_flags import check_embed_flags
from loki.cli.batch.job_flags import check_job_flags, job_flag
from loki.cli.batch.prompt_columns import check_columns
from loki.cli.batch.run import BatchRun
from loki.cli.batch.summary_file import check_summary
from loki.cli.bug_report import save_traceback
from loki.cli.console import Console
from loki.cli.prompt import load_attachment, schema_of
from loki.cli.startup import ask_options, environment, open_env, uses_cache, with_template
from loki.cli.tools_flag import tools_of
from loki.edge import files
from loki.edge.auth.find_secrets import secrets_in_patch, secrets_in_proxy
from loki.edge.batch.calls_under_way import CallsUnderWay
from loki.edge.batch.cpu import pin_to_core
from loki.edge.batch.input import Source, Warn, open_source, with_first_fields
from loki.edge.batch.output import open_output
from loki.edge.batch.rate_limiter import Pacers
from loki.edge.batch.read_slow import is_slow
from loki.messages import Message
from loki.money.estimate import estimate_rate_tokens
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.railway import gather
from loki.record import replace
from loki.redaction.redactor import Redactor
from loki.stages.resolve import DEFAULT_LIMITS, resolve
from loki.stages.suggest_client import add_misspelling

if TYPE_CHECKING:
    from loki.edge.batch.dask_cluster import Cluster


def batch(flags: Namespace, console: Console) -> int:
    """Send every row that was not answered before; return the exit code."""
    gc.enable()  # unlike other filters, this one may run for hours
    if not flags.scheduler:
        pin_to_core()
    environ = environment(flags)
    wants_jobs = flags.batch_api or job_flag(flags)
    ready = (
        (check_job_flags if wants_jobs else check_flags)(flags)
        .bind(lambda _: with_template(flags, environ))
        .bind(check_summary)
        .bind(lambda complete: build_context(complete, console, environ))
    )
    if not isinstance(ready, Success):
        return console.report(ready.failure())
    context = ready.unwrap()
    flags, folder = context.flags, files.directory("state", environ)
    if flags.dry_run:
        from loki.cli.batch.check import dry_run_rows

        return dry_run_rows(context)
    if wants_jobs:
        from loki.cli.batch.api import run_batch_api

        return run_batch_api(context, environ)
    if flags.check:
        from loki.cli.batch.check import print_count

        return print_count(context, folder)
    with open_output(flags.output, folder, context.output_format, warn=console.warn) as opened:
        if not isinstance(opened, Success):
            return console.report(opened.failure())
        return BatchRun(context, opened.unwrap()).run()


def check_flags(flags: Namespace) -> Result[None, Problem]:
    """Whether the flags go together."""
    if len(flags.text) > 1:
        return fail("usage", f"one input at most: {flags.text[1]!r} is a second one")
    if flags.lines and flags.csv:
        return fail("usage", "--lines and --csv: a line is a prompt, or a row of a table")
    if flags.lines and flags.template:
        return fail("usage", "--template needs fields: JSON lines, or --csv")
    if flags.template and flags.template_file:
        return fail("usage", "--template and -T: the prompt of a row is made by one of them")
    if flags.scheduler and flags.cache is not None:
        return fail("usage", "--cache is for rows that are sent from here, not with --scheduler")
    if not flags.in_flight:
        return fail("usage", "-j 0: nothing would be sent")
    if flags.text in ([], ["-"]) and (sys.stdin is None or sys.stdin.isatty()):
        return fail("usage", "no rows: name a file, or pipe JSON lines in")
    return check_embed_flags(flags)


def build_context(
    flags: Namespace, console: Console, environ: dict[str, str]
) -> Result[BatchContext, Problem]:
    """Return the pipeline, what holds for every row, and where rows come from and go through."""
    form = input_form(flags)
    paces = Pacers(flags.rpm, flags.tpm, lambda request: estimate_rate_tokens(request.target))
    calls = CallsUnderWay(time.time, time.monotonic)
    return Result.do(
        BatchContext(console, flags, env, plan, rows, paces, calls, cluster)
        for env in open_env(
            flags,
            environ,
            console,
            paced=lambda attempt: paces.paced(calls.watched(attempt)),
            waiting=lambda name: paces.waiting(name),
        )
        for all_rows in source_of(flags, form, console.warn)
        for filler in (
            template_filler(flags, all_rows, console) if flags.template_file else Success(None)
        )
        for rows in check_columns(flags, all_rows, console.warn)
        for defaults in build_row_defaults(console, flags, form, env, filler)
        for plan in check_price(flags, env, defaults)
        for cluster in connect_cluster(flags, env)
    )


def input_form(flags: Namespace) -> str:
    """Return how rows are written: json, lines, or csv, also where IN is named as a table."""
    named = any(name.lower().endswith((".csv", ".tsv")) for name in flags.text)
    return "lines" if flags.lines else "csv" if flags.csv or named else "json"


def source_of(flags: Namespace, form: str, warn: Warn) -> Result[Source, Problem]:
    """Return where rows come from: stdin without IN, but for batch jobs nowhere."""
    if flags.batch_api and not flags.text:
        return Success(Source("nowhere", iter(())))
    source = open_source(next(iter(flags.text), "-"), form, flags.encoding, warn)
    if form == "csv" or not is_csv_path(flags.output):
        return source
    return source.map(lambda rows: with_first_fields(rows, form))


def template_filler(flags: Namespace, rows: Source, console: Console) -> Result[Fill, Problem]:
    """Return what fills in the prompt file of ``-T`` for a row."""
    from loki.cli.batch.row_template import filler_of

    return filler_of(flags, rows, console)


def build_row_defaults(
    console: Console, flags: Namespace, form: str, env: Env, filler: Fill | None = None
) -> Result[RowDefaults, Problem]:
    """Return what holds for every row."""
    start_reading = make_reader(flags, console.redactor)
    return Result.do(
        RowDefaults(
            replace(
                ask_options(flags),
                messages=(Message("system", flags.prompt),) if flags.prompt else (),
                model=flags.model or env.config.model,
                schema=schema,
                tools=tools,
                server_tools=server_tools,
                stream=False,
                tag=flags.tag or time.strftime("batch-%Y%m%d-%H%M%S"),
            ),
            input_format=form,
            template=flags.template,
            fill=filler,
            embed=flags.embed,
            settings=run_settings(env.config, env.patches),
            keep_fields=flags.keep or is_csv_path(flags.output),
            attach=attach_unless_slow(start_reading),
            start_reading=start_reading,
            report_bug=make_bug_reporter(console.prog, console.redactor),
        )
        for schema in schema_of(flags)
        for tools, server_tools in tools_of(flags)
    )


def make_reader(flags: Namespace, redactor: Redactor) -> Callable[[], Attach]:
    """Return what begins the time that a row has for its attachments, and reads them within it."""
    limit = flags.timeout or DEFAULT_LIMITS.total or inf

    def start() -> Attach:
        deadline = time.monotonic() + limit
        return lambda path: load_attachment(redactor, path, flags.proxy, deadline)

    return start


def attach_unless_slow(start: Callable[[], Attach]) -> Attach:
    """Return what reads an attachment of a row, but leaves one unread that may be slow."""
    return lambda path: Success(UnreadFile("", url=path)) if is_slow(path) else start()(path)


def make_bug_reporter(prog: str, redactor: Redactor) -> Callable[[Exception], Problem]:
    """Return what makes a Problem of a bug; the traceback of each is saved once."""
    found: dict[tuple[str, int], Problem] = {}
    lock = Lock()

    def keep(bug: Exception) -> Problem:
        frames = extract_tb(bug.__traceback__)
        ours = [each for each in frames if f"{os.sep}loki{os.sep}" in each.filename] or frames
        place = f"{type(bug).__name__} in {ours[-1].filename}", ours[-1].lineno or 0
        with lock:
            if place not in found:
                found[place] = Problem("bug", save_traceback(prog, bug, redactor))
            return found[place]

    return keep


def check_price(flags: Namespace, env: Env, defaults: RowDefaults) -> Result[RowDefaults, Problem]:
    """Whether the run's model is there, and has a price if there is a limit to what it may cost."""
    if defaults.ask.model is None:
        return Success(defaults)  # each row names its own
    probe = replace(defaults.ask, messages=(Message("user", "?"),))
    find = resolve(env.config, "embedding" if defaults.embed else "chat")
    others = gather(find(replace(probe, model=name)) for name in flags.fallback)
    if not isinstance(others, Success):  # better said now than when it is needed
        return Failure(others.failure())
    found = find(probe)
    if not isinstance(found, Success):
        return Failure(found.failure())
    target = found.unwrap()
    is_limited = flags.max_cost is not None and not uses_cache(flags, os.environ)
    if not is_limited or target.model.price.input is not None:
        return Success(defaults)
    unpriced = Problem("budget", f"--max-cost: nobody knows the price of {target.name}")
    return Failure(add_misspelling(env.config, target, unpriced))


def connect_cluster(flags: Namespace, env: Env) -> Result[Cluster | None, Problem]:
    """Reach the cluster of ``--scheduler``, if there is one; no secret goes there."""
    if not flags.scheduler or flags.check or flags.dry_run:
        return Success(None)
    name = flag_with_secret(flags, env)
    if name:
        result = f"{name} holds a secret, which does not travel to a cluster"
        return fail("usage", f"{result}: configure it on the workers")
    from loki.edge.batch.dask_cluster import connect

    return connect(flags.scheduler)


def flag_with_secret(flags: Namespace, env: Env) -> str:
    """Return the flag that holds a password or a key, "" where none does."""
    if any(secrets_in_proxy(flags.proxy or "")):
        return "--proxy"
    secret = (patch.origin for patch in env.patches if any(secrets_in_patch(patch)))
    return next(secret, "")
