"""A call of a batch API -> its answer: one attempt where it is paid for, else retries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import field
from email.utils import parsedate_to_datetime
from math import inf
from typing import IO, Any

import requests
from returns.result import Failure, Result, Success
from urllib3.filepost import encode_multipart_formdata

from loki.batch.api.protocol import Call
from loki.edge.auth.find_secrets import with_redaction
from loki.edge.http.attempt import Attempt, connect, prepare_url
from loki.edge.send import check_status, deadline_of, read_all, retry, wrap
from loki.json_text import Json, compact
from loki.problems import Problem, excerpt_bytes, fail
from loki.providers import provider_of
from loki.record import record, replace
from loki.records import Draft, Request, Target
from loki.redaction.redactor import Redactor
from loki.replies import OpenResponse
from loki.stages.draft import user_agent

Authorize = Callable[[Draft], Result[Draft, Problem]]
Lines = Iterator[Result[bytes, Problem]]


@record
class RowsFile:
    """A file of rows as it goes into the body of a request."""

    file: IO[bytes] = field(repr=False)
    name: str
    size: int


@record
class BatchRequest(Request):
    """A request with a method, and maybe a file between the first and the last of its bytes."""

    method: str = "GET"
    rows: RowsFile | None = None
    tail: bytes = field(default=b"", repr=False)

    @property
    def size(self) -> int:
        """Return the length of the body in bytes."""
        return len(self.content) + (self.rows.size if self.rows else 0) + len(self.tail)


@record
class Answer:
    """What a batch API answers."""

    json: Json
    headers: Mapping[str, str]
    now: float  # on the clock of its server, in seconds since the epoch


class BatchClient:
    """Sends calls; connections are kept."""

    def __init__(self, authorize: Authorize, redactor: Redactor) -> None:
        self.authorize = authorize
        once = connect(redactor, prepare=prepare)
        self.free = with_redaction(with_seconds(wrap(once, check_status, retry)), redactor)
        # A second one could pay twice.
        self.paid = with_redaction(with_seconds(wrap(once, check_status)), redactor)

    def send(
        self, target: Target, call: Call, rows: RowsFile | None = None, is_paid: bool = False
    ) -> Result[Answer, Problem]:
        """Return the whole answer to a call."""
        send = self.paid if is_paid else self.free
        return self.build_request(target, call, rows).bind(send).bind(read_all).bind(read_json)

    def fetch(
        self, target: Target, call: Call
    ) -> Result[Iterator[Result[bytes, Problem]], Problem]:
        """Return the lines of a file of results as they come; a failure comes last."""
        return (
            self.build_request(target, call, None, is_long=True).bind(self.free).map(iterate_lines)
        )

    def build_request(
        self, target: Target, call: Call, rows: RowsFile | None, is_long: bool = False
    ) -> Result[BatchRequest, Problem]:
        """Return a call with its credential, ready to be sent."""
        draft = draft_call(target, call, is_long or rows is not None)
        signed = self.authorize(draft) if call.is_signed else Success(draft)
        return signed.map(lambda ready: build_batch_request(ready, call, rows))


def draft_call(target: Target, call: Call, is_long: bool) -> Draft:
    """Return the draft of a call, whose time begins now; a file has all the time it needs."""
    limits = replace(target.limits, deadline=inf if is_long else None)
    service = provider_of(target.client)
    assert service is not None  # else there would be no target
    headers = {
        "User-Agent": user_agent(target.user_agent),
        **(service.headers(target.client) if call.is_signed else {}),
        **({"Content-Type": "application/json"} if call.json is not None else {}),
        **call.headers,
    }
    return Draft(replace(target, limits=limits), call.url, headers, {})


def build_batch_request(draft: Draft, call: Call, rows: RowsFile | None) -> BatchRequest:
    """Return a call with its body."""
    head, tail, headers = b"", b"", dict(draft.headers)
    if call.json is not None:
        head = compact(call.json).encode()
    if rows is not None and call.upload_as == "form":
        head, tail, headers["Content-Type"] = make_form(call.form, rows.name)
    return BatchRequest(draft, draft.url, headers, head, call.method, rows, tail)


def make_form(fields: Mapping[str, str], name: str) -> tuple[bytes, bytes, str]:
    """Return what stands before and after a file in a form, and the type of the form."""
    parts: dict[str, Any] = {**fields, "file": (name, MARK, "application/jsonl")}
    body, kind = encode_multipart_formdata(parts)
    head, _, tail = body.partition(MARK)
    return head, tail, kind


MARK = b"<the rows stand here>"


# ---- one attempt ---------------------------------------------------------------------------------


def prepare(request: Request) -> requests.PreparedRequest:
    """Return an exchange as requests sends it."""
    assert isinstance(request, BatchRequest)
    prepared = requests.PreparedRequest()
    prepared.url, host = prepare_url(request.url)
    prepared.method = request.method
    prepared.body = Body(request) if request.rows else request.content or None  # type: ignore[assignment]
    length = {} if request.method == "GET" else {"Content-Length": str(request.size)}
    prepared.headers = {  # type: ignore[assignment]  # any mapping does
        "Host": host,
        "Accept-Encoding": "identity",
        **request.headers,
        **length,
    }
    return prepared


class Body:
    """A body whose middle is a file, read piece by piece."""

    def __init__(self, request: BatchRequest) -> None:
        assert request.rows is not None
        self.parts = [request.content, request.tail]
        self.file = request.rows.file
        self.file.seek(0)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end."""
        if len(self.parts) == 2:
            return self.parts.pop(0) or self.read(size)
        return self.file.read(size) or (self.parts.pop() if self.parts else b"")


def with_seconds(attempt: Attempt) -> Callable[[Request], Result[OpenResponse, Problem]]:
    """Return a call whose time for everything begins when it is made."""
    return lambda request: attempt(request, deadline_of(request))


# ---- answers -------------------------------------------------------------------------------------


def read_json(response: Any) -> Result[Answer, Problem]:
    """Return an answer with its JSON; nothing at all is null."""
    try:
        value = json.loads(response.body) if response.body.strip() else None
    except (ValueError, RecursionError):
        shown = excerpt_bytes(response.body, 120)
        return fail("garbled", f"the answer is not JSON: {shown}", sent=True)
    return Success(Answer(value, response.headers, response_time(response.headers)))


def response_time(headers: Mapping[str, str]) -> float:
    """Return the time on the server's clock, ours if it does not say.

    >>> response_time({"date": "Thu, 01 Jan 1970 00:01:00 GMT"})
    60.0
    """
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except ValueError:
        return time.time()


def iterate_lines(opened: OpenResponse) -> Lines:
    """Yield the lines of an answer without their ends; empty ones are left out."""
    rest = b""
    with closing(opened):
        for piece in opened.chunks:
            if not isinstance(piece, Success):
                yield Failure(piece.failure())
                return
            *lines, rest = (rest + piece.unwrap()).split(b"\n")
            yield from (Success(line) for line in lines if line.strip())
    if rest.strip():
        yield Success(rest)
