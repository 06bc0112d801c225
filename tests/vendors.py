"""What each vendor's own package makes of a request of ours: it knows every key, and sends it."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from loki.records import Request

#: Raises unless the vendor's newest package knows all of a request, and would send the same body.
Check = Callable[[Request], None]


def body_of(request: Request) -> Any:
    """Return the body of a request."""
    return json.loads(request.content)


def without(request: Request, words: Sequence[str]) -> Request:
    """Return a request whose body lacks some of its keys."""
    body = {name: value for name, value in body_of(request).items() if name not in words}
    return replace(request, content=json.dumps(body).encode()) if words else request


@cache
def strict(package: str, params: Any) -> Any:
    """Return a vendor's type that forbids unknown keys and looks into lists at once."""
    pydantic = pytest.importorskip("pydantic")
    for name, module in list(sys.modules.items()):
        if name.startswith(package):
            for member in list(vars(module).values()):
                if isinstance(member, type) and hasattr(member, "__required_keys__"):
                    member.__pydantic_config__ = {"extra": "forbid"}  # type: ignore[attr-defined]
            if hasattr(module, "Iterable"):  # which pydantic would check only when it is read
                vars(module)["Iterable"] = list
    return pydantic.TypeAdapter(params)


def listener(httpx: Any, answer: Any = None) -> tuple[list[Any], Any]:
    """Return a list that fills with the bodies that are sent, and a client that answers them."""
    sent: list[Any] = []

    def reply(request: Any) -> Any:
        sent.append(json.loads(request.content))
        if sent[-1].get("stream") or "alt=sse" in str(request.url):
            kind = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers=kind, text="data: [DONE]\n\n")
        return httpx.Response(200, json={} if answer is None else answer)

    return sent, httpx.Client(transport=httpx.MockTransport(reply))


# ---- OpenAI --------------------------------------------------------------------------------------


def openai_chat(request: Request) -> None:
    """Check a chat completion of OpenAI's, or a response where only that will do."""
    if request.url.endswith("/responses"):
        openai_responses(request)
        return
    module = pytest.importorskip("openai.types.chat.completion_create_params")
    check_typed("openai.types", module, "Completion", body_of(request))
    openai, httpx = pytest.importorskip("openai"), pytest.importorskip("httpx2")
    sent, http = listener(httpx)
    with http:
        openai.OpenAI(api_key="k", http_client=http).chat.completions.create(**body_of(request))
    assert sent == [body_of(request)]


def openai_responses(request: Request) -> None:
    """Check a response of OpenAI's."""
    module = pytest.importorskip("openai.types.responses.response_create_params")
    check_typed("openai.types", module, "Response", body_of(request))
    openai, httpx = pytest.importorskip("openai"), pytest.importorskip("httpx2")
    sent, http = listener(httpx)
    with http:
        openai.OpenAI(api_key="k", http_client=http).responses.create(**body_of(request))
    assert sent == [body_of(request)]


def check_typed(package: str, module: Any, name: str, body: Any) -> None:
    """Hold a body against the types of one of the packages that OpenAI's generator wrote."""
    end = "Streaming" if body.get("stream") else "NonStreaming"
    params = getattr(module, f"{name}CreateParams{end}")
    strict(package, params).validate_python(body, strict=True)


# ---- Perplexity ----------------------------------------------------------------------------------


def perplexity_chat(request: Request) -> None:
    """Check a chat completion of Perplexity's."""
    module = pytest.importorskip("perplexity.types.chat.completion_create_params")
    check_typed("perplexity.types", module, "Completion", body_of(request))
    check_perplexity(lambda client: client.chat.completions, request)


def perplexity_responses(request: Request) -> None:
    """Check a response of Perplexity's."""
    module = pytest.importorskip("perplexity.types.response_create_params")
    check_typed("perplexity.types", module, "Response", body_of(request))
    check_perplexity(lambda client: client.responses, request)


def check_perplexity(place: Callable[[Any], Any], request: Request) -> None:
    """Hold a body against what Perplexity's client sends."""
    perplexity, httpx = pytest.importorskip("perplexity"), pytest.importorskip("httpx")
    sent, http = listener(httpx)
    with http:
        place(perplexity.Perplexity(api_key="k", http_client=http)).create(**body_of(request))
    assert sent == [body_of(request)]


# ---- Anthropic -----------------------------------------------------------------------------------


def anthropic(request: Request) -> None:
    """Check a message of Anthropic's."""
    from wire.test_vendor_claude import check

    package, httpx = pytest.importorskip("anthropic"), pytest.importorskip("httpx2")
    body = body_of(request)
    check(body)
    sent, http = listener(httpx)
    with http:
        client = package.Anthropic(api_key="k", http_client=http, timeout=9)
        client.messages.create(**body)
    assert sent == [body]


# ---- Google --------------------------------------------------------------------------------------


def gemini(request: Request) -> None:
    """Check a generateContent of Google's."""
    genai, httpx = pytest.importorskip("google.genai"), pytest.importorskip("httpx")
    types = pytest.importorskip("google.genai.types")
    body = body_of(request)
    parts = {name: value for name, value in body.items() if name != "contents"}
    config = {**parts.pop("generationConfig", {}), **parts}
    sent, http = listener(httpx, {"candidates": []})
    with http:
        options = {"httpx_client": http, "api_version": "v1beta"}
        models = genai.Client(api_key="k", http_options=options).models
        models.generate_content(
            model="m",
            contents=[types.Content.model_validate(each) for each in body["contents"]],
            config=types.GenerateContentConfig.model_validate(config),
        )
    assert list(map(plain, sent)) == [plain({"generationConfig": {}, **body})]


def plain(value: Any) -> Any:
    """Return JSON with its keys in one spelling: Google's package writes some with underscores."""
    match value:
        case dict():
            return {key.replace("_", "").lower(): plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case _:
            return value


# ---- Cohere --------------------------------------------------------------------------------------


def cohere(request: Request) -> None:
    """Check a chat of Cohere's."""
    from wire.test_vendor_cohere import unknown

    package, httpx = pytest.importorskip("cohere"), pytest.importorskip("httpx")
    pydantic = pytest.importorskip("pydantic")
    body = body_of(request)
    streamed = body.pop("stream", False)
    answer = {"id": "c", "finish_reason": "COMPLETE", "message": {"role": "assistant"}}
    sent, http = listener(httpx, answer)
    with http:
        client = package.ClientV2(api_key="k", httpx_client=http)
        chat = client.chat_stream if streamed else client.chat
        own = pytest.importorskip("cohere.v2.client").V2Client
        known = inspect.signature(own.chat_stream if streamed else own.chat).parameters
        for name, value in body.items():
            typed = pydantic.TypeAdapter(known[name].annotation).validate_python(value, strict=True)
            assert list(unknown(typed)) == [], name
        list(chat(**body))
    assert sent == [{**body, "stream": streamed}]


# ---- Mistral -------------------------------------------------------------------------------------


def mistral(request: Request) -> None:
    """Check a chat completion of Mistral's."""
    client, httpx = pytest.importorskip("mistralai.client"), pytest.importorskip("httpx2")
    answer = {"id": "c", "object": "o", "model": "m", "created": 1, "choices": [],
              "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1}}  # fmt: skip
    sent, http = listener(httpx, answer)
    body = body_of(request)
    with http:
        chat = client.Mistral(api_key="k", client=http).chat
        (chat.stream if body.get("stream") else chat.complete)(**body)
    (ours,) = (without_defaults(each, body) for each in sent)
    assert ours == body


def without_defaults(sent: Any, ours: Any) -> Any:
    """Return JSON without the keys that Mistral's package adds with a value of no weight."""
    match sent, ours:
        case dict(), dict():
            idle = {key for key, value in sent.items() if key not in ours and not value}
            return {k: without_defaults(v, ours.get(k)) for k, v in sent.items() if k not in idle}
        case list(), list() if len(sent) == len(ours):
            return [without_defaults(*pair) for pair in zip(sent, ours, strict=True)]
        case _:
            return sent


# ---- AWS -----------------------------------------------------------------------------------------


def converse(request: Request) -> None:
    """Check a Converse of Bedrock's, and its path."""
    pytest.importorskip("botocore")
    from botocore.serialize import create_serializer
    from botocore.validate import ParamValidator
    from wire.test_vendor_converse import MODEL, as_given

    path = urlsplit(request.url).path
    name = "ConverseStream" if path.endswith("-stream") else "Converse"
    operation = MODEL.operation_model(name)
    body = {"modelId": unquote(path.split("/")[-2]), **body_of(request)}
    given = as_given(body, operation.input_shape)
    report = ParamValidator().validate(given, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    serializer = create_serializer("rest-json", include_validation=False)
    theirs = serializer.serialize_to_request(given, operation)
    assert json.loads(theirs["body"]) == body_of(request)
    assert path.endswith(theirs["url_path"])
