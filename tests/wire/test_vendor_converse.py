"""Every body drafted for Converse is one that botocore itself would send, to the same path."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from wire.test_promises import FIXTURES, drafted

pytest.importorskip("botocore")

import botocore.loaders
import botocore.model
import botocore.serialize
import botocore.validate

MODEL = botocore.model.ServiceModel(
    botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
)
CONVERSE = [
    name for name in FIXTURES if name.startswith("converse/") and "request" in FIXTURES[name]
]


def as_given(value: Any, shape: Any, place: str = "") -> Any:
    """A body as a program gives it to botocore: bytes where its model has them."""
    match shape.type_name:
        case "structure" if not shape.is_document_type:
            assert value.keys() <= shape.members.keys(), f"{place}: {value.keys()}"
            return {k: as_given(v, shape.members[k], f"{place}.{k}") for k, v in value.items()}
        case "list":
            return [as_given(each, shape.member, place) for each in value]
        case "blob":
            return base64.b64decode(value, validate=True)
        case "string":
            assert not shape.enum or value in shape.enum, f"{place}: {value}"
    return value


def sizes(value: Any) -> Iterator[int]:
    """How long each text is."""
    match value:
        case dict():
            yield from (size for each in value.values() for size in sizes(each))
        case list():
            yield from (size for each in value for size in sizes(each))
        case str():
            yield len(value)


@pytest.mark.parametrize("name", CONVERSE)
def test_a_body_is_one_that_botocore_would_send(name: str) -> None:
    fixture = FIXTURES[name]
    request = drafted(fixture).unwrap()
    streamed = fixture["ask"].get("stream")
    operation = MODEL.operation_model("ConverseStream" if streamed else "Converse")
    body = json.loads(request.content)
    assert all(sizes(body))  # an empty text is refused nearly everywhere
    segment = urlsplit(request.url).path.split("/")[-2]
    given = as_given({"modelId": unquote(segment), **body}, operation.input_shape)
    report = botocore.validate.ParamValidator().validate(given, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    serializer = botocore.serialize.create_serializer("rest-json", include_validation=False)
    theirs = serializer.serialize_to_request(given, operation)
    assert json.loads(theirs["body"]) == body
    assert urlsplit(request.url).path.endswith(theirs["url_path"])


def test_there_is_something_to_check() -> None:
    assert len(CONVERSE) > 20
