"""Vertex AI: where the models of Google and of others live, and what Mistral's want otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple
from urllib.parse import quote

from returns.result import Result

from loki.problems import Problem
from loki.records import Client, Dialect, JsonObject, Target
from loki.wire.openai import chat


class Publisher(NamedTuple):
    """Whose models they are: the wire they speak, their methods for a whole answer and a stream."""

    name: str
    wire: str
    whole: str
    streamed: str


def publisher_of(target: Target) -> Publisher:
    """The maker of a model, by the model's name."""
    name = target.model.real_name
    return next((maker for start, maker in PUBLISHERS if name.startswith(start)), GOOGLE)


def vertex_wire(target: Target) -> str:
    """Every maker has its own."""
    return publisher_of(target).wire


def vertex_url(target: Target, base: str) -> str:
    """A model's method; one that a user trained (its name is a number) is an endpoint."""
    client, name, maker = target.client, target.model.real_name, publisher_of(target)
    place = said(client, "location") or "global"
    root = base if "api_base" in client.settings else host_of(place)
    version = "" if root.endswith(("/v1", "/v1beta1")) else "/v1"
    project = said(client, "project_id")
    scope = f"/projects/{quote(project)}/locations/{quote(place)}" if project else ""
    model = f"publishers/{maker.name}/models/{quote(name, safe='@')}"
    method = maker.streamed if target.ask.stream else maker.whole
    return f"{root}{version}{scope}/{f'endpoints/{name}' if name.isdigit() else model}:{method}"


def host_of(location: str) -> str:
    """Google's host for a region, for a continent, or for all of them.

    >>> host_of("europe-west4"), host_of("eu"), host_of("global")  # doctest: +NORMALIZE_WHITESPACE
    ('https://europe-west4-aiplatform.googleapis.com',
     'https://aiplatform.eu.rep.googleapis.com',
     'https://aiplatform.googleapis.com')
    """
    if location in ("us", "eu"):
        return f"https://aiplatform.{location}.rep.googleapis.com"
    region = "" if location == "global" else f"{quote(location)}-"
    return f"https://{region}aiplatform.googleapis.com"


def vertex_lacks(target: Target) -> str:
    """What is not configured, empty if nothing; an API key alone reaches Google's own models."""
    settings = target.client.settings
    for name in ("project_id", "location"):
        if name in settings and settings[name].form != "literal":
            return f"needs its {name} as it is, not where it is to be had"
    express = "api_key" in settings and "access_token" not in settings
    if "project_id" in settings or (express and publisher_of(target) is GOOGLE):
        return ""
    return "needs a project_id: the Google Cloud project that pays"


def said(client: Client, name: str) -> str:
    """A setting's value, empty if it is not set."""
    return client.settings[name].value if name in client.settings else ""


def draft_mistral(target: Target) -> Result[JsonObject, Problem]:
    """The OpenAI wire, its model without the ``@version`` that stands in the url."""
    name = target.model.real_name.partition("@")[0]
    plain = replace(target.model, real_name=name)
    return chat.draft_chat(replace(target, model=plain, dialect=MISTRAL))


MISTRAL = Dialect(seed="random_seed", stream_usage=False)

GOOGLE = Publisher("google", "gemini", "generateContent", "streamGenerateContent?alt=sse")
ANTHROPIC = Publisher("anthropic", "claude-vertex", "rawPredict", "streamRawPredict")
MISTRALAI = Publisher("mistralai", "mistral-vertex", "rawPredict", "streamRawPredict")

#: Who made a model, by the beginning of its name; all others are Google's.
PUBLISHERS = (
    ("claude", ANTHROPIC),
    ("mistral", MISTRALAI),
    ("codestral", MISTRALAI),
    ("ministral", MISTRALAI),
)
