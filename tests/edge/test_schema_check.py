"""Values against schemas: the same verdict in another process, and an end to endless patterns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from commands import Home
from servers import plain, reply, serving

from loki.edge import schema_check
from loki.edge.schema_check import CHECKER, SchemaChecker
from loki.formats.structured_output import find_schema_violation

ENDLESS = "^(a+)+$"
VALUE = "a" * 60 + "!"


@pytest.fixture
def checker() -> Iterator[SchemaChecker]:
    """A process of this test's own."""
    own = SchemaChecker()
    yield own
    own.stop()


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("abc", {"pattern": "^a"}),
        ("xbc", {"pattern": "^a"}),
        ({"a1": 1}, {"patternProperties": {"^a": {"type": "string"}}}),
        ({"b": "x"}, {"patternProperties": {"^a": {"type": "string"}}}),
        ("x", {"pattern": "("}),
        ({"a": 1}, {"properties": {"a": {"$ref": "http://a.example/x"}}, "pattern": "a"}),
        ("\ud800", {"pattern": "^a"}),
        (10**30, {"type": "string", "pattern": "^a"}),
        ({"child": {"child": 1}}, {"type": "object", "properties": {"child": {"$ref": "#"}}}),
    ],
)
def test_the_verdict_is_the_same_as_here(checker: SchemaChecker, value: Any, schema: Any) -> None:
    assert checker.find_breach(value, schema) == find_schema_violation(value, schema)
    assert checker.find_breach(value, schema) == find_schema_violation(value, schema)


def test_a_pattern_that_takes_for_ever_is_named_and_the_next_value_is_checked(
    checker: SchemaChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_check, "LIMIT", 1.0)
    schema = {"properties": {"a": {"pattern": "^x"}, "b": {"pattern": ENDLESS}}}
    breach = checker.find_breach({"a": "x", "b": VALUE}, schema)
    assert breach == f"$: the schema's pattern '{ENDLESS}' takes over 1 s: make it simpler"
    monkeypatch.undo()
    assert checker.find_breach("b", {"pattern": "^a"}).startswith("$: 'b' does not match")


def test_references_that_take_for_ever_are_given_up(
    checker: SchemaChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_check, "LIMIT", 1.0)
    steps = {f"x{i}": {"anyOf": [{"$ref": f"#/$defs/x{i + 1}"}] * 3} for i in range(30)}
    schema = {"$ref": "#/$defs/x0", "$defs": {**steps, "x30": {"type": "integer"}}}
    breach = checker.find_breach("a", schema)
    assert breach == "$: the schema's check takes over 1 s: make it simpler"
    assert checker.find_breach(1, {"$ref": "#/$defs/x29", "$defs": schema["$defs"]}) == ""


def test_without_a_process_a_value_is_checked_here(
    checker: SchemaChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert "does not match" in checker.find_breach("b", {"pattern": "^a"})


def test_a_process_that_has_ended_is_started_anew(checker: SchemaChecker) -> None:
    assert checker.find_breach("a", {"pattern": "^a"}) == ""
    assert checker.process is not None
    checker.process.kill()
    checker.process.wait()
    assert "does not match" in checker.find_breach("b", {"pattern": "^a"})


def test_a_call_ends_where_a_pattern_does_not(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_check, "LIMIT", 3.0)
    with serving(plain(reply(f'"{VALUE}"'))) as server:
        home.local(server.address)
        done = home.call("-S", "--schema", f'{{"pattern": "{ENDLESS}"}}', "Hi")
    CHECKER.stop()
    assert (done.code, done.out) == (65, "") and f"pattern '{ENDLESS}' takes over 3 s" in done.err


def test_a_schema_without_patterns_needs_no_process(home: Home) -> None:
    CHECKER.stop()
    with serving(plain(reply('{"a": 1}'))) as server:
        home.local(server.address)
        assert home.call("-S", "--schema", '{"type": "object"}', "Hi").code == 0
    assert CHECKER.process is None
