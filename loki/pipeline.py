"""READ FIRST. Env, and the program as a page of flows: prepare, answer, stream, embed, rerank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from returns.pipeline import flow
from returns.result import Result, Success

from loki.formats.structured_output import (
    FindBreach,
    check_answer,
    check_schema,
    find_schema_violation,
)
from loki.json_text import Json
from loki.problems import Problem, is_curable
from loki.railway import alt, bind, gather, map_
from loki.record import record, replace
from loki.records import Ask, Config, Draft, Patch, Request, Response, Task
from loki.redaction.redactor import Redactor
from loki.replies import Done, OpenResponse, Reply, Stream
from loki.stages.account import (
    Billed,
    Entry,
    account,
    add_cost_to_problem,
    add_worst_cost,
    most_spent,
)
from loki.stages.build import build
from loki.stages.check_max_cost import check_draft_cost, check_max_cost
from loki.stages.draft import draft
from loki.stages.first_event import wait_for_answer
from loki.stages.ledger_entry import BeginEntry, entry_writer, with_entry, with_stream_entry
from loki.stages.parse import parse, read_stream
from loki.stages.patch import patch
from loki.stages.resolve import resolve, start_deadline
from loki.stages.suggest_models import make_suggest

if TYPE_CHECKING:
    from loki.replies import Embeddings, Ranking

A = TypeVar("A")


@record
class Env:
    """Everything a call needs from outside; ``dataclasses.replace`` swaps any part of it."""

    config: Config
    authorize: Callable[[Draft], Result[Draft, Problem]]  # credentials on
    send: Callable[[Request], Result[Response, Problem]]  # a whole answer
    open: Callable[[Request], Result[OpenResponse, Problem]]  # an answer as it comes
    now: Callable[[], float]  # seconds since the epoch
    clock: Callable[[], float]  # seconds, never turned back
    patches: tuple[Patch, ...] = ()  # applied last
    check_budget: Callable[[Request], Result[Request, Problem]] = Success  # within the budget
    record: Callable[[Entry], None] = lambda entry: None  # in the ledger
    redactor: Redactor = field(default_factory=Redactor, repr=False)  # knows its secrets
    find_schema_violation: FindBreach = find_schema_violation  # of a schema, in an answer


def prepare(env: Env, ask: Ask, task: Task = "chat") -> Result[Request, Problem]:
    """Return the exact request: everything up to the network."""
    return flow(
        check_schema(ask),  #    Ask    -> Ask       if its schema is one
        bind(resolve(env.config, task)),  # Ask -> Target which client, which model
        map_(start_deadline(env.clock)),  # Target -> Target  its time runs
        bind(draft),  #          Target -> Draft     in the provider's words
        map_(patch(env.patches)),  # Draft  -> Draft     the user's changes
        bind(env.authorize),  #  Draft  -> Draft     with a credential, or a kept answer
        bind(check_draft_cost(env.patches)),  # Draft -> Draft  if it cannot cost too much
        bind(build(env.now)),  # Draft  -> Request   exact bytes
    )


def answer(env: Env, ask: Ask) -> Result[Reply, Problem]:
    """Return the whole answer to an ask, with its cost.

    Fails with a Problem: ``kind`` is one of loki.problems.EXIT_CODES, ``message`` says what is
    wrong and what would be right. With ``ask.schema`` the reply's ``data`` is the value that meets
    it; an answer that breaks it is a Problem of kind input, which has the answer and what it cost.
    Requests are sent again as ``ask.limits`` and the configuration say.

    >>> from loki import Ask, answer, open_env
    >>> env = open_env(environ={"LOKI_PLATFORM": "openai"}).unwrap()
    >>> answer(env, Ask("Hi", model="opnai")).failure().message
    "no client named 'opnai'; did you mean 'openai'?"
    """
    return answer_with_data(env, ask).map(lambda pair: pair[0])


def answer_with_data(env: Env, ask: Ask) -> Result[tuple[Reply, Json], Problem]:
    """Return the same, and the value that ``ask.schema`` asks for: ``...`` without one."""

    def part(request: Request) -> Result[Reply, Problem]:
        return flow(
            env.send(request),  # Request  -> Response  with retries and timeouts
            bind(parse),  #       Response -> Reply     in our words
            map_(account),  #     Reply    -> Reply     with its cost
        )

    def call(request: Request) -> Result[Reply, Problem]:
        return flow(
            part(request),
            bind(continue_paused(env, part)),  # Reply -> Reply   whole, if the provider paused
            alt(add_cost_to_problem(request)),  # Problem -> Problem  with what it cost too
            alt(make_suggest(env.config)(request)),  # of a model unknown there, its nearest
        )

    return flow(
        prepare(env, ask if ask.stream is False else replace(ask, stream=False)),
        bind(env.check_budget),  # Request -> Request  if the budget allows
        bind(with_entry(ledger_writer(env), call)),  # Request -> Reply    and a line in the ledger
        bind(
            partial(check_answer, ask, find=env.find_schema_violation)
        ),  # Reply -> Reply, Json  if it is what was asked for
    )


def stream(env: Env, ask: Ask) -> Result[Stream, Problem]:
    """Return the answer to an ask as it comes; the last event is Done, or a failure.

    The outer Result says whether the answer began. Close the iterator to end it early: that closes
    the connection. Nobody checks a stream against ``ask.schema``: it is printed as it comes.
    """

    def part(request: Request) -> Result[Stream, Problem]:
        return flow(
            env.open(request),  #        Request -> OpenResponse  with retries and timeouts
            bind(wait_for_answer),  #       Opened  -> OpenResponse  that has begun to answer
            map_(read_stream(env.clock)),  #  Opened  -> Stream  in our words
        )

    def call(request: Request) -> Result[Stream, Problem]:
        return flow(
            part(request),
            map_(with_stream_cost(env, part)),  # Stream -> Stream  whole, with its cost at the end
            alt(add_worst_cost(request)),  # Problem -> Problem  with its worst case, under max_cost
            alt(make_suggest(env.config)(request)),  # of a model unknown there, its nearest
        )

    return flow(
        prepare(env, ask),
        bind(env.check_budget),  # Request -> Request  if the budget allows
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
            alt(add_cost_to_problem(request)),
            alt(make_suggest(env.config)(request)),
        )

    return flow(
        ask,
        resolve(env.config, "embedding"),  # Ask -> Target  which client, which model
        bind(check_max_cost(env.patches)),  # Target -> Target  if all cannot cost too much
        map_(split_texts),  # Target      -> Asks         one for each request
        bind(map_each(with_ledger_entry(env, "embedding", call))),  # Asks -> Embeddings  of each
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
            alt(add_cost_to_problem(request)),
            alt(make_suggest(env.config)(request)),
        )

    return flow(
        ask,
        resolve(env.config, "reranker"),  # Ask -> Target  which client, which model
        bind(check_max_cost(env.patches)),  # Target -> Target  if all cannot cost too much
        map_(split_texts),  # Target   -> Asks      one for each request
        bind(map_each(with_ledger_entry(env, "reranker", call))),  # Asks -> Rankings  of each
        map_(join_split_rankings(ask.top)),  # Rankings -> Ranking  of all
    )


def first_success(
    attempt: Callable[[Ask], Result[A, Problem]],
    asks: Sequence[Ask],
    on_fallback: Callable[[Problem, Ask], None] = lambda problem, following: None,
) -> Result[A, Problem]:
    """Try each ask in order; stop at the first answer, or a failure no other model could cure.

    ``attempt`` is ``partial(answer, env)``, for example; ``on_fallback`` gets a failure and the ask
    that comes after it. What a failure cost, at worst, is gone from the ``max_cost`` of the others.
    """
    spent = Decimal(0)
    for ask, following in zip(asks, asks[1:], strict=False):
        result = attempt(reduce_max_cost(ask, spent))
        if isinstance(result, Success) or not is_curable(result.failure()):
            return result
        spent += most_spent(result.failure())
        on_fallback(result.failure(), following)
    return attempt(reduce_max_cost(asks[-1], spent))


def reduce_max_cost(ask: Ask, amount: Decimal) -> Ask:
    """Return an ask that may cost so much less, in US dollars."""
    limit = ask.max_cost
    return ask if limit is None or not amount else replace(ask, max_cost=limit - amount)


# ---- pieces of the flows -----------------------------------------------------------------------


def ledger_writer(env: Env) -> BeginEntry:
    """Return what writes a call's entry in the ledger."""
    return entry_writer(env.record, env.now, env.clock)


def with_ledger_entry(
    env: Env, task: Task, call: Callable[[Request], Result[Billed, Problem]]
) -> Callable[[Ask], Result[Billed, Problem]]:
    """Return a step for one request of several: within the budget, with its entry in the ledger."""
    return lambda ask: flow(
        prepare(env, ask, task), bind(env.check_budget), bind(with_entry(ledger_writer(env), call))
    )


def map_each(
    step: Callable[[Ask], Result[A, Problem]],
) -> Callable[[Sequence[Ask]], Result[tuple[A, ...], Problem]]:
    """Return a step that is taken for each ask in turn, up to the first failure."""
    return lambda asks: gather(map(step, asks))


def continue_paused(
    env: Env, part: Callable[[Request], Result[Reply, Problem]]
) -> Callable[[Reply], Result[Reply, Problem]]:
    """Return a step that goes on with an answer that its provider paused."""

    def step(reply: Reply) -> Result[Reply, Problem]:
        if not reply.pause:
            return Success(reply)
        from loki.stages.continuation import continue_answer

        return continue_answer(with_cost_limit(env, part), build(env.now))(reply)

    return step


def with_stream_cost(
    env: Env, part: Callable[[Request], Result[Stream, Problem]]
) -> Callable[[Stream], Stream]:
    """Return a step that goes on with a paused answer and puts the cost into its last event."""

    def step(events: Stream) -> Stream:
        with closing(events):
            for result in events:
                event = result.value_or(None)
                yield from finished(event.reply) if isinstance(event, Done) else (result,)

    def finished(reply: Reply) -> Stream:
        if not reply.pause:
            yield Success(Done(account(reply)))
            return
        from loki.stages.continuation import continue_stream

        yield from continue_stream(account(reply), with_cost_limit(env, part), build(env.now))

    return step


def with_cost_limit(
    env: Env, part: Callable[[Request], Result[A, Problem]]
) -> Callable[[Request], Result[A, Problem]]:
    """Return the same step, for requests within the budget."""
    return lambda request: env.check_budget(request).bind(part)
