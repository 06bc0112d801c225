"""Calls of batch APIs over the network: methods, files in forms, one attempt where it is paid."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from returns.result import Success
from servers import plain, serving
from support import target

from loki.batch.api.protocol import Call
from loki.edge.batch.api.batch_client import BatchClient, RowsFile
from loki.problems import Problem
from loki.records import Limits, Target
from loki.redaction.redactor import Redactor


def there(address: str) -> Target:
    """Return a target at an address, with little patience."""
    made = target({"type": "openai", "api_base": address})
    from dataclasses import replace

    return replace(made, limits=Limits(connect=5, idle=5, total=9, retries=2, max_wait=5))


def client() -> BatchClient:
    """Return a client without credentials."""
    return BatchClient(Success, Redactor())


def rows(data: bytes) -> RowsFile:
    """Return a file of rows."""
    return RowsFile(BytesIO(data), "rows.jsonl", len(data))


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_a_file_goes_in_a_form_as_it_is(size: int) -> None:
    data = b"x" * size
    with serving(plain({"id": "f"})) as server:
        call = Call("POST", f"{server.address}/files", upload_as="form", form={"purpose": "batch"})
        answer = client().send(there(server.address), call, rows(data)).unwrap()
        assert answer.json == {"id": "f"}
        (asked,) = server.asked
    boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
    _, purpose, file, end = asked.body.split(b"--" + boundary)
    assert b'name="purpose"' in purpose and purpose.endswith(b"\r\n\r\nbatch\r\n")
    assert b'filename="rows.jsonl"' in file and end == b"--\r\n"
    assert file.partition(b"\r\n\r\n")[2] == data + b"\r\n"


def test_a_free_call_is_tried_again_with_its_file_and_a_paid_one_is_not() -> None:
    busy = plain({"error": {"message": "Busy."}}, 503, "retry-after: 0\r\n")
    with serving(busy, busy, plain({"id": "f"})) as server:
        call = Call("POST", f"{server.address}/files", upload_as="raw")
        assert client().send(there(server.address), call, rows(b"ab")).unwrap().json == {"id": "f"}
        assert [asked.body for asked in server.asked] == [b"ab"] * 3
    with serving(busy) as server:
        call = Call("POST", f"{server.address}/batches", {"a": 1})
        problem = client().send(there(server.address), call, None, is_paid=True).failure()
        assert (problem.status, len(server.asked)) == (503, 1)


def test_a_paid_call_whose_answer_is_lost_may_have_been_done() -> None:
    with serving(None) as server:
        call = Call("POST", f"{server.address}/batches", {"a": 1})
        problem = client().send(there(server.address), call, None, is_paid=True).failure()
        assert problem.sent and problem.status is None and len(server.asked) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_methods_are_sent_as_they_are(method: str) -> None:
    with serving(plain({"ok": True}, headers="date: Thu, 01 Jan 1970 00:01:00 GMT\r\n")) as server:
        answer = client().send(there(server.address), Call(method, f"{server.address}/x")).unwrap()
        assert (answer.json, answer.now) == ({"ok": True}, 60.0)
        (asked,) = server.asked
    assert asked.line == f"{method} /x HTTP/1.1" and asked.body == b""


def test_no_credential_goes_with_a_call_that_is_not_signed() -> None:
    def sign(draft: Any) -> Any:
        from dataclasses import replace

        return Success(replace(draft, headers={**draft.headers, "Authorization": "Bearer k"}))

    with serving(plain({})) as server:
        sender = BatchClient(sign, Redactor())
        sender.send(there(server.address), Call("GET", f"{server.address}/a"))
        sender.send(there(server.address), Call("GET", f"{server.address}/b", is_signed=False))
        assert ["authorization" in asked.headers for asked in server.asked] == [True, False]


LINES = [
    (b"a\nb\n", [b"a", b"b"]),
    (b"a\n\nb", [b"a", b"b"]),
    (b"", []),
    (b"x" * 200_000 + b"\ny", [b"x" * 200_000, b"y"]),
]


@pytest.mark.parametrize(("body", "lines"), LINES)
def test_results_come_line_by_line(body: bytes, lines: list[bytes]) -> None:
    with serving(plain(body)) as server:
        got = client().fetch(there(server.address), Call("GET", f"{server.address}/f")).unwrap()
        assert [line.unwrap() for line in got] == lines


def test_an_answer_that_is_no_json_is_garbled() -> None:
    with serving(plain(b"<html>")) as server:
        result = client().send(there(server.address), Call("GET", f"{server.address}/f"))
    problem: Problem = result.failure()
    assert problem.kind == "garbled" and "<html>" in problem.message
