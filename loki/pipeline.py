"""READ FIRST. Env, and the program as a page of flows: prepare, answer, stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from returns.pipeline import flow
from returns.result import Result, Success

from loki.problems import CURABLE, Problem
from loki.railway import bind, map_
from loki.records import (
    Ask,
    Config,
    Done,
    Draft,
    Event,
    Opened,
    Patch,
    Reply,
    Request,
    Response,
    Stream,
)
from loki.stages.account import account
from loki.stages.build import build
from loki.stages.draft import draft
from loki.stages.parse import follow, parse
from loki.stages.patch import patch
from loki.stages.resolve import resolve


@dataclass(frozen=True, slots=True)
class Env:
    """Everything a call needs from outside; ``dataclasses.replace`` swaps any part of it."""

    config: Config
    authorize: Callable[[Draft], Result[Draft, Problem]]  # credentials on
    send: Callable[[Request], Result[Response, Problem]]  # a whole answer
    open: Callable[[Request], Result[Opened, Problem]]  # an answer as it comes
    now: Callable[[], float]  # seconds since the epoch
    clock: Callable[[], float]  # seconds, never turned back
    patches: tuple[Patch, ...] = ()  # applied last


def prepare(env: Env, ask: Ask) -> Result[Request, Problem]:
    """Everything up to the wire."""
    return flow(
        ask,
        resolve(env.config),  # Ask    -> Target    which client, which model
        bind(draft),  #          Target -> Draft     in the provider's words
        map_(patch(env.patches)),  # Draft  -> Draft     the user's changes
        bind(env.authorize),  #  Draft  -> Draft     with a credential
        bind(build(env.now)),  # Draft  -> Request   exact bytes
    )


def answer(env: Env, ask: Ask) -> Result[Reply, Problem]:
    """One question, one priced answer, in one piece."""
    return flow(
        prepare(env, replace(ask, stream=False)),
        bind(env.send),  # Request  -> Response  with retries and timeouts
        bind(parse),  #    Response -> Reply     in our words
        map_(account),  #  Reply    -> Reply     with its cost
    )


def stream(env: Env, ask: Ask) -> Result[Stream, Problem]:
    """One question, the answer as it comes; the last event is Done, or a failure."""
    return flow(
        prepare(env, ask),
        bind(env.open),  #           Request -> Opened  with retries and timeouts
        map_(follow(env.clock)),  #  Opened  -> Stream  in our words
        map_(priced),  #             Stream  -> Stream  with its cost at the end
        bind(begun),  #              Stream  -> Stream  that has begun to answer
    )


def in_turn(
    attempt: Callable[[Ask], Result[Stream, Problem]],
    asks: Sequence[Ask],
    said: Callable[[Problem, Ask], None] = lambda problem, following: None,
) -> Result[Stream, Problem]:
    """The first of several asks that is answered, or that fails for a reason of its own."""
    *others, final = asks
    for ask, following in zip(others, asks[1:], strict=True):
        result = attempt(ask)
        if isinstance(result, Success) or result.failure().kind not in CURABLE:
            return result
        said(result.failure(), following)
    return attempt(final)


def priced(events: Stream) -> Stream:
    """The same stream with the cost in its last event."""
    with closing(events):
        for event in events:
            yield event.map(price) if isinstance(event, Success) else event


def price(event: Event) -> Event:
    """The cost of an answer that is done."""
    return Done(account(event.reply)) if isinstance(event, Done) else event


def begun(events: Stream) -> Result[Stream, Problem]:
    """A stream once its first event is there; one that begins with a failure is a failure."""
    first = next(events)
    return first.map(lambda event: resumed(event, events))


def resumed(first: Event, rest: Stream) -> Stream:
    """A stream with an event put back."""
    with closing(rest):
        yield Success(first)
        yield from rest
