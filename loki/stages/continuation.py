"""7c. A paused Reply -> the same answer gone on with: a provider rests between its own tools."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from decimal import Decimal
from typing import TypeVar

from returns.result import Failure, Result, Success

from loki.json_text import JsonObject
from loki.problems import Problem
from loki.record import field_names, replace
from loki.records import Draft, Request
from loki.replies import Done, Event, Reply, Stream
from loki.stages.account import account, is_free
from loki.usage import Usage

A = TypeVar("A", float, Decimal)
Build = Callable[[Draft], Result[Request, Problem]]

#: How often one call may go on; a provider pauses after some ten of its own steps.
MAX_PAUSES = 10


def continue_answer(
    call: Callable[[Request], Result[Reply, Problem]], build: Build
) -> Callable[[Reply], Result[Reply, Problem]]:
    """Return a step that sends a paused turn back until its answer is whole, as one answer."""

    def step(reply: Reply) -> Result[Reply, Problem]:
        for _ in range(MAX_PAUSES):
            if not reply.pause:
                break
            result = next_request(reply, build).bind(call)
            if not isinstance(result, Success):
                return Failure(add_paid_cost(result.failure(), reply))
            reply = join_replies(reply, result.unwrap())
        return Success(reply)

    return step


def continue_stream(
    reply: Reply, call: Callable[[Request], Result[Stream, Problem]], build: Build
) -> Stream:
    """Yield the rest of a paused answer, then Done with all of it."""
    for _ in range(MAX_PAUSES):
        if not reply.pause:
            break
        result = next_request(reply, build).bind(call)
        if not isinstance(result, Success):
            yield Failure(add_paid_cost(result.failure(), reply))
            return
        following = yield from forward_events(result.unwrap(), reply)
        if following is None:
            return
        reply = join_replies(reply, account(following))
    yield Success(Done(reply))


def forward_events(
    events: Stream, before: Reply
) -> Generator[Result[Event, Problem], None, Reply | None]:
    """Yield the events of a later part; return its reply, None after a failure."""
    with closing(events):
        for result in events:
            if not isinstance(result, Success):
                yield Failure(add_paid_cost(result.failure(), before))
                return None
            match result.unwrap():
                case Done(reply):
                    return reply
                case Usage() as usage:
                    yield Success(add_usage(before.usage, usage))
                case _:
                    yield result
    return None


def next_request(reply: Reply, build: Build) -> Result[Request, Problem]:
    """Return the request that sends a paused turn back, patched and authorized as the first."""
    draft = reply.request.draft
    turn: JsonObject = {"role": "assistant", "content": list(reply.pause)}
    messages = [*draft.body.get("messages", ()), turn]
    return build(replace(draft, body={**draft.body, "messages": messages}))


def join_replies(first: Reply, second: Reply) -> Reply:
    """Return two parts of one answer as one, with what both cost."""
    return replace(
        second,
        text=first.text + second.text,
        reasoning=first.reasoning + second.reasoning,
        usage=add_usage(first.usage, second.usage),
        cost=add_optional(first.cost, second.cost),
        seconds=add_optional(first.seconds, second.seconds),
        first_token_seconds=first.first_token_seconds,
        attempts=first.attempts + second.attempts,
        carry=(*first.carry, *second.carry),
        sources=tuple(dict.fromkeys((*first.sources, *second.sources))),
        items=(*first.items, *second.items),
        notes=(*first.notes, *second.notes),
    )


def add_optional(one: A | None, other: A | None) -> A | None:
    """Return a sum, None where a part of it is unknown."""
    return None if one is None or other is None else one + other


def add_usage(one: Usage, other: Usage) -> Usage:
    """Return the usage of two requests together; the tier is that of the second.

    >>> add_usage(Usage(input=5, output=1), Usage(input=9))  # doctest: +ELLIPSIS
    Usage(input=14, cache_read=None, cache_write=None, output=1, reasoning=None, ...)
    """
    names = [name for name in field_names(Usage) if name != "tier"]
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in names}
    sums = {name: a if b is None else b if a is None else a + b for name, (a, b) in pairs.items()}
    return replace(other, **sums)


def add_paid_cost(problem: Problem, reply: Reply) -> Problem:
    """Return a Problem of a later part with what the earlier ones used."""
    usage = add_usage(reply.usage, problem.usage or Usage())
    cost = reply.cost if is_free(problem) else None
    return replace(problem, usage=usage, cost=cost, sent=True, retryable=False, status=None)
