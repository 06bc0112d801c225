"""The usage of OpenAI's two APIs and of those after them: counts, tier, told cost -> ours."""

from __future__ import annotations

from decimal import Decimal

from loki.json_text import Json, JsonObject
from loki.usage import Usage
from loki.wire.protocol import as_count, as_name, get_in


def chat_usage(raw: JsonObject, body: JsonObject) -> Usage:
    """Return the usage of a chat completion; xAI and some routers count thoughts beside the output.

    >>> chat_usage({"prompt_tokens": 390, "completion_tokens": 26, "total_tokens": 513,
    ...             "completion_tokens_details": {"reasoning_tokens": 97}}, {}).output
    123
    """

    def count(*path: str) -> int | None:
        return as_count(get_in(raw, *path))

    prompt, output, total = map(count, ("prompt_tokens", "completion_tokens", "total_tokens"))
    thoughts = count("completion_tokens_details", "reasoning_tokens")
    if (
        output is not None
        and thoughts
        and is_reasoning_separate(raw, prompt or 0, output, thoughts, total)
    ):
        output += thoughts
    cached = (as_count(get_in(raw, *path)) for path in CACHED)
    return Usage(
        input=prompt,
        cache_read=next((number for number in cached if number is not None), None),
        output=output,
        reasoning=thoughts,
        audio_input=count("prompt_tokens_details", "audio_tokens"),
        audio_output=count("completion_tokens_details", "audio_tokens"),
        searches=1 if "search_context_size" in raw else count("num_search_queries"),  # Perplexity
        tier=as_name(body.get("service_tier")) or as_name(raw.get("service_tier")),
        told_cost=read_cost(raw),
        **read_cache_writes(raw.get("prompt_tokens_details")),
    )


def is_reasoning_separate(
    raw: JsonObject, prompt: int, output: int, thoughts: int, total: int | None
) -> bool:
    """Return whether thoughts are billed beside the output, instead of as a part of it.

    The total tells, also where it counts fewer tokens than there are thoughts; not the one of
    Vercel's gateway, whose cost proves that it leaves them out.

    >>> is_reasoning_separate({}, 43, 10, 11, 53)
    False
    >>> is_reasoning_separate({"market_cost": 0.1}, 43, 10, 11, 53)
    True
    """
    if total == prompt + output + thoughts:
        return True
    is_within = total == prompt + output and "market_cost" not in raw
    return thoughts > output and not is_within


def responses_usage(raw: JsonObject, response: JsonObject) -> Usage:
    """Return the usage of the Responses API; thoughts are a part of the output.

    >>> responses_usage({"input_tokens": 9, "output_tokens": 2}, {})  # doctest: +ELLIPSIS
    Usage(input=9, cache_read=None, cache_write=None, output=2, reasoning=None, ...)
    """
    items = response.get("output")
    kinds = [get_in(item, "type") for item in items] if isinstance(items, list) else []
    own_tools = as_count(raw.get("num_server_side_tools_used"))  # xAI
    return Usage(
        input=as_count(raw.get("input_tokens")),
        cache_read=as_count(get_in(raw, "input_tokens_details", "cached_tokens")),
        output=as_count(raw.get("output_tokens")),
        reasoning=as_count(get_in(raw, "output_tokens_details", "reasoning_tokens")),
        searches=own_tools or kinds.count("web_search_call") or None,
        tier=as_name(response.get("service_tier")),
        told_cost=read_cost(raw),
        **read_cache_writes(raw.get("input_tokens_details")),
    )


def read_cache_writes(details: Json) -> dict[str, int | None]:
    """Return the tokens written to the cache, and those of them that stay for 12 hours.

    >>> details = {"ttl_12h_tokens": 4}
    >>> read_cache_writes({"cache_write_tokens": 9, "cache_write_tokens_details": details})
    {'cache_write': 9, 'cache_write_12h': 4}
    """
    return {
        "cache_write": as_count(get_in(details, "cache_write_tokens")),
        "cache_write_12h": as_count(
            get_in(details, "cache_write_tokens_details", "ttl_12h_tokens")
        ),
    }


def read_cost(raw: JsonObject) -> Decimal | None:
    """Return the cost that the answer itself reports, in US dollars.

    With a key of the user's own behind a router, the router's fee and the provider's price.

    >>> read_cost({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.1}})
    Decimal('0.1')
    >>> read_cost({"cost_in_usd_ticks": 3080400}), read_cost({"cost": {"total_cost": 0.00501}})
    (Decimal('0.00030804'), Decimal('0.00501'))
    """
    match raw:
        case {"is_byok": True, "cost": cost, "cost_details": {"upstream_inference_cost": upstream}}:
            fee, price = read_dollars(cost), read_dollars(upstream)
            return None if fee is None or price is None else fee + price
        case {"is_byok": True}:
            return None
        case {"cost_in_usd_ticks": ticks}:  # xAI: ten billion to a dollar
            amount = read_dollars(ticks, MOST_DOLLARS * 10**10)
            return None if amount is None else amount / 10**10
        case {"cost": {"total_cost": cost}} | {"cost": cost}:
            return read_dollars(cost)
        case _:
            return None


#: No answer costs as much: what is above is no cost.
MOST_DOLLARS = 10**6


def read_dollars(amount: Json, most: int = MOST_DOLLARS) -> Decimal | None:
    """Return an amount, None for anything else, or more than any answer can cost.

    >>> read_dollars(8.93e-05), read_dollars(True), read_dollars("0.1"), read_dollars(float("nan"))
    (Decimal('0.0000893'), None, None, None)
    """
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < most:
        return None
    return Decimal(str(amount))


#: Where servers tell the part of the prompt that came from a cache.
CACHED = (
    ("prompt_tokens_details", "cached_tokens"),
    ("prompt_cache_hit_tokens",),  # DeepSeek
    ("cached_tokens",),  # Moonshot, Together
)
