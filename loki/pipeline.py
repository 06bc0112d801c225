"""READ FIRST. Env, and the program as a page of flows: prepare, answer, stream, embed, rerank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from returns.pipeline import flow
from returns.result import Result, Success

from loki.formats.structured_output import check_answer, check_schema
from loki.problems import Problem, is_curable
from loki.railway import alt, bind, gather, map_
from loki.record import record
from loki.records import Ask, Config, Draft, Patch, Request, Response, Task
from loki.replies import Done, Event, Opened, Reply, Stream
from loki.stages.account import Billed, Entry, account, charge
from loki.stages.audit import BeginEntry, entry_writer, with_entry, with_stream_entry
from loki.stages.build import build
from loki.stages.check_max_cost import check_max_cost
from loki.stages.draft import draft
from loki.stages.parse import follow, parse
from loki.stages.patch import patch
from loki.stages.resolve import resolve, start_deadline
from loki.stages.suggest_models import suggest
from loki.usage import Usage

if TYPE_CHECKING:
    from loki.replies import Embeddings, Ranking

A = TypeVar("A")


@record
class Env:
    """Everything a call needs from outside; ``dataclasses.replace`` swaps any part of it."""

    config: Config
    authorize: Callable[[Draft], Result[Draft, Problem]]  # credentials on
    send: Callable[[Request], Result[Response, Problem]]  # a whole answer
    open: Callable[[Request], Result[Opened, Problem]]  # an answer as it comes
    now: Callable[[], float]  # seconds since the epoch
    clock: Callable[[], float]  # seconds, never turned back
    patches: tuple[Patch, ...] = ()  # applied last
    afford: Callable[[Request], Result[Request, Problem]] = Success  # within the budget
    record: Callable[[Entry], None] = lambda entry: None  # in the ledger


def prepare(env: Env, ask: Ask, task: Task = "chat") -> Result[Request, Problem]:
    """Return the exact request: everything up to the network."""
    return flow(
        check_schema(ask),  #    Ask    -> Ask       if its schema is one
        bind(resolve(env.config, task)),  # Ask -> Target which client, which model
        bind(check_max_cost(env.patches)),  # Target -> Target if it cannot cost too much
        map_(start_deadline(env.clock)),  # Target -> Target  its time runs
        bind(draft),  #          Target -> Draft     in the provider's words
        map_(patch(env.patches)),  # Draft  -> Draft     the user's changes
        bind(env.authorize),  #  Draft  -> Draft     with a credential
        bind(build(env.now)),  # Draft  -> Request   exact bytes
    )


def answer(env: Env, ask: Ask) -> Result[Reply, Problem]:
    """Return the whole answer to an ask, with its cost.

    Fails with a Problem: ``kind`` is one of loki.problems.EXIT_CODES, ``message`` says what is
    wrong and what would be right. An answer that breaks ``ask.schema`` is one of kind input; what
    it cost is in the problem. Requests are sent again as ``ask.limits`` and the configuration say.

    >>> from loki import Ask, answer, open_env
    >>> env = open_env(environ={"LOKI_PLATFORM": "openai"}).unwrap()
    >>> answer(env, Ask("Hi", model="opnai")).failure().message
    "no client named 'opnai'; did you mean 'openai'?"
    """

    def call(request: Request) -> Result[Reply, Problem]:
        return flow(
            env.send(request),  # Request  -> Response  with retries and timeouts
            bind(parse),  #       Response -> Reply     in our words
            map_(account),  #     Reply    -> Reply     with its cost
            alt(charge(request)),  # Problem -> Problem    with its cost too, if an answer came
            alt(suggest(env.config)(request)),  # of a model unknown there, its nearest
        )

    return flow(
        prepare(env, ask if ask.stream is False else replace(ask, stream=False)),
        bind(env.afford),  # Request -> Request  if the budget allows
        bind(with_entry(ledger_writer(env), call)),  # Request -> Reply    and a line in the ledger
        bind(meet_schema(ask)),  # Reply -> Reply     if it is what was asked for
    )


def stream(env: Env, ask: Ask) -> Result[Stream, Problem]:
    """Return the answer to an ask as it comes; the last event is Done, or a failure.

    The outer Result says whether the answer began. Close the iterator to end it early: that closes
    the connection. Nobody checks a stream against ``ask.schema``: it is printed as it comes.
    """

    def call(request: Request) -> Result[Stream, Problem]:
        return flow(
            env.open(request),  #        Request -> Opened  with retries and timeouts
            map_(follow(env.clock)),  #  Opened  -> Stream  in our words
            map_(with_cost),  #          Stream  -> Stream  with its cost at the end
            bind(await_first_event),  #  Stream  -> Stream  that has begun to answer
            alt(suggest(env.config)(request)),  # of a model unknown there, its nearest
        )

    return flow(
        prepare(env, ask),
        bind(env.afford),  # Request -> Request  if the budget allows
        bind(
            with_stream_entry(ledger_writer(env), call)
        ),  # Request -> Stream  and a line at its end
    )


def embed(env: Env, ask: Ask) -> Result[Embeddings, Problem]:
    """Return a vector for each of ``ask.texts``, in order; many texts take several requests."""
    from loki.stages.batching import split_texts
    from loki.stages.parse_vectors import join_embeddings, read_vectors

    def call(request: Request) -> Result[Embeddings, Problem]:
        return flow(
            env.send(request),
            bind(read_vectors),
            map_(account),
            alt(charge(request)),
            alt(suggest(env.config)(request)),
        )

    return flow(
        ask,
        resolve(env.config, "embedding"),  # Ask -> Target  which client, which model
        bind(check_max_cost(env.patches)),  # Target -> Target  if all cannot cost too much
        map_(split_texts),  # Target      -> Asks         one for each request
        bind(for_each(metered(env, "embedding", call))),  # Asks -> Embeddings  of each
        map_(join_embeddings),  # Embeddings -> Embeddings   of all
    )


def rerank(env: Env, ask: Ask) -> Result[Ranking, Problem]:
    """Rank ``ask.texts`` by relevance to ``ask.query``: the best ``ask.top``, best first."""
    from loki.stages.batching import split_texts
    from loki.stages.merge_rankings import check_completeness, join_split_rankings
    from loki.stages.parse_vectors import read_scores

    def call(request: Request) -> Result[Ranking, Problem]:
        return flow(
            env.send(request),
            bind(read_scores),
            bind(check_completeness),
            map_(account),
            alt(charge(request)),
            alt(suggest(env.config)(request)),
        )

    return flow(
        ask,
        resolve(env.config, "reranker"),  # Ask -> Target  which client, which model
        bind(check_max_cost(env.patches)),  # Target -> Target  if all cannot cost too much
        map_(split_texts),  # Target   -> Asks      one for each request
        bind(for_each(metered(env, "reranker", call))),  # Asks -> Rankings  of each
        map_(join_split_rankings(ask.top)),  # Rankings -> Ranking  of all
    )


def first_success(
    attempt: Callable[[Ask], Result[Stream, Problem]],
    asks: Sequence[Ask],
    on_fallback: Callable[[Problem, Ask], None] = lambda problem, following: None,
) -> Result[Stream, Problem]:
    """Try each ask in order; stop at the first answer, or a failure no other model could cure."""
    *others, final = asks
    for ask, following in zip(others, asks[1:], strict=True):
        result = attempt(ask)
        if isinstance(result, Success) or not is_curable(result.failure()):
            return result
        on_fallback(result.failure(), following)
    return attempt(final)


# ---- pieces of the flows -----------------------------------------------------------------------


def meet_schema(ask: Ask) -> Callable[[Reply], Result[Reply, Problem]]:
    """Return a step that fails where an answer breaks the schema of the ask."""
    return lambda reply: check_answer(ask, reply).map(lambda pair: pair[0])


def ledger_writer(env: Env) -> BeginEntry:
    """Return what writes a call's entry in the ledger."""
    return entry_writer(env.record, env.now, env.clock)


def metered(
    env: Env, task: Task, call: Callable[[Request], Result[Billed, Problem]]
) -> Callable[[Ask], Result[Billed, Problem]]:
    """Return a step for one request of several: within the budget, with its entry in the ledger."""
    return lambda ask: flow(
        prepare(env, ask, task), bind(env.afford), bind(with_entry(ledger_writer(env), call))
    )


def for_each(
    step: Callable[[Ask], Result[A, Problem]],
) -> Callable[[Sequence[Ask]], Result[tuple[A, ...], Problem]]:
    """Return a step that is taken for each ask in turn, up to the first failure."""
    return lambda asks: gather(map(step, asks))


def with_cost(events: Stream) -> Stream:
    """Return the same stream with the cost in its last event."""
    with closing(events):
        for event in events:
            yield event.map(add_cost) if isinstance(event, Success) else event


def add_cost(event: Event) -> Event:
    """Return the event, Done with the cost of the answer."""
    return Done(account(event.reply)) if isinstance(event, Done) else event


def await_first_event(events: Stream) -> Result[Stream, Problem]:
    """Return a stream once it has begun to answer; one that begins with a failure is a failure."""
    first_events = [next(events)]
    while isinstance(first_events[-1].value_or(None), Usage):
        first_events.append(next(events))
    return first_events[-1].map(lambda event: prepend_events(first_events, events))


def prepend_events(first_events: Sequence[Result[Event, Problem]], following: Stream) -> Stream:
    """Return a stream with its first events put back."""
    with closing(following):
        yield from first_events
        yield from following
