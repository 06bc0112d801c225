"""What several tests need: targets and requests for a client, canned answers, recordings."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from returns.result import Result, Success

from loki.config.build_config import build_config
from loki.edge.auth.auth_context import AuthContext
from loki.edge.files import read_families
from loki.messages import Message
from loki.problems import Problem
from loki.providers import PROVIDERS
from loki.records import Ask, Config, Draft, Request, Response, Target
from loki.redaction.redactor import Redactor
from loki.replies import OpenResponse, Stream
from loki.stages import resolve
from loki.stages.parse import read_stream
from loki.wire.decoder import Splitter

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("LOKI_SHARED", ROOT.parent / "shared"))

COMPATIBLE = [
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
]

#: Which of our clients speaks to the provider of a recording, by provider and kind.
CLIENTS: dict[tuple[str, str], dict[str, Any]] = {
    ("openai", "chat"): {"type": "openai"},
    ("azure-openai", "chat"): {"type": "azure-openai", "api_base": "https://example.com"},
    **{
        (name, "chat"): {"type": "openai-compatible", "name": name, "api_base": "https://a.example"}
        for name in COMPATIBLE
    },
    ("anthropic", "chat"): {"type": "claude"},
    ("gemini", "chat"): {"type": "gemini"},
    ("vertex", "chat"): {"type": "vertexai", "project_id": "p", "location": "global"},
    ("vertex-claude", "chat"): {
        "type": "vertexai",
        "project_id": "p",
        "location": "global",
        "models": [{"name": "m", "real_name": "claude-sonnet-4-5"}],
    },
    ("cohere", "chat"): {"type": "cohere"},
    ("bedrock", "converse"): {"type": "bedrock", "region": "us-east-1"},
    **{
        (name, "responses"): {
            "type": "azure-openai" if name == "azure-openai" else "openai",
            "api_base": "https://a.example",
            "models": [{"name": "m", "endpoint": "responses"}],
        }
        for name in ("openai", "azure-openai", "openrouter", "xai", "deepseek")
    },
}


def patient(percent: int) -> settings:
    """Return settings for laws that take long: some percent of the profile's examples."""
    number = settings().max_examples * percent // 100
    return settings(max_examples=number, suppress_health_check=[HealthCheck.too_slow])


def client_of(recording: Any) -> dict[str, Any]:
    """The client that speaks to a recording's provider."""
    return CLIENTS[recording["provider"], recording["kind"]]


def is_spoken(recording: Any) -> bool:
    """Whether there is a wire for a recording yet."""
    client = CLIENTS.get((recording["provider"], recording["kind"]))
    if client is None or client["type"] not in PROVIDERS:
        return False
    return PROVIDERS[client["type"]].routes["chat"].wire(target(client)) in WIRES[recording["kind"]]


#: The wires that read a kind of recording.
WIRES = {
    "chat": ("openai", "perplexity-chat", "claude", "claude-vertex", "gemini", "cohere"),
    "converse": ("converse",),
}
WIRES["responses"] = ("responses",)


def config(client: Mapping[str, Any], **top: Any) -> Config:
    """A configuration with one client, its key in the environment."""
    environ = {"OPENAI_API_KEY": "sk-test", "AZURE_OPENAI_API_KEY": "sk-test"}
    plain = {"clients": [dict(client)], **top}
    return build_config(plain, "config.yaml", environ, families=read_families()).unwrap()


def target(client: Mapping[str, Any], ask: Ask | None = None, **top: Any) -> Target:
    """Where an ask goes; by default a model that nobody knows anything of."""
    asked = ask or Ask((Message("user", "Hi"),), model=f"{client.get('name', client['type'])}:m")
    return resolved(client, asked, **top).unwrap()


def resolved(client: Mapping[str, Any], ask: Ask, **top: Any) -> Result[Target, Problem]:
    """Where an ask goes, or why it goes nowhere."""
    found: Result[Target, Problem] = resolve(config(client, **top))(ask)
    return found


def request(client: Mapping[str, Any], stream: bool = False) -> Request:
    """Some request to a client, as far as reading its answer needs one."""
    name = client.get("name", client["type"])
    ask = Ask((Message("user", "Hi"),), model=f"{name}:m", stream=stream)
    url = "https://example.com/"
    return Request(Draft(target(client, ask), url, {}, {}), url, {}, b"{}")


def response(request: Request, status: int, body: bytes, **headers: str) -> Response:
    """A whole answer."""
    return Response(request, status, headers, body)


def stream_pieces(request: Request, pieces: Iterable[bytes], **headers: str) -> Stream:
    """What a stream of some pieces tells."""
    chunks: Iterator[Result[bytes, Problem]] = map(Success, pieces)
    opened = OpenResponse(request, 200, headers, chunks, lambda: None, started=0.0)
    return read_stream(lambda: 1.0)(opened)


def cut(data: bytes, size: int) -> list[bytes]:
    """Bytes in pieces of a size, 0 for all in one."""
    return [data[i : i + size] for i in range(0, len(data), size)] if size else [data]


def split(splitter: Splitter, pieces: Iterable[bytes]) -> list[list[bytes]]:
    """Return the frames that each piece of a stream completed, and last those of its end."""
    found = []
    for piece in pieces:
        found.append(splitter.feed(piece))
        if splitter.is_done:
            break
    return [*found, splitter.end()]


def recordings(streamed: bool | None = None, failed: bool = False) -> list[Any]:
    """Recorded chats, as parameters; a visible skip where there are none."""
    found = [json.loads(file.read_text()) for file in sorted(SHARED.glob("recordings/*-*.json"))]
    chosen = [
        pytest.param(each, id=each["id"])
        for each in found
        if is_spoken(each)
        and (streamed is None or each["stream"] == streamed)
        and (each["response"]["status"] >= 400) == failed
    ]
    missing = pytest.mark.skip(reason="no recorded exchanges: shared/recordings is not there")
    return chosen or [pytest.param(None, id="recordings", marks=missing)]


def body_of(recording: Any) -> bytes:
    """The recorded bytes of an answer."""
    answer = recording["response"]
    if "body_base64" in answer:
        return base64.b64decode(answer["body_base64"])
    return str(answer["body_text"]).encode()


def auth_context(environ: Mapping[str, str], redactor: Redactor | None = None) -> AuthContext:
    """Return what credentials are looked up with, where no secret is known yet."""
    return AuthContext(environ, redactor or Redactor())
