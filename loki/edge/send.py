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

from loki.edge.network import LARGEST, Attempt, connected
from loki.problems import Problem, fail
from loki.records import Limits, Opened, Request, Response
from loki.stages.build import compact
from loki.stages.retry import advised, pause
from loki.wire.errors import read_error

Open = Callable[[Request], Result[Opened, Problem]]
Send = Callable[[Request], Result[Response, Problem]]


def opener() -> Open:
    """The network as the pipeline sees it: busy servers are asked again, refusals are told."""
    return retried(relenting(understood(connected())))


def whole(open_: Open) -> Send:
    """The same for answers in one piece."""

    def send(request: Request) -> Result[Response, Problem]:
        return open_(request).bind(read_all)

    return send


def read_all(opened: Opened) -> Result[Response, Problem]:
    """The rest of an answer that has begun."""
    pieces: list[bytes] = []
    size = 0
    with closing(opened):
        for piece in opened.chunks:
            if not isinstance(piece, Success):
                return Failure(piece.failure())
            pieces.append(piece.unwrap())
            size += len(pieces[-1])
            if size > LARGEST:
                return fail("garbled", f"the answer is over {LARGEST >> 20} MiB", sent=True)
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
        return attempt(plain, deadline)

    return stage


def minds_counting(request: Request, problem: Problem) -> bool:
    """Whether ``stream_options`` is what a server refused."""
    asked = "stream_options" in request.draft.body
    return asked and problem.status in (400, 422) and "stream_options" in problem.message


def refused(opened: Opened) -> Result[Opened, Problem]:
    """The Problem that a refusal tells; a refusal that breaks off is told as far as it came."""
    response = read_all(replace(opened, chunks=until_broken(opened.chunks))).unwrap()
    try:
        body = json.loads(response.body)
    except ValueError:
        body = None
    problem = read_error(response.status, response.headers, response.body)
    return Failure(advised(problem, response.headers, body, time.time()))


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
        tries, outcome = 1, first
        if not isinstance(first, Success):
            tries, outcome = again(first, lambda: attempt(request, deadline), limits, deadline)
        return outcome.map(lambda o: replace(o, started=started, attempts=tries)).alt(
            lambda problem: worn(problem, tries, limits)
        )

    return stage


def again(
    first: Result[Opened, Problem],
    attempt: Callable[[], Result[Opened, Problem]],
    limits: Limits,
    deadline: float,
) -> tuple[int, Result[Opened, Problem]]:
    """How often was asked in the end, and the last answer; tenacity keeps the time."""
    from tenacity import RetryCallState, Retrying

    answers = chain((first,), iter(attempt, None))
    pauses: list[float | None] = []

    def helps(state: RetryCallState) -> bool:
        """Whether to ask again; the pause before that goes to ``pauses``."""
        assert state.outcome is not None
        result = state.outcome.result()
        pauses.append(
            None
            if isinstance(result, Success)
            else pause(result.failure(), state.attempt_number, limits, random.random())
        )
        return pauses[-1] is not None and time.monotonic() + pauses[-1] <= deadline

    retrying = Retrying(
        retry=helps,
        wait=lambda state: pauses[-1] or 0.0,
        retry_error_callback=lambda state: state.outcome and state.outcome.result(),
    )
    outcome: Result[Opened, Problem] = retrying(lambda: next(answers))
    return retrying.statistics["attempt_number"], outcome


def worn(problem: Problem, tries: int, limits: Limits) -> Problem:
    """The last problem, with what it took to get there."""
    message = problem.message
    if tries > 1:
        message += f" (after {tries} attempts)"
    elif problem.wait is not None and problem.again and problem.wait > (limits.max_wait or 0):
        when = time.strftime("%H:%M:%S", time.localtime(problem.retry_at))
        message += f" (the server asks to wait {problem.wait:.0f} s, until {when})"
    return replace(problem, message=message)
