"""A job is begun once: refused, it is dropped; unanswered, it is looked for; no secret is noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from batch_visits import Place
from fake_batches import Provider, provider
from servers import serving

from loki.redaction.redactor import Redactor

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
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    files.remove(tmp_path / "config.yaml")
    assert not [path.name for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in "".join(map(Redactor(SECRET).redact, texts))
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


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_an_address_that_is_looked_up_late_is_used_for_every_call(
    tmp_path: Path, kind: str
) -> None:
    with provider(kind) as (fake, server):
        place = Place(tmp_path, kind, 1)
        place.configure(server)
        config = tmp_path / "config.yaml"
        plain = f"api_base: {server.address}"
        assert plain in config.read_text()
        hidden = config.read_text().replace(plain, f"api_base_cmd: echo {server.address}")
        config.write_text(hidden)
        assert place.finish(fake).code == 0, place.session.problems
        assert len(place.lines()) == 1
    assert server.address not in (tmp_path / "out.jobs").read_text()
