"""A recorded life of a batch job, played to the real command: its ids become ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from servers import Asked, Script, Server, plain, serving
from support import SHARED

OURS = re.compile(rb'"((?:[a-z][a-z0-9]{7})-[0-9a-f]{26})"')


def flows() -> dict[str, list[Any]]:
    """Return the recorded exchanges by their flow, in order."""
    found: dict[str, list[Any]] = {}
    for path in sorted(SHARED.glob("batch-recordings/*-*.json")):
        each = json.loads(path.read_text())
        found.setdefault(each.get("flow") or each["id"], []).append(each)
    return found


def flow_params(*actions: str) -> list[Any]:
    """Return the names of flows that have some actions; a visible skip where there are none.

    Quoted lines of errors are no whole flows: the tests of batch/api/answers have those.
    """
    chosen = [
        name
        for name, steps in flows().items()
        if "errorline" not in name
        and set(actions) <= {step["action"] for step in steps}
        and provider_of(steps) in CLIENTS
    ]
    missing = pytest.mark.skip(reason="no recorded jobs: shared/batch-recordings is not there")
    return chosen or [pytest.param("", id="batch-recordings", marks=missing)]


def provider_of(steps: list[Any]) -> str:
    """Return the provider of a flow."""
    return str(steps[0]["provider"])


#: A client for each provider, what is at the end of its address, and its name.
CLIENTS = {
    "openai": ("type: openai", "/v1", "openai"),
    "anthropic": ("type: claude", "/v1", "claude"),
    "gemini": ("type: gemini", "/v1beta", "gemini"),
    "mistral": ("type: openai-compatible\n    name: mistral", "/v1", "mistral"),
    "xai": ("type: openai-compatible\n    name: xai", "/v1", "xai"),
    "groq": ("type: openai-compatible\n    name: groq", "/openai/v1", "groq"),
}


@dataclass
class Replay:
    """Answers as the provider did; what was not recorded is made up."""

    steps: list[Any]
    ids: list[str] = field(default_factory=list)  # the recorded custom ids
    ours: list[str] = field(default_factory=list)  # ours, in the order of the rows
    polls: int = 0

    def __call__(self, asked: Asked) -> Script:
        """Answer a request."""
        self.ours = self.ours or [id.decode() for id in OURS.findall(asked.body)]
        method, target, _ = asked.line.split(" ")
        body = self.answer(method, target.partition("?")[0], asked)
        head = "retry-after: 0.2\r\n"
        if "/upload/" in target:
            head += f"x-goog-upload-url: http://{asked.headers['host']}/put\r\n"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return plain(self.with_our_ids(data), 200, head)

    def answer(self, method: str, path: str, asked: Asked) -> Any:
        """Return what a request is answered with."""
        kinds = {each["action"] for each in self.steps}
        if path.endswith(("/files", "/put")) and method == "POST":
            return {"id": "file-in", "file": {"name": "files/in"}}
        if path.endswith(("/content", "/results", ":download")):
            return self.text("results", -1)
        if path.endswith("/requests") and method == "POST":
            return None
        if path.endswith(("/cancel", ":cancel")):
            return self.text("cancel", -1)
        if method == "POST":
            return self.text("create", 0) if "create" in kinds else self.text("poll", 0)
        if re.search(r"/(batches|jobs)$", path):
            return {"data": [], "has_more": False}
        self.polls += 1
        return self.text("poll", self.polls - 1) if "poll" in kinds else self.text("cancel", -1)

    def text(self, action: str, number: int) -> bytes:
        """Return the body of the so-manieth answer to an action, the last one for ever."""
        found = [each for each in self.steps if each["action"] == action]
        chosen = found[min(number, len(found) - 1)] if number >= 0 else found[-1]
        return str(chosen["response"]["body_text"]).encode()

    def with_our_ids(self, data: bytes) -> bytes:
        """Return an answer with our custom ids for those of the recording."""
        for theirs, own in zip(self.ids, self.ours, strict=False):
            name = rb'("(?:custom_id|key|batch_request_id)":\s*)"%s"' % re.escape(theirs).encode()
            data = re.sub(name, rb'\1"%s"' % own.encode(), data)
        return data


def rows_of(steps: list[Any]) -> list[Any]:
    """Return what a flow is expected to bring, a row each."""
    found = [row for each in steps for row in each["expected"].get("rows") or ()]
    return list({row["custom_id"]: row for row in found}.values())


@contextmanager
def replaying(name: str) -> Iterator[tuple[Replay, Server]]:
    """A flow, for the length of a block."""
    steps = flows()[name]
    replay = Replay(steps, [row["custom_id"] for row in rows_of(steps)])
    with serving(replay) as server:
        yield replay, server


def replay_config(steps: list[Any], address: str) -> str:
    """Return a configuration for the provider of a flow, its model at 2 and 8 dollars."""
    client, tail, _ = CLIENTS[provider_of(steps)]
    is_responses = any('"object": "response"' in each["response"]["body_text"] for each in steps)
    endpoint = "        endpoint: responses\n" if is_responses else ""
    return (
        f"clients:\n  - {client}\n    api_key: k-secret-of-ours\n    api_base: {address}{tail}\n"
        "    models:\n      - name: m\n        input_price: 2\n        output_price: 8\n"
        f"        max_output_tokens: 100\n{endpoint}"
    )
