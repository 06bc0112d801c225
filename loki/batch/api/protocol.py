"""What a batch API is to us: its calls, and how its answers are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

from loki.json_text import Json, JsonObject
from loki.money.batch_tier import Discount
from loki.record import record
from loki.records import Task
from loki.wire.protocol import as_count, get_in


@record
class Site:
    """Where the batch API of a client is, and what the rows of a job have in common."""

    base: str = field(repr=False)  # of the client; SECRET_BASE where it is looked up late
    model: str  # as the provider knows it
    endpoint: str = ""  # what every row is sent to: /v1/chat/completions …
    task: Task = "chat"
    query: str = ""  # after every address: ?api-version=…


@record
class Submission:
    """A job as we planned it."""

    nonce: str  # 8 letters and digits; every custom id begins with it
    rows: int
    hours: int = 24  # in which the provider is to answer
    ref: str = ""  # what was stored with the provider first, for nothing: a file, a container
    intent: float | None = None  # when the paid request was about to leave; None: it was not


@record
class Call:
    """A request to a batch API."""

    method: str
    url: str = field(repr=False)
    json: JsonObject | None = None
    upload_as: Literal["", "form", "raw"] = ""  # how the file of rows goes into the body
    form: Mapping[str, str] = field(default_factory=dict)  # fields beside that file
    headers: Mapping[str, str] = field(default_factory=dict)
    is_signed: bool = True  # carries the credential of the client


@record
class JobStatus:
    """How a job stands, as its provider says."""

    id: str
    state: str  # in the provider's word
    is_final: bool
    total: int | None = None  # rows
    done: int | None = None
    failed: int | None = None
    files: tuple[str, ...] = ()  # of results, in the provider's words
    expires: float | None = None  # when a job that is not done ends, seconds since the epoch
    problem: str = ""  # why the job failed as a whole
    code: str = ""
    bad_lines: tuple[int, ...] = ()  # of the file of rows, from 1, for which it failed
    inline: tuple[Json, ...] = ()  # results that came with it


@record
class RowResult:
    """What came of a row: an answer as HTTP would have brought it, or why there is none."""

    id: str
    status: int = 0  # 0: there was no answer, and nothing to pay
    body: Json = None
    reason: str = ""  # expired, canceled …
    request_id: str | None = None
    is_chat: bool = False  # a chat completion, whatever the request was


class Found(NamedTuple):
    """What a page of a list says of a job that may be lost."""

    id: str = ""  # of the job, if it is there
    cursor: str = ""  # of the next page, if it may be there
    candidates: tuple[str, ...] = ()  # jobs that may be it


class Protocol(NamedTuple):
    """A batch API; what is optional is None."""

    tasks: tuple[Task, ...]
    make_line: Callable[[Site, str, JsonObject], JsonObject]  # a row, by its custom id and body
    create: Callable[[Site, Submission], Call]  # what is paid for
    read_status: Callable[[Json], JobStatus | None]
    poll: Callable[[Site, str], Call]
    fetch_results: Callable[[Site, JobStatus], tuple[Call, ...]]
    read_row: Callable[[Json], RowResult | None]
    list_jobs: Callable[[Site, Submission, str], Call]
    read_list: Callable[[Json, Submission, str], Found]  # of the page at a cursor
    cancel: Callable[[Site, str], Call]
    delete: Callable[[Site, Submission, JobStatus], tuple[Call, ...]]
    discount: Discount
    max_rows: int
    max_bytes: int
    retention: float  # seconds for which results are kept, once they are there
    upload: Callable[[Site, Submission, int], Call] | None = None  # what is free, and first
    read_upload: Callable[[Json], str] = lambda answer: ""
    upload_url_header: str = ""  # the header of that answer which says where the rows go
    frame: tuple[bytes, bytes, bytes] = (b"", b"\n", b"\n")  # before, between, after the rows
    can_find: bool = True  # a job that was created but not noted is found again for certain
    upload_creates_job: bool = False  # the container is the job
    next_page: Callable[[Call, Json], Call | None] | None = None  # results come in pages of JSON
    hours: tuple[int, int] = (0, 0)  # the least and the most that may be asked for; 0: none
    max_inputs: int | None = None  # texts to embed in one job


DAY = 86400.0
NEVER = 10**12  # seconds: what is so far away is no time
CLOCK_SKEW = 3600.0  # seconds by which the clocks of two machines may differ


def explain_missing_job(answer: Json) -> Json:
    """Return a job, also where it is wrapped.

    >>> explain_missing_job({"job": {"id": "a"}, "warning": ""})
    {'id': 'a'}
    """
    inner = get_in(answer, "job")
    return inner if isinstance(inner, dict) else answer


def seconds_of(value: Json) -> float | None:
    """Return a moment in seconds since the epoch, from a number or RFC 3339; None where none is.

    >>> seconds_of(1787150474), seconds_of("1970-01-02T00:00:00.123456789Z"), seconds_of(None)
    (1787150474.0, 86400.123456, None)
    >>> seconds_of(10**400), seconds_of(float("nan"))
    (None, None)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < NEVER else None
    if not isinstance(value, str):
        return None
    head, dot, tail = value.replace("Z", "+00:00").partition(".")
    if dot:  # nanoseconds are more than Python reads
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        head = f"{head}.{digits[:6]}{tail[len(digits) :]}"
    try:
        moment = datetime.fromisoformat(head)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def sum_counts(counts: Json, names: Iterable[str]) -> int | None:
    """Return the sum of some counts, None where none is known.

    >>> sum_counts({"done": 2, "bad": "1"}, ("done", "bad")), sum_counts(None, ("done",))
    (3, None)
    """
    found = [count_at(counts, name) for name in names]
    known = [count for count in found if count is not None]
    return sum(known) if known else None


def count_at(counts: Json, name: str) -> int | None:
    """Return a count, also where it is written as text, as Google does."""
    value = get_in(counts, name)
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:12])
    return as_count(value)


def as_list(value: Json) -> list[Json]:
    """Return a list, empty where something else stands."""
    return value if isinstance(value, list) else []


HALF = Discount(Decimal("0.5"), "same")
