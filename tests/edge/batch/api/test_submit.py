"""Rows on their way: split into jobs, within what may be spent, each paid request sent once."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from batch_visits import COST, Place, small
from fake_batches import Provider, provider
from servers import serving

from loki.edge.auth.redaction import redact

#: What a row of two tokens can cost at most: 100 tokens out at half of 8 dollars a million.
WORST = Decimal("0.000401")


def test_rows_are_split_at_what_a_provider_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, "openai", 2)
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 5)
        place.configure(server)
        assert place.visit().submitted == 5
        assert [len(job.rows) for job in fake.jobs.values()] == [2, 2, 1]


def test_rows_are_split_at_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from loki.batch.api.sites import PROTOCOLS

    monkeypatch.setitem(PROTOCOLS, "openai", PROTOCOLS["openai"]._replace(max_bytes=450))
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 5)
        place.configure(server)
        place.visit()
        assert sum(len(job.rows) for job in fake.jobs.values()) == 5
        assert all(len(data) <= 450 * 0.95 + 10 for name, data in fake.files.items())


@pytest.mark.parametrize(("limit", "sent"), [("0", 0), ("0.0010", 2), ("0.01", 4)])
def test_max_cost_counts_what_is_out(tmp_path: Path, limit: str, sent: int) -> None:
    with provider("openai", polls=1) as (fake, server):
        place = Place(tmp_path, "openai", 4)
        place.configure(server)
        result = place.visit(max_cost=Decimal(limit))
        assert (result.submitted, result.left) == (sent, 4 - sent)
        assert result.code == (75 if sent == 4 else 80)
        again = place.visit(max_cost=Decimal(limit))
        assert again.submitted == 0, "what is out counts as spent"


def test_answers_that_were_cheaper_make_room(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 4)
        place.configure(server)
        assert place.visit(max_cost=Decimal("0.0010")).submitted == 2
        assert place.visit(max_cost=Decimal("0.0010")).submitted == 2


def test_a_budget_counts_jobs_that_are_out_as_their_worst_case(tmp_path: Path) -> None:
    with provider("openai", polls=1) as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server, "budget:\n  per_day: 0.0012\n")
        assert place.visit().submitted == 2
        assert place.billed() == [int(2 * WORST * 10**12)]
        other = Place(tmp_path, "openai", 2)
        other.folder = tmp_path / "other"
        other.folder.mkdir()
        other.configure(server, "budget:\n  per_day: 0.0012\n")
        (other.folder / "ledger.db").symlink_to(tmp_path / "ledger.db")
        result = other.visit()
        assert result.code == 80 and result.left == 2 and len(fake.jobs) == 1
        place.finish(fake)
        assert place.billed() == [COST, COST], "the reservation is replaced, not added to"
        assert other.visit().submitted == 2


REFUSALS = [
    (400, {"error": {"message": "No.", "code": "invalid_value"}}, 65),
    (401, {"error": {"message": "Bad key.", "code": "invalid_api_key"}}, 77),
    (429, {"error": {"message": "Enqueued too much.", "code": "token_limit_exceeded"}}, 75),
    (429, {"error": {"message": "No credit.", "code": "insufficient_quota"}}, 81),
]


@pytest.mark.parametrize(("status", "body", "code"), REFUSALS)
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_refused_job_is_dropped_and_its_rows_stay_planned(
    tmp_path: Path, kind: str, status: int, body: Any, code: int
) -> None:
    with provider(kind, reject={"create": (status, body)}) as (fake, server):
        place = Place(tmp_path, kind, 2)
        place.configure(server)
        result = place.visit()
        assert (result.code, result.out, result.left) == (code, 0, 2), place.session.problems
        assert fake.calls.count("create") == 1, "a paid request is never repeated"
        assert place.billed() == []
        fake.reject.clear()
        assert place.finish(fake).code == 0


@pytest.mark.parametrize("kind", ["openai", "gemini", "mistral", "xai"])
def test_an_answer_of_5xx_leaves_it_open_and_nothing_is_sent_again(
    tmp_path: Path, kind: str
) -> None:
    name = "add" if kind == "xai" else "create"
    with provider(kind, reject={name: (503, {"error": {"message": "Oops."}})}) as (fake, server):
        place = Place(tmp_path, kind, 2)
        place.configure(server)
        assert place.visit().out == 2 and fake.calls.count(name) == 1
        fake.reject.clear()
        assert place.finish(fake).code == 0
        assert max(fake.paid.values()) == 1


def test_no_prompt_and_no_secret_is_in_the_journal(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        place.finish(fake)
    text = (tmp_path / "out.jobs").read_text()
    assert "P0" not in text and "sk-batch-secret" not in text and "re: P" not in text
    assert (tmp_path / "out.jobs").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "ledger" not in path.name) == [
        "config.yaml",
        "out",
        "out.jobs",
    ]


SECRET = "sk-batch-secret"
#: Which words of a provider repeat our key: what stands there, and instead of what.
ECHOES = [
    ('"job-1"', f'"job-{SECRET}"'),
    ('"file-1"', f'"{SECRET}"'),
    ('"out-job-1"', f'"{SECRET}-out"'),
    ('"in_progress"', f'"in {SECRET}"'),
    (
        '"completed"',
        f'"failed", "errors": {{"data": [{{"code": "{SECRET}", "message": "{SECRET}"}}]}}',
    ),
    ('"req-', f'"{SECRET}'),
    ('"stop"', f'"{SECRET}"'),
    ('"No such thing."', f'"Bad key {SECRET}."'),
    ('"custom_id": "', f'"custom_id": "{SECRET}'),
    ('"object": "batch"', f'"object": "{SECRET}", "id": 7, "x"'),
]


@pytest.mark.parametrize(("words", "echo"), ECHOES)
def test_a_provider_that_repeats_our_key_gets_it_into_no_file_and_no_message(
    tmp_path: Path, words: str, echo: str
) -> None:
    class Echo(Provider):
        def respond(self, *values: Any) -> Any:
            steps: Any = super().respond(*values)
            head, _, body = bytes(steps[0]).partition(b"\r\n\r\n")
            body = body.replace(words.encode(), echo.encode())
            lines = [line for line in head.split(b"\r\n") if b"content-length" not in line]
            size = b"content-length: %d" % len(body)
            return [b"\r\n".join([*lines, size]) + b"\r\n\r\n" + body]

    fake = Echo("openai", polls=1, row=lambda id, body: "bad" if "P1" in str(body) else "ok")
    with serving(fake) as server:
        place = Place(tmp_path, "openai", 2)
        place.configure(server)
        texts = []
        for _ in range(4):
            place.visit()
            texts += [*place.session.notes, *(each.message for each in place.session.problems)]
    files = [path for path in tmp_path.iterdir() if path.name != "config.yaml"]
    assert not [path.name for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in "".join(map(redact, texts))
    assert max(fake.paid.values(), default=1) == 1


def test_a_file_goes_only_to_its_provider(tmp_path: Path) -> None:
    class Elsewhere(Provider):
        def upload_headers(self, asked: Any) -> str:
            return "x-goog-upload-url: https://evil.example/put\r\n"

    fake = Elsewhere("gemini")
    with serving(fake) as server:
        place = Place(tmp_path, "gemini", 1)
        place.configure(server)
        assert place.visit().code == 76 and "put" not in fake.calls
        assert "not of the provider" in place.session.problems[0].message


PATCHES: list[tuple[dict[str, Any], str]] = [
    ({"url": "https://elsewhere.example/"}, "a patch sets url"),
    ({"headers": {"X-Beta": "1"}}, "a patch sets headers"),
    ({"body": {"stream": True}}, "a patch sets stream"),
]


@pytest.mark.parametrize(("patch", "message"), PATCHES)
def test_what_no_row_of_a_job_can_have_is_refused(
    tmp_path: Path, patch: dict[str, Any], message: str
) -> None:
    more = f"    patch:\n      chat_completions:\n        m: {json.dumps(patch)}\n"
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server, more)
        place.visit()
        (bad,) = place.lines()
        assert bad["error"]["kind"] == "usage" and message in bad["error"]["message"]
        assert fake.calls == []


def test_bodies_are_what_the_provider_is_asked_outside_jobs(tmp_path: Path) -> None:
    with provider("openai") as (fake, server):
        place = Place(tmp_path, "openai", 1)
        place.configure(server)
        place.visit()
        (row,) = map(json.loads, fake.files["file-1"].splitlines())
    assert row["method"] == "POST" and row["url"] == "/v1/chat/completions"
    assert row["body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "P0"}],
        "max_completion_tokens": 100,
    }
