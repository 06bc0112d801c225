"""xAI's batches: an empty container, which is free, and rows that are added to it."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import parse_qsl, quote, urlsplit

from loki.batch.api.protocol import (
    DAY,
    Call,
    Found,
    JobStatus,
    Protocol,
    RowResult,
    Site,
    Submission,
    as_list,
    count_at,
    sum_counts,
)
from loki.json_text import Json, JsonObject
from loki.money.batch_tier import Discount
from loki.wire.protocol import as_str, get_in

PAGE = 1000  # results in a page


def make_line(site: Site, id: str, body: JsonObject) -> JsonObject:
    """Return a row of the request."""
    kind = "responses" if site.endpoint.endswith("/responses") else "chat_get_completion"
    return {"batch_request_id": id, "batch_request": {kind: body}}


def create_empty_batch(site: Site, job: Submission, size: int) -> Call:
    """Return what makes the empty container."""
    return Call("POST", f"{site.base}/batches", {"name": f"loki-{job.nonce}"})


def read_batch_id(answer: Json) -> str:
    """Return the id of a container."""
    return as_str(get_in(answer, "batch_id"))


def create(site: Site, job: Submission) -> Call:
    """Return what adds the rows."""
    headers = {"Content-Type": "application/json"}
    url = f"{site.base}/batches/{quote(job.ref, safe='')}/requests"
    return Call("POST", url, upload_as="raw", headers=headers)


def read_status(answer: Json) -> JobStatus | None:
    """Return how a job stands; its state follows from its counts.

    >>> read_status({"batch_id": "b", "state": {"num_requests": 2, "num_pending": 0}}).is_final
    True
    """
    match answer:
        case {"batch_id": str(id), "state": dict(counts)} if id:
            pass
        case _:
            return None
    total, pending = count_at(counts, "num_requests"), count_at(counts, "num_pending")
    ended = as_str(answer.get("cancel_by_xai_message"))
    is_done = bool(total) and pending == 0
    is_canceled = bool(ended or answer.get("cancel_time"))
    return JobStatus(
        id=id,
        state="canceled" if is_canceled else "completed" if is_done else "in_progress",
        is_final=is_done or bool(ended),
        total=total,
        done=count_at(counts, "num_success"),
        failed=sum_counts(counts, ("num_error", "num_cancelled")),
        files=(id,) if is_done or ended else (),
        problem=ended,
    )


def poll(site: Site, id: str) -> Call:
    """Return what asks for a job."""
    return Call("GET", f"{site.base}/batches/{quote(id, safe='')}")


def fetch_results(site: Site, status: JobStatus) -> tuple[Call, ...]:
    """Return what fetches the first page of results."""
    return tuple(
        Call("GET", f"{site.base}/batches/{quote(id, safe='')}/results?limit={PAGE}")
        for id in status.files
    )


def read_row(result: Json) -> RowResult | None:
    """Return what came of a row; answers come as chat completions, whatever was asked.

    >>> read_row({"batch_request_id": "a", "error_message": "Bad."}).body
    {'message': 'Bad.'}
    """
    match result:
        case {"batch_request_id": str(id)}:
            pass
        case _:
            return None
    answer = get_in(result, "batch_result", "response")
    match answer:
        case {"chat_get_completion": dict(body)}:
            return RowResult(id, 200, body, is_chat=True)
        case {"responses": dict(body)}:
            return RowResult(id, 200, body)
    error = get_in(result, "batch_result", "error")
    messages = (result.get("error_message"), get_in(error, "message"), error)
    message = next(filter(None, map(as_str, messages)), "")
    is_canceled = "cancel" in as_str(get_in(result, "state")).lower()
    if is_canceled or not message:
        return RowResult(id, reason="canceled" if is_canceled else "no answer")
    return RowResult(id, 400, {"message": message})


def list_jobs(site: Site, job: Submission, cursor: str) -> Call:
    """Return what lists the rows that are in the container."""
    url = f"{site.base}/batches/{quote(job.ref, safe='')}/requests?limit=100"
    return Call("GET", url)


def read_list(answer: Json, job: Submission, cursor: str) -> Found:
    """Return the container, if our rows are in it."""
    rows = as_list(get_in(answer, "batch_request_metadata")) or as_list(get_in(answer, "requests"))
    rows = rows or as_list(get_in(answer, "batch_requests"))
    ids = (as_str(get_in(each, "batch_request_id")) for each in rows)
    return Found(job.ref if any(id.startswith(job.nonce) for id in ids) else "")


def cancel(site: Site, id: str) -> Call:
    """Return what stops a job."""
    return Call("POST", f"{site.base}/batches/{quote(id, safe='')}:cancel", {})


def delete(site: Site, job: Submission, status: JobStatus) -> tuple[Call, ...]:
    """Return nothing: xAI removes a batch by its own date."""
    return ()


def next_page(call: Call, answer: Json) -> Call | None:
    """Return what fetches the page after this one, None after the last."""
    token = as_str(get_in(answer, "pagination_token"))
    if not token or ("pagination_token", token) in parse_qsl(urlsplit(call.url).query):
        return None
    url = call.url.partition("&pagination_token=")[0]
    return Call("GET", f"{url}&pagination_token={quote(token, safe='')}")


#: Source: recorded costs, exactly 0.8 of the list for input, cached input and output.
XAI = Protocol(
    tasks=("chat",),
    make_line=make_line,
    upload=create_empty_batch,
    read_upload=read_batch_id,
    create=create,
    read_status=read_status,
    poll=poll,
    fetch_results=fetch_results,
    read_row=read_row,
    list_jobs=list_jobs,
    read_list=read_list,
    cancel=cancel,
    delete=delete,
    discount=Discount(Decimal("0.8"), "same"),
    max_rows=50_000,
    max_bytes=25 * 10**6,
    retention=30 * DAY,
    frame=(b'{"batch_requests":[', b",\n", b"]}"),
    upload_creates_job=True,
    next_page=next_page,
)
