"""Counts of OpenAI's two APIs and of those after them, wherever a server puts them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loki.usage import Usage
from loki.wire.openai.usage import chat_usage, read_cost, responses_usage

PLAIN = {"prompt_tokens": 10, "completion_tokens": 5}

CHAT: list[tuple[dict[str, Any], dict[str, Any], Usage]] = [
    (PLAIN, {}, Usage(input=10, output=5)),
    ({}, {}, Usage()),
    ({"prompt_tokens": "10", "completion_tokens": -1}, {}, Usage()),
    (
        {**PLAIN, "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 2}},
        {},
        Usage(input=10, cache_read=4, audio_input=2, output=5),
    ),
    ({**PLAIN, "prompt_cache_hit_tokens": 4}, {}, Usage(input=10, cache_read=4, output=5)),
    ({**PLAIN, "cached_tokens": 0}, {}, Usage(input=10, cache_read=0, output=5)),
    (
        {**PLAIN, "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 1}},
        {},
        Usage(input=10, output=5, reasoning=3, audio_output=1),
    ),
    (  # thoughts beside the output, as the total says
        {**PLAIN, "total_tokens": 18, "completion_tokens_details": {"reasoning_tokens": 3}},
        {},
        Usage(input=10, output=8, reasoning=3),
    ),
    (  # thoughts in the output, as the total says
        {**PLAIN, "total_tokens": 15, "completion_tokens_details": {"reasoning_tokens": 3}},
        {},
        Usage(input=10, output=5, reasoning=3),
    ),
    (  # more thoughts than output can only be beside it
        {**PLAIN, "completion_tokens_details": {"reasoning_tokens": 7}},
        {},
        Usage(input=10, output=12, reasoning=7),
    ),
    (  # … unless the total says that they are in it: OpenRouter bills 514
        {
            "prompt_tokens": 39,
            "completion_tokens": 514,
            "total_tokens": 553,
            "completion_tokens_details": {"reasoning_tokens": 553},
        },
        {},
        Usage(input=39, output=514, reasoning=553),
    ),
    (  # … but for a gateway whose total leaves them out, as its cost proves
        {
            **PLAIN,
            "total_tokens": 15,
            "market_cost": 0.1,
            "completion_tokens_details": {"reasoning_tokens": 7},
        },
        {},
        Usage(input=10, output=12, reasoning=7),
    ),
    (PLAIN, {"service_tier": "flex"}, Usage(input=10, output=5, tier="flex")),
    ({**PLAIN, "service_tier": "flex"}, {}, Usage(input=10, output=5, tier="flex")),
    (PLAIN, {"service_tier": 7}, Usage(input=10, output=5)),
    ({**PLAIN, "search_context_size": "low"}, {}, Usage(input=10, output=5, searches=1)),
    ({**PLAIN, "num_search_queries": 3}, {}, Usage(input=10, output=5, searches=3)),
    (
        {
            **PLAIN,
            "prompt_tokens_details": {
                "cache_write_tokens": 6,
                "cache_write_tokens_details": {"ttl_12h_tokens": 2},
            },
        },
        {},
        Usage(input=10, output=5, cache_write=6, cache_write_12h=2),
    ),
]


@pytest.mark.parametrize(("raw", "body", "usage"), CHAT)
def test_a_chat_completion_s_counts(raw: Any, body: Any, usage: Usage) -> None:
    assert chat_usage(raw, body) == usage


SEARCH = {"type": "web_search_call"}
RESPONSES: list[tuple[dict[str, Any], dict[str, Any], Usage]] = [
    ({"input_tokens": 9, "output_tokens": 2}, {}, Usage(input=9, output=2)),
    (
        {
            "input_tokens": 9,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 8,
            "output_tokens_details": {"reasoning_tokens": 6},
        },
        {"service_tier": "priority"},
        Usage(input=9, cache_read=4, output=8, reasoning=6, tier="priority"),
    ),
    ({}, {"output": [SEARCH, {"type": "message"}, SEARCH, None]}, Usage(searches=2)),
    ({"num_server_side_tools_used": 3}, {"output": [SEARCH]}, Usage(searches=3)),
    ({}, {"output": "odd"}, Usage()),
]


@pytest.mark.parametrize(("raw", "response", "usage"), RESPONSES)
def test_a_response_s_counts(raw: Any, response: Any, usage: Usage) -> None:
    assert responses_usage(raw, response) == usage


COSTS: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"cost": 0.5}, "0.5"),
    ({"cost": 0}, "0"),
    ({"cost": "0.5"}, None),
    ({"cost": None}, None),
    ({"cost": -1}, None),
    ({"cost": True}, None),
    ({"cost": float("inf")}, None),
    ({"cost": 10**6}, None),  # no answer costs as much
    ({"cost": 1e300}, None),
    ({"cost_in_usd_ticks": 10**17}, None),
    ({"cost_in_usd_ticks": 10**15}, "100000"),
    ({"cost": {"total_cost": 0.25}}, "0.25"),
    ({"cost_in_usd_ticks": 10**10}, "1"),
    ({"cost_in_usd_ticks": None}, None),
    ({"is_byok": False, "cost": 0.5}, "0.5"),
    ({"is_byok": True, "cost": 0.5}, None),  # the router's fee alone
    ({"is_byok": True, "cost": 0.5, "cost_details": {"upstream_inference_cost": None}}, None),
    ({"is_byok": True, "cost": 0.5, "cost_details": {"upstream_inference_cost": 2}}, "2.5"),
]


@pytest.mark.parametrize(("raw", "cost"), COSTS)
def test_a_cost_that_the_answer_names(raw: Any, cost: str | None) -> None:
    assert read_cost(raw) == (None if cost is None else Decimal(cost))
