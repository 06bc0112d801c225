"""References of a schema that no answer could be held against; schemas that are cheap to check."""

from __future__ import annotations

import json
from typing import Any

import pytest
from commands import Home
from servers import ANSWER, serving

from loki.formats.schema_references import find_circle, is_cheap
from loki.formats.structured_output import find_schema_violation, read_schema
from loki.problems import Problem

TREE = {"type": "object", "properties": {"child": {"$ref": "#"}}}


def ladder(levels: int) -> dict[str, Any]:
    """Return a schema whose references double and triple with each level."""
    steps = {f"x{i}": {"anyOf": [{"$ref": f"#/$defs/x{i + 1}"}] * 3} for i in range(levels)}
    ends = {f"x{levels}": {"type": "integer"}}
    return {"properties": {"a": {"$ref": "#/$defs/x0"}}, "$defs": {**steps, **ends}}


@pytest.mark.parametrize(
    ("schema", "lost"),
    [
        ({"$ref": "#/x"}, "#/x"),
        ({"$ref": "#name"}, "#name"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}}}, "#/$defs/b"),
        ({"$ref": "http://127.0.0.1:1/x"}, "http://127.0.0.1:1/x"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "other.json"),
        ({"$ref": "http://[::1"}, "http://[::1"),
        ({"$ref": "#/x", "$id": "http://a.example/s"}, "#/x"),
        (
            {"$id": "http://a.example/s", "$defs": {"a": {"$id": "b", "$ref": "#/x"}}, "x": {}},
            "#/x",
        ),
        ({"$ref": "#name", "$defs": {"a": {"$anchor": "name"}}}, ""),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, ""),
        ({"properties": {"$ref": {"type": "string"}}, "const": {"$ref": "#/x"}}, ""),
        ({"$id": "http://a.example/s", "$ref": "b", "$defs": {"a": {"$id": "b"}}}, ""),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, ""),
        (TREE, ""),
    ],
)
def test_a_reference_that_leads_nowhere_is_said_before_anything_is_asked(
    schema: Any, lost: str
) -> None:
    result = read_schema(schema, "s.json")
    if lost:
        message = result.failure().message
        assert message == f"s.json: not a JSON Schema: $ref {lost!r} leads nowhere"
    else:
        assert result.unwrap() == schema
        assert "cannot be used" not in find_schema_violation({"child": {}}, schema)


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"properties": {"a": {"$ref": "#/x"}}, "x": {"type": "bogus"}}, "'#/x' leads to no"),
        ({"properties": {"a": {"$ref": "#/x"}}, "x": {"minimum": "q"}}, "$.minimum: 'q' is not"),
        ({"$ref": "#/x", "x": "string"}, "$: 'string' is not of type 'object', 'boolean'"),
        ({"$ref": "#/x/y", "x": {"y": {"$ref": "#/z"}}, "z": {"items": 5}}, "'#/z' leads to no"),
        ({"$ref": "#/const/a", "const": {"a": {"$ref": "#/no"}}}, "$ref '#/no' leads nowhere"),
        ({"$id": "http://[bad", "type": "object"}, "an $id in it is no URI: Invalid IPv6 URL"),
        ({"$ref": "#/x", "x": {"y": {"$ref": "#/x"}, "items": {"$ref": "#"}}}, ""),
        ({"$ref": "#/definitions/a", "definitions": {"a": True}}, ""),
        ({"x-data": {"$ref": "#/x-info"}, "x-info": {"required": True}}, ""),
        (
            {
                "$id": "http://a.example/s/",
                "$ref": "#/$defs/a",
                "$defs": {"a": {"$id": "b/", "$ref": "c"}, "c": {"$id": "b/c"}},
            },
            "",
        ),
    ],
)
def test_a_reference_that_leads_to_no_schema_is_said_before_anything_is_asked(
    schema: Any, fault: str
) -> None:
    message = read_schema(schema, "s.json").swap().value_or(Problem("bug", "")).message
    assert fault in message and bool(message) == bool(fault)
    assert fault or "cannot be used" not in find_schema_violation({"a": 1}, schema)


@pytest.mark.parametrize(
    ("schema", "back"),
    [
        ({"$ref": "#"}, "#"),
        ({"allOf": [{"not": {"$ref": "#"}}]}, "#"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"if": {"$ref": "#/$defs/a"}}}}, "#/$defs/b"),
        (TREE, ""),
        ({"anyOf": [{"type": "string"}, {"items": {"$ref": "#"}}]}, ""),
        (ladder(40), ""),
    ],
)
def test_a_reference_that_leads_back_to_itself_is_found(schema: Any, back: str) -> None:
    assert find_circle(schema) == back
    message = read_schema(schema, "s.json").swap().value_or(Problem("bug", "")).message
    assert message.endswith(f"$ref {back!r} leads back to itself" if back else "")
    assert bool(message) == bool(back)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "$ref": "http://127.0.0.1:1/x"},
        {"$ref": "#"},
        {"$ref": "#/$defs/typo"},
        {"properties": {"a": {"$ref": "#/x"}}, "x": {"type": "bogus"}},
    ],
)
def test_nothing_is_sent_with_such_a_schema(home: Home, schema: Any) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call("--schema", json.dumps(schema), "Hi")
    assert (done.code, done.out) == (65, "") and "$ref" in done.err
    assert not server.asked


@pytest.mark.parametrize(
    ("schema", "cheap"),
    [
        ({}, True),
        ({"type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"]}, True),
        ({"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}}, True),
        ({"anyOf": [{"oneOf": [{"allOf": [{"type": "string"}]}]}]}, True),
        (ladder(4), True),
        (ladder(14), False),
        (TREE, False),
        ({"pattern": "a"}, False),
        ({"items": {"uniqueItems": True}}, False),
        ({"unevaluatedProperties": False}, False),
        ({"enum": ["x" * 60_000]}, False),
        ({"$ref": "#name", "$defs": {"a": {"$anchor": "name"}}}, False),
    ],
)
def test_only_what_surely_ends_soon_is_cheap(schema: Any, cheap: bool) -> None:
    assert is_cheap(schema) is cheap
