"""A tier of service that a patch asks for has its own price, or none that anybody knows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Success
from support import response

from loki.config.build_config import build_config
from loki.json_text import JsonObject
from loki.messages import Message
from loki.money.service_tiers import service_tiers
from loki.records import Ask, Draft, Patch, Request
from loki.stages import resolve
from loki.stages.account import account
from loki.stages.check_max_cost import check_max_cost
from loki.stages.parse import parse
from loki.stages.patch import changes_of, patches_for
from loki.usage import Usage

CATALOGUE = """{
"date": "2026-11-22",
"clients": {
"openai": {
"known": {"type": "chat", "input_price": 2, "output_price": 10, "variants": {"flex": 0.5}}
},
"claude": {
"claude-x": {"type": "chat", "input_price": 3, "output_price": 15, \
"variants": {"fast": 2, "us": 1.1}}
}
}
}
"""

ANSWER = b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}'
FAST: JsonObject = {"service_tier": "priority"}
OWN: dict[str, Any] = {"name": "own", "input_price": "1", "output_price": "4"}
OVER: dict[str, Any] = {"name": "known", "input_price": "1", "output_price": "5"}


@pytest.mark.parametrize(
    ("changes", "tiers"),
    [
        ({}, set()),
        ({"service_tier": "auto", "speed": "standard", "inference_geo": "global"}, set()),
        ({"service_tier": "standard_only"}, set()),
        ({"service_tier": "FLEX"}, {"flex"}),
        ({"service_tier": None}, set()),
        ({"serviceTier": "SERVICE_TIER_PRIORITY"}, {"priority"}),
        ({"serviceTier": {"type": "flex"}}, {"flex"}),
        ({"performanceConfig": {"latency": "optimized"}}, {"optimized"}),
        ({"speed": "fast"}, {"fast"}),
        ({"speed": "fast", "inference_geo": "us"}, {"fast-us"}),
        ({"speed": "fast", "service_tier": "auto"}, {"fast"}),
    ],
)
def test_a_tier_is_found_in_any_provider_s_words(changes: JsonObject, tiers: set[str]) -> None:
    assert service_tiers(changes) == {None, *tiers}


#: A client's type and models, the model asked, what a patch asks for beside the model's own, the
#: tier of the answer, and US dollars a million tokens of output; None where nobody knows.
PRICED: list[tuple[str, list[dict[str, Any]], str, JsonObject, str | None, str | None]] = [
    ("openai", [OWN], "own", {}, None, "4"),
    ("openai", [OWN], "own", {}, "turbo", "4"),  # nobody asked for it: it is the usual one there
    ("openai", [OWN], "own", FAST, "default", "4"),
    ("openai", [OWN], "own", FAST, "priority", None),
    ("openai", [OWN], "own", FAST, None, None),
    ("claude", [OWN], "own", {"speed": "fast"}, "fast", None),
    ("openai", [{**OWN, "patch": {"body": FAST}}], "own", {}, "priority", "4"),
    ("openai", [{**OWN, "patch": {"body": FAST}}], "own", {"service_tier": "flex"}, "flex", None),
    ("openai", [{**OWN, "input_price": "0", "output_price": "0"}], "own", FAST, "priority", "0"),
    ("openai", [OVER], "known", {"service_tier": "flex"}, "flex", "2.5"),
    ("openai", [OVER], "known", FAST, "priority", None),
    ("openai", [{**OVER, "patch": {"body": FAST}}], "known", {}, "priority", "5"),
    ("openai", [], "known", {"service_tier": "flex"}, None, "10"),  # for all that anybody knows
    ("claude", [], "claude-x", {"speed": "fast"}, "fast", "30"),
    ("claude", [], "claude-x", {"speed": "fast"}, None, "30"),
    ("claude", [], "claude-x", {"speed": "fast", "inference_geo": "us"}, "fast-us", None),
]


def request(kind: str, models: list[dict[str, Any]], model: str, change: JsonObject) -> Request:
    """Return a request that a patch of the user's has changed."""
    client = {"type": kind, **({"models": models} if models else {})}
    found = build_config({"clients": [client]}, "c.yaml", {}, CATALOGUE).unwrap()
    ask = Ask((Message("user", "Hi"),), model=f"{kind}:{model}", max_tokens=1_000_000)
    target = resolve(found)(ask).unwrap()
    changes = changes_of(patches_for(target, (Patch(body=change),)))
    return Request(Draft(target, "", {}, {}, changes=changes), "", {}, b"")


@pytest.mark.parametrize(("kind", "models", "model", "change", "tier", "dollars"), PRICED)
def test_a_tier_costs_what_is_known_of_it(
    kind: str,
    models: list[dict[str, Any]],
    model: str,
    change: JsonObject,
    tier: str | None,
    dollars: str | None,
) -> None:
    usage = Usage(input=0, output=1_000_000, tier=tier)
    answer = parse(response(request("openai", [OWN], "own", {}), 200, ANSWER)).unwrap()
    reply = replace(answer, request=request(kind, models, model, change), usage=usage)
    assert account(reply).cost == (None if dollars is None else Decimal(dollars))


#: A model's settings, what a patch asks for, and why its worst case is unknown; empty if it is not.
WORST: list[tuple[dict[str, Any], JsonObject, str]] = [
    (OWN, {}, ""),
    (OWN, FAST, "its price at the service tier 'priority', which a patch asks for"),
    (OWN, {"speed": "fast"}, "its price at the service tier 'fast', which a patch asks for"),
    (OVER, FAST, "its price at the service tier 'priority', which a patch asks for"),
    ({**OWN, "patch": {"body": FAST}}, {}, ""),
    (OVER, {"service_tier": "flex"}, ""),
    ({"name": "new"}, FAST, "its price (set input_price and output_price)"),
]


@pytest.mark.parametrize(("model", "change", "lack"), WORST)
def test_a_call_at_a_tier_of_unknown_price_is_not_sent_under_max_cost(
    model: dict[str, Any], change: JsonObject, lack: str
) -> None:
    target = request("openai", [model], model["name"], change).target
    target = replace(target, ask=replace(target.ask, max_cost=Decimal(99)))
    found = check_max_cost((Patch(body=change),))(target)
    if not lack:
        assert isinstance(found, Success)
        return
    assert found.failure().kind == "budget" and found.failure().message.endswith(f"want of {lack}")
