"""The exact bytes of a request, and what HTTP or JSON would not carry."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import request

from loki.json_text import compact
from loki.records import Draft
from loki.stages.build import build

LOCAL = {"type": "openai-compatible", "name": "local", "api_base": "http://127.0.0.1:9"}


def draft(**fields: Any) -> Draft:
    """Return a draft with some fields of its own."""
    return replace(request(LOCAL).draft, **fields)


def test_a_draft_is_written_down_as_it_is() -> None:
    made = draft(url="https://a.example/v1", headers={"X-A": "b"}, body={"a": ["ü", None]})
    built = build(float)(made).unwrap()
    assert (built.url, built.headers) == ("https://a.example/v1", {"X-A": "b"})
    assert built.content == '{"a":["ü",null]}'.encode() and built.draft is made


ODD: list[tuple[dict[str, Any], str, str]] = [
    ({"body": {"a": "\ud800"}}, "input", "the prompt is not valid Unicode: surrogates"),
    ({"body": {"a": float("nan")}}, "input", "the request is not JSON: "),
    ({"body": {"a": float("inf")}}, "input", "the request is not JSON: "),
    ({"url": "a.example"}, "config", "client 'local': 'a.example' is not an http or https"),
    ({"headers": {"X A": "b"}}, "config", "client 'local': 'X A' is not the name of a header"),
    ({"headers": {"": "b"}}, "config", "client 'local': '' is not the name of a header"),
    ({"headers": {"X-A": "sec\nret"}}, "config", "client 'local': the value of header X-A has"),
    ({"headers": {"X-A": "secrét"}}, "config", "client 'local': the value of header X-A has"),
    ({"headers": {"X-A": "sec\0ret"}}, "config", "client 'local': the value of header X-A has"),
]


@pytest.mark.parametrize(("fields", "kind", "message"), ODD)
def test_what_cannot_be_sent_is_said_without_its_value(
    fields: dict[str, Any], kind: str, message: str
) -> None:
    problem = build(float)(draft(**{"url": "https://a.example", **fields})).failure()
    assert problem.kind == kind and problem.message.startswith(message)
    assert "ret" not in problem.message and not problem.sent


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_json_reads_as_it_was_and_has_no_spaces(value: Any) -> None:
    text = compact(value)
    assert json.loads(text) == value
    assert len(text) <= len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
