"""What breaks a schema is said by its place, and so is a schema that cannot be used."""

from __future__ import annotations

from typing import Any

import pytest

from loki.formats.structured_output import find_schema_violation, read_data


@pytest.mark.parametrize(
    ("value", "schema", "breach"),
    [
        ({"a": 1}, {"properties": {"a": {"type": "integer"}}}, ""),
        ({"a": "x"}, {"properties": {"a": {"type": "integer"}}}, "$.a: 'x' is not of type"),
        ({"a": 1}, {"properties": {"a": {"$ref": "http://a.example/x"}}}, "$: the schema itself"),
        ({"a": 1}, {"$ref": "#/nowhere"}, "$: the schema itself cannot be used"),
        ("x", {"pattern": "("}, "$: the schema itself cannot be used"),
        (1, {"type": "bogus"}, "$: the schema itself cannot be used: Unknown type 'bogus'"),
        (1, {"minimum": "q"}, "$: the schema itself cannot be used"),
        (1, {"$ref": "#/x", "x": "string"}, "$: the schema itself cannot be used"),
        ("x" * 1000, {"maxLength": 1}, "$: 'xxx"),
    ],
)
def test_what_breaks_a_schema_is_said_by_its_place(value: Any, schema: Any, breach: str) -> None:
    found = find_schema_violation(value, schema)
    assert found.startswith(breach) and bool(found) == bool(breach) and len(found) < 400


@pytest.mark.parametrize("text", ["no JSON", '{"a": NaN}', "[" * 5000])
def test_an_answer_that_is_no_json_is_said(text: str) -> None:
    assert "the answer is not JSON" in read_data(text, {}).failure().message
