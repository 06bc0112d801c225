"""Models that the built-in catalogue does not know: sent as they are, and told if they are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Home
from servers import ANSWER, Server, plain, reply, serving

from loki.config.catalogue import parse_section
from loki.edge.files import read_catalogue

SHIPPED = read_catalogue({})


def listed(client: str, task: str) -> str:
    """A model of the built-in catalogue."""
    return next(name for name, e in parse_section(SHIPPED, client).items() if e["type"] == task)


def shop(home: Home, server: Server, kind: str) -> Home:
    """A home with a client of a type, which lists no models, at a server."""
    home.configure(
        f"clients:\n  - {{type: {kind}, name: mine, api_base: '{server.address}', api_key: k}}\n"
    )
    return home


MESSAGES: list[Any] = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 3, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]
EVENTS = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in MESSAGES).encode()


def test_a_model_newer_or_older_than_the_catalogue_is_asked(home: Home) -> None:
    """Also at the provider's own address, where the catalogue's list was taken for whole."""
    stream = plain(EVENTS, headers="content-type: text/event-stream\r\n")
    with serving(stream) as server:
        home.configure("clients: [{type: claude, name: my-claude-oauth, access_token: t}]\n")
        there = json.dumps({"url": f"{server.address}/v1/messages"})
        done = home.call(
            *("-m", "my-claude-oauth:claude-sonnet-4-20250514", "--patch", there, "Hello!"),
            prog="loki",
        )
    assert (done.code, done.out, done.err) == (0, "Hello.\n", "")
    (asked,) = server.asked
    assert (asked.json["model"], asked.json["stream"]) == ("claude-sonnet-4-20250514", True)


@pytest.mark.parametrize("words", [[], ["-S"]])
def test_a_fine_tune_is_asked_by_its_whole_name(home: Home, words: list[str]) -> None:
    base = listed("openai", "chat")
    name = f"ft:{base}:org::id"
    with serving(plain(reply()) if words else ANSWER) as server:
        home.configure("clients: [{type: openai, name: mine, api_key: k}]\n")
        there = ["--patch", json.dumps({"url": f"{server.address}/v1/chat/completions"})]
        done = home.call("-m", f"mine:{name}", "-o", "json", *there, *words, "Hi")
        dry = home.call("-m", f"mine:{name}", "--dry-run", *words, "Hi")
    assert (done.code, done.json["model"], done.json["cost"]) == (0, f"mine:{name}", None)
    assert server.asked[0].json["model"] == dry.json["body"]["model"] == name
    assert len(server.asked) == 1


GONE = plain({"error": {"message": "No such model."}}, 404)


@pytest.mark.parametrize(
    ("prog", "kind", "task", "words"),
    [
        ("loki-pipe", "openai", "chat", ["Hi"]),
        ("loki-pipe", "openai", "chat", ["-S", "Hi"]),
        ("loki-pipe", "gemini", "chat", ["Hi"]),
        ("loki-embed", "openai", "embedding", ["Hi"]),
        ("loki-rerank", "cohere", "reranker", ["Hi"]),
        ("loki-batch", "openai", "chat", []),
    ],
)
def test_a_model_that_is_not_there_is_told_with_its_nearest(
    home: Home, prog: str, kind: str, task: str, words: list[str]
) -> None:
    name = listed(kind, task)
    stdin = '{"prompt": "Hi"}\n' if prog == "loki-batch" else "" if task == "chat" else "one\n"
    with serving(GONE) as server:
        shop(home, server, kind)
        done = home.call("-m", f"mine:{name}x", *words, stdin=stdin, prog=prog)
        right = home.call("-m", f"mine:{name}", *words, stdin=stdin, prog=prog)
    assert (done.code, right.code) == (78, 78)
    assert f"config: No such model; did you mean '{name}'" in done.err
    assert "config: No such model. (404)" in right.err


def test_a_row_of_a_batch_is_told_too(home: Home, tmp_path: Path) -> None:
    """Which names a model of its own, so that the others go on."""
    name = listed("openai", "chat")
    rows = [{"prompt": "Hi"}, {"prompt": "Hi", "model": f"mine:{name}x"}]
    answers = {name: plain(reply()), f"{name}x": GONE}
    with serving(lambda asked: answers[asked.json["model"]]) as server:
        shop(home, server, "openai")
        stdin = "".join(json.dumps(row) + "\n" for row in rows)
        done = home.call("-m", f"mine:{name}", "-j", "1", stdin=stdin, prog="loki-batch")
    good, bad = done.lines
    assert (done.code, good["text"], bad["error"]["kind"]) == (1, "Hello.", "config")
    assert bad["error"]["message"].startswith(f"No such model; did you mean '{name}'")
