"""Patches as users write them: which are taken, and what is wrong with the others."""

from __future__ import annotations

from typing import Any

import pytest

from loki.config.patches import PATCH_SHAPE, patch_from_params, read_param, read_patch, read_patches
from loki.json_text import JsonObject
from loki.records import Patch


@pytest.mark.parametrize(
    ("raw", "patch"),
    [
        ({}, Patch()),
        ({"url": "", "body": None, "headers": None}, Patch()),
        ({"url": "https://a.example"}, Patch(url="https://a.example")),
        ({"body": {"a": None}}, Patch(body={"a": None})),
        (
            {"headers": {"A": 1, "B": None, "C": "x"}},
            Patch(headers={"A": "1", "B": None, "C": "x"}),
        ),
    ],
)
def test_a_patch_has_what_its_object_has(raw: JsonObject, patch: Patch) -> None:
    found = read_patch(raw, "").unwrap()
    assert (found.url, found.body, found.headers) == (patch.url, patch.body, patch.headers)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], f"here: {PATCH_SHAPE}"),
        ({"body": []}, f"here: {PATCH_SHAPE}"),
        ({"header": {}}, "here: unknown key 'header'; did you mean 'headers'?"),
        ({"headers": {"A": True}}, "here: header 'A' is neither text nor null"),
    ],
)
def test_a_patch_of_another_shape_is_refused(raw: Any, message: str) -> None:
    problem = read_patch(raw, "here").failure()
    assert (problem.kind, problem.message) == ("config", message)


def test_patches_keep_their_patterns_and_order_and_say_where_they_are_from() -> None:
    found = read_patches('{"b.*": {"body": {}}, "a": {}}', "P").unwrap()
    origins = [(pattern, patch.origin) for pattern, patch in found]
    assert origins == [("b.*", "P 'b.*'"), ("a", "P 'a'")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "P: not JSON: "),
        ('{"a": {"body": {"n": NaN}}}', "P: not JSON: NaN is no number"),
        ("[" * 300 + "]" * 300, "P: not JSON: nested deeper"),
        ("[]", 'P: expected {"pattern": '),
        ('{"(": {}}', "P: '(' is not a regular expression: "),
        ('{"a": {}, "b": []}', "P 'b': expected "),
    ],
)
def test_patches_that_cannot_be_read_say_where_and_why(text: str, message: str) -> None:
    assert read_patches(text, "P").failure().message.startswith(message)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("a=", {"a": ""}),
        ('a="b=c"', {"a": "b=c"}),
        ("a=null", {"a": None}),
        ("a=NaN", {"a": "NaN"}),
        ('a={"b": [1]}', {"a": {"b": [1]}}),
    ],
)
def test_a_param_is_json_where_it_can_be_and_text_otherwise(text: str, body: JsonObject) -> None:
    assert read_param(text).unwrap().body == body


def test_a_param_without_a_name_shows_no_value() -> None:
    messages = [read_param(text).failure().message for text in ("sk-1", "=sk-1", "a.=sk-1")]
    shown = ("", " ''", " 'a.'")
    assert messages == [f"--param{each}: expected NAME=VALUE, as in top_k=40" for each in shown]


def test_a_later_param_replaces_what_is_no_object() -> None:
    patch = patch_from_params({"a": 1, "a.b": 2, "c.d": 3, "c": 4}, "")
    assert patch.body == {"a": {"b": 2}, "c": 4}
