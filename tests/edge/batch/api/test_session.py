"""Whose a job is, and what a visit keeps of it."""

from __future__ import annotations

from typing import Any

import pytest
from support import config, target

from loki.batch.api.job import Job
from loki.batch.api.journal import Journal
from loki.batch.api.protocol import Submission
from loki.batch.done_rows import HashSet
from loki.edge.batch.api.batch_client import Answer
from loki.edge.batch.api.session import Session, account_of, find_service, service_of
from loki.problems import Problem
from loki.redaction.redactor import Redactor

BASE: dict[str, Any] = {"type": "openai", "api_key": "a"}
#: A client, and whether its jobs are those of BASE.
ACCOUNTS = [
    ({**BASE, "api_key": "rotated"}, True),
    ({"type": "openai", "access_token": "t"}, True),
    ({**BASE, "organization_id": "o"}, False),
    ({**BASE, "project_id": "p"}, False),
    ({**BASE, "api_base": "https://elsewhere.example/v1"}, False),
    ({**BASE, "name": "openai-work"}, False),
]


def account(client: dict[str, Any]) -> str:
    """Return the hash of a client's account."""
    service = service_of(target(client)).unwrap()
    return account_of(service.target, service.site)


@pytest.mark.parametrize(("client", "is_same"), ACCOUNTS)
def test_an_account_is_where_it_is_and_not_its_key(client: dict[str, Any], is_same: bool) -> None:
    assert (account(client) == account(BASE)) == is_same


def test_a_job_of_another_account_is_not_asked_for() -> None:
    session = Session(config(BASE), None, Journal(), HashSet(), lambda line: b"", Redactor())  # type: ignore[arg-type]
    own = Job(Submission("a", 1), 1.0, "openai", "openai:m", account(BASE), "chat")
    assert session.service(own).unwrap().name == "openai"
    other = Job(Submission("a", 1), 1.0, "openai", "openai:m", "other", "chat")
    assert session.service(other).failure().kind == "auth"
    session.fail(Problem("busy", "Slow."), own)
    assert session.problems[0].message == "job a (openai:m): Slow."


def test_notes_are_kept_once_and_waits_at_their_longest() -> None:
    session = Session(config(BASE), None, Journal(), HashSet(), lambda line: b"", Redactor())  # type: ignore[arg-type]
    for _ in range(3):
        session.note("same")
    for wait in ("10", "2.5", "soon", ""):
        session.note_wait(Answer(None, {"retry-after": wait}, 0.0))
    assert (session.notes, session.wait) == (["same"], 10.0)


def test_a_model_without_batch_api_is_refused() -> None:
    assert find_service(config({"type": "cohere"}), "cohere:m", "chat").failure().kind == "usage"
