"""What we send to Claude is what Anthropic's own package knows, key by key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wire.test_promises import FIXTURES, drafted

from loki.wire import chat_wire

params = pytest.importorskip("anthropic.types.message_create_params")
pydantic = pytest.importorskip("pydantic")

#: The package speaks only the newer version of the API, which takes these no more.
OLDER = ("temperature", "top_p")

DRAFTED = [
    pytest.param(fixture, id=name)
    for name, fixture in sorted(FIXTURES.items())
    if name.startswith("claude/") and "request" in fixture
]


#: By whether the answer is streamed.
TYPES = {
    True: pydantic.TypeAdapter(params.MessageCreateParamsStreaming),
    False: pydantic.TypeAdapter(params.MessageCreateParamsNonStreaming),
}


def check(body: Any) -> None:
    """Raise unless the vendor's types have every key, at any depth, and every value."""
    known = TYPES[body.get("stream", False)]
    read_all(known.validate_python(body, strict=True, extra="forbid"))


def read_all(value: Any) -> None:
    """Look at everything: pydantic checks an iterable only when it is read."""
    if isinstance(value, dict):
        read_all(value.values())
    elif not isinstance(value, str) and hasattr(value, "__iter__"):
        for each in value:
            read_all(each)


def body_of(fixture: Any) -> Any:
    """The body that we would send, without what only the older version knows."""
    body = json.loads(drafted(fixture).unwrap().content)
    return {name: value for name, value in body.items() if name not in OLDER}


@pytest.mark.parametrize("fixture", DRAFTED)
def test_the_vendor_knows_every_key(fixture: Any) -> None:
    check(body_of(fixture))


@pytest.mark.parametrize("fixture", DRAFTED)
def test_vertex_is_sent_the_same_but_for_model_and_version(fixture: Any) -> None:
    target = drafted(fixture).unwrap().draft.target
    body = chat_wire("claude-vertex").draft(target).unwrap()
    version = target.client.settings.get("api_version")
    assert body.pop("anthropic_version") == (version.value if version else "vertex-2023-10-16")
    assert {"model": target.model.real_name, **body} == chat_wire("claude").draft(target).unwrap()


@pytest.mark.parametrize(
    "wrong",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "tool", "content": "a"}]},
        {"thinking": {"type": "adaptive", "budget_tokens": 1024}},
        {"output_config": {"effort": "extreme"}},
        {"seed": 1},
    ],
)
def test_the_check_finds_what_is_wrong(wrong: Any) -> None:
    body = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "a"}]}
    check(body)
    with pytest.raises(pydantic.ValidationError):
        check({**body, **wrong})
