"""What users write, for the quick fuzzer: conversations, tools, rows, configurations, addresses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from frames import CLIENTS
from fuzz_seeds import seed_of
from mutate import NOISE, Seed, scan
from returns.result import Result, Success
from support import ROOT, target

from loki.batch.read_rows import read_rows
from loki.batch.rows import ReadyRow, RowDefaults
from loki.config.load import check, load
from loki.config.patches import read_param, read_patch, read_patches
from loki.config.prompt_file import read_prompt_file
from loki.config.read import configure
from loki.edge.auth.find_secrets import secrets_in_proxy, secrets_in_url
from loki.edge.batch.input import read_header, read_plain_lines, read_table_rows, split_lines
from loki.edge.decode import decode_stdin, recode
from loki.formats.attachments import attach
from loki.formats.conversation import message_json, read_conversation
from loki.formats.openai_messages import read_json, read_messages, read_tools, split_tools
from loki.formats.structured_output import code_block, read_answer, read_schema
from loki.formats.tool_commands import read_commands
from loki.messages import Message
from loki.problems import EXIT_CODES, Problem
from loki.records import Ask, Target
from loki.redaction.redactor import Redactor
from loki.stages.build import build
from loki.stages.draft import draft
from loki.urls import find_proxy_fault, find_url_fault, is_url, mask_proxy, mask_url

SECRET = b"mArK7Zk9xWv2kRaM"
SHOWN = 8  # characters of it that nobody may see

Row = tuple[str, float, Sequence[Seed], Callable[[bytes], None], Sequence[bytes]]


def check_hidden(text: str) -> None:
    """Check that a text shows no part of the secret, in any case."""
    seen, secret = text.lower(), SECRET.decode().lower()
    if secret[:4] in seen or secret[-4:] in seen:
        for start in range(len(secret) - SHOWN + 1):
            assert secret[start : start + SHOWN] not in seen, f"a secret is shown: {text!r}"


def check_failure(result: Result[Any, Problem], place: str = "") -> None:
    """Check that a result is a success, or a Problem that begins with its place."""
    if not isinstance(result, Success):
        problem = result.failure()
        assert isinstance(problem, Problem) and problem.kind in EXIT_CODES
        assert problem.kind != "bug" and problem.message.startswith(place), problem.message


def text_of(data: bytes) -> str:
    """Return bytes as the text of a file; what is no UTF-8 becomes halves of surrogate pairs."""
    return data.decode("utf-8", "surrogateescape")


# ---- conversations and tools ---------------------------------------------------------------------

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
PNG = "data:image/png;base64,iVBORw0KGgo="
TURNS: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            {"type": "image_url", "image_url": "https://a.example/a.png"},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:;base64,JVBERi0="}},
            {"type": "input_audio", "input_audio": {"format": "wav", "data": "UklGRg=="}},
        ],
    },
    {"role": "assistant", "content": None, "tool_calls": [CALL], "carry": [{"type": "thinking"}]},
    {"role": "tool", "tool_call_id": "c", "content": "5"},
    {"role": "assistant", "content": "Five.", "tool_calls": []},
    {"role": "user", "content": "And?"},
]
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
FUNCTION = {"name": "f", "description": "F.", "parameters": SCHEMA, "strict": True}
TOOLS: list[Any] = [
    {"type": "function", "function": FUNCTION, "command": ["cat", "-u"], "timeout": 5},
    {"type": "web_search_20250305", "name": "web_search"},
    {"googleSearch": {}},
]


@cache
def targets() -> list[Target]:
    """Return where a conversation could go, by wire."""
    return [target(client) for client in CLIENTS.values()]


def check_conversation(data: bytes) -> None:
    """Check that a conversation is read or refused, written again, and drafted for a wire."""
    result = read_conversation(text_of(data), "it")
    check_failure(result, "it")
    if isinstance(result, Success) and (turns := result.unwrap()):
        for turn in turns:
            json.dumps(message_json(turn))
        check_draft(turns, targets()[len(data) % len(CLIENTS)])


def check_draft(turns: tuple[Message, ...], whither: Target) -> None:
    """Check that a conversation can be said to a provider, or cannot for a reason."""
    asked = replace(whither, ask=replace(whither.ask, messages=turns))
    check_failure(draft(asked).bind(build(lambda: 0.0)))


def check_messages(data: bytes) -> None:
    """Check that a JSON text of messages is read or refused."""
    check_failure(read_json(text_of(data), "it").bind(lambda value: read_messages(value, "it")))


def check_tools(data: bytes) -> None:
    """Check that tools and their commands are read or refused, and drafted for a wire."""
    value = read_json(text_of(data), "it").value_or(None)
    check_failure(read_commands(value, "it"))
    split_tools(value, "it") if isinstance(value, list) else None
    result = read_tools(value, "it")
    check_failure(result, "it")
    if isinstance(result, Success):
        whither = targets()[len(data) // 2 % len(CLIENTS)]
        ask = replace(whither.ask, tools=result.unwrap())
        check_failure(draft(replace(whither, ask=ask)).bind(build(lambda: 0.0)))


def check_schema(data: bytes) -> None:
    """Check that a schema is read or refused."""
    check_failure(read_json(text_of(data), "it").bind(lambda value: read_schema(value, "it")))


def check_answer(data: bytes) -> None:
    """Check that an answer breaks a schema or does not."""
    text = text_of(data)
    check_failure(read_answer(text, SCHEMA))
    assert isinstance(code_block(text), str)


def check_patch(data: bytes) -> None:
    """Check that patches and parameters are read or refused."""
    value = read_json(text_of(data), "it").value_or(None)
    check_failure(read_patch(value, "it"), "it")
    check_failure(read_patches(text_of(data), "it"), "it")
    check_failure(read_param(f"a.b={text_of(data)}"))
    check_failure(read_param(text_of(data)))


# ---- rows ----------------------------------------------------------------------------------------

ROW = {
    "id": "a", "prompt": "Hi {x}", "messages": TURNS[:1], "system": "Be brief.", "max_tokens": 9,
    "temperature": 0.5, "stop": ["x"], "schema": SCHEMA, "tools": TOOLS[:1], "files": ["a.txt"],
    "reasoning": "low", "model": "m", "seed": 1, "top_p": 1, "tool_choice": "auto",
}  # fmt: skip
BODY = {"model": "m", "messages": TURNS, "n": 1, "tools": TOOLS[:1], "response_format": {}}
FOREIGN = {"custom_id": "b", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
TABLE = b'id;text;"a b"\r\n1;"a, ""b""";x\r\n2;c\r\n"3";"d\ne";z;\n'


def texts_of(data: bytes) -> Iterator[str]:
    """Yield the lines of an input in any encoding."""
    pieces = recode([data], "it", None, lambda note: None)
    return (line.decode() for line in split_lines(pieces))


def check_rows(data: bytes) -> None:
    """Check that each line is a job or an error row."""
    bugs: list[Exception] = []

    def keep(bug: Exception) -> Problem:
        bugs.append(bug)
        return Problem("bug", repr(bug))

    for form in ("json", "lines"):
        plan = RowDefaults(Ask(), input_format=form, report_bug=keep, keep_fields=True)
        for row in read_rows(plan, read_plain_lines(texts_of(data))):
            assert isinstance(row, ReadyRow) or row.problem.kind in EXIT_CODES
            json.dumps(row.id).encode()
    if bugs:
        raise bugs[0]


def check_table(data: bytes) -> None:
    """Check that each row of a table is a job or an error row."""
    reader = read_header(texts_of(data), "it")
    check_failure(reader, "it")
    if isinstance(reader, Success):
        plan = RowDefaults(Ask(), input_format="csv", template="{text}")
        for row in read_rows(plan, read_table_rows(reader.unwrap())):
            json.dumps(row.id).encode()


# ---- configurations ------------------------------------------------------------------------------

CONFIGS = [path.read_bytes() for path in sorted((ROOT / "tests/config/files").glob("*.yaml"))]
SMALL = b"""model: x:m
clients:
  - type: openai-compatible
    name: x
    api_base: https://u:mArK7Zk9xWv2kRaM@a.example/v1
    api_key: mArK7Zk9xWv2kRaM
    extra: {proxy: 'http://u:mArK7Zk9xWv2kRaM@h:1', max_retries: 3}
    patch:
      chat_completions:
        '.*': {body: {a: 1}, headers: {X-Api-Key: mArK7Zk9xWv2kRaM}}
    models:
      - name: m
        input_price: 1.5
"""
YAML = (
    *(b"  ", b"\n", b"- ", b": ", b"'", b'"', b"{", b"}", b"[", b"]", b"|", b">", b"? ", b"%"),
    *(b"!!python/object:os.system x", b"<<: *a", b"\t", b"---\n", b"#", b"\0", b"&a ", b"*a"),
    b"\xef\xbb\xbf",
    *(b"null", b"~", b".inf", b".nan", b"1e999", b"0x10", b"2026-01-01", b"{{K}}", b"9" * 5000),
)  # fmt: skip
PROMPT = (
    b"#!/usr/bin/env -S loki-pipe -T\n---\n"
    b"model: x:m\nstop: [a, b]\nschema: {type: object}\n---\nHi {{ input }}\n"
)


def check_config(data: bytes) -> None:
    """Check that a configuration is read or refused, with its place."""
    text = data.decode("utf-8", "replace")
    result = load(text, "it")
    check_failure(result, "it:")
    if isinstance(result, Success):
        check_failure(configure(result.unwrap(), "it", {}))


def check_config_secrets(data: bytes) -> None:
    """Check the same of a configuration with secrets, of which no complaint shows any."""
    check_config(data)
    for complaint in check(data.decode("utf-8", "replace"))[1]:
        check_hidden(complaint.message)


def check_prompt_file(data: bytes) -> None:
    """Check that a prompt file is read or refused."""
    check_failure(read_prompt_file(data.decode("utf-8", "replace"), "it"), "it:")


# ---- addresses and what is shown -----------------------------------------------------------------

PROXIES = [
    *(b"http://u:SECRET@127.0.0.1:9", b"socks5h://SECRET:p@h:1", b"https://u%40x:SECRET@[::1]:80/"),
    *(b"u:SECRET@h:1", b"http://SECRET@h", b"//u:SECRET@h:1"),
]
ADDRESSES = [
    *(b"https://u:SECRET@a.example/v1?a=b", b"https://a.example:1/v1?key=SECRET&x=1#f"),
    *(b"https://a.example/p?api_key=SECRET", b"http://SECRET@h/"),
]
URL_WORDS = (
    *(
        b"#",
        b"/",
        b"?",
        b"@",
        b"[",
        b"]",
        b"%",
        b":",
        b"\\",
        b"&",
        b"=",
        b";",
        b" ",
        b"//",
        b"http",
    ),
    *(b"\xc3\xa9", b"99999", b"x", b"%2F", b"..", b"\n", b"htp", b"://", b"::1"),
)


def check_proxy(data: bytes) -> None:
    """Check that no text about a proxy shows its password."""
    check_shown(data, secrets_in_proxy, (find_proxy_fault, mask_proxy))


def check_address(data: bytes) -> None:
    """Check that no text about an address shows its password or key."""
    check_shown(
        data, secrets_in_url, (lambda url: mask_url(url) if is_url(url) else find_url_fault(url),)
    )


def check_shown(
    data: bytes,
    find: Callable[[str], Sequence[str]],
    show: Sequence[Callable[[str], str]],
) -> None:
    """Check that texts about an address show no secret that stands in it where secrets stand."""
    given = data.decode("utf-8", "replace")
    redactor = Redactor()
    redactor.add(*find(given))
    for each in show:
        shown = redactor.redact(each(given))
        if is_in_place(given):
            check_hidden(shown)


def is_in_place(given: str) -> bool:
    """Return whether the secret is whole, and still a password or a key."""
    before, found, after = given.partition(SECRET.decode())
    secret = SECRET.decode().lower()
    again = any(secret[at : at + 4] in (before + after).lower() for at in range(len(secret) - 3))
    user = before.rpartition("://")[2]
    is_password = after.startswith("@") and not set(user) & set("/?#\\")
    is_password = is_password or before.endswith(("?key=", "&key=", "?api_key="))
    return bool(found) and is_password and not again


def check_redaction(data: bytes) -> None:
    """Check that a text in which a secret stands is redacted, and that twice is once."""
    redactor = Redactor()
    redactor.add(SECRET.decode())
    text = data.decode("utf-8", "surrogateescape")
    shown = redactor.redact(text)
    assert SECRET.decode() not in shown
    if SECRET not in data:
        redactor.redact(shown)


def check_stdin(data: bytes) -> None:
    """Check that stdin and attachments are decoded or refused."""
    check_failure(decode_stdin(data, None, lambda note: None))
    check_failure(attach(data, "it"), "it")


ECHOES = [
    b'{"error": {"message": "Incorrect API key: ' + SECRET + b'"}}', SECRET, b"Bearer " + SECRET,
    b"%6d%41rK7Zk9xWv2kRaM bUFySzdaazl4V3Yya1JhTQ==", b"mArK7Zk9\\u0078Wv2kRaM &#109;ArK7Z...",
]  # fmt: skip
LINES = [json.dumps(ROW).encode(), json.dumps(FOREIGN).encode()]


def with_secret(texts: Sequence[bytes]) -> list[Seed]:
    """Return texts with the secret in its place, as seeds without places."""
    return [Seed(text.replace(b"SECRET", SECRET)) for text in texts]


def prompts() -> list[Seed]:
    """Return some files that may be attached."""
    return [Seed(b"\xef\xbb\xbfHi"), Seed(b"\xff\xfeH\0i\0"), Seed(b"%PDF-1.7"), Seed(b"caf\xe9\n")]


TURN_LINES = b"\n".join(json.dumps(turn).encode() for turn in TURNS)
TURN_SEEDS = [Seed(TURN_LINES), scan(TURN_LINES), seed_of(TURNS)]
PATCH = {"url": "https://a.example", "body": {"a": {}}, "headers": {"A": "b"}}
SCHEMA_ANSWERS = [Seed(b'{"x": 1}'), scan(b'```json\n{"x": 1}\n```')]
TABLES = [Seed(TABLE), Seed(TABLE.replace(b";", b","))]

TEXTS: tuple[Row, ...] = (
    ("conversation", 4, TURN_SEEDS, check_conversation, NOISE),
    ("messages", 3, [seed_of(TURNS)], check_messages, NOISE),
    ("tools", 3, [seed_of(TOOLS)], check_tools, NOISE),
    ("schema", 0.5, [seed_of(SCHEMA)], check_schema, NOISE),
    ("answer by schema", 1, SCHEMA_ANSWERS, check_answer, NOISE),
    ("patch", 2, [seed_of({".*": PATCH}), seed_of(PATCH)], check_patch,
     (*NOISE, b".", b"." * 3000, b"=")),
    ("rows", 3, [scan(b"\n".join(LINES)), *map(scan, LINES)], check_rows, NOISE),
    ("table", 2, TABLES, check_table, (*NOISE, b";", b'""')),
    ("configuration", 0.02, [*map(scan, CONFIGS)], check_config, YAML),
    ("small configuration", 0.1, [scan(SMALL), Seed(SMALL)], check_config_secrets, YAML),
    ("prompt file", 0.3, [Seed(PROMPT), scan(PROMPT)], check_prompt_file, YAML),
    ("proxy", 1, with_secret(PROXIES), check_proxy, URL_WORDS),
    ("address", 1, with_secret(ADDRESSES), check_address, URL_WORDS),
    ("redaction", 1, with_secret(ECHOES), check_redaction, NOISE),
    ("stdin", 1, prompts(), check_stdin, NOISE),
)  # fmt: skip
