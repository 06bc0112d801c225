"""Every kind of ask, drafted for every wire, is what its vendor's newest package takes.

The table below says of each kind and wire what comes of it; it is held cell by cell.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import vendors
from returns.result import Result

from loki.config.build_config import build_config
from loki.edge import files
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.credentials import make_authorize
from loki.formats.openai_messages import read_messages, read_tools
from loki.pipeline import Env, prepare
from loki.problems import Problem, fail
from loki.records import Ask, Request
from loki.redaction.redactor import Redactor

#: yes: drafted, known to the vendor's package, which would send the same, and said in the body.
#: old: the same in the version of the API that we name; the newest package has no word for it.
#: 64:  refused here, before anything is sent, with a message that names the client.
#: --:  the vendor has no word for it and needs none: the request is that of the ask without it.
#: .:   there is no such thing to ask for.
TABLE = """
kind                        openai resp claude azure genai cohere mistral bedrock nova pplx pplx-v1
a text                      yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a stream                    yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
several texts               yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a system prompt             yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a developer's instructions  yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
instructions in the middle  yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a conversation              yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
thoughts of an earlier turn --     yes  yes    yes   yes   yes    --      yes     yes  --   --
temperature                 yes    yes  old    64    yes   yes    yes     yes     yes  yes  64
top_p                       yes    yes  old    64    yes   yes    yes     yes     yes  yes  64
max_tokens                  yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
stop                        yes    64   yes    yes   yes   yes    yes     yes     yes  yes  64
seed                        yes    64   64     64    yes   yes    yes     64      64   64   64
an image                    yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
an image by its address     yes    yes  yes    yes   yes   yes    yes     64      64   yes  yes
an image's detail           yes    yes  --     --    --    --     yes     --      --   --   --
a PDF                       yes    yes  yes    yes   yes   64     yes     yes     yes  yes  64
a PDF by its address        yes    yes  yes    yes   yes   64     yes     64      64   yes  64
a sound                     yes    64   64     64    yes   64     yes     yes     yes  64   64
a tool                      yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a strict tool               yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a tool without parameters   yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
tool choice auto            yes    yes  yes    yes   yes   --     yes     yes     yes  yes  --
tool choice none            yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  64
tool choice required        yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  64
tool choice by name         yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  64
results of two tools        yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a failed tool               --     --   yes    yes   yes   --     --      yes     yes  --   --
a tool's image              yes    yes  yes    yes   yes   64     yes     yes     yes  yes  64
a closed schema             yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
an open schema              yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
JSON mode                   yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
a schema and a tool         yes    yes  yes    yes   yes   64     yes     yes     yes  yes  yes
reasoning low               yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
reasoning max               yes    yes  yes    yes   yes   yes    yes     yes     yes  yes  yes
reasoning none              yes    yes  --     yes   yes   yes    yes     --      yes  64   64
reasoning in tokens         64     64   yes    64    64    yes    64      yes     64   64   64
search                      yes    yes  yes    yes   yes   64     64      64      yes  --   yes
the vendor's own tool       .      yes  yes    yes   yes   .      .       .       yes  .    yes
cache_control               --     --   yes    yes   --    --     --      yes     yes  --   --
"""

# ---- what is asked -------------------------------------------------------------------------------

Json = dict[str, Any]

HI: list[Json] = [{"role": "user", "content": "Hi"}]
PNG = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
WAV: Json = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
OPEN_SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}}


def text(words: str, **more: Any) -> Json:
    """Return a part of text."""
    return {"type": "text", "text": words, **more}


def image(url: str, **more: Any) -> Json:
    """Return the part of an image."""
    return {"type": "image_url", "image_url": {"url": url, **more}}


def pdf(url: str) -> Json:
    """Return the part of a PDF."""
    return {"type": "file", "file": {"file_data": url, "filename": "a.pdf"}}


def user(*parts: Json) -> Json:
    """Return an ask of a turn of some parts."""
    return {"messages": [{"role": "user", "content": [*parts]}]}


def after(*turns: Json) -> Json:
    """Return an ask that goes on after some turns."""
    return {"messages": [*HI, *turns, *HI]}


def function(name: str = "now", **more: Any) -> Json:
    """Return the declaration of a tool."""
    place = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    known = {"name": name, "description": "The time.", "parameters": place, **more}
    return {"type": "function", "function": known}


def answered(*results: Json) -> Json:
    """Return an ask that goes on after the results of as many calls."""
    ids = [f"call{number}abcd" for number, _ in enumerate(results)]
    called = {"name": "now", "arguments": '{"place": "Rome"}'}
    calls = [{"id": id, "type": "function", "function": called} for id in ids]
    turns = [
        {"role": "tool", "tool_call_id": id, **result}
        for id, result in zip(ids, results, strict=True)
    ]
    called_turn = {"role": "assistant", "content": None, "tool_calls": calls}
    return {"messages": [*HI, called_turn, *turns], "tools": [function()]}


#: What the answers of each vendor want back; a wire takes what it knows.
CARRY: list[Json] = [
    {"type": "thinking", "thinking": "Hm.", "signature": "s"},
    {"text": "Yes?", "thoughtSignature": "c2ln"},
    {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "e"},
    {"tool_plan": "I ask."},
]
THOUGHT = {"role": "assistant", "content": "Yes?"}

TOOLS: Json = {"tools": [function()]}
TWO_TOOLS: Json = {"tools": [function(), function("other")]}

#: An ask, and the ask without what is looked at; "own" stands for the vendor's own tool.
KINDS: dict[str, tuple[Json, Json]] = {
    "a text": (user(text("Ho")), {}),
    "a stream": ({"stream": True}, {}),
    "several texts": (user(text("a"), text("b")), {}),
    "a system prompt": ({"messages": [{"role": "system", "content": "S"}, *HI]}, {}),
    "a developer's instructions": ({"messages": [{"role": "developer", "content": "S"}, *HI]}, {}),
    "instructions in the middle": (after({"role": "system", "content": "S"}), after()),
    "a conversation": (after({"role": "assistant", "content": "Yes?"}), after()),
    "thoughts of an earlier turn": (after({**THOUGHT, "carry": CARRY}), after(THOUGHT)),
    "temperature": ({"temperature": 0.5}, {}),
    "top_p": ({"top_p": 0.5}, {}),
    "max_tokens": ({"max_tokens": 99}, {}),
    "stop": ({"stop": ["a", "b"]}, {}),
    "seed": ({"seed": 1}, {}),
    "an image": (user(text("a"), image(PNG)), user(text("a"))),
    "an image by its address": (
        user(text("a"), image("https://a.example/a.png")),
        user(text("a")),
    ),
    "an image's detail": (user(text("a"), image(PNG, detail="low")), user(text("a"), image(PNG))),
    "a PDF": (user(text("a"), pdf(PDF)), user(text("a"))),
    "a PDF by its address": (user(text("a"), pdf("https://a.example/a.pdf")), user(text("a"))),
    "a sound": (user(text("a"), WAV), user(text("a"))),
    "a tool": (TOOLS, {}),
    "a strict tool": ({"tools": [function(strict=True)]}, TOOLS),
    "a tool without parameters": ({"tools": [{"type": "function", "function": {"name": "n"}}]}, {}),
    "tool choice auto": ({**TOOLS, "tool_choice": "auto"}, TOOLS),
    "tool choice none": ({**TOOLS, "tool_choice": "none"}, TOOLS),
    "tool choice required": ({**TOOLS, "tool_choice": "required"}, TOOLS),
    "tool choice by name": ({**TWO_TOOLS, "tool_choice": "now"}, TWO_TOOLS),
    "results of two tools": (answered({"content": "1"}, {"content": "2"}), TOOLS),
    "a failed tool": (answered({"content": "1", "is_error": True}), answered({"content": "1"})),
    "a tool's image": (answered({"content": [text("1"), image(PNG)]}), answered({"content": "1"})),
    "a closed schema": ({"schema": SCHEMA}, {}),
    "an open schema": ({"schema": OPEN_SCHEMA}, {}),
    "JSON mode": ({"schema": {"type": "object"}}, {}),
    "a schema and a tool": ({**TOOLS, "schema": SCHEMA}, TOOLS),
    "reasoning low": ({"reasoning": "low"}, {}),
    "reasoning max": ({"reasoning": "max"}, {}),
    "reasoning none": ({"reasoning": "none"}, {}),
    "reasoning in tokens": ({"reasoning": 2048}, {}),
    "search": ({"search": True}, {}),
    "the vendor's own tool": ({"server_tools": "own"}, {}),
    "cache_control": (
        user(text("a", cache_control={"type": "ephemeral"})),
        user(text("a")),
    ),
}

# ---- whom ----------------------------------------------------------------------------------------

COMPATIBLE = {"type": "openai-compatible", "api_key": "k"}
BEDROCK = {"type": "bedrock", "api_key": "k", "region": "us-east-1"}
RESPONSES: Json = {"endpoint": "responses", "supports_function_calling": True}
SEEING: Json = {**RESPONSES, "supports_vision": True}

#: A client, its model, its model for asks about reasoning, the check, a tool of the vendor's own.
Vendor = tuple[Json, str, str, vendors.Check, Json | None]

VENDORS: dict[str, Vendor] = {
    "openai": ({"type": "openai", "api_key": "k"}, "gpt-4.1", "gpt-5.1", vendors.openai_chat, None),
    "resp": (
        {"type": "openai", "api_key": "k", "models": [{"name": "gpt-5.1", **SEEING}]},
        "gpt-5.1",
        "gpt-5.1",
        vendors.openai_responses,
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ),
    "claude": (
        {"type": "claude", "api_key": "k"},
        "claude-sonnet-4-6",
        "claude-sonnet-4-6",
        vendors.anthropic,
        {"type": "web_fetch_20250910", "name": "web_fetch"},
    ),
    "azure": (
        {"type": "azure-openai", "api_key": "k", "api_base": "https://r.services.ai.azure.com"},
        "claude-sonnet-5",
        "claude-sonnet-5",
        vendors.anthropic,
        {"type": "web_fetch_20250910", "name": "web_fetch"},
    ),
    "genai": (
        {"type": "gemini", "api_key": "k"},
        "gemini-3.5-flash",
        "gemini-3.5-flash",
        vendors.gemini,
        {"codeExecution": {}},
    ),
    "cohere": (
        {"type": "cohere", "api_key": "k"},
        "command-a-plus-05-2026",
        "command-a-plus-05-2026",
        vendors.cohere,
        None,
    ),
    "mistral": (
        {**COMPATIBLE, "name": "mistral"},
        "mistral-medium-latest",
        "magistral-medium-latest",
        vendors.mistral,
        None,
    ),
    "bedrock": (
        BEDROCK,
        "anthropic.claude-sonnet-4-6",
        "anthropic.claude-sonnet-4-6",
        vendors.converse,
        None,
    ),
    "nova": (
        BEDROCK,
        "amazon.nova-lite-v1:0",
        "amazon.nova-2-lite-v1:0",
        vendors.converse,
        {"systemTool": {"name": "nova_code_interpreter"}},
    ),
    "pplx": (
        {**COMPATIBLE, "name": "perplexity"},
        "sonar",
        "sonar-reasoning-pro",
        vendors.perplexity_chat,
        None,
    ),
    "pplx-v1": (
        {**COMPATIBLE, "name": "perplexity", "models": [{"name": "openai/gpt-5.1", **SEEING}]},
        "openai/gpt-5.1",
        "openai/gpt-5.1",
        vendors.perplexity_responses,
        {"type": "fetch_url"},
    ),
}

#: Words that a vendor's newest package has no more, and the version of the API that we name has.
OLDER = {"claude": ("temperature", "top_p")}

# ---- the table -----------------------------------------------------------------------------------


@cache
def environment(vendor: str) -> Env:
    """Return the environment of a client of a vendor; the time is fixed."""
    texts = files.read_catalogue({}), files.read_families()
    config = build_config({"clients": [VENDORS[vendor][0]]}, "c.yaml", {}, *texts).unwrap()
    nowhere: Callable[[Any], Any] = lambda request: fail("bug", "nothing is sent")  # noqa: E731
    return Env(
        config,
        make_authorize(AuthContext({}, Redactor())),
        nowhere,
        nowhere,
        lambda: 1.8e9,
        time.monotonic,
    )


def prepared(vendor: str, kind: str, asked: Json) -> Result[Request, Problem]:
    """Return the request of an ask of a vendor."""
    _, model, thinking, _, own = VENDORS[vendor]
    known: Json = {"messages": HI, "stream": False, **asked}
    known["messages"] = read_messages(known["messages"], "kinds").unwrap()
    if "tools" in known:
        known["tools"] = read_tools(known["tools"], "kinds").unwrap()
    if "server_tools" in known:
        known["server_tools"] = (own,)
    known["stop"] = tuple(known.get("stop", ()))
    name = thinking if kind.startswith("reasoning") else model
    return prepare(environment(vendor), Ask(**known, model=f"{name_of(vendor)}:{name}"))


def name_of(vendor: str) -> str:
    """Return the name of a vendor's client."""
    client = VENDORS[vendor][0]
    return str(client.get("name") or client["type"])


def outcome(vendor: str, kind: str) -> str:
    """Return what comes of a kind of ask, as the table has it."""
    asked, without = KINDS[kind]
    if asked.get("server_tools") and VENDORS[vendor][4] is None:
        return "."
    result = prepared(vendor, kind, asked)
    if problem := result.swap().value_or(None):
        assert problem.kind == "usage" and name_of(vendor) in problem.message and not problem.sent
        return "64"
    request = result.unwrap()
    body = vendors.body_of(request)
    older = [word for word in OLDER.get(vendor, ()) if word in body]
    VENDORS[vendor][3](vendors.without(request, older))
    plain = prepared(vendor, kind, without).unwrap()
    if (plain.url, plain.content) == (request.url, request.content):
        return "--"
    return "old" if older else "yes"


def rows() -> dict[str, dict[str, str]]:
    """Return the table: kind -> vendor -> outcome."""
    head, *lines = TABLE.strip().splitlines()
    split: list[tuple[str, list[str]]] = [(line[:28].strip(), line[28:].split()) for line in lines]
    return {kind: dict(zip(head[28:].split(), cells, strict=True)) for kind, cells in split}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("vendor", VENDORS)
def test_what_comes_of_every_kind_of_ask(vendor: str, kind: str) -> None:
    assert outcome(vendor, kind) == rows()[kind][vendor]


def test_the_table_has_every_kind_and_every_vendor() -> None:
    assert [*rows()] == [*KINDS] and len(KINDS) >= 33
    assert all([*cells] == [*VENDORS] for cells in rows().values())


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_key_that_a_vendor_does_not_know_is_found(vendor: str) -> None:
    request, check = prepared(vendor, "a text", {}).unwrap(), VENDORS[vendor][3]
    check(request)
    odd = json.dumps({**vendors.body_of(request), "odd": [{"a": 1}]}).encode()
    with pytest.raises((AssertionError, KeyError, TypeError, ValueError)):
        check(replace(request, content=odd))


@pytest.mark.parametrize(("vendor", "words"), OLDER.items())
def test_the_newest_package_has_none_of_the_older_words(
    vendor: str, words: tuple[str, ...]
) -> None:
    for word in words:
        with pytest.raises(ValueError, match=word):
            VENDORS[vendor][3](prepared(vendor, word, {word: 0.5}).unwrap())
