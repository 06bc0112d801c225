"""Anthropic's Message Batches: all rows in one paid request, results as lines."""

from __future__ import annotations

from urllib.parse import quote

from loki.batch.api.protocol import (
    DAY,
    HALF,
    Call,
    Found,
    JobStatus,
    Protocol,
    RowResult,
    Site,
    Submission,
    as_list,
    count_at,
    seconds_of,
    sum_counts,
)
from loki.json_text import Json, JsonObject
from loki.wire.anthropic.response import STATUSES
from loki.wire.protocol import as_str, get_in

BEFORE, AFTER = 300.0, 600.0  # seconds around an intent in which its job was created
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")
PATH = "messages/batches"


def make_line(site: Site, id: str, body: JsonObject) -> JsonObject:
    """Return a row of the request."""
    return {"custom_id": id, "params": body}


def create(site: Site, job: Submission) -> Call:
    """Return the request with all rows."""
    headers = {"Content-Type": "application/json"}
    return Call("POST", f"{site.base}/{PATH}", upload_as="raw", headers=headers)


def read_status(answer: Json) -> JobStatus | None:
    """Return how a job stands; its counts are 0 until its end."""
    match answer:
        case {"id": str(id), "processing_status": str(status)} if id:
            counts = answer.get("request_counts")
        case _:
            return None
    is_final = status == "ended"
    return JobStatus(
        id=id,
        state=status,
        is_final=is_final,
        total=sum_counts(counts, COUNTS),
        done=count_at(counts, "succeeded"),
        failed=sum_counts(counts, COUNTS[2:]),
        files=(id,) if is_final else (),
        expires=seconds_of(answer.get("expires_at")),
    )


def poll(site: Site, id: str) -> Call:
    """Return what asks for a job."""
    return Call("GET", f"{site.base}/{PATH}/{quote(id, safe='')}")


def fetch_results(site: Site, status: JobStatus) -> tuple[Call, ...]:
    """Return what fetches the results: at our base, wherever the answer says they are."""
    return tuple(
        Call("GET", f"{site.base}/{PATH}/{quote(id, safe='')}/results") for id in status.files
    )


def read_row(result: Json) -> RowResult | None:
    """Return what came of a row; None for a line that is none.

    >>> read_row({"custom_id": "a", "result": {"type": "expired"}}).reason
    'expired'
    """
    match result:
        case {"custom_id": str(id), "result": {"type": "succeeded", "message": message}}:
            return RowResult(id, 200, message)
        case {"custom_id": str(id), "result": {"type": "errored", "error": error}}:
            inner = error if isinstance(get_in(error, "error"), dict) else {"error": error}
            kind = as_str(get_in(inner, "error", "type"))
            return RowResult(id, STATUSES.get(kind, 400), inner)
        case {"custom_id": str(id), "result": {"type": str(reason)}}:
            return RowResult(id, reason=reason)
    return None


def list_jobs(site: Site, job: Submission, cursor: str) -> Call:
    """Return what lists jobs, the newest first."""
    after = f"&after_id={quote(cursor, safe='')}" if cursor else ""
    return Call("GET", f"{site.base}/{PATH}?limit=100{after}")


def read_list(answer: Json, job: Submission, cursor: str) -> Found:
    """Return jobs of as many rows and about that time: nothing else tells one from another."""
    jobs, intent = as_list(get_in(answer, "data")), job.intent or 0.0
    moments = [(seconds_of(get_in(each, "created_at")) or 0.0) - intent for each in jobs]
    candidates = tuple(
        as_str(get_in(each, "id"))
        for each, moment in zip(jobs, moments, strict=True)
        if -BEFORE <= moment <= AFTER
        and sum_counts(get_in(each, "request_counts"), COUNTS) == job.rows
    )
    more = get_in(answer, "has_more") is True and bool(moments) and moments[-1] >= -BEFORE
    return Found(cursor=as_str(get_in(jobs[-1], "id")) if more else "", candidates=candidates)


def cancel(site: Site, id: str) -> Call:
    """Return what stops a job."""
    return Call("POST", f"{site.base}/{PATH}/{quote(id, safe='')}/cancel")


def delete(site: Site, job: Submission, status: JobStatus) -> tuple[Call, ...]:
    """Return what removes a job and its results."""
    return (Call("DELETE", f"{site.base}/{PATH}/{quote(status.id, safe='')}"),)


ANTHROPIC = Protocol(
    tasks=("chat",),
    make_line=make_line,
    create=create,
    read_status=read_status,
    poll=poll,
    fetch_results=fetch_results,
    read_row=read_row,
    list_jobs=list_jobs,
    read_list=read_list,
    cancel=cancel,
    delete=delete,
    discount=HALF,
    max_rows=100_000,
    max_bytes=256 * 10**6,
    retention=29 * DAY,
    frame=(b'{"requests":[', b",\n", b"]}"),
    can_find=False,
)
