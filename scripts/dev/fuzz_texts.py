"""What users write, for the quick fuzzer: conversations, tools, rows, configurations, addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from frames import CLIENTS
from fuzz_checks import Row, check_failure, text_of
from fuzz_seeds import seed_of
from mutate import NOISE, Seed, scan
from returns.result import Success
from support import target

from loki.batch.read_rows import read_rows
from loki.batch.rows import ReadyRow, RowDefaults
from loki.config.patches import read_param, read_patch, read_patches
from loki.edge.batch.input import read_header, read_plain_lines, read_table_rows, split_lines
from loki.edge.decode import decode_stdin, recode
from loki.formats.attachments import read_attachment
from loki.formats.conversation import message_json, read_conversation
from loki.formats.openai_messages import read_json, read_messages, read_tools, split_tools
from loki.formats.structured_output import code_block, read_data, read_schema
from loki.formats.tool_commands import read_commands
from loki.messages import Message
from loki.problems import EXIT_CODES, Problem
from loki.records import Ask, Target
from loki.stages.build import build
from loki.stages.draft import draft

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
    check_failure(read_data(text, SCHEMA))
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


# ---- what is piped in ----------------------------------------------------------------------------


def check_stdin(data: bytes) -> None:
    """Check that stdin and attachments are decoded or refused."""
    check_failure(decode_stdin(data, None, lambda note: None))
    check_failure(read_attachment(data, "it"), "it")


LINES = [json.dumps(ROW).encode(), json.dumps(FOREIGN).encode()]


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
    ("stdin", 1, prompts(), check_stdin, NOISE),
)  # fmt: skip
