"""JSON Schema in, and the answer that has to meet it out; the fenced block of an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from returns.result import Result, Success

from loki.formats.schema_references import (
    find_circle,
    find_lost_reference,
    find_wrong_target,
)
from loki.json_text import Json, JsonObject, compact, parse_strict
from loki.problems import Problem, excerpt, fail
from loki.record import replace
from loki.records import Ask
from loki.replies import Reply


def read_schema(value: Json, name: str) -> Result[JsonObject, Problem]:
    """Return a JSON Schema after checking that it is one; ``true`` is one, of any JSON.

    >>> read_schema(True, "s.json").unwrap(), read_schema(5, "s.json").failure().message
    ({}, 's.json: expected a JSON Schema: an object, or true for any JSON; this is 5')
    """
    if value is True:
        return Success({})
    if value is False:
        return fail("input", f"{name}: the JSON Schema false is one that no answer meets")
    if not isinstance(value, dict):
        expected = "expected a JSON Schema: an object, or true for any JSON"
        return fail("input", f"{name}: {expected}; this is {excerpt(compact(value), 60)}")
    try:
        fault = find_schema_fault(compact(value))
    except RecursionError:
        return fail("input", f"{name}: too deeply nested")
    return fail("input", f"{name}: not a JSON Schema: {fault}") if fault else Success(value)


@lru_cache(64)  # the schema of a flag or a run, which all its requests have
def find_schema_fault(text: str) -> str:
    """Return where and why a JSON text is no JSON Schema, empty if it is one."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(parse_strict(text))
    except SchemaError as error:
        return f"{error.json_path}: {error.message}"
    schema = parse_strict(text)
    try:
        if lost := find_lost_reference(schema):
            return f"$ref {excerpt(lost, 100)!r} leads nowhere"
        if wrong := find_wrong_target(schema):
            return wrong
    except ValueError as error:
        return f"an $id in it is no URI: {error}"
    circle = find_circle(schema)
    return f"$ref {excerpt(circle, 100)!r} leads back to itself" if circle else ""


def check_schema(ask: Ask) -> Result[Ask, Problem]:
    """Return the ask after checking that its schema, if there is one, is one.

    >>> check_schema(Ask("Hi", schema={"type": "txt"})).failure().kind
    'input'
    """
    if ask.schema is None:
        return Success(ask)
    return read_schema(ask.schema, "schema").map(lambda _: ask)


#: Returns where and how a value breaks a schema, empty if it does not.
FindBreach = Callable[[Json, JsonObject], str]


def find_schema_violation(
    value: Json, schema: JsonObject, on_pattern: Callable[[str], None] | None = None
) -> str:
    """Return where and how a value breaks a schema, empty if it does not.

    ``on_pattern`` gets each pattern before it is tried: one may take for ever.

    >>> find_schema_violation({"n": "x"}, {"properties": {"n": {"type": "integer"}}})
    "$.n: 'x' is not of type 'integer'"
    """
    from jsonschema import Draft202012Validator
    from referencing import Registry

    kind: Any = reporting_validator(on_pattern) if on_pattern else Draft202012Validator
    try:
        validator: Any = kind(schema, registry=Registry())  # which fetches nothing
        errors = sorted(validator.iter_errors(value), key=lambda error: len(error.path))
    except RecursionError:
        return "$: it is nested too deeply"
    except Exception as error:  # a pattern or type that is none: the answer was paid for
        return f"$: the schema itself cannot be used: {excerpt(str(error), 300)}"
    return f"{errors[0].json_path}: {excerpt(errors[0].message, 300)}" if errors else ""


def read_data(
    text: str, schema: JsonObject, find: FindBreach = find_schema_violation
) -> Result[Json, Problem]:
    """Parse an answer that has to meet a schema; a fence around it is ignored.

    >>> read_data('{"n": "x"}', {"properties": {"n": {"type": "integer"}}}).failure().message
    "the answer breaks the schema at $.n: 'x' is not of type 'integer'"
    """
    try:
        value = parse_strict(code_block(text))
    except (ValueError, RecursionError):
        return fail("input", f"the answer is not JSON: {excerpt(text, 200)!r}", sent=True)
    breach = find(value, schema)
    if breach:
        return fail("input", f"the answer breaks the schema at {breach}", sent=True)
    return Success(value)


def reporting_validator(on_pattern: Callable[[str], None]) -> Any:
    """Return a kind of validator that reports each pattern before it is tried."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    def reported(keyword: str) -> Any:
        check = Draft202012Validator.VALIDATORS[keyword]

        def validate(validator: Any, patterns: Json, instance: Json, schema: Json) -> Any:
            on_pattern(patterns if isinstance(patterns, str) else " ".join(patterns))
            yield from check(validator, patterns, instance, schema) or ()

        return validate

    keywords = {keyword: reported(keyword) for keyword in ("pattern", "patternProperties")}
    make: Any = extend  # has no types
    return make(Draft202012Validator, keywords)


def check_answer(
    ask: Ask, reply: Reply, find: FindBreach = find_schema_violation
) -> Result[tuple[Reply, Json], Problem]:
    """Return the reply, and its value if a schema was given, else ``...``."""
    if ask.schema is None or reply.tool_calls:
        return Success((reply, ...))
    cut = "; it was cut off: it reached the longest allowed" if reply.finish == "length" else ""
    billed: Any = {"answer_text": reply.text, "usage": reply.usage, "cost": reply.cost}
    return (
        read_data(reply.text, ask.schema, find)
        .map(lambda data: (replace(reply, text=code_block(reply.text), data=data), data))
        .alt(lambda problem: replace(problem, message=problem.message + cut, **billed))
    )


def code_block(text: str) -> str:
    r"""Return the first fenced block without its fence; the whole text where there is none.

    >>> code_block("Here:\n```python\nprint(1)\n```\nBye")
    'print(1)'
    >>> code_block("no fence")
    'no fence'
    """
    fence = re.search(
        r"^([ \t]*)(`{3,}|~{3,})[^\n`]*\n(.*?)(?:^[ \t]*\2[`~]*[ \t]*$|\Z)",
        text,
        re.DOTALL | re.MULTILINE,
    )
    if fence is None:
        return text
    inside = re.sub(rf"^[ \t]{{0,{len(fence[1])}}}", "", fence[3], flags=re.MULTILINE)
    return inside.removesuffix("\n")
