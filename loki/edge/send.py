"""6. Request -> OpenResponse or Response: the network, its limits, and retries."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import reduce
from itertools import chain
from math import inf

from returns.result import Failure, Result, Success

from loki.edge.auth.auth_method import describe_credential
from loki.edge.auth.credentials import Renew
from loki.edge.http.attempt import Attempt, connect
from loki.json_text import compact
from loki.problems import Problem
from loki.providers import wire_of
from loki.record import replace
from loki.records import Limits, Request, Response
from loki.redaction.redactor import Redactor
from loki.replies import OpenResponse
from loki.stages.first_event import first_event
from loki.stages.retry_policy import retry_delay, with_attempts, with_retry_advice
from loki.urls import mask_url
from loki.wire.errors import read_error

Open = Callable[[Request], Result[OpenResponse, Problem]]
Send = Callable[[Request], Result[Response, Problem]]
Wrapper = Callable[[Attempt], Attempt]


def make_opener(
    redactor: Redactor,
    renew: Renew = lambda request: None,
    paced: Wrapper = lambda attempt: attempt,
    on_idle: Callable[[], None] | None = None,
) -> Open:
    """Return a function that opens an answer, with retries; ``on_idle`` is called in silence."""
    attempt = wrap(
        connect(redactor, on_idle),  # one request, one answer that has begun
        check_status,  #        a refusal is a Problem
        drop_stream_options,  # a server that refuses them is asked without, once
        renew_token(renew),  #  a token that is refused is renewed, once
        check_first_event,  #   an answer that begins with an error is a refusal too
        paced,  #               in its turn, where many are sent
        retry,  #               again, while that may help
    )
    return lambda request: attempt(request, deadline_of(request))


def wrap(attempt: Attempt, *wrappers: Wrapper) -> Attempt:
    """Wrap an attempt, innermost wrapper first: the order in which they work."""
    return reduce(lambda inner, wrapper: wrapper(inner), wrappers, attempt)


def deadline_of(request: Request) -> float:
    """Return the deadline of a request, on the monotonic clock."""
    limits = request.draft.target.limits
    return time.monotonic() + (limits.total or 0) if limits.deadline is None else limits.deadline


def read_whole(open_: Open) -> Send:
    """Return a function that sends a request and reads its whole answer."""

    def send(request: Request) -> Result[Response, Problem]:
        return open_(request).bind(read_all)

    return send


def read_all(opened: OpenResponse) -> Result[Response, Problem]:
    """Read the rest of an answer that has begun."""
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
    """Make a Problem of an error status, with what the server says about retrying."""

    def stage(request: Request, deadline: float) -> Result[OpenResponse, Problem]:
        return attempt(request, deadline).bind(
            lambda opened: Success(opened) if 200 <= opened.status < 300 else refusal(opened)
        )

    return stage


def drop_stream_options(attempt: Attempt) -> Attempt:
    """Send again without ``stream_options`` to a server that rejects them."""

    def stage(request: Request, deadline: float) -> Result[OpenResponse, Problem]:
        result = attempt(request, deadline)
        if isinstance(result, Success) or not rejects_stream_options(request, result.failure()):
            return result
        body = dict(request.draft.body)
        del body["stream_options"]
        content = compact(body).encode()
        without = replace(request, draft=replace(request.draft, body=body), content=content)
        return plus_attempts(1, attempt(without, deadline))

    return stage


def renew_token(renew: Renew) -> Wrapper:
    """Renew a token that is refused (401), and send again once."""

    def wrapper(attempt: Attempt) -> Attempt:
        def stage(request: Request, deadline: float) -> Result[OpenResponse, Problem]:
            result = attempt(request, deadline)
            if isinstance(result, Success) or result.failure().status != 401:
                return result
            renewed = renew(request)
            if renewed is None:
                return result
            return renewed.bind(lambda fresh: plus_attempts(1, attempt(fresh, deadline)))

        return stage

    return wrapper


def check_first_event(attempt: Attempt) -> Attempt:
    """Make a Problem of an answer that begins with an error: nothing of it was printed yet."""

    def stage(request: Request, deadline: float) -> Result[OpenResponse, Problem]:
        return attempt(request, deadline).bind(first_event)

    return stage


def retry(attempt: Attempt) -> Attempt:
    """Retry while that may help, within the request's limits."""

    def stage(request: Request, deadline: float) -> Result[OpenResponse, Problem]:
        limits, started = request.draft.target.limits, time.monotonic()
        first = attempt(request, deadline)
        if isinstance(first, Success):
            return first
        tries, result = try_again(first, lambda: attempt(request, deadline), limits, deadline)
        return result.map(lambda opened: replace(opened, started=started, attempts=tries)).alt(
            lambda problem: with_attempts(problem, tries, limits, format_local_time)
        )

    return stage


def try_again(
    first: Result[OpenResponse, Problem],
    attempt: Callable[[], Result[OpenResponse, Problem]],
    limits: Limits,
    deadline: float,
) -> tuple[int, Result[OpenResponse, Problem]]:
    """Return the number of attempts and the last result, with tenacity's pauses between them.

    tenacity is loaded only after a first attempt has failed.
    """
    from tenacity import RetryCallState, Retrying, retry_if_result

    answers = chain((first,), iter(attempt, None))
    tries = 0

    def ask() -> Result[OpenResponse, Problem]:
        nonlocal tries
        result = next(answers)
        tries += attempts_of(result)
        return result

    def wait(state: RetryCallState) -> float:
        """Return the seconds before the next attempt, inf to give up."""
        assert state.outcome is not None
        problem, left = state.outcome.result().failure(), deadline - time.monotonic()
        seconds = retry_delay(problem, state.attempt_number, limits, random.random(), left)
        return inf if seconds is None else seconds

    def last(state: RetryCallState) -> Result[OpenResponse, Problem]:
        """Return the last result."""
        assert state.outcome is not None
        result: Result[OpenResponse, Problem] = state.outcome.result()
        return result

    asking = Retrying(
        retry=retry_if_result(lambda result: not isinstance(result, Success)),
        wait=wait,
        stop=lambda state: state.upcoming_sleep == inf,
        retry_error_callback=last,
    )
    result = asking(ask)
    return tries, result


def plus_attempts(
    tries: int, result: Result[OpenResponse, Problem]
) -> Result[OpenResponse, Problem]:
    """Return a result with ``tries`` earlier attempts counted in."""
    if not tries:
        return result
    return result.map(lambda opened: replace(opened, attempts=opened.attempts + tries)).alt(
        lambda problem: replace(problem, attempts=problem.attempts + tries)
    )


def attempts_of(result: Result[OpenResponse, Problem]) -> int:
    """Return the number of attempts of a result."""
    return result.map(lambda opened: opened.attempts).value_or(0) or result.failure().attempts


def rejects_stream_options(request: Request, problem: Problem) -> bool:
    """Return whether a server rejected ``stream_options``."""
    was_sent = "stream_options" in request.draft.body
    return was_sent and problem.status in (400, 422) and "stream_options" in problem.message


def refusal(opened: OpenResponse) -> Result[OpenResponse, Problem]:
    """Read the Problem of an error response; of one that breaks off, as much as came."""
    response = read_all(replace(opened, chunks=until_failure(opened.chunks))).unwrap()
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        body = None
    location = response.headers.get("location", "")
    masked = {"location": mask_url(location)} if location else {}
    headers = {**response.headers, **masked}
    problem = mention_credential(
        opened.request, read_error(response.status, headers, response.body)
    )
    rate_limits = wire_of(opened.request.draft.target).rate_limit_headers
    return Failure(with_retry_advice(problem, headers, body, time.time(), rate_limits))


def mention_credential(request: Request, problem: Problem) -> Problem:
    """Return a problem of kind auth with the client, and where its credential came from."""
    if problem.kind != "auth":
        return problem
    whose = describe_credential(request.target.client)
    return replace(problem, message=problem.message.rstrip(".") + whose)


def until_failure(
    chunks: Iterator[Result[bytes, Problem]],
) -> Iterator[Result[bytes, Problem]]:
    """Yield the pieces up to the first failure, at most a mebibyte."""
    size = 0
    for chunk in chunks:
        if not isinstance(chunk, Success) or size > 2**20:
            return
        size += len(chunk.unwrap())
        yield chunk


def format_local_time(moment: float) -> str:
    """Return a time in the local time zone, with the date unless it is today."""
    then, now = time.localtime(moment), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", then)
