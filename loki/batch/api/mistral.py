"""Mistral's batch jobs: a file of rows, a job that names the model, files of results."""

from __future__ import annotations

from urllib.parse import quote

from loki.batch.api import openai
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
    seconds_of,
)
from loki.json_text import Json, JsonObject
from loki.wire.protocol import as_str, get_in

PAGE = 100  # jobs in a page of a list
FINAL_STATES = frozenset({"success", "failed", "timeout_exceeded", "cancelled"})


def make_line(site: Site, id: str, body: JsonObject) -> JsonObject:
    """Return a row of the file; the job names the model."""
    return {
        "custom_id": id,
        "body": {name: value for name, value in body.items() if name != "model"},
    }


def create(site: Site, job: Submission) -> Call:
    """Return what begins a job."""
    body = {
        "input_files": [job.ref],
        "endpoint": site.endpoint,
        "model": site.model,
        "metadata": {"loki": job.nonce},
        "timeout_hours": job.hours,
    }
    return Call("POST", f"{site.base}/batch/jobs", body)


def read_status(answer: Json) -> JobStatus | None:
    """Return how a job stands."""
    match answer:
        case {"id": str(id), "status": str(status)} if id:
            pass
        case _:
            return None
    inline = as_list(answer.get("outputs"))
    files = (answer.get("output_file"), answer.get("error_file"))
    errors = [as_str(get_in(each, "message")) for each in as_list(answer.get("errors"))[:3]]
    return JobStatus(
        id=id,
        state=status.lower(),
        is_final=status.lower() in FINAL_STATES,
        total=count_at(answer, "total_requests") or None,
        done=count_at(answer, "succeeded_requests"),
        failed=count_at(answer, "failed_requests"),
        files=() if inline else tuple(name for name in files if isinstance(name, str) and name),
        problem="; ".join(filter(None, errors)),
        inline=tuple(inline),
    )


def poll(site: Site, id: str) -> Call:
    """Return what asks for a job."""
    return Call("GET", f"{site.base}/batch/jobs/{quote(id, safe='')}")


def read_row(result: Json) -> RowResult | None:
    """Return what came of a row; None for a line that is none."""
    match result:
        case {"custom_id": str(id), "response": {"status_code": int(status), "body": str(text)}}:
            return RowResult(id, status, {"message": text}) if status >= 400 else None
    return openai.read_row(result)


def list_jobs(site: Site, job: Submission, cursor: str) -> Call:
    """Return what lists jobs, the newest first."""
    page = cursor or "0"
    return Call("GET", f"{site.base}/batch/jobs?page={page}&page_size={PAGE}")


def read_list(answer: Json, job: Submission, cursor: str) -> Found:
    """Return the job that has our file or our mark, or where to look on."""
    jobs = as_list(get_in(answer, "data"))
    for each in jobs:
        has_file = job.ref in as_list(get_in(each, "input_files"))
        if has_file or get_in(each, "metadata", "loki") == job.nonce:
            return Found(as_str(get_in(each, "id")))
    oldest = seconds_of(get_in(jobs[-1], "created_at")) if jobs else None
    is_past = oldest is not None and oldest < (job.intent or 0) - CLOCK_SKEW
    return Found(cursor="" if len(jobs) < PAGE or is_past else str(int(cursor or 0) + 1))


def cancel(site: Site, id: str) -> Call:
    """Return what stops a job."""
    return Call("POST", f"{site.base}/batch/jobs/{quote(id, safe='')}/cancel")


def delete(site: Site, job: Submission, status: JobStatus) -> tuple[Call, ...]:
    """Return what removes a job and its files."""
    jobs = (Call("DELETE", f"{site.base}/batch/jobs/{quote(status.id, safe='')}"),)
    return (*openai.delete(site, job, status), *jobs)


#: Source: Mistral's page of known limits, the smaller of two that contradict each other.
MISTRAL = Protocol(
    tasks=("chat", "embedding"),
    make_line=make_line,
    upload=openai.upload_rows,
    read_upload=openai.read_file_id,
    create=create,
    read_status=read_status,
    poll=poll,
    fetch_results=openai.fetch_results,
    read_row=read_row,
    list_jobs=list_jobs,
    read_list=read_list,
    cancel=cancel,
    delete=delete,
    discount=HALF,
    max_rows=100_000,
    max_bytes=512 * 10**6,
    retention=DAY,
    hours=(1, 168),
)
