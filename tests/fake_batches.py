"""Batch APIs of five kinds in one server that remembers: files, jobs, and what it was paid for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from servers import Asked, Script, Server, plain, serving

INPUT, OUTPUT = 10, 5  # tokens of every answer


@dataclass
class Job:
    """A job at the provider."""

    id: str
    ref: str
    rows: list[tuple[str, Any]]  # custom id and body
    created: float
    name: str = ""
    polls: int = 0
    canceled: bool = False


@dataclass
class Provider:
    """A provider; what it does may be changed by a test at any time."""

    kind: str  # openai, anthropic, gemini, mistral, xai
    polls: int = 0  # how often a job says that it is under way
    now: float = 1_800_000_000.0  # its clock, seconds since the epoch
    row: Callable[[str, Any], Any] = lambda id, body: "ok"  # what comes of a row
    end: str = ""  # how jobs end, if not well
    lose: set[str] = field(default_factory=set)  # kinds of calls whose answer is lost once
    hide: int = 0  # how many lists do not show jobs yet
    reject: dict[str, tuple[int, Any]] = field(default_factory=dict)  # kinds of calls that fail
    patience: str = "0.2"  # retry-after
    files: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)  # rows, by key
    calls: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    # ---- HTTP

    def __call__(self, asked: Asked) -> Script:
        """Answer a request."""
        method, target, _ = asked.line.split(" ")
        path, _, query = target.partition("?")
        path = path.removeprefix("/openai/v1")
        for pattern, name in ROUTES[self.kind]:
            found = re.fullmatch(pattern, f"{method} {path}")
            if found:
                return self.respond(name, asked, found.groups(), query)
        return plain({"error": {"message": f"no such path: {method} {path}"}}, 404)

    def respond(self, name: str, asked: Asked, groups: tuple[str, ...], query: str) -> Script:
        """Do what a call asks for, and answer or lose the answer."""
        self.calls.append(name)
        if name in self.reject:
            status, body = self.reject[name]
            return plain(body, status, self.headers())
        try:
            body = getattr(self, f"do_{name}")(asked, *groups)
        except KeyError as error:
            return plain({"error": {"message": f"not found: {error}"}}, 404, self.headers())
        if name in self.lose:
            self.lose.discard(name)
            return None
        extra = self.upload_headers(asked) if name == "start" else ""
        return plain(body, 200, self.headers() + extra)

    def headers(self) -> str:
        """Return the headers of every answer."""
        return f"date: {formatdate(self.now, usegmt=True)}\r\nretry-after: {self.patience}\r\n"

    def upload_headers(self, asked: Asked) -> str:
        """Return where a file may go."""
        return f"x-goog-upload-url: http://{asked.headers['host']}/put/1\r\n"

    # ---- files

    def do_upload(self, asked: Asked) -> Any:
        """Take a file in a form."""
        boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
        part = next(p for p in asked.body.split(b"--" + boundary) if b"filename=" in p)
        return {"id": self.keep(part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n"))}

    def keep(self, data: bytes) -> str:
        """Keep a file; return its name."""
        name = f"file-{len(self.files) + 1}"
        self.files[name] = data
        return name

    def do_start(self, asked: Asked) -> Any:
        """Tell where a file may go."""
        return {}

    def do_put(self, asked: Asked) -> Any:
        """Take a file as it is."""
        assert "x-goog-api-key" not in asked.headers
        return {"file": {"name": "files/" + self.keep(asked.body)}}

    def do_content(self, asked: Asked, name: str) -> Any:
        """Give a file."""
        return self.files[name]

    def do_delete(self, asked: Asked, name: str) -> Any:
        """Remove something."""
        self.deleted.append(name)
        return {}

    # ---- jobs

    def do_create(self, asked: Asked, *groups: str) -> Any:
        """Begin a job: this is what is paid for."""
        rows, ref, name = self.rows_of(asked, groups)
        job = Job(f"job-{len(self.jobs) + 1}", ref, rows, self.now, name)
        if self.kind == "gemini":
            job.id = f"batches/{job.id}"
        self.jobs[job.id] = job
        self.pay(rows)
        return self.shown(job)

    def pay(self, rows: list[tuple[str, Any]]) -> None:
        """Count rows that will be billed."""
        for id, body in rows:
            if self.row(id, body) in ("ok", "torn"):
                self.paid[id.split("-")[1]] += 1

    def rows_of(self, asked: Asked, groups: tuple[str, ...]) -> tuple[list[Any], str, str]:
        """Return the rows of a job, its file and its name."""
        body = asked.json
        if self.kind == "anthropic":
            return [(each["custom_id"], each["params"]) for each in body["requests"]], "", ""
        if self.kind == "gemini":
            config, name = body["batch"]["inputConfig"], body["batch"]["displayName"]
            ref = config["fileName"]
            lines = self.files[ref.removeprefix("files/")].splitlines()
            return [(row["key"], row["request"]) for row in map(json.loads, lines)], ref, name
        ref = body["input_files"][0] if self.kind == "mistral" else body["input_file_id"]
        lines = self.files[ref].splitlines()
        mark = (body.get("metadata") or {}).get("loki", "")
        return [(row["custom_id"], row["body"]) for row in map(json.loads, lines)], ref, mark

    def do_container(self, asked: Asked) -> Any:
        """Make an empty container."""
        job = Job(f"job-{len(self.jobs) + 1}", "", [], self.now, asked.json["name"])
        self.jobs[job.id] = job
        return self.shown(job)

    def do_add(self, asked: Asked, id: str) -> Any:
        """Add rows to a container: this is what is paid for."""
        rows = [
            (each["batch_request_id"], next(iter(each["batch_request"].values())))
            for each in asked.json["batch_requests"]
        ]
        self.jobs[id].rows += rows
        self.pay(rows)
        return None

    def do_ids(self, asked: Asked, id: str) -> Any:
        """List the rows of a container."""
        rows = [] if self.hidden() else self.jobs[id].rows
        return {"batch_request_metadata": [{"batch_request_id": row} for row, _ in rows]}

    def do_poll(self, asked: Asked, id: str) -> Any:
        """Tell how a job stands."""
        job = self.jobs[f"batches/{id}" if self.kind == "gemini" else id]
        job.polls += 1
        return self.shown(job)

    def do_cancel(self, asked: Asked, id: str) -> Any:
        """Stop a job."""
        job = self.jobs[f"batches/{id}" if self.kind == "gemini" else id]
        job.canceled = True
        return self.shown(job)

    def hidden(self) -> bool:
        """Return whether a list does not show new jobs yet."""
        self.hide -= 1
        return self.hide >= 0

    def do_list(self, asked: Asked) -> Any:
        """List jobs, the newest first."""
        jobs = [] if self.hidden() else [self.shown(job) for job in self.jobs.values()][::-1]
        return {"operations": jobs} if self.kind == "gemini" else {"data": jobs, "has_more": False}

    def do_results(self, asked: Asked, id: str) -> Any:
        """Give the results of a job that has no files."""
        job = self.jobs[id]
        assert self.is_over(job)
        if self.kind == "xai":
            return {"results": [self.result(*row) for row in job.rows], "pagination_token": None}
        return self.lines(job)

    def is_over(self, job: Job) -> bool:
        """Return whether a job is over."""
        return job.canceled or job.polls > self.polls

    def lines(self, job: Job) -> bytes:
        """Return the results of a job, out of order."""
        results = [self.result(*row) for row in reversed(job.rows)]
        texts = [r if isinstance(r, str) else json.dumps(r) for r in results if r is not None]
        return "".join(f"{text}\n" for text in texts).encode()

    # ---- shapes

    def shown(self, job: Job) -> Any:
        """Return a job as its provider shows it."""
        return getattr(self, f"show_{self.kind}")(job, self.is_over(job))

    def output(self, job: Job) -> str:
        """Return the name of the file with the results of a job."""
        name = f"out-{job.id.removeprefix('batches/')}"
        self.files[name] = self.lines(job)
        return name

    def show_openai(self, job: Job, over: bool) -> Any:
        state = (
            ("cancelled" if job.canceled else self.end or "completed") if over else "in_progress"
        )
        failed = state == "failed"
        return {
            "id": job.id,
            "object": "batch",
            "status": state,
            "input_file_id": job.ref,
            "created_at": job.created,
            "expires_at": job.created + 86400,
            "output_file_id": self.output(job) if over and not failed else None,
            "error_file_id": "" if over else None,
            "errors": {"data": [self.failure]} if failed else None,
            "request_counts": {"total": len(job.rows), "completed": 0, "failed": 0},
            "metadata": {"loki": job.name},
        }

    failure: Any = field(
        default_factory=lambda: {"code": "invalid_json_line", "line": 2, "message": "Bad line."}
    )

    show_azure = show_groq = show_openai

    def show_together(self, job: Job, over: bool) -> Any:
        shown = self.show_openai(job, over)
        wrapped = {**shown, "status": shown["status"].upper(), "metadata": None}
        return {"job": wrapped, "warning": ""}

    def show_anthropic(self, job: Job, over: bool) -> Any:
        counts = dict.fromkeys(("succeeded", "errored", "canceled", "expired"), 0)
        ended = {"processing": 0, **counts, "succeeded": len(job.rows)}
        return {
            "id": job.id,
            "type": "message_batch",
            "processing_status": "ended" if over else "in_progress",
            "request_counts": ended if over else {"processing": len(job.rows), **counts},
            "created_at": iso(job.created),
            "expires_at": iso(job.created + 86400),
            "results_url": "https://elsewhere.example/results" if over else None,
        }

    def show_gemini(self, job: Job, over: bool) -> Any:
        state = "CANCELLED" if job.canceled else self.end.upper() or "SUCCEEDED"
        output = {"responsesFile": f"files/{self.output(job)}"} if over else {}
        return {
            "name": job.id,
            "metadata": {
                "displayName": job.name,
                "inputConfig": {"fileName": job.ref},
                "createTime": iso(job.created),
                "state": f"BATCH_STATE_{state if over else 'RUNNING'}",
                "batchStats": {"requestCount": str(len(job.rows))},
            },
            **({"done": True, "response": output} if over else {}),
        }

    def show_mistral(self, job: Job, over: bool) -> Any:
        state = "CANCELLED" if job.canceled else self.end.upper() or "SUCCESS"
        return {
            "id": job.id,
            "status": state if over else "RUNNING",
            "input_files": [job.ref],
            "metadata": {"loki": job.name},
            "created_at": job.created,
            "total_requests": len(job.rows),
            "output_file": self.output(job) if over else None,
            "error_file": None,
            "errors": [],
        }

    def show_xai(self, job: Job, over: bool) -> Any:
        pending = 0 if over else len(job.rows)
        return {
            "batch_id": job.id,
            "name": job.name,
            "cancel_time": iso(self.now) if job.canceled else None,
            "cancel_by_xai_message": None,
            "state": {
                "num_requests": len(job.rows),
                "num_pending": pending,
                "num_success": len(job.rows) - pending,
            },
        }

    def result(self, id: str, body: Any) -> Any:
        """Return the line of a row, None for none."""
        fate = self.row(id, body)
        if fate == "missing":
            return None
        if fate == "torn":
            return json.dumps({"custom_id": id})[:-4]
        return RESULTS[self.kind](id, body, fate)


def iso(moment: float) -> str:
    """Return a time as RFC 3339 has it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat()


# ---- rows ----------------------------------------------------------------------------------------


def chat(body: Any) -> Any:
    """Return a chat completion, or vectors."""
    usage = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
    if "input" in body and "messages" not in body:
        rows = [{"index": i, "embedding": [1.0, 0.0]} for i, _ in enumerate(body["input"])]
        return {"data": rows, "usage": {"prompt_tokens": INPUT, "total_tokens": INPUT}}
    text = body["messages"][-1]["content"]
    answer = text if text.startswith('"') else f"re: {text}"  # JSON is echoed
    message = {"role": "assistant", "content": answer}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"choices": [choice], "usage": usage, "service_tier": "default"}


#: What comes of a row, and how the OpenAI-like say it.
ERRORS: dict[str, tuple[int, Any]] = {
    "bad": (400, {"error": {"message": "No such thing.", "code": "invalid_value"}}),
    "busy": (429, {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}),
    "broke": (429, {"error": {"message": "No credit.", "code": "insufficient_quota"}}),
}


def openai_result(id: str, body: Any, fate: str) -> Any:
    if fate == "ok":
        answer = {"status_code": 200, "request_id": f"req-{id}", "body": chat(body)}
        return {"custom_id": id, "response": answer, "error": None}
    if fate == "expired":
        error = {"code": "batch_expired", "message": "Too late."}
        return {"custom_id": id, "response": None, "error": error}
    if fate == "zero":
        return {"custom_id": id, "response": {"status_code": 0, "body": {}}, "error": None}
    status, error = ERRORS[fate]
    return {"custom_id": id, "response": {"status_code": status, "body": error}, "error": None}


def anthropic_result(id: str, body: Any, fate: str) -> Any:
    if fate == "ok":
        message = {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "re: " + words_of(body)}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": INPUT, "output_tokens": OUTPUT, "service_tier": "batch"},
        }
        return {"custom_id": id, "result": {"type": "succeeded", "message": message}}
    if fate in ("expired", "canceled"):
        return {"custom_id": id, "result": {"type": fate}}
    kind, words = {
        "bad": ("invalid_request_error", "No such thing."),
        "busy": ("overloaded_error", "Slow down."),
        "broke": ("invalid_request_error", "Your credit balance is too low to access it."),
    }[fate]
    error = {"type": "error", "error": {"type": kind, "message": words}}
    return {"custom_id": id, "result": {"type": "errored", "error": error}}


def words_of(body: Any) -> str:
    """Return the prompt of an Anthropic body."""
    content = body["messages"][-1]["content"]
    return str(content if isinstance(content, str) else content[-1]["text"])


def gemini_result(id: str, body: Any, fate: str) -> Any:
    if fate == "ok" and "content" in body:
        return {"key": id, "response": {"embedding": {"values": [1.0, 0.0]}, "tokenCount": INPUT}}
    if fate == "ok":
        text = f"re: {body['contents'][-1]['parts'][-1]['text']}"
        content = {"role": "model", "parts": [{"text": text}]}
        usage = {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT}
        candidate = {"content": content, "finishReason": "STOP", "index": 0}
        return {"key": id, "response": {"candidates": [candidate], "usageMetadata": usage}}
    code, message = {"bad": (3, "No such thing."), "busy": (8, "Slow down.")}[fate]
    return {"key": id, "error": {"code": code, "message": message}}


def xai_result(id: str, body: Any, fate: str) -> Any:
    if fate == "ok":
        answer = chat(body)
        answer["usage"]["cost_in_usd_ticks"] = 160_000
        return {
            "batch_request_id": id,
            "batch_result": {"response": {"chat_get_completion": answer}},
        }
    return {"batch_request_id": id, "error_message": "No such thing."}


RESULTS: dict[str, Callable[[str, Any, str], Any]] = {
    "openai": openai_result,
    **dict.fromkeys(("azure", "groq", "together", "mistral"), openai_result),
    "anthropic": anthropic_result,
    "gemini": gemini_result,
    "xai": xai_result,
}

ID = "([^/:]+)"
ROUTES: dict[str, list[tuple[str, str]]] = {
    "openai": [
        ("POST /files", "upload"),
        (f"GET /files/{ID}/content", "content"),
        (f"DELETE /files/{ID}", "delete"),
        ("POST /batches", "create"),
        ("GET /batches", "list"),
        (f"GET /batches/{ID}", "poll"),
        (f"POST /batches/{ID}/cancel", "cancel"),
    ],
    "anthropic": [
        ("POST /messages/batches", "create"),
        ("GET /messages/batches", "list"),
        (f"GET /messages/batches/{ID}", "poll"),
        (f"GET /messages/batches/{ID}/results", "results"),
        (f"POST /messages/batches/{ID}/cancel", "cancel"),
        (f"DELETE /messages/batches/{ID}", "delete"),
    ],
    "gemini": [
        ("POST /upload/v1beta/files", "start"),
        ("POST /put/1", "put"),
        ("POST /v1beta/models/[^:]+:(batchGenerateContent|asyncBatchEmbedContent)", "create"),
        ("GET /v1beta/batches", "list"),
        (f"GET /v1beta/batches/{ID}", "poll"),
        (f"GET /v1beta/files/{ID}:download", "content"),
        (f"POST /v1beta/batches/{ID}:cancel", "cancel"),
        (f"DELETE /v1beta/(?:batches|files)/{ID}", "delete"),
    ],
    "mistral": [
        ("POST /files", "upload"),
        (f"GET /files/{ID}/content", "content"),
        (f"DELETE /files/{ID}", "delete"),
        ("POST /batch/jobs", "create"),
        ("GET /batch/jobs", "list"),
        (f"GET /batch/jobs/{ID}", "poll"),
        (f"POST /batch/jobs/{ID}/cancel", "cancel"),
        (f"DELETE /batch/jobs/{ID}", "delete"),
    ],
    "xai": [
        ("POST /batches", "container"),
        (f"POST /batches/{ID}/requests", "add"),
        (f"GET /batches/{ID}/requests", "ids"),
        (f"GET /batches/{ID}", "poll"),
        (f"GET /batches/{ID}/results", "results"),
        (f"POST /batches/{ID}:cancel", "cancel"),
    ],
}

ROUTES["azure"] = ROUTES["groq"] = ROUTES["openai"]
ROUTES["together"] = [("POST /files/upload", "upload"), *ROUTES["openai"]]

#: A client of each kind and its model, and what is at the end of its address.
CLIENTS: dict[str, tuple[str, str]] = {
    "openai": ("type: openai", ""),
    "azure": ("type: azure-openai", ""),
    "groq": ("type: openai-compatible\n    name: groq", "/openai/v1"),
    "together": ("type: openai-compatible\n    name: together", ""),
    "anthropic": ("type: claude", ""),
    "gemini": ("type: gemini", "/v1beta"),
    "mistral": ("type: openai-compatible\n    name: mistral", ""),
    "xai": ("type: openai-compatible\n    name: xai", ""),
}


def configuration(kind: str, address: str, more: str = "") -> str:
    """Return a configuration whose client ``fake`` or its like is there, with prices."""
    client, tail = CLIENTS[kind]
    return (
        f"clients:\n  - {client}\n    api_key: sk-batch-secret\n    api_base: {address}{tail}\n"
        "    models:\n      - name: m\n        input_price: 2\n        output_price: 8\n"
        "        max_output_tokens: 100\n        require_max_tokens: true\n"
        "      - name: n\n        input_price: 2\n        output_price: 8\n"
        "        max_output_tokens: 100\n        require_max_tokens: true\n"
        "      - name: e\n        type: embedding\n        input_price: 1\n" + more
    )


def name_of(kind: str) -> str:
    """Return the name of the client of a kind."""
    return {"anthropic": "claude", "azure": "azure-openai"}.get(kind, kind)


@contextmanager
def provider(kind: str, **facts: Any) -> Iterator[tuple[Provider, Server]]:
    """A provider of a kind, for the length of a block."""
    made = Provider(kind, **facts)
    with serving(made) as server:
        yield made, server
