"""The batch API of OpenAI: a file of rows, a job, files of results; and of its imitators."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

from loki.batch.api.protocol import (
    CLOCK_SKEW,
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
    explain_missing_job,
    seconds_of,
)
from loki.json_text import Json, JsonObject
from loki.money.batch_tier import Discount
from loki.wire.protocol import as_str, get_in

FINAL_STATES = frozenset({"completed", "failed", "expired", "cancelled"})
PAGE = 100  # jobs in a page of a list


def make_line(site: Site, id: str, body: JsonObject) -> JsonObject:
    """Return a row of the file."""
    return {"custom_id": id, "method": "POST", "url": site.endpoint, "body": body}


def build_url(site: Site, path: str, query: str = "") -> str:
    """Return an address below the base."""
    joined = "&".join(filter(None, (query, site.query.removeprefix("?"))))
    return f"{site.base}/{path}{'?' if joined else ''}{joined}"


def create(site: Site, job: Submission) -> Call:
    """Return what begins a job."""
    return Call(
        "POST",
        build_url(site, "batches"),
        {**build_job_body(site, job), "metadata": {"loki": job.nonce}},
    )


def create_bare(site: Site, job: Submission) -> Call:
    """Return the same where no metadata are taken."""
    return Call("POST", build_url(site, "batches"), build_job_body(site, job))


def build_job_body(site: Site, job: Submission) -> JsonObject:
    """Return what a job is about."""
    window = f"{job.hours}h" if job.hours % 24 or job.hours == 24 else f"{job.hours // 24}d"
    return {"input_file_id": job.ref, "endpoint": site.endpoint, "completion_window": window}


def read_status(answer: Json) -> JobStatus | None:
    """Return how a job stands; None for what is no job.

    >>> error = {"line": 3, "message": "No.", "code": "invalid_json_line"}
    >>> read_status({"id": "b", "status": "failed", "errors": {"data": [error]}}).problem
    'line 3: No.'
    """
    match explain_missing_job(answer):
        case {"id": str(id), "status": str(status)} as job if id:
            pass
        case _:
            return None
    counts, errors = job.get("request_counts"), as_list(get_in(job, "errors", "data"))
    files = (job.get("output_file_id"), job.get("error_file_id"))
    done, failed = count_at(counts, "completed"), count_at(counts, "failed")
    return JobStatus(
        id=id,
        state=status.lower(),
        is_final=status.lower() in FINAL_STATES,
        total=count_at(counts, "total") or None,
        done=done,
        failed=failed,
        files=tuple(name for name in files if isinstance(name, str) and name),
        expires=seconds_of(job.get("expires_at")),
        problem="; ".join(map(format_error, errors[:3])) or as_str(job.get("error")),
        code=next((code for each in errors if (code := as_str(get_in(each, "code")))), ""),
        bad_lines=tuple(n for each in errors if isinstance(n := get_in(each, "line"), int)),
    )


def format_error(error: Json) -> str:
    """Return an error of a job, with the line of the file that it is about."""
    place, words = get_in(error, "line"), as_str(get_in(error, "message"))
    words = words or as_str(get_in(error, "code")) or "no reason was given"
    return f"line {place}: {words}" if isinstance(place, int) else words


def poll(site: Site, id: str) -> Call:
    """Return what asks for a job."""
    return Call("GET", build_url(site, f"batches/{quote(id, safe='')}"))


def fetch_results(site: Site, status: JobStatus) -> tuple[Call, ...]:
    """Return what fetches the answers and the errors."""
    return tuple(
        Call("GET", build_url(site, f"files/{quote(name, safe='')}/content"))
        for name in status.files
    )


def read_row(result: Json) -> RowResult | None:
    """Return what came of a row; None for a line that is none.

    >>> read_row({"custom_id": "a", "response": None, "error": {"code": "batch_expired"}}).reason
    'expired'
    >>> empty = {"status_code": 0, "body": {}}
    >>> read_row({"custom_id": "a", "response": empty, "error": None}).reason
    'no answer'
    """
    match result:
        case {"custom_id": str(id), "response": {"status_code": int(status)} as answer} if status:
            asked = answer.get("request_id")
            request_id = asked if isinstance(asked, str) and asked else None
            return RowResult(id, status, answer.get("body"), request_id=request_id)
        case {"custom_id": str(id), "error": dict(error)}:
            code = as_str(error.get("code"))
            reason = next((word for mark, word in UNDONE if mark in code), "")
            return RowResult(id, reason=reason) if reason else RowResult(id, 400, {"error": error})
        case {"custom_id": str(id)}:
            return RowResult(id, reason="no answer")
    return None


UNDONE = (("expired", "expired"), ("cancel", "canceled"))


def list_jobs(site: Site, job: Submission, cursor: str) -> Call:
    """Return what lists jobs, the newest first."""
    after = f"&after={quote(cursor, safe='')}" if cursor else ""
    return Call("GET", build_url(site, "batches", f"limit={PAGE}{after}"))


def read_list(answer: Json, job: Submission, cursor: str) -> Found:
    """Return the job that has our file, or where to look on."""
    jobs = as_list(answer if isinstance(answer, list) else get_in(answer, "data"))
    for each in map(explain_missing_job, jobs):
        is_ours = get_in(each, "input_file_id") == job.ref
        if is_ours or get_in(each, "metadata", "loki") == job.nonce:
            return Found(as_str(get_in(each, "id")))
    oldest = seconds_of(get_in(jobs[-1], "created_at")) if jobs else None
    is_past = oldest is not None and oldest < (job.intent or 0) - CLOCK_SKEW
    more = get_in(answer, "has_more") is True and not is_past
    return Found(cursor=as_str(get_in(jobs[-1], "id")) if jobs and more else "")


def cancel(site: Site, id: str) -> Call:
    """Return what stops a job."""
    return Call("POST", build_url(site, f"batches/{quote(id, safe='')}/cancel"))


def delete(site: Site, job: Submission, status: JobStatus) -> tuple[Call, ...]:
    """Return what removes the files of a job; the job itself cannot be removed."""
    names = filter(None, (job.ref, *status.files))
    return tuple(Call("DELETE", build_url(site, f"files/{quote(name, safe='')}")) for name in names)


def upload_rows(site: Site, job: Submission, size: int) -> Call:
    """Return what stores the file of rows."""
    return Call("POST", build_url(site, "files"), upload_as="form", form={"purpose": "batch"})


def upload_rows_to_together(site: Site, job: Submission, size: int) -> Call:
    """Return the same in Together's words, which wants the name of the file too."""
    form = {"purpose": "batch-api", "file_name": f"loki-{job.nonce}.jsonl"}
    return Call("POST", build_url(site, "files/upload"), upload_as="form", form=form)


def read_file_id(answer: Json) -> str:
    """Return the id of a file."""
    return as_str(get_in(answer, "id"))


OPENAI = Protocol(
    tasks=("chat", "embedding"),
    make_line=make_line,
    upload=upload_rows,
    read_upload=read_file_id,
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
    max_rows=50_000,
    max_bytes=200 * 10**6,
    retention=30 * DAY,
    hours=(24, 24),
    max_inputs=50_000,
)
AZURE = OPENAI._replace(max_rows=100_000)
#: Source: Groq's page on batches: one price for all input, cached or not.
GROQ = OPENAI._replace(
    tasks=("chat",),
    discount=Discount(Decimal("0.5"), "input"),
    max_bytes=100 * 10**6,
    hours=(24, 168),
)
TOGETHER = OPENAI._replace(
    tasks=("chat",),
    upload=upload_rows_to_together,
    create=create_bare,
    max_bytes=100 * 10**6,
)
