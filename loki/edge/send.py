"""6. IMPURE. Request -> Opened or Response: the network, its limits, and asking again."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain

from returns.result import Failure, Result, Success

from loki.edge.auth.credentials import Renew
from loki.edge.auth.secrets import mask_url
from loki.edge.network import Attempt, connected
from loki.problems import Problem
from loki.records import Limits, Opened, Request, Response
from loki.stages.build import compact
from loki.stages.first_event import begin
from loki.stages.retry_policy import advised, given_up, pause
from loki.wire.errors import read_error

Open = Callable[[Request], Result[Opened, Problem]]
Send = Callable[[Request], Result[Response, Problem]]


def opener(
    renew: Renew = lambda request: None,
    paced: Callable[[Attempt], Attempt] = lambda attempt: attempt,
) -> Open:
    """The network as the pipeline sees it: busy servers are asked again, refusals are told."""
    return retried(paced(begun(renewed(relenting(understood(connected())), renew))))


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


def understood(attempt: Attempt) -> Attempt:
    """An answer that refuses becomes a Problem, with what the server says about asking again."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        return attempt(request, deadline).bind(
            lambda opened: Success(opened) if 200 <= opened.status < 300 else refused(opened)
        )

    return stage


def begun(attempt: Attempt) -> Attempt:
    """An answer that begins with an error is a refusal too: nothing of it has been told yet."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        return attempt(request, deadline).bind(begin)

    return stage


def renewed(attempt: Attempt, renew: Renew) -> Attempt:
    """A token that is refused is renewed, once."""

    def stage(request: Request, deadline: float) -> Result[Opened, Problem]:
        result = attempt(request, deadline)
        if isinstance(result, Success) or result.failure().status != 401:
            return result
        fresh = renew(request)
        return fresh.bind(lambda other: after(1, attempt(other, deadline))) if fresh else result

    return stage


def relenting(attempt: Attempt) -> Attempt:
    """A server that does not know how to count tokens in a stream is asked without that."""

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
    return Failure(advised(problem, headers, body, time.time()))


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


def retried(attempt: Attempt) -> Open:
    """Ask again while that may help, within the request's limits."""

    def stage(request: Request) -> Result[Opened, Problem]:
        limits = request.draft.target.limits
        started = time.monotonic()
        deadline = started + (limits.total or 0)
        first = attempt(request, deadline)
        if isinstance(first, Success):
            return first
        heard = again(first, lambda: attempt(request, deadline), limits, deadline)
        tries = sum(map(attempts_of, heard))
        return (
            heard[-1]
            .map(lambda opened: replace(opened, started=started, attempts=tries))
            .alt(lambda problem: given_up(problem, tries, limits, told_by_clock))
        )

    return stage


def again(
    first: Result[Opened, Problem],
    attempt: Callable[[], Result[Opened, Problem]],
    limits: Limits,
    deadline: float,
) -> list[Result[Opened, Problem]]:
    """Every answer up to the last; tenacity keeps the time."""
    from tenacity import RetryCallState, Retrying

    answers = chain((first,), iter(attempt, None))
    heard: list[Result[Opened, Problem]] = []
    pauses: list[float | None] = []

    def helps(state: RetryCallState) -> bool:
        """Whether to ask again; the pause before that goes to ``pauses``."""
        assert state.outcome is not None
        heard.append(state.outcome.result())
        number, left = state.attempt_number, deadline - time.monotonic()
        pauses.append(
            None
            if isinstance(heard[-1], Success)
            else pause(heard[-1].failure(), number, limits, random.random(), left)
        )
        return pauses[-1] is not None

    Retrying(retry=helps, wait=lambda state: pauses[-1] or 0.0)(lambda: next(answers))
    return heard


def told_by_clock(moment: float) -> str:
    """A time as a reader's clock shows it, with the day if that is another one."""
    then, now = time.localtime(moment), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", then)
