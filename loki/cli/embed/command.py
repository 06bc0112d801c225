"""loki-embed: flags, TEXT, files or stdin -> a JSON line with a vector for each -> exit code.

Texts are read as they come and sent in batches, some at once; lines are printed in the order of
the texts. A text that is rejected gets a line that says why; any other problem ends the run.
"""

from __future__ import annotations

import gc
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import closing
from decimal import Decimal
from functools import partial
from threading import Event

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.describe import format_count
from loki.cli.embed.input import Item, items_of
from loki.cli.embed.output import FORMATS, Batch, embed_batch
from loki.cli.embed.run import Totals, counting_call, summarize_rejected
from loki.cli.startup import describe_spent_today, environment, limits_of, open_env
from loki.edge.batch.threads import map_threaded
from loki.money.count_tokens import estimate_tokens
from loki.money.prices import cost
from loki.pipeline import Env
from loki.price import Price
from loki.problems import Problem
from loki.record import replace
from loki.records import Ask, Target
from loki.stages.batching import batch_limits, group_in_batches
from loki.stages.draft import draft
from loki.stages.resolve import resolve
from loki.usage import Usage

#: Texts in a request, where neither the provider nor ``max_batch_size`` sets another limit:
#: more at once save no time, for their vectors are read and written one after the other.
DEFAULT_BATCH_SIZE = 64


def embed(flags: Namespace, console: Console) -> int:
    """Embed TEXT or the texts on stdin; return the exit code."""
    gc.enable()  # unlike other filters, this one may run for hours
    if flags.into is not None:
        if flags.output == "base64":
            lack = "--into prints no vectors: -o base64 makes no difference, leave it out"
            return console.report(Problem("usage", lack))
        return embed_into(flags, console)
    environ = environment(flags)
    ask = ask_of(flags)
    ready = Result.do(
        (env, target, items)
        for env in open_env(flags, environ, console)
        for target in resolve(env.config, "embedding")(ask)
        for items in items_of(flags, target.model, console.warn)
    )
    if not isinstance(ready, Success):
        return console.report(ready.failure(), error_format(flags, console))
    env, target, items = ready.unwrap()
    if flags.explain:
        explain(env, ask, environ, console)
    batches = batches_of(items, target)
    if flags.dry_run:
        return dry_run(env, ask, batches, flags, console)
    warn(target, flags, console)
    return run(env, ask, stop_at_max_cost(flags.max_cost, target, batches), flags, console)


def embed_into(flags: Namespace, console: Console) -> int:
    """Embed the texts that a store does not have, and put them there; return the exit code."""
    from loki.edge.retrieval.store import open_writer

    environ = environment(flags)
    ready = Result.do(
        (env, adding, items)
        for env in open_env(flags, environ, console)
        for adding in open_writer(env, flags.into, ask_of(flags), console.warn)
        for items in items_of(flags, adding.target.model, console.warn)
    )
    if not isinstance(ready, Success):
        return console.report(ready.failure())
    env, adding, items = ready.unwrap()
    if flags.explain:
        explain(env, adding.ask, environ, console)
    if flags.dry_run:
        return dry_run(env, adding.ask, batches_of(items, adding.target), flags, console)
    warn(adding.target, flags, console)
    from loki.cli.embed.into import run_into

    def batches(items: Iterator[Item | None]) -> Iterator[Batch | Problem]:
        return stop_at_max_cost(flags.max_cost, adding.target, batches_of(items, adding.target))

    return run_into(env, adding, items, batches, flags, console)


def explain(env: Env, ask: Ask, environ: dict[str, str], console: Console) -> None:
    """Print where each setting comes from."""
    from loki.cli.explain import explain

    explain(env, ask, environ, console, "embedding")


def ask_of(flags: Namespace) -> Ask:
    """Return what holds for every text; ``--max-cost`` of all of them is checked here."""
    return Ask(
        model=flags.model,
        purpose=flags.task,
        dimensions=flags.dimensions,
        encoding="base64" if flags.output == "base64" else "float",
        stream=False,
        limits=limits_of(flags),
        tag=flags.tag,
    )


def batches_of(items: Iterator[Item | None], target: Target) -> Iterator[Batch]:
    """Return the items in batches, a request each."""
    most, tokens = batch_limits(target)
    size = target.model.max_batch_size or min(most or DEFAULT_BATCH_SIZE, DEFAULT_BATCH_SIZE)
    return group_in_batches(items, size, tokens, lambda item: estimate_tokens(item.text))


def stop_at_max_cost(
    allowed: Decimal | None, target: Target, batches: Iterable[Batch]
) -> Iterator[Batch | Problem]:
    """Yield the batches that ``--max-cost`` allows, then the problem with the next one."""
    price, tokens = target.model.price, 0
    for batch in batches:
        tokens += sum(estimate_tokens(item.text) for item in batch)
        problem = None if allowed is None else over_max_cost(allowed, tokens, price, target.name)
        if problem:
            yield problem
            return
        yield batch


def over_max_cost(allowed: Decimal, tokens: int, price: Price, name: str) -> Problem | None:
    """Return the problem if so many tokens could cost more than is allowed.

    >>> over_max_cost(Decimal(1), 2_000_000, Price(input=Decimal(3)), "local:m").message
    'local:m: about 2,000,000 tokens could cost $6, over --max-cost $1'
    """
    worst = cost(Usage(input=tokens, output=0), price)
    if worst is None:
        return Problem("budget", f"--max-cost: the price of {name} is unknown")
    if worst <= allowed:
        return None
    could = f"about {tokens:,} tokens could cost ${worst.normalize():f}"
    return Problem("budget", f"{name}: {could}, over --max-cost ${allowed:f}")


def warn(target: Target, flags: Namespace, console: Console) -> None:
    """Warn if ``--task`` does not reach the provider."""
    if flags.task is None:
        return
    ask = replace(target.ask, texts=("a",))
    is_same = Result.do(
        with_task.body == without.body
        for with_task in draft(replace(target, ask=ask))
        for without in draft(replace(target, ask=replace(ask, purpose=None)))
    )
    if is_same.value_or(False):
        console.warn(f"--task makes no difference: {target.name} does not support it")


def dry_run(
    env: Env, ask: Ask, batches: Iterator[Batch], flags: Namespace, console: Console
) -> int:
    """Print the first request."""
    from loki.cli.explain import dry_run

    batch = next(batches, ())
    problem = next((item.problem for item in batch if item.problem), None)
    texts = tuple(item.text for item in batch if not item.problem)
    if problem and not texts:
        return console.report(problem, error_format(flags, console))
    return dry_run(env, replace(ask, texts=texts), flags.dry_run, console, "embedding")


def error_format(flags: Namespace, console: Console) -> str:
    """Return how errors are printed: at a terminal in words alone, for JSON is only a default."""
    return "text" if console.stderr_is_terminal else str(flags.output)


# ---- running -----------------------------------------------------------------------------------


def run(
    env: Env, ask: Ask, batches: Iterator[Batch | Problem], flags: Namespace, console: Console
) -> int:
    """Embed batch by batch; return the exit code."""
    totals, start = Totals(), time.monotonic()
    encode = partial(FORMATS[flags.output], console.redactor)
    work = partial(embed_batch, counting_call(env, ask, totals, console.warn), encode, Event())
    texts, rejected, first, fatal = 0, 0, None, None
    with closing(map_threaded(work, batches, max(1, flags.in_flight))) as results:
        for result in results:
            console.write_bytes(b"".join(result.lines))
            texts, rejected = texts + len(result.lines), rejected + len(result.rejected)
            first = first or next(iter(result.rejected), None)
            if fatal := result.fatal:
                break
    problem = fatal or (summarize_rejected(texts, rejected, first) if first else None)
    code = console.report(problem, error_format(flags, console)) if problem else 0
    if flags.verbose:
        spent = "" if flags.no_ledger else describe_spent_today()
        console.note(format_summary(texts - rejected, totals, time.monotonic() - start, spent))
    return code


def format_summary(texts: int, totals: Totals, seconds: float, today: str) -> str:
    """Return the line of ``-v``; ``today`` is what was spent."""
    parts = (
        totals.model,
        f"{texts:,} text{'' if texts == 1 else 's'}",
        f"{format_count(totals.tokens)} tokens",
        "cost unknown" if totals.cost is None else f"${totals.cost.normalize():f}",
        f"{seconds:.1f} s",
        today,
    )
    return " · ".join(filter(None, parts))
