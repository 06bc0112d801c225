"""IMPURE. A row -> what came of it, asked by a worker of a Dask cluster, who it is itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from returns.result import Failure, Result, Success

from loki.batch.jobs import Job, ask_row
from loki.edge.auth.redact import redact_facts, without_secrets
from loki.edge.batch.rate_limiter import Paces
from loki.edge.http.attempt import Attempt
from loki.money.estimate import estimate_quota
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.records import JsonObject, Request, Task
from loki.replies import Opened
from loki.stages.account import Entry
from loki.stages.resolve import DEFAULT_LIMITS, merge_limits, resolve

PATIENCE = 10  # seconds to reach the scheduler


class Told(NamedTuple):
    """What a worker tells of a row: its line or why there is none, and the ledger's entries."""

    line: JsonObject | None
    problem: Problem | None
    entries: tuple[Entry, ...]


def reach(address: str) -> Result[Any, Problem]:
    """The cluster's scheduler."""
    try:
        dask: Any = import_module("distributed")
    except ImportError:
        return fail("config", "--scheduler needs Dask: pip install '.[dask]' in loki's folder")
    try:
        client = dask.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return fail("offline", f"no Dask scheduler at {address}: {reason}")
    if not client.scheduler_info()["workers"]:
        client.close()
        return fail("offline", f"the scheduler at {address} has no workers: dask worker {address}")
    return Success(client)


def over_there(
    cluster: Any, embed_it: bool, env: Env, paces: Paces
) -> Callable[[Job], Result[JsonObject, Problem]]:
    """Ask a row on the cluster, in its turn; the ledger stays here."""
    task: Task = "embedding" if embed_it else "chat"

    def stage(job: Job) -> Result[JsonObject, Problem]:
        target = resolve(env.config, task)(job.ask).value_or(None)  # a worker may know more of it
        limits = target.limits if target else merge_limits(DEFAULT_LIMITS, job.ask.limits)
        tokens = estimate_quota(target) if target else 0
        pacer = paces.of(target.name if target else job.ask.model or "")

        def call(deadline: float) -> Result[JsonObject, Problem]:
            told: Told = cluster.submit(here, embed_it, bare(job), pure=False).result()
            for entry in told.entries:
                env.record(entry)
            if told.problem is None:
                return Success(told.line or {})
            is_busy = told.problem.kind == "busy"  # its message says already when to come back
            return Failure(replace(told.problem, retryable=is_busy, retry_at=None))

        return pacer.ask(call, tokens, limits, time.monotonic() + (limits.total or 0.0))[0]

    return stage


def bare(job: Job) -> Job:
    """A row without what may hold a secret: a worker has its own way to the provider."""
    limits = replace(job.ask.limits, proxy=None, end=None)
    return job._replace(ask=replace(job.ask, limits=limits))


# ---- on a worker -------------------------------------------------------------------------------


def here(embed_it: bool, job: Job) -> Told:
    """Ask a row; other rows are taken meanwhile, for a worker mostly waits."""
    import_module("distributed").secede()
    ready = own_env(os.getpid())
    if not isinstance(ready, Success):
        return Told(None, ready.failure(), ())
    entries: list[Entry] = []
    env = replace(ready.unwrap(), record=entries.append, afford=Success)  # the run sees to that
    result = ask_row(env, embed_it, job)
    if isinstance(result, Success):
        return Told(redact_facts(result.unwrap()), None, tuple(entries))
    problem = without_secrets(result.failure())  # nobody else knows this worker's secrets
    return Told(None, problem, tuple(entries))


@cache
def own_env(process: int) -> Result[Env, Problem]:
    """The worker's own configuration, with a pipeline that hands back what is busy."""
    from loki.edge import env, files

    environ = files.environment()
    return env.read_configuration(environ).map(
        lambda config: env.make_env(config, environ, paced=handed_back)
    )


def handed_back(attempt: Attempt) -> Attempt:
    """A server that is busy is not asked again here: the run has one pace for all workers."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        return attempt(request, deadline).alt(
            lambda problem: (
                replace(problem, wait=problem.wait or 0.0, retryable=False)
                if problem.kind == "busy"
                else problem
            )
        )

    return stage
