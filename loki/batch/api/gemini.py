"""Gemini's batch mode by files: an upload in two steps, a job, a file of results."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

from loki.batch.api.protocol import (
    CLOCK_SKEW,
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
    seconds_of,
)
from loki.json_text import Json, JsonObject
from loki.money.batch_tier import Discount
from loki.wire.protocol import as_str, get_in

KIND = "application/jsonl"
FINAL_STATES = frozenset({"succeeded", "failed", "cancelled", "expired"})


def make_line(site: Site, id: str, body: JsonObject) -> JsonObject:
    """Return a row of the file; an embedding takes one text.

    >>> body = {"requests": [{"model": "m", "content": 1}]}
    >>> make_line(Site("", "m", task="embedding"), "a", body)
    {'key': 'a', 'request': {'content': 1}}
    """
    if site.task == "embedding":
        return {"key": id, "request": keys_to_snake_case(without_model(body["requests"][0]))}
    return {"key": id, "request": keys_to_snake_case(body)}


def without_model(request: JsonObject) -> JsonObject:
    """Return a request without its model, which the job names."""
    return {name: value for name, value in request.items() if name != "model"}


def keys_to_snake_case(value: Json) -> Json:
    """Return a request with its names as files want them, the user's own as they are.

    >>> schema = {"responseSchema": {"minLength": 1}}
    >>> keys_to_snake_case({"generationConfig": {"maxOutputTokens": 5, **schema}})
    {'generation_config': {'max_output_tokens': 5, 'response_schema': {'minLength': 1}}}
    """
    if isinstance(value, list):
        return [keys_to_snake_case(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        snake_name(name): each if name in OPAQUE else keys_to_snake_case(each)
        for name, each in value.items()
    }


#: Under these names stand texts and values of the user's, or of another standard.
OPAQUE = frozenset(
    ("args", "response", "responseSchema", "responseJsonSchema", "parameters")
    + ("parametersJsonSchema", "labels")
)


def snake_name(name: str) -> str:
    """Return a name of ProtoJSON as its file spells it.

    >>> snake_name("maxOutputTokens"), snake_name("contents")
    ('max_output_tokens', 'contents')
    """
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def upload_rows(site: Site, job: Submission, size: int) -> Call:
    """Return what asks where the file of rows may go."""
    root, _, version = site.base.rpartition("/")
    headers = {
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Length": str(size),
        "X-Goog-Upload-Header-Content-Type": KIND,
    }
    body = {"file": {"displayName": f"loki-{job.nonce}", "mimeType": KIND}}
    return Call("POST", f"{root}/upload/{version}/files", body, headers=headers)


def read_file_id(answer: Json) -> str:
    """Return the name of a stored file, as files/abc."""
    return as_str(get_in(answer, "file", "name"))


def create(site: Site, job: Submission) -> Call:
    """Return what begins a job."""
    method = "asyncBatchEmbedContent" if site.task == "embedding" else "batchGenerateContent"
    batch = {"displayName": f"loki-{job.nonce}", "inputConfig": {"fileName": job.ref}}
    return Call(
        "POST", f"{site.base}/models/{quote(site.model, safe='')}:{method}", {"batch": batch}
    )


def read_status(answer: Json) -> JobStatus | None:
    """Return how a job stands; a job that is done without results yet is not final."""
    match answer:
        case {"name": str(name)} if name.startswith("batches/"):
            facts = answer.get("metadata") or answer
        case _:
            return None
    state = as_str(get_in(facts, "state")).removeprefix("BATCH_STATE_").lower()
    state = state.removeprefix("job_state_")
    output = get_in(answer, "response") or get_in(facts, "output")
    file = as_str(get_in(output, "responsesFile"))
    inline = [
        each
        for name in ("inlinedResponses", "inlinedEmbedContentResponses")
        for each in as_list(get_in(output, name, name))
    ]
    stats = get_in(facts, "batchStats")
    lacks_output = state == "succeeded" and not file and not inline
    return JobStatus(
        id=name,
        state=state or "pending",
        is_final=state in FINAL_STATES and not lacks_output,
        total=count_at(stats, "requestCount"),
        done=count_at(stats, "successfulRequestCount"),
        failed=count_at(stats, "failedRequestCount"),
        files=(file,) if file else (),
        problem=as_str(get_in(answer, "error", "message")),
        code=as_str(get_in(answer, "error", "status")),
        inline=() if file else tuple(inline),
    )


def poll(site: Site, id: str) -> Call:
    """Return what asks for a job."""
    return Call("GET", f"{site.base}/{quote(id)}")


def fetch_results(site: Site, status: JobStatus) -> tuple[Call, ...]:
    """Return what fetches the results."""
    return tuple(
        Call("GET", f"{site.base}/{quote(name)}:download?alt=media") for name in status.files
    )


def read_row(result: Json) -> RowResult | None:
    """Return what came of a row; None for a line that is none.

    >>> read_row({"key": "a", "error": {"code": 8, "message": "Busy."}}).status
    429
    """
    match result:
        case {"key": str(id)} | {"metadata": {"key": str(id)}}:
            pass
        case {"metadata": {"custom_id": str(id)}}:
            pass
        case _:
            return None
    match result:
        case {"response": dict(answer)}:
            return RowResult(id, 200, with_tokens(answer))
        case {"error": dict(error)} | {"status": dict(error)}:
            code = error.get("code")
            status = code if isinstance(code, int) and code >= 400 else GRPC.get(code or 0, 400)
            return RowResult(id, status, {"error": {"message": "no reason was given", **error}})
    return RowResult(id, reason="no answer")


def with_tokens(answer: JsonObject) -> JsonObject:
    """Return an answer with the tokens of a text where our reader looks for them."""
    count = count_at(answer, "tokenCount")
    if count is None or "usageMetadata" in answer:
        return answer
    return {**answer, "usageMetadata": {"promptTokenCount": count}}


#: The HTTP status of each code of gRPC.
GRPC = {
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    13: 500,
    14: 503,
    16: 401,
}


def list_jobs(site: Site, job: Submission, cursor: str) -> Call:
    """Return what lists jobs."""
    token = f"&pageToken={quote(cursor, safe='')}" if cursor else ""
    return Call("GET", f"{site.base}/batches?pageSize=100{token}")


def read_list(answer: Json, job: Submission, cursor: str) -> Found:
    """Return the job that has our name or our file, or where to look on."""
    jobs = as_list(get_in(answer, "operations")) or as_list(get_in(answer, "batches"))
    for each in jobs:
        facts = get_in(each, "metadata") or each
        is_named = get_in(facts, "displayName") == f"loki-{job.nonce}"
        if is_named or get_in(facts, "inputConfig", "fileName") == job.ref:
            return Found(as_str(get_in(each, "name")))
    last = get_in(jobs[-1], "metadata", "createTime") if jobs else None
    oldest = seconds_of(last)
    is_past = oldest is not None and oldest < (job.intent or 0) - CLOCK_SKEW
    return Found(cursor="" if is_past else as_str(get_in(answer, "nextPageToken")))


def cancel(site: Site, id: str) -> Call:
    """Return what stops a job."""
    return Call("POST", f"{site.base}/{quote(id)}:cancel", {})


def delete(site: Site, job: Submission, status: JobStatus) -> tuple[Call, ...]:
    """Return what removes a job and its files."""
    names = (status.id, *filter(None, (job.ref,)))
    return tuple(Call("DELETE", f"{site.base}/{quote(name)}") for name in names)


#: Source: Gemini's price list: a cached token costs what it costs outside batches.
GEMINI = Protocol(
    tasks=("chat", "embedding"),
    make_line=make_line,
    upload=upload_rows,
    read_upload=read_file_id,
    upload_url_header="x-goog-upload-url",
    create=create,
    read_status=read_status,
    poll=poll,
    fetch_results=fetch_results,
    read_row=read_row,
    list_jobs=list_jobs,
    read_list=read_list,
    cancel=cancel,
    delete=delete,
    discount=Discount(Decimal("0.5"), "usual"),
    max_rows=200_000,
    max_bytes=2 * 10**9,
    retention=2 * DAY,
)
