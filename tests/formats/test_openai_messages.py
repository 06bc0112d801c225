"""Conversations that users write: what is wrong is said with its message and part."""

from __future__ import annotations

from typing import Any

import pytest
from returns.result import Success

from loki.batch.read_rows import read_prompt
from loki.batch.rows import RowDefaults
from loki.edge.files import read_bytes
from loki.formats.openai_messages import read_json, read_messages, split_tools
from loki.formats.structured_output import read_data, read_schema
from loki.messages import Media
from loki.records import Ask

NUL = chr(0)
PARTS: dict[str, tuple[Any, str]] = {
    "base64 outside ASCII": (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,äöü"}},
        "a part's base64 is damaged",
    ),
    "sound outside ASCII": (
        {"type": "input_audio", "input_audio": {"data": "äöü", "format": "wav"}},
        "a part's base64 is damaged",
    ),
    "base64 cut off": (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,abc"}},
        "a part's base64 is damaged",
    ),
    "odd format of a sound": (
        {"type": "input_audio", "input_audio": {"data": "YQ==", "format": "w v"}},
        "format is 'w v', not a word such as wav or mp3",
    ),
    "NUL in a text": (
        {"type": "text", "text": f"a{NUL}"},
        "a NUL character (at 2), which is not text",
    ),
    "NUL in an address": (
        {"type": "image_url", "image_url": {"url": f"https://a.example/{NUL}"}},
        "a NUL character (at 19), which is not text",
    ),
    "NUL in a file's name": (
        {"type": "file", "file": {"filename": NUL, "file_data": "data:;base64,YQ=="}},
        "filename: a NUL character (at 1), which is not text",
    ),
}


@pytest.mark.parametrize(("part", "message"), PARTS.values(), ids=list(PARTS))
def test_a_part_that_cannot_be_sent_is_told_by_its_place(part: Any, message: str) -> None:
    good = {"role": "user", "content": "Hi"}
    bad = {"role": "user", "content": [{"type": "text", "text": "See:"}, part]}
    problem = read_messages([good, bad], "m.json").failure()
    assert problem.kind == "input"
    where, _, what = problem.message.partition("part 2: ")
    assert (where, what) == ("m.json: message 2, ", message)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "user", "content": f"{NUL}a"}, "a NUL character (at 1), which is not text"),
        ({"role": "assistant", "tool_calls": 5}, "tool_calls is not a list"),
        ({"role": "assistant", "tool_calls": {"id": "a"}}, "tool_calls is not a list"),
        (
            {"role": "assistant", "content": "a", "function_call": {"name": "f"}},
            "cannot read function_call; write it as one of tool_calls",
        ),
        (
            {"role": "assistant", "content": "a", "audio": {"id": "x"}},
            "cannot read audio; write its transcript as content",
        ),
        (
            {"role": "assistant", "content": None, "refusal": "No.", "audio": None},
            "cannot read refusal; write it as content",
        ),
    ],
)
def test_a_message_that_cannot_be_sent_is_told_by_its_number(message: Any, expected: str) -> None:
    problem = read_messages([message], "m.json").failure()
    assert (problem.kind, problem.message) == ("input", f"m.json: message 1: {expected}")


def test_a_file_s_name_with_a_nul_character_is_wrong_input() -> None:
    assert read_bytes(f"a{NUL}b", "--file").failure().kind == "input"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 201 + "]" * 201, "too deeply nested"),
        ("[" * 100_000, "too deeply nested"),
        ("9" * 5000, "not JSON: a number with over 4300 digits"),
        ('{"a": -Infinity}', "not JSON: -Infinity is no number of JSON's"),
    ],
)
def test_json_that_nobody_can_use_is_told(text: str, expected: str) -> None:
    assert read_json(text, "it").failure().message == f"it: {expected}"
    assert isinstance(read_json("[" * 200 + "]" * 200, "it"), Success)


def test_a_schema_as_deep_as_can_be_is_read_or_refused() -> None:
    for levels in (20, 90, 99):
        text = '{"properties": {"a": ' * levels + "{}" + "}}" * levels
        result = read_json(text, "it").bind(lambda value: read_schema(value, "it"))
        assert isinstance(result, Success) or result.failure().message == "it: too deeply nested"


def test_an_answer_nested_deeper_than_can_be_told_again_breaks_its_schema() -> None:
    for text in ("[" * 900 + "]" * 900, "[" * 100_000):
        assert read_data(text, {}).failure().kind == "input"


def test_a_row_s_prompt_with_a_nul_character_is_wrong_input() -> None:
    problem = read_prompt(RowDefaults(Ask()), {"prompt": f"a{NUL}"}).failure()
    assert problem.message == "prompt: a NUL character (at 2), which is not text"


FUNCTION = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    "own",
    [
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 2},
        {"googleSearch": {}},
        {"systemTool": {"name": "nova_grounding"}},
    ],
)
def test_a_provider_s_own_tools_are_taken_as_they_are(own: Any) -> None:
    functions, others = split_tools([own, FUNCTION, own], "t.json").unwrap()
    assert [tool.name for tool in functions] == ["f"] and others == (own, own)
    assert split_tools([own], "t.json").unwrap() == ((), (own,))


@pytest.mark.parametrize(
    "odd", [[], {}, "a", [3], [{}], [{"type": "function"}], [{"function": {}}], [{"a": 1}]]
)
def test_what_is_no_tool_of_anybody_is_refused(odd: Any) -> None:
    assert split_tools(odd, "t.json").failure().kind == "input"


def test_the_detail_of_an_image_is_kept() -> None:
    image = {"url": "https://a.example/a.png", "detail": "high"}
    turns = [{"role": "user", "content": [{"type": "image_url", "image_url": image}]}]
    (part,) = read_messages(turns, "m.json").unwrap()[0].parts
    assert part == Media("image/*", url=image["url"], detail="high")
