"""The tables of clients and wires -> the README's matrix: an ask of each kind is drafted by each.

python scripts/dev/matrix.py     # prints what stands between the README's two marks
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from returns.result import Success

from loki.config.build_config import build_config
from loki.edge.auth.credentials import mask_draft
from loki.edge.files import read_families
from loki.messages import Media, Message, Text, Tool
from loki.pipeline import Env, prepare
from loki.providers.compatible import KNOWN
from loki.records import Ask, Request, Task

HI = Message("user", "Hi")
PLAIN = Ask((HI,))
TOOL = Tool("weather", "The weather.", {"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def attached(media_type: str) -> Ask:
    """An ask with something attached."""
    media = Media(media_type, b"data", name="a")
    return replace(PLAIN, messages=(Message("user", (media, Text("Look"))),))


FEATURES: dict[str, list[Ask]] = {
    "stream": [replace(PLAIN, stream=True)],
    "system": [replace(PLAIN, messages=(Message("system", "Be brief."), HI))],
    "image": [attached("image/png")],
    "PDF": [attached("application/pdf")],
    "audio": [attached("audio/wav")],
    "tools": [replace(PLAIN, tools=(TOOL,), tool_choice="auto")],
    "schema": [replace(PLAIN, schema=SCHEMA)],
    "effort": [replace(PLAIN, reasoning="low")],
    "thinking": [replace(PLAIN, reasoning=2048)],
    "stop": [replace(PLAIN, stop=("END",))],
    "seed": [replace(PLAIN, seed=7)],
}

#: Work of other kinds, each by a model of its own.
OTHERS: dict[str, tuple[Task, Ask]] = {
    "embed": ("embedding", Ask(texts=("Hi",))),
    "rerank": ("reranker", Ask(texts=("Hi",), query="who")),
}

#: What a column means where its name does not say it; PROMPTED are those without schemas.
NOTES = """\
``image``, ``PDF``, ``audio``: attached with ``-f``. ``tools``: ``--tools``, ``--tool-choice``.
``schema``: the provider enforces it; under ``openai-compatible`` there are exceptions
(PROMPTED), where loki puts it in the prompt. loki validates every answer as well.
``effort``: ``--reasoning low``. ``thinking``: a budget in tokens, ``--reasoning 2048``.
``embed``, ``rerank``: the commands of that name.
``some``: depends on the model. For ``openai-compatible``, whether it works depends on the server.
``--``: not supported; the command exits with 64 and sends nothing.
"""

#: The models that stand for a client, and the client itself.
ROWS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "openai": ({"type": "openai"}, ["gpt-4.1", "gpt-6.1-terra"]),
    "openai (Responses)": (
        {"type": "openai", "models": [{"name": "m", "endpoint": "responses"}]},
        ["m"],
    ),
    "openai-compatible": ({"type": "openai-compatible", "api_base": "http://a.example"}, ["m"]),
    "azure-openai": ({"type": "azure-openai", "api_base": "https://a.example"}, ["m"]),
    "claude": ({"type": "claude"}, ["claude-sonnet-4-5", "claude-sonnet-5-5"]),
    "cohere": ({"type": "cohere"}, ["command-a-reasoning-08-2025"]),
    "gemini": ({"type": "gemini"}, ["gemini-2.5-flash", "gemini-3.8-flash"]),
    "vertexai": ({"type": "vertexai", "project_id": "p"}, ["gemini-2.5-pro", "gemini-3.8-flash"]),
    "bedrock": (
        {"type": "bedrock", "region": "us-east-1"},
        ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0"],
    ),
}


def nowhere(request: Request) -> Any:
    """Nothing is sent here."""
    raise AssertionError(request)


def can(client: dict[str, Any], model: str, ask: Ask) -> bool:
    """Return whether a client drafts an Ask."""
    abilities = {"supports_vision": True, "supports_function_calling": True}
    listed = {"models": [{"name": model, **abilities}], **client}
    listed["models"] = [{**each, **abilities} for each in listed["models"]]
    config = build_config({"clients": [listed]}, "matrix", {}, families=read_families()).unwrap()
    env = Env(config, mask_draft, nowhere, nowhere, lambda: 0.0, lambda: 0.0)
    name = f"{client['type']}:{model}"
    return isinstance(prepare(env, replace(ask, model=name)), Success)


def does(client: dict[str, Any], task: Task, ask: Ask) -> bool:
    """Return whether a client drafts work of another kind."""
    model = {"name": "m", "real_name": "amazon.titan-embed-text-v2:0", "type": task}
    listed = {**client, "models": [model]}  # Bedrock tells the wire by the name
    config = build_config({"clients": [listed]}, "matrix", {}, families=read_families()).unwrap()
    env = Env(config, mask_draft, nowhere, nowhere, lambda: 0.0, lambda: 0.0)
    name = f"{client['type']}:m"
    return isinstance(prepare(env, replace(ask, model=name), task), Success)


def cell(client: dict[str, Any], models: list[str], asks: list[Ask]) -> str:
    """yes, a dash, or "some" where it depends on the model."""
    found = {can(client, model, ask) for model in models for ask in asks}
    return "some" if len(found) == 2 else "yes" if found == {True} else "--"


def matrix() -> str:
    """Return the matrix as a simple table of reStructuredText."""
    lines = [("", *FEATURES, *OTHERS)]
    lines += [
        (
            name,
            *(cell(*row, asks) for asks in FEATURES.values()),
            *("yes" if does(row[0], *other) else "--" for other in OTHERS.values()),
        )
        for name, row in ROWS.items()
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    rows = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    rows[0] = rows[0].replace(" ", "\\", 1) if rows[0].startswith(" ") else rows[0]
    return "\n".join([rule, rows[0], rule, *rows[1:], rule]) + f"\n\n{notes()}"


def notes() -> str:
    """Return the notes below the table."""
    names = (name for name, known in KNOWN.items() if known.dialect.schema == "json_object")
    return NOTES.replace("PROMPTED", ", ".join(f"``{name}``" for name in sorted(names)))


if __name__ == "__main__":
    print(matrix(), end="")
