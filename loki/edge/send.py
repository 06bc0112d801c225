"""6. IMPURE. Request -> Opened or Response: the network, its limits, and asking again."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import reduce
from itertools import chain
from math import inf

from returns.result import Failure, Result, Success

from loki.edge.auth.credentials import Renew
from loki.edge.http.attempt import Attempt, connect
from loki.json_text import compact
from loki.problems import Problem
from loki.providers import wire_of
from loki.records import Limits, Request, Response
from loki.replies import Opened
from loki.stages.first_event import begin
from loki.stages.retry_policy import advised, given_up, pause
from loki.urls import mask_url
from loki.wire.errors import read_error

Open = Callable[[Request], Result[Opened, Problem]]
Send = Callable[[Request], Result[Response, Problem]]
Wrapper = Callable[[Attempt], Attempt]


def opener(
    renew: Renew = lambda request: None,
    paced: Wrapper = lambda attempt: attempt,
    on_idle: Callable[[], None] | None = None,
) -> Open:
    """Return the network as the pipeline sees it; ``on_idle`` is called while nothing comes."""
    attempt = wrap(
        connect(on_idle),  #    one request, one answer that has begun
        check_status,  #        a refusal is a Problem
        drop_stream_options,  # a server that refuses them is asked without, once
        renew_token(renew),  #  a token that is refused is renewed, once
        check_first_event,  #   an answer that begins with an error is a refusal too
        paced,  #               in its turn, where many are sent
        retry,  #               again, while that may help
    )
    return lambda request: attempt(request, deadline_of(request))


def wrap(attempt: Attempt, *wrappers: Wrapper) -> Attempt:
    """Put wrappers around an attempt, the innermost first: the order in which they work."""
    return reduce(lambda inner, wrapper: wrapper(inner), wrappers, attempt)


def deadline_of(request: Request) -> float:
    """Return when a request has to be answered, on the monotonic clock."""
    limits = request.draft.target.limits
    return time.monotonic() + (limits.total or 0) if limits.end is None else limits.end


def whole(open_: Open) -> Send:
    """The same for answers in one piece."""

    def send(request: Request) -> Result[Response, Problem]:
        return open_(request).bind(read_all)

    return send


def read_all(opened: Opened) -> Result[Response, Problem]:
    """The rest of an answer that has begun."""
    pieces: list[bytes] = []
    with closing(opened):
        for piece in opened.chunks:
            if not isinstance(piece, Success):
                return Failure(replace(piece.failure(), attempts=opened.attempts))
            pieces.append(piece.unwrap())
    return Success(
        Response(
            request=opened.request,
            status=opened.status,
            headers=opened.headers,
            body=b"".join(pieces),
            attempts=opened.attempts,
            seconds=time.monotonic() - opened.started,
        )
    )


# ---- wrappers: Attempt -> Attempt -> Open ------------------------------------------------------


def check_status(attempt: Attempt) -> Attempt:
    """Make a Problem of an answer that refuses, with what the server says about asking again."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        return attempt(request, deadline).bind(
            lambda opened: Success(opened) if 200 <= opened.status < 300 else refused(opened)
        )

    return stage


def drop_stream_options(attempt: Attempt) -> Attempt:
    """Ask a server that does not know how to count tokens in a stream without that."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        result = attempt(request, deadline)
        if isinstance(result, Success) or not minds_counting(request, result.failure()):
            return result
        body = dict(request.draft.body)
        del body["stream_options"]
        content = compact(body).encode()
        plain = replace(request, draft=replace(request.draft, body=body), content=content)
        return after(1, attempt(plain, deadline))

    return stage


def renew_token(renew: Renew) -> Wrapper:
    """Renew a token that is refused, once."""

    def wrapper(attempt: Attempt) -> Attempt:
        def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
            result = attempt(request, deadline)
            if isinstance(result, Success) or result.failure().status != 401:
                return result
            fresh = renew(request)
            return fresh.bind(lambda other: after(1, attempt(other, deadline))) if fresh else result

        return stage

    return wrapper


def check_first_event(attempt: Attempt) -> Attempt:
    """Make a Problem of an answer that begins with an error: nothing of it has been told yet."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        return attempt(request, deadline).bind(begin)

    return stage


def retry(attempt: Attempt) -> Attempt:
    """Ask again while that may help, within the request's limits."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        limits, started = request.draft.target.limits, time.monotonic()
        first = attempt(request, deadline)
        if isinstance(first, Success):
            return first
        tries, result = retried(first, lambda: attempt(request, deadline), limits, deadline)
        return result.map(lambda opened: replace(opened, started=started, attempts=tries)).alt(
            lambda problem: given_up(problem, tries, limits, told_by_clock)
        )

    return stage


def retried(
    first: Result[Opened, Problem],
    attempt: Callable[[], Result[Opened, Problem]],
    limits: Limits,
    deadline: float,
) -> tuple[int, Result[Opened, Problem]]:
    """Return how often a server was asked, and the last answer; tenacity keeps the time.

    It is only loaded where a first attempt has failed.
    """
    from tenacity import RetryCallState, Retrying, retry_if_result

    answers = chain((first,), iter(attempt, None))
    tries = 0

    def ask() -> Result[Opened, Problem]:
        nonlocal tries
        result = next(answers)
        tries += attempts_of(result)
        return result

    def wait(state: RetryCallState) -> float:
        """Return the seconds before the next attempt, inf where there is to be none."""
        assert state.outcome is not None
        problem, left = state.outcome.result().failure(), deadline - time.monotonic()
        seconds = pause(problem, state.attempt_number, limits, random.random(), left)
        return inf if seconds is None else seconds

    def last(state: RetryCallState) -> Result[Opened, Problem]:
        """Return the answer to give up with."""
        assert state.outcome is not None
        found: Result[Opened, Problem] = state.outcome.result()
        return found

    asking = Retrying(
        retry=retry_if_result(lambda result: not isinstance(result, Success)),
        wait=wait,
        stop=lambda state: state.upcoming_sleep == inf,
        retry_error_callback=last,
    )
    result = asking(ask)
    return tries, result


def after(tries: int, result: Result[Opened, Problem]) -> Result[Opened, Problem]:
    """What came of a request that others were sent before."""
    if not tries:
        return result
    return result.map(lambda opened: replace(opened, attempts=opened.attempts + tries)).alt(
        lambda problem: replace(problem, attempts=problem.attempts + tries)
    )


def attempts_of(result: Result[Opened, Problem]) -> int:
    """How often a server was asked for a result."""
    return result.map(lambda opened: opened.attempts).value_or(0) or result.failure().attempts


def minds_counting(request: Request, problem: Problem) -> bool:
    """Whether ``stream_options`` is what a server refused."""
    asked = "stream_options" in request.draft.body
    return asked and problem.status in (400, 422) and "stream_options" in problem.message


def refused(opened: Opened) -> Result[Opened, Problem]:
    """The Problem that a refusal tells; a refusal that breaks off is told as far as it came."""
    response = read_all(replace(opened, chunks=until_broken(opened.chunks))).unwrap()
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        body = None
    place = response.headers.get("location", "")
    headers = {**response.headers, "location": mask_url(place)} if place else response.headers
    problem = read_error(response.status, headers, response.body)
    rate_limits = wire_of(opened.request.draft.target).rate_limit_headers
    return Failure(advised(problem, headers, body, time.time(), rate_limits))


def until_broken(
    chunks: Iterator[Result[bytes, Problem]],
) -> Iterator[Result[bytes, Problem]]:
    """The good pieces, at most a mebibyte."""
    size = 0
    for chunk in chunks:
        if not isinstance(chunk, Success) or size > 2**20:
            return
        size += len(chunk.unwrap())
        yield chunk


def told_by_clock(moment: float) -> str:
    """A time as a reader's clock shows it, with the day if that is another one."""
    then, now = time.localtime(moment), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", then)
