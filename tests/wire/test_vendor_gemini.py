"""Drafts meet Google's own descriptions of a request: the discovery document and google-genai."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from wire.test_promises import FIXTURES, drafted

KINDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}

BODIES = [
    pytest.param(fixture, id=name)
    for name, fixture in sorted(FIXTURES.items())
    if name.startswith(("gemini/", "vertexai/"))
    and "generateContent" in fixture.get("request", {}).get("url", "").replace("streamG", "g")
]


@cache
def schemas() -> dict[str, Any]:
    """The types of Vertex AI's API, version 1."""
    pytest.importorskip("googleapiclient")
    documents = files("googleapiclient") / "discovery_cache" / "documents"
    return json.loads((documents / "aiplatform.v1.json").read_text())["schemas"]  # type: ignore[no-any-return]


def meets(value: Any, kind: dict[str, Any], place: str) -> None:
    """Fail where a value breaks its type, or has a key that its type does not name."""
    kind = schemas()[kind["$ref"]] if "$ref" in kind else kind
    if kind["type"] == "any":
        return
    assert isinstance(value, KINDS[kind["type"]]), place
    assert value in kind.get("enum", [value]), place
    if kind["type"] == "array":
        for i, each in enumerate(value):
            meets(each, kind["items"], f"{place}[{i}]")
    if kind["type"] == "object":
        for name, each in value.items():
            inner = kind.get("properties", {}).get(name, kind.get("additionalProperties"))
            assert inner is not None, f"{place}.{name} is not known"
            meets(each, inner, f"{place}.{name}")


@pytest.mark.parametrize("fixture", BODIES)
def test_drafts_meet_the_discovery_document(fixture: Any) -> None:
    body = json.loads(drafted(fixture).unwrap().content)
    meets(body, {"$ref": "GoogleCloudAiplatformV1GenerateContentRequest"}, "body")


def test_the_check_sees_what_is_wrong() -> None:
    wrongs: list[Any] = [
        {"content": []},
        {"contents": [{"parts": [{"txt": ""}]}]},
        {"contents": {}},
    ]
    for wrong in wrongs:
        with pytest.raises(AssertionError):
            meets(wrong, {"$ref": "GoogleCloudAiplatformV1GenerateContentRequest"}, "body")


@pytest.mark.parametrize("fixture", BODIES)
def test_drafts_are_what_google_s_own_package_knows(fixture: Any) -> None:
    types = pytest.importorskip("google.genai.types")
    body = json.loads(drafted(fixture).unwrap().content)
    many = {"contents": types.Content, "tools": types.Tool}
    one = {
        "systemInstruction": types.Content,
        "toolConfig": types.ToolConfig,
        "generationConfig": types.GenerationConfig,
    }
    for name, value in body.items():
        for each in value if name in many else [value]:
            (many.get(name) or one[name]).model_validate(each)  # unknown keys are an error there
