"""What users write: configurations, patches, conversations; wrong or right, never a crash."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from returns.result import Success
from support import patient

from loki.batch.read_rows import read_rows
from loki.batch.rows import ReadyRow, RowDefaults
from loki.config.build_config import build_config
from loki.config.parse_config import parse_config
from loki.config.patches import read_patch
from loki.formats.openai_messages import ROLES, read_json, read_messages, read_tools
from loki.problems import EXIT_CODES, Problem
from loki.records import Ask
from loki.stages.patch import merge_patch

CONFIGS = sorted((Path(__file__).parent.parent / "config" / "files").glob("*.yaml"))
TEXTS = [path.read_bytes().decode() for path in CONFIGS]
PATIENT = patient(60)

LINES = st.sampled_from(
    [
        "clients:", "  - type: openai", "    name: x", "    models:", "      - name: m", "  ", "{",
        "    extra:", "      proxy: '-'", "      max_retries: 3", "    api_key: '{{K}}'", "patch:",
        "    patch: {body: {a: 1}}", "model: x:m", "- x", "a: b", "# c", "\t", "---", "&a", "*a",
        "}", "!!python/object:os.system x", "<<: *a", "'", '"', "|", ">", "[", "? x", "\0",
        "\ufeff",
    ]
)  # fmt: skip


@given(lines=st.lists(LINES, max_size=12))
@PATIENT
def test_any_lines_are_a_configuration_or_a_complaint(lines: list[str]) -> None:
    result = parse_config("\n".join(lines), "config.yaml")
    if isinstance(result, Success):
        build_config(result.unwrap(), "config.yaml", {})
    else:
        assert result.failure().message.startswith("config.yaml:")


@pytest.mark.parametrize("text", TEXTS, ids=[path.stem for path in CONFIGS])
@given(noise=st.text(max_size=6), place=st.floats(0, 1), size=st.integers(0, 6))
@patient(15)
def test_a_damaged_configuration_does_not_crash(
    text: str, noise: str, place: float, size: int
) -> None:
    at = int(place * len(text))
    parse_config(text[:at] + noise + text[at + size :], "config.yaml")


NAMES = [
    "role", "content", "type", "text", "image_url", "url", "tool_calls", "function", "name", "id",
    "arguments", "tool_call_id", "parameters", "body", "headers", "a", "carry",
]  # fmt: skip
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(target=JSON, patch=JSON)
def test_a_merge_does_what_rfc_7396_says_of_every_key(target: Any, patch: Any) -> None:
    merged = merge_patch(target, patch)
    if not isinstance(patch, dict):
        assert merged == patch
        return
    before = target if isinstance(target, dict) else {}
    assert set(merged) == (set(before) | set(patch)) - {k for k, v in patch.items() if v is None}
    for key, value in merged.items():
        if key not in patch:
            assert value == before[key]
        else:
            assert value == merge_patch(before.get(key), patch[key])


@given(output=JSON)
@PATIENT
def test_no_conversation_tool_or_patch_is_a_crash(output: Any) -> None:
    for read in (read_messages, read_tools, read_patch):
        result = read(output, "it")
        assert isinstance(result, Success) or result.failure().message


TURNS: Any = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES)},
    optional={
        "content": JSON,
        "tool_calls": JSON,
        "tool_call_id": JSON,
        "carry": JSON,
    },
)


@given(output=st.lists(TURNS, min_size=1, max_size=3))
@PATIENT
@example(output=[{"role": "assistant", "tool_calls": 5}])
@example(output=[{"role": "assistant", "tool_calls": {"id": "a"}}])
def test_no_turn_of_a_conversation_is_a_crash(output: Any) -> None:
    result = read_messages(output, "it")
    assert isinstance(result, Success) or result.failure().message.startswith("it: message ")


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, '{"a":NaN', "", "\ud800"])
def test_no_text_is_a_crash(text: str) -> None:
    assert read_json(text, "it").failure().message


# ---- media and base64 in messages ----------------------------------------------------------------

DATA: Any = st.one_of(
    st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode()),
    st.text("AZaz09+/=-_ \n\0äé", max_size=9),
    st.text(max_size=4),
)
PREFIXES = st.sampled_from(
    ["data:image/png;base64,", "data:;base64,", "data:a/b;base64,", "data:image/png,", "data:", ""]
    + ["https://a.example/", "DATA:image/png;base64,", "data:image/ä;base64,", "file:///"]
)
URLS: Any = st.tuples(PREFIXES, DATA).map("".join)
PARTS: Any = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(max_size=4) | JSON),
    st.builds(lambda url: {"type": "image_url", "image_url": {"url": url}}, URLS | JSON),
    st.builds(lambda url: {"type": "image_url", "image_url": url}, URLS | JSON),
    st.builds(
        lambda name, url: {"type": "file", "file": {"filename": name, "file_data": url}},
        st.text(max_size=3) | JSON,
        URLS | JSON,
    ),
    st.builds(
        lambda form, data: {"type": "input_audio", "input_audio": {"format": form, "data": data}},
        st.sampled_from(["wav", "mp3", "", "a b", "\0"]) | JSON,
        DATA | JSON,
    ),
    JSON,
)
CONTENTS: Any = st.lists(PARTS, min_size=1, max_size=3)


@given(content=CONTENTS)
@PATIENT
@example(content=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,ä"}}])
@example(content=[{"type": "input_audio", "input_audio": {"format": "wav", "data": "\0"}}])
def test_no_part_of_a_message_is_a_crash_nor_lost(content: Any) -> None:
    result = read_messages([{"role": "user", "content": content}], "it")
    if isinstance(result, Success):
        assert len(result.unwrap()[0].parts) == len(content)
    else:
        assert result.failure().message.startswith("it: message 1")


# ---- rows of a batch -----------------------------------------------------------------------------

ROW = {
    "id": "a",
    "prompt": "Hi",
    "messages": [{"role": "user", "content": "Hi"}],
    "system": "Be brief.",
    "max_tokens": 9,
    "temperature": 0.5,
    "stop": ["x"],
    "schema": {"type": "object"},
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "files": ["a.txt"],
    "custom_id": "b",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "n": 1},
}
ODD: Any = JSON | st.sampled_from(
    [10**400, -1, 1e300, float("nan"), "\0", "\ud800", "9" * 99, [[]]]
)
ROWS: Any = st.dictionaries(st.sampled_from([*ROW]), st.just(...) | ODD, max_size=7)


def filled_row(changes: dict[str, Any]) -> dict[str, Any]:
    """Return a row with some of the usual fields, ``...``, and others."""
    return {name: ROW[name] if value is ... else value for name, value in changes.items()}


@given(result=st.lists(ROWS.map(filled_row), min_size=1, max_size=4), noise=st.text(max_size=4))
@PATIENT
@example(result=[{"prompt": "Hi", "max_tokens": 10**400}], noise="")
@example(result=[{"custom_id": "a", "body": {"messages": []}}], noise="")
def test_whatever_is_in_a_row_it_is_a_job_or_an_error_row(result: Any, noise: str) -> None:
    lines = [json.dumps(row) for row in result] + [noise, json.dumps(result[0])[:-3]]
    bugs: list[Exception] = []

    def keep(bug: Exception) -> Problem:
        bugs.append(bug)
        return Problem("bug", repr(bug))

    for form in ("json", "lines"):
        plan = RowDefaults(Ask(), input_format=form, report_bug=keep)
        found = [*read_rows(plan, enumerate(map(Success, lines), 1))]
        assert len(found) == len(lines) and not bugs, bugs
        for row in found:
            assert isinstance(row, ReadyRow) or row.problem.kind in EXIT_CODES
            json.dumps(row.id).encode()
