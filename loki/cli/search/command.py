"""loki-search: STORE, QUERY or queries on stdin -> the nearest texts, best first -> exit code."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator

from returns.result import Failure, Result, Success

from loki.cli.console import Console
from loki.cli.embed.command import format_summary, stop_at_max_cost
from loki.cli.embed.input import Item, items_of
from loki.cli.embed.output import Batch
from loki.cli.embed.run import Totals
from loki.cli.search.output import Answer, describe_store, format_matches
from loki.cli.startup import describe_spent_today, environment, limits_of, open_env
from loki.edge.retrieval.store import SearchResults, search_all, target_of
from loki.edge.retrieval.table import Store, open_store
from loki.pipeline import Env
from loki.problems import Problem, excerpt, fail
from loki.record import replace
from loki.records import Ask, Target

#: Queries of stdin that are sent for at once.
MANY = 64


def search(flags: Namespace, console: Console) -> int:
    """Print the texts of a store that are nearest to each query; return the exit code."""
    named = path_of(flags)
    if flags.info:
        return print_info(named.bind(open_store), flags, console)
    environ, ask = environment(flags), ask_of(flags)
    ready = Result.do(
        (env, store, target, queries)
        for path in named
        for env in open_env(flags, environ, console)
        for store in open_store(path)
        for target in target_of(env, store, ask)
        for queries in queries_of(flags, target, console)
    )
    if not isinstance(ready, Success):
        return console.report(ready.failure(), flags.output)
    env, store, target, queries = ready.unwrap()
    if flags.explain:
        from loki.cli.explain import explain

        explain(env, target.ask, environ, console, "embedding")
    if flags.dry_run:
        return dry_run(env, target, queries, flags, console)
    batches = stop_at_max_cost(flags.max_cost, target, split_into_batches(queries))
    return answer_all(env, store, ask, batches, flags, console)


def path_of(flags: Namespace) -> Result[str, Problem]:
    """Return STORE, if the flags agree."""
    if not flags.text:
        return fail("usage", "no store: name the folder that loki-embed --into made")
    if flags.top == 0:
        return fail("usage", "--top 0 would leave nothing: give 1 or more")
    if flags.info and len(flags.text) > 1:
        return fail("usage", f"--info takes no QUERY: {flags.text[1]!r}")
    return Success(str(flags.text[0]))


def ask_of(flags: Namespace) -> Ask:
    """Return what holds for every query; ``--max-cost`` of all of them is checked here."""
    return Ask(model=flags.model, limits=limits_of(flags), tag=flags.tag)


def queries_of(
    flags: Namespace, target: Target, console: Console
) -> Result[Iterator[Item | None], Problem]:
    """Return QUERY, else what stdin has, blank lines left out."""
    query = " ".join(flags.text[1:])
    if flags.text[1:] and not query.strip():
        return fail("usage", "QUERY is empty: say what to look for")
    given = Namespace(text=[], file=[], jsonl=False, null=flags.null, whole=False, chunk=False)
    given.into, given.encoding = flags.text[0], flags.encoding
    if query:
        given.text, given.null = [query], False
    any_length = replace(target.model, max_input_tokens=None)  # search_all says what is too long
    return items_of(given, any_length, console.warn).alt(mention_query)


def mention_query(problem: Problem) -> Problem:
    """Return the problem of having no text in the words of this command."""
    if problem.message.startswith("no text"):
        return Problem("usage", "no query: give QUERY, or pipe queries in, one a line")
    return problem


# ---- running -----------------------------------------------------------------------------------


def answer_all(
    env: Env,
    store: Store,
    ask: Ask,
    batches: Iterator[Batch | Problem],
    flags: Namespace,
    console: Console,
) -> int:
    """Print the matches of the queries, in their order; stop at the first problem."""
    totals, start, count, code = Totals(), time.monotonic(), 0, 0
    for batch in batches:
        answers = answer_batch(env, store, ask, batch, flags)
        if not isinstance(answers, Success):
            code = console.report(answers.failure(), flags.output)
            break
        totals.add(answers.unwrap().embeddings)
        warn_of_zeros(batch, answers.unwrap(), console)
        count += print_answers(batch, answers.unwrap(), flags, console)
    if flags.verbose:
        spent = "" if flags.no_ledger else describe_spent_today()
        console.note(format_summary(count, totals, time.monotonic() - start, spent))
    return code


def warn_of_zeros(batch: Batch | Problem, answers: SearchResults, console: Console) -> None:
    """Warn of queries whose vector is all zeros, which has no direction that others could share."""
    items = () if isinstance(batch, Problem) else batch
    for item, vector in zip(items, answers.embeddings.vectors, strict=True):
        if not any(vector):
            query = excerpt(item.text, 40)
            console.warn(f"the vector of {query!r} is all zeros: no text is near to it")


def print_answers(
    batch: Batch | Problem, answers: SearchResults, flags: Namespace, console: Console
) -> int:
    """Print the matches of each query of a batch; return how many queries it had."""
    queries = () if isinstance(batch, Problem) else tuple(item.text for item in batch)
    with_query = len(flags.text) == 1
    for query, matches in zip(queries, answers.matches, strict=True):
        console.write_untrusted(format_matches(Answer(query, matches), flags, with_query))
    return len(queries)


def split_into_batches(queries: Iterator[Item | None]) -> Iterator[Batch]:
    """Yield queries in batches; those that have come do not wait for more."""
    from loki.stages.batching import group_in_batches

    return group_in_batches(queries, MANY, None, lambda item: 0)


def answer_batch(
    env: Env, store: Store, ask: Ask, batch: Batch | Problem, flags: Namespace
) -> Result[SearchResults, Problem]:
    """Return the matches of each query of a batch."""
    if isinstance(batch, Problem):
        return Failure(batch)
    if problem := next((item.problem for item in batch if item.problem), None):
        return Failure(problem)
    queries = [item.text for item in batch]
    return search_all(env, store, queries, flags.top, flags.min_score, ask)


def dry_run(
    env: Env, target: Target, queries: Iterator[Item | None], flags: Namespace, console: Console
) -> int:
    """Print the request for the first queries."""
    from loki.cli.explain import dry_run

    texts = tuple(item.text for item in next(split_into_batches(queries), ()))
    return dry_run(env, replace(target.ask, texts=texts), flags.dry_run, console, "embedding")


def print_info(store: Result[Store, Problem], flags: Namespace, console: Console) -> int:
    """Print what a store holds; return the exit code."""
    if not isinstance(store, Success):
        return console.report(store.failure(), flags.output)
    console.write_untrusted(describe_store(store.unwrap(), flags.output))
    return 0
