"""loki-embed: flags, words or stdin -> a JSON line with a vector for each text -> exit code.

Texts are read as they come and sent in batches, some at once; lines leave in the order of the
texts. A text that is rejected gets a line that says why, and the others go on; whatever else goes
wrong ends the run.
"""

from __future__ import annotations

import gc
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from threading import Event, Lock

from returns.result import Result, Success

from loki import pipeline
from loki.cli import console
from loki.cli.embed.input import Item, items_of
from loki.cli.embed.output import LINES, Batch, Call, told
from loki.cli.startup import env_of, environment, failed, limits_of, today
from loki.edge.batch.workers import flowing
from loki.money.estimate import estimate
from loki.money.prices import cost
from loki.pipeline import Env
from loki.price import Price
from loki.problems import Problem
from loki.railway import gather
from loki.records import Ask, Target
from loki.replies import Embeddings
from loki.stages.batching import batched, ceilings
from loki.stages.draft import draft
from loki.stages.parse_vectors import added
from loki.stages.resolve import resolve
from loki.usage import Usage

#: Texts in a request, where neither the provider's limit nor ``max_batch_size`` says otherwise:
#: more at once save no time, for their vectors are read and written one after the other.
USUAL = 64


def embed(prog: str, flags: Namespace) -> int:
    """Embed what the flags, words and stdin say; the exit code."""
    gc.enable()  # unlike other filters, this one may run for hours
    environ = environment(flags)
    ask = ask_of(flags)
    ready = env_of(flags, environ, prog).bind(
        lambda env: resolve(env.config, "embedding")(ask).bind(
            lambda target: items_of(flags, target.model).map(lambda items: (env, target, items))
        )
    )
    if not isinstance(ready, Success):
        return failed(prog, ready.failure(), flags.output)
    env, target, items = ready.unwrap()
    if flags.explain:
        from loki.cli.explain import explain

        explain(env, ask, environ, "embedding")
    batches = batches_of(items, target)
    if flags.dry_run:
        return dry_run(prog, env, ask, batches, flags)
    warn(prog, target, flags)
    return run(prog, env, ask, within(flags.max_cost, target, batches), flags)


def ask_of(flags: Namespace) -> Ask:
    """What is asked about every text; what all of them may cost is seen to here."""
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
    """Items in batches that are a request each."""
    most, tokens = ceilings(target)
    usual = target.model.max_batch_size or min(most or USUAL, USUAL)
    return batched(items, usual, tokens, lambda item: estimate(item.text))


def within(
    allowed: Decimal | None, target: Target, batches: Iterable[Batch]
) -> Iterator[Batch | Problem]:
    """The batches that may be paid for, then why the next one may not."""
    price, tokens = target.model.price, 0
    for batch in batches:
        tokens += sum(estimate(item.text) for item in batch)
        problem = None if allowed is None else too_dear(allowed, tokens, price, target.name)
        if problem:
            yield problem
            return
        yield batch


def too_dear(allowed: Decimal, tokens: int, price: Price, name: str) -> Problem | None:
    """Why so many tokens may not be sent.

    >>> too_dear(Decimal(1), 2_000_000, Price(input=Decimal(3)), "local:m").message
    'local:m: 2,000,000 tokens or so could cost $6, over --max-cost $1'
    """
    worst = cost(Usage(input=tokens, output=0), price)
    if worst is None:
        return Problem("budget", f"--max-cost: nobody knows the price of {name}")
    if worst <= allowed:
        return None
    could = f"{tokens:,} tokens or so could cost ${worst.normalize():f}"
    return Problem("budget", f"{name}: {could}, over --max-cost ${allowed:f}")


def warn(prog: str, target: Target, flags: Namespace) -> None:
    """Say so if the provider is not told what the vectors are for."""
    if flags.task is None or flags.quiet:
        return
    one = replace(target.ask, texts=("a",))
    asks = (one, replace(one, purpose=None))
    bodies = gather(draft(replace(target, ask=ask)).map(lambda made: made.body) for ask in asks)
    if bodies.map(lambda both: both[0] == both[1]).value_or(False):
        console.talk(f"{prog}: --task makes no difference: {target.name} has no word for it")


def dry_run(prog: str, env: Env, ask: Ask, batches: Iterator[Batch], flags: Namespace) -> int:
    """Print the first request."""
    from loki.cli.explain import dry_run

    batch = next(batches, ())
    problem = next((item.problem for item in batch if item.problem), None)
    texts = tuple(item.text for item in batch if not item.problem)
    if problem and not texts:
        return failed(prog, problem, flags.output)
    return dry_run(prog, env, replace(ask, texts=texts), flags.dry_run, "embedding")


# ---- running -----------------------------------------------------------------------------------


def run(prog: str, env: Env, ask: Ask, batches: Iterator[Batch | Problem], flags: Namespace) -> int:
    """Embed batch by batch; the exit code."""
    sums, began = Sums(), time.monotonic()
    work = partial(told, calling(env, ask, sums), LINES[flags.output], Event())
    texts, rejected, first, fatal = 0, 0, None, None
    with closing(flowing(work, batches, max(1, flags.in_flight))) as results:
        for result in results:
            console.put(b"".join(result.lines))
            texts, rejected = texts + len(result.lines), rejected + len(result.rejected)
            first = first or next(iter(result.rejected), None)
            if fatal := result.fatal:
                break
    problem = fatal or (summed(texts, rejected, first) if first else None)
    code = failed(prog, problem, flags.output) if problem else 0
    if flags.verbose:
        spent = "" if flags.no_ledger else today()
        words = summary(texts - rejected, sums, time.monotonic() - began, spent)
        console.talk(f"{prog}: {words}")
    return code


def summed(texts: int, rejected: int, first: Problem) -> Problem:
    """What is wrong with some of the texts.

    >>> summed(5, 2, Problem("input", "line 3 is empty")).message
    'no vector for 2 of 5 texts; the first: line 3 is empty'
    """
    many = f"no vector for {rejected:,} of {texts:,} texts; the first: " if texts > 1 else ""
    return replace(first, message=many + first.message)


@dataclass
class Sums:
    """What all requests took, added up by several threads."""

    model: str = ""
    tokens: int | None = 0
    cost: Decimal | None = Decimal(0)
    lock: Lock = field(default_factory=Lock)

    def add(self, found: Embeddings) -> None:
        """Count an answer."""
        with self.lock:
            told, self.model = found.usage.input, found.model
            self.tokens = None if told is None or self.tokens is None else self.tokens + told
            self.cost = added([self.cost, found.cost])


def calling(env: Env, ask: Ask, sums: Sums) -> Call:
    """The vectors of some texts, counted."""

    def call(texts: Sequence[str]) -> Result[Embeddings, Problem]:
        found = pipeline.embed(env, replace(ask, texts=tuple(texts)))
        found.map(sums.add)
        return found

    return call


def summary(texts: int, sums: Sums, seconds: float, today: str) -> str:
    """One line for ``-v``; ``today`` is what was spent."""
    parts = (
        sums.model,
        f"{texts:,} text{'' if texts == 1 else 's'}",
        f"{console.counted(sums.tokens)} tokens",
        "cost unknown" if sums.cost is None else f"${sums.cost.normalize():f}",
        f"{seconds:.1f} s",
        today,
    )
    return " · ".join(filter(None, parts))
