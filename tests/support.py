"""What several tests need: targets and requests for a client, canned answers, recordings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from returns.result import Result, Success

from loki.problems import Problem
from loki.records import Ask, Config, Draft, Message, Opened, Request, Response, Stream, Target
from loki.stages import resolve
from loki.stages.configure import configure
from loki.stages.parse import follow

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("LOKI_SHARED", ROOT.parent / "shared"))

#: Which of our clients speaks to the provider of a recording.
CLIENTS = {
    "openai": {"type": "openai"},
    "azure-openai": {"type": "azure-openai", "api_base": "https://example.openai.azure.com"},
    **{
        name: {"type": "openai-compatible", "name": name, "api_base": "https://example.com/v1"}
        for name in (
            "openrouter",
            "groq",
            "mistral",
            "deepseek",
            "together",
            "xai",
            "perplexity",
            "huggingface",
            "cerebras",
            "heroku",
            "llama-cpp",
            "ollama",
            "vercel-gateway",
        )
    },
}


def config(client: Mapping[str, Any], **top: Any) -> Config:
    """A configuration with one client, its key in the environment."""
    environ = {"OPENAI_API_KEY": "sk-test", "AZURE_OPENAI_API_KEY": "sk-test"}
    return configure({"clients": [dict(client)], **top}, "config.yaml", environ).unwrap()


def target(client: Mapping[str, Any], ask: Ask | None = None, **top: Any) -> Target:
    """Where an ask goes; by default a model that nobody knows anything of."""
    asked = ask or Ask((Message("user", "Hi"),), model=f"{client.get('name', client['type'])}:m")
    return resolve(config(client, **top))(asked).unwrap()


def request(client: Mapping[str, Any], stream: bool = False) -> Request:
    """Some request to a client, as far as reading its answer needs one."""
    name = client.get("name", client["type"])
    ask = Ask((Message("user", "Hi"),), model=f"{name}:m", stream=stream)
    url = "https://example.com/"
    return Request(Draft(target(client, ask), url, {}, {}), url, {}, b"{}")


def response(request: Request, status: int, body: bytes, **headers: str) -> Response:
    """A whole answer."""
    return Response(request, status, headers, body)


def told(request: Request, pieces: Iterable[bytes], **headers: str) -> Stream:
    """What a stream of some pieces tells."""
    chunks: list[Result[bytes, Problem]] = [Success(piece) for piece in pieces]
    opened = Opened(request, 200, headers, iter(chunks), lambda: None, started=0.0)
    return follow(lambda: 1.0)(opened)


def cut(data: bytes, size: int) -> list[bytes]:
    """Bytes in pieces of a size, 0 for all in one."""
    return [data[i : i + size] for i in range(0, len(data), size)] if size else [data]


def recordings(kind: str, streamed: bool | None = None, failed: bool = False) -> list[Any]:
    """Recorded exchanges of one kind, as parameters; a visible skip where there are none."""
    found = [json.loads(file.read_text()) for file in sorted(SHARED.glob("recordings/*-*.json"))]
    chosen = [
        pytest.param(each, id=each["id"])
        for each in found
        if each["kind"] == kind
        and each["provider"] in CLIENTS
        and (streamed is None or each["stream"] == streamed)
        and (each["response"]["status"] >= 400) == failed
    ]
    missing = pytest.mark.skip(reason="no recorded exchanges: shared/recordings is not there")
    return chosen or [pytest.param(None, id="recordings", marks=missing)]


def body_of(recording: Any) -> bytes:
    """The recorded bytes of an answer."""
    return str(recording["response"]["body_text"]).encode()
